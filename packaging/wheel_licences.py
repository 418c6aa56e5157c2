"""Adds to a wheel the licences of the libraries that auditwheel put into it: Debian's copyright files, and those of OpenCV as it was built."""
import base64
import csv
import hashlib
import io
import pathlib
import re
import subprocess
import sys
import zipfile


def known_libraries():
    """file name -> path, of what the loader of this system finds."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    files = [pathlib.Path(path).resolve() for path in re.findall(r"=> (\S+)$", listed, re.M)]
    return {file.name: file for file in reversed(files)}


def package_of(file):
    """The Debian package that a file belongs to; with merged /usr it may be listed as lying in /lib."""
    for name in (str(file), str(file).removeprefix("/usr")):
        found = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    sys.exit(f"wheel_licences: no package has {file}, so its licence is unknown")


def licences(carried, opencv):
    """name -> text, for the libraries by their names in the wheel: auditwheel puts eight digits before the first dot of the file's own."""
    files, texts = known_libraries(), {}
    for library in carried:
        name = re.sub(r"-[0-9a-f]{8}(?=\.)", "", library, count=1)
        if name.startswith("libopencv_"):
            texts |= {f"opencv/{file.name}": file.read_text(errors="replace") for file in opencv.iterdir()}
        elif name in files:
            package = package_of(files[name])
            texts[f"{package}/copyright"] = pathlib.Path("/usr/share/doc", package, "copyright").read_text(errors="replace")
        else:
            sys.exit(f"wheel_licences: the loader does not know {name}, so its licence is unknown")
    return texts


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: wheel_licences.py WHEEL OPENCVS_LICENCES OUTPUT_FOLDER")
    source, opencv, output = map(pathlib.Path, sys.argv[1:])
    target = output / source.name
    with zipfile.ZipFile(source) as old:
        names = old.namelist()
    record = next(name for name in names if name.endswith(".dist-info/RECORD"))
    texts = licences([name.split("/")[-1] for name in names if name.startswith("fsc.libs/") and ".so" in name], opencv)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target.with_suffix(".new"), "w", zipfile.ZIP_DEFLATED) as new:
        rows = [row for row in csv.reader(io.StringIO(old.read(record).decode())) if row[0] != record]
        for item in old.infolist():
            if item.filename != record:
                new.writestr(item, old.read(item), zipfile.ZIP_DEFLATED, 9)
        for name, text in sorted(texts.items()):
            path, data = f"{record.removesuffix('RECORD')}licenses/carried/{name}", text.encode()
            new.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append([path, f"sha256={digest}", str(len(data))])
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([*rows, [record, "", ""]])
        new.writestr(record, lines.getvalue())
    target.with_suffix(".new").replace(target)
    print(target)


main()
