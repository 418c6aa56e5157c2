#!/usr/bin/env python3
"""Writes the text model's folder from the public wheels and WordNet's files; scripts/setup calls it. Same input, same bytes.

    scripts/export_text_model.py --wheels DIR --wordnet /usr/share/wordnet --output assets/text_model
    scripts/export_text_model.py --check assets/text_model        (exit code 1: not whole)

DIR holds the wheels of scripts/wheels/text_model.txt. Needs Python 3.9 or later and no packages.
"""
import argparse
import hashlib
import json
import pathlib
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts/lib"))
import export_lexicon  # noqa: E402
import export_spacy  # noqa: E402
import notices  # noqa: E402

FORMAT = 1  # raised with every change of a layout, together with kFormat in src/text/model_files.cpp


def write_manifest(output, names):
    files = {}
    for name in sorted(names):
        data = (output / name).read_bytes()
        files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = json.dumps({"files": files, "format": FORMAT}, indent=1, sort_keys=True) + "\n"
    (output / "manifest.json").write_text(text, encoding="utf-8")


def is_whole(folder):
    """Whether every file is the one the manifest tells of."""
    try:
        files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
        return (folder / "NOTICE").is_file() and all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"] for name, entry in files.items())
    except (OSError, ValueError, LookupError):
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", type=pathlib.Path, help="say by the exit code whether this folder is whole; do nothing else")
    parser.add_argument("--wheels", type=pathlib.Path, help="folder with the wheels")
    parser.add_argument("--wordnet", type=pathlib.Path, help="folder with WordNet 3.0's data files")
    parser.add_argument("--output", type=pathlib.Path, help="folder to write; made when it is not there")
    arguments = parser.parse_args()
    if arguments.check:
        sys.exit(0 if is_whole(arguments.check) else 1)
    if not (arguments.wheels and arguments.wordnet and arguments.output):
        parser.error("--wheels, --wordnet and --output are needed")
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        names = export_spacy.write(arguments.wheels, arguments.output)
        names += export_lexicon.write(arguments.wheels, arguments.wordnet, arguments.output)
        notices.write(arguments.wheels, ROOT / "third_party/NOTICE", arguments.output)
        write_manifest(arguments.output, names)  # last: a folder without it is not a model
    except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
        sys.exit(f"export_text_model: a wheel or a file of WordNet is not what it should be ({type(error).__name__}: {error})")


main()
