"""Shards written by fsc-data pack (or any ShardWriter), read by the webdataset package; and the same samples written by it.

    python check_shards.py FOLDER [--rewrite OUT]

Compares every shard of FOLDER with index.json and sizes.json (bytes, SHA-256, number of samples) and each sample as webdataset gives it
with the files as Python's tarfile lists them. --rewrite writes the samples to OUT by webdataset's ShardWriter, for fsc to read.
Last line: how many shards and samples agree; any difference is an error.
"""
import argparse
import hashlib
import json
import pathlib
import tarfile

import webdataset


def webdataset_samples(path):
    return list(webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False))


def files_of(samples):
    """Name -> contents of every file, put together again from keys and extensions."""
    return {f"{s['__key__']}.{e}": data for s in samples for e, data in s.items() if not e.startswith("__")}


def check_shard(folder, record, sizes):
    path = folder / record["name"]
    data = path.read_bytes()
    assert len(data) == record["bytes"], f"{path}: {len(data)} bytes, the index says {record['bytes']}"
    assert hashlib.sha256(data).hexdigest() == record["sha256"], f"{path}: another SHA-256 than in the index"
    samples = webdataset_samples(path)
    assert len(samples) == record["samples"] == sizes[record["name"]], f"{path}: webdataset finds {len(samples)} samples"
    with tarfile.open(path) as tar:
        listed = {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}
    assert files_of(samples) == listed, f"{path}: webdataset and tarfile disagree"
    return samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rewrite", type=pathlib.Path)
    arguments = parser.parse_args()
    index = json.loads((arguments.folder / "index.json").read_text())
    sizes = json.loads((arguments.folder / "sizes.json").read_text())
    assert index["format"] == 1 and set(sizes) == {shard["name"] for shard in index["shards"]}
    samples = [sample for record in index["shards"] for sample in check_shard(arguments.folder, record, sizes)]
    if arguments.rewrite:
        arguments.rewrite.mkdir(parents=True)
        with webdataset.ShardWriter(str(arguments.rewrite / "rewritten-%06d.tar"), maxcount=1000, encoder=False, verbose=0) as writer:
            for sample in samples:
                writer.write({e: data for e, data in sample.items() if e == "__key__" or not e.startswith("__")})
    print(f"{len(index['shards'])} shards, {len(samples)} samples: no difference")


if __name__ == "__main__":
    main()
