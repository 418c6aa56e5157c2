"""Measures captions/s/core of the official generator of negatives and of `fsc-data negatives`, all three kinds, in one run.

Each side: the first pass over the captions (caches empty, start-up not counted) and later passes (caches filled). The sides take
turns: after its first pass, the official generator makes one pass a round, in one process. Ours is measured from outside, in each
round anew: a run on one caption for the start-up, runs of 1 and of --epochs epochs for the rest. Of each, the best round counts.
Core speed: see one_core.py.

usage: negatives.py --captions FILE --official DIR --nltk-data DIR [--fsc-data PROGRAM] [--rounds 3 --epochs 11 --core N]
"""

import argparse
import pathlib
import random
import tempfile
import time

import one_core

LEAST_SECONDS = 0.05  # a shorter difference of CPU times is mostly noise


class Official:
    name = "official"

    def __init__(self, args, captions):
        import official_negatives

        self.captions, self.generate = captions, official_negatives.generate
        begin = time.process_time()
        self.module = official_negatives.load(args.official, args.nltk_data)
        self.module.wn.ensure_loaded()
        self.start = time.process_time() - begin
        random.seed(0)
        self.first = self.one_pass()
        self.later = []

    def one_pass(self):
        begin = time.process_time()
        self.generate(self.module, self.captions)
        return len(self.captions) / (time.process_time() - begin)

    def round(self):
        self.later.append(self.one_pass())

    def rates(self):
        return self.first, max(self.later), self.start


class Ours:
    name = "fsc-data"

    def __init__(self, args, captions, folder):
        self.args, self.count, self.out = args, len(captions), folder / "out.tsv"
        self.one = folder / "one.txt"
        self.one.write_text(captions[0] + "\n", encoding="utf-8")
        self.runs = []

    def seconds(self, file, epochs):
        return one_core.run([self.args.fsc_data, "negatives", "--captions", str(file), "--epochs", str(epochs), "--out", str(self.out)])[0]

    def round(self):
        self.runs.append([self.seconds(self.one, 1), self.seconds(self.args.captions, 1), self.seconds(self.args.captions, self.args.epochs)])

    def rates(self):
        start, first, every = map(min, zip(*self.runs))
        if min(first - start, every - first) < LEAST_SECONDS:
            raise SystemExit(f"{self.args.captions}: too few captions to time fsc-data (1 caption {start:.2f} s, 1 epoch {first:.2f} s, "
                             f"{self.args.epochs} epochs {every:.2f} s); give more, or more --epochs")
        return self.count / (first - start), self.count * (self.args.epochs - 1) / (every - first), start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("captions", "official", "nltk-data"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--fsc-data", help="our program; without it only the official side is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=11, help="of fsc-data, at least 2")
    parser.add_argument("--core", type=int, default=one_core.default_core())
    args = parser.parse_args()
    if args.rounds < 1 or args.epochs < 2:
        parser.error("--rounds is at least 1, --epochs at least 2")
    one_core.pin(args.core)
    import official_negatives

    captions = official_negatives.read_captions(args.captions)
    print(f"{len(captions)} captions, swap + replace + shuffle; captions per CPU second on one core")
    with tempfile.TemporaryDirectory() as folder:
        sides = [Official(args, captions)] + ([Ours(args, captions, pathlib.Path(folder))] if args.fsc_data else [])
        speeds = {side.name: [] for side in sides}
        for _ in range(args.rounds):
            for side in sides:
                before = one_core.core_speed()
                side.round()
                speeds[side.name] += [before, one_core.core_speed()]
    rates = [side.rates() for side in sides]
    for side, (first, later, start) in zip(sides, rates):
        speed = speeds[side.name]
        print(f"{side.name:<10} first pass {first:8.0f}   later {later:8.0f}   start-up {start:.2f} CPU s   core speed {min(speed):.0f} to {max(speed):.0f}")
    if len(rates) == 2:
        print(f"ratio      first pass {rates[1][0] / rates[0][0]:8.1f}   later {rates[1][1] / rates[0][1]:8.1f}")


if __name__ == "__main__":
    main()
