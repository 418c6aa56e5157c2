"""Writes what the official generator of negatives makes of a caption file: columns seed, index, type, negative.

Made with the packages of official_negatives.py and the official commit 604015db3f009a8f7485f1fb7e21d8343c67664a; each pass
takes batches of 128 captions in file order after random.seed(seed), all in one process with PYTHONHASHSEED=0. Rows are
ordered by seed, index, type. What a pass draws also depends on the passes before it (the official count of a lemma is
cached by its name, so the sense met first fixes it).

usage: make_negatives.py --captions FILE --official DIR --nltk-data DIR [--style fsc-clip|svlc --seeds 0,1,2] --out FILE.tsv
"""

import argparse
import random

import official_negatives


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("captions", "official", "nltk-data", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--style", default="fsc-clip", choices=official_negatives.STYLES)
    parser.add_argument("--seeds", default="0,1,2", help="numbers, separated by commas")
    args = parser.parse_args()
    official_negatives.fix_hash_seed()
    captions = official_negatives.read_captions(args.captions)
    module = official_negatives.load(args.official, args.nltk_data)
    with open(args.out, "w", encoding="utf-8", newline="\n") as f:
        f.write("seed\tidx\ttype\tnegative\n")
        for seed in map(int, args.seeds.split(",")):
            random.seed(seed)
            rows = official_negatives.generate(module, captions, args.style)
            rows.sort(key=lambda row: (row[0], official_negatives.STYLES[args.style].index(row[1])))
            f.writelines(f"{seed}\t{index}\t{kind}\t{negative}\n" for index, kind, negative in rows)


if __name__ == "__main__":
    main()
