"""Small shards as Python's tarfile and the webdataset package write them, and the samples in them.

    python make_shards.py --out ../../tests/data/shards

Writes the archives and contents.json {archive: [{"key", "files": {extension: text}}]}: what a reader must give, which for those that
webdataset can read is checked against what it gives. Needs webdataset beside Python's own library.
"""
import argparse
import io
import json
import pathlib
import shutil
import tarfile

import webdataset

LONG = "a-folder-whose-name-is-long/" * 4  # beyond the 100 bytes of the oldest header, within ustar's 255
LONGER = LONG + "and-a-name-" * 20
CAPTIONS = ["a red cup left of a blue plate", "two dogs behind a fence", "caf\u00e9 chairs under an awning", ""]


def text_of(name):
    """Contents of a file: its name, so often that some files need more than one block."""
    return f"{name}\n" * (1 + len(name) % 5)


def plain_samples(keys):
    return [{"key": key, "files": {"jpg": text_of(key + ".jpg"), "txt": CAPTIONS[i % len(CAPTIONS)]}} for i, key in enumerate(keys)]


def add(tar, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


def write_tarfile(path, format, samples, **fields):
    """The samples between things that readers pass over."""
    with tarfile.open(path, "w", format=format) as tar:
        add(tar, "set", type=tarfile.DIRTYPE, mode=0o755)
        add(tar, "__meta__/info.json", b"{}")
        add(tar, "README", b"no extension")
        for sample in samples:
            for extension, text in sample["files"].items():
                add(tar, f"{sample['key']}.{extension}", text.encode(), **fields)
        add(tar, "set/link.jpg", type=tarfile.SYMTYPE, linkname="0000.jpg")
        add(tar, "set/hard.jpg", type=tarfile.LNKTYPE, linkname="set/0000.jpg")
        add(tar, "set/.hidden.jpg", b"hidden")


def write_webdataset(folder, samples):
    """By webdataset's TarWriter, whose broken times make a PAX header for each file, and by its ShardWriter."""
    records = [{"__key__": s["key"], **{e: text.encode() for e, text in s["files"].items()}} for s in samples]
    with webdataset.TarWriter(str(folder / "webdataset.tar"), encoder=False, mtime=1700000000.25) as writer:
        for record in records:
            writer.write(record)
    pattern = str(folder / "webdataset-%06d.tar")
    with webdataset.ShardWriter(pattern, maxcount=2, encoder=False, mtime=0, verbose=0) as writer:
        for record in records:
            writer.write(record)
    return {"webdataset.tar": samples, "webdataset-000000.tar": samples[:2], "webdataset-000001.tar": samples[2:]}


def as_webdataset_reads(path):
    samples = []
    for sample in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False):
        files = {e: data.decode() for e, data in sample.items() if not e.startswith("__")}
        samples.append({"key": sample["__key__"], "files": files})
    return samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    keys = ["set/0000", "set/0001", LONG + "0002"]
    beyond = [LONGER + "0003", "set/\u732b-\u00e9", LONG + "\u00df"]  # what ustar cannot say
    contents = {"ustar.tar": plain_samples(keys), "gnu.tar": plain_samples(keys + beyond), "pax.tar": plain_samples(keys + beyond)}
    contents["pax.tar"][0]["files"]["seg.png"] = text_of("seg")
    write_tarfile(out / "ustar.tar", tarfile.USTAR_FORMAT, contents["ustar.tar"], mtime=1700000000, uname="someone", uid=1000)
    write_tarfile(out / "gnu.tar", tarfile.GNU_FORMAT, contents["gnu.tar"], mtime=1700000000, uid=1 << 30)
    write_tarfile(out / "pax.tar", tarfile.PAX_FORMAT, contents["pax.tar"], mtime=1700000000.5, uname="\u00e9", uid=1 << 30)

    contents["fsc.tar"] = plain_samples(keys + beyond)
    with tarfile.open(out / "fsc.tar", "w", format=tarfile.PAX_FORMAT) as tar:  # TarWriter must give these very bytes
        for sample in contents["fsc.tar"]:
            for extension, text in sample["files"].items():
                add(tar, f"{sample['key']}.{extension}", text.encode())
    contents |= write_webdataset(out, plain_samples(["0000", "0001", "folder/0002", "folder/0003"]))

    for name, samples in contents.items():
        given = [s for s in as_webdataset_reads(out / name) if s["key"] != "set/"]  # its rule lets set/.hidden.jpg through
        assert given == samples, name
    (out / "contents.json").write_text(json.dumps(contents, indent=1) + "\n")


if __name__ == "__main__":
    main()
