"""Prints one JSON list of token ids (trailing zeros trimmed, context length 77) per line of a UTF-8
file, by open_clip 3.3.0's default tokenizer; for comparison with the C++ tokenizer on real captions.
Lines end at LF only.

usage: tokenize_file.py FILE > IDS.jsonl
"""

import json
import sys

import open_clip


def main(path):
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    with open(path, encoding="utf-8", newline="\n") as f:
        for line in f:
            row = tokenizer([line.removesuffix("\n")])[0].tolist()
            print(json.dumps(row[:max(i for i, t in enumerate(row) if t) + 1], separators=(",", ":")))


if __name__ == "__main__":
    main(sys.argv[1])
