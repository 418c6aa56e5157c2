"""Compares the negatives that fsc-data makes of a caption file with those of the official generator for the same captions.

--ours: files of `fsc-data negatives --captions FILE --seed S [--epochs K] --out F.tsv` (a header; index, kind, negative, and
the epoch before them if there are several); each file or epoch is a pass. --reference: a file of make_negatives.py, plain or
gzipped, each seed a pass. Prints a row for each kind of the reference and measure:
  yield             share of captions that got one, mean and range over the passes; fails above --yield-points
  same emptiness    share of captions for which both sides gave one in some pass, or neither did in any; fails below 99 %
  letters kept      (swap, shuffle) share of negatives with the caption's characters, blanks aside; fails below 100 %
  equal to caption  negatives that are the caption itself; fails above 0
  edit distance     words put in, left out or changed between caption and negative: means, and Kolmogorov and Smirnov's
                    distance with its critical value at --level; fails above it
  length change     the same for the difference in characters
Captions drawn again in every pass are not independent, so the critical value is a guide; with one pass on each side it is exact.
Ends with 1 if a measure fails.

usage: check_negatives.py --captions FILE --reference REF.tsv[.gz] --ours F0.tsv F1.tsv ... [--level 0.05 --yield-points 0.5]
"""

import argparse
import bisect
import collections
import gzip
import math
import pathlib
import sys

PERMUTING = ("swap", "shuffle")
EMPTINESS = 0.99


def read_lines(path):
    data = pathlib.Path(path).read_bytes()
    text = (gzip.decompress(data) if str(path).endswith(".gz") else data).decode()
    return text.removesuffix("\n").split("\n")


def read_pass(path, rows, count):
    """{(index, kind): negative} of rows [index, kind, negative], all checked."""
    found = {}
    for number, row in enumerate(rows, 1):
        if len(row) != 3 or not row[0].isdigit() or int(row[0]) >= count:
            sys.exit(f"{path}, row {number}: {row} is not an index below {count}, a kind and a negative")
        key = int(row[0]), row[1]
        if key in found:
            sys.exit(f"{path}, row {number}: a second {row[1]} of caption {row[0]}")
        found[key] = row[2]
    return found


def read_reference(path, count):
    passes = collections.defaultdict(list)
    for line in read_lines(path)[1:]:
        seed, *row = line.split("\t", 3)
        passes[seed].append(row)
    return [read_pass(path, rows, count) for rows in passes.values()]


def read_ours(path, count):
    passes = collections.defaultdict(list)
    header, *lines = read_lines(path)
    if header not in ("index\tkind\tnegative", "epoch\tindex\tkind\tnegative"):
        sys.exit(f"{path}: begins with {header!r}, which is no header of fsc-data negatives")
    for line in lines:
        epoch, *row = line.split("\t", 3) if header.startswith("epoch") else ["", *line.split("\t", 2)]
        passes[epoch].append(row)
    return [read_pass(path, rows, count) for rows in passes.values()]


def edit_distance(a, b):
    row = range(len(b) + 1)
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def letters(text):
    return sorted("".join(text.split()))


def smirnov(a, b):
    """Largest difference of the two samples' distribution functions."""
    a, b = sorted(a), sorted(b)
    return max(abs(bisect.bisect_right(a, x) / len(a) - bisect.bisect_right(b, x) / len(b)) for x in {*a, *b})


class Side:
    """What one side's passes gave for one kind."""

    def __init__(self, captions, passes, kind):
        self.yields = [100 * sum(k == kind for _, k in p) / len(captions) for p in passes]
        pairs = [(index, negative) for p in passes for (index, k), negative in p.items() if k == kind]
        self.some = {index for index, _ in pairs}
        self.count = len(pairs)
        self.kept = sum(letters(captions[i]) == letters(n) for i, n in pairs)
        self.equal = sum(captions[i] == n for i, n in pairs)
        self.distances = [edit_distance(captions[i].split(), n.split()) for i, n in pairs]
        self.lengths = [len(n) - len(captions[i]) for i, n in pairs]


def mean(values):
    return sum(values) / len(values)


def distribution(name, reference, ours, level):
    if not reference or not ours:
        return name, "-", "-", "nothing to compare", bool(reference) == bool(ours)
    gap = smirnov(reference, ours)
    critical = math.sqrt(-math.log(level / 2) / 2 * (1 / len(reference) + 1 / len(ours)))
    return name, f"{mean(reference):.3f}", f"{mean(ours):.3f}", f"KS {gap:.4f}, critical {critical:.4f}", gap <= critical


def measures(kind, captions, reference, ours, args):
    """Rows (measure, reference, ours, remark, passed)."""
    spread = [f"{mean(s.yields):.2f} % ({min(s.yields):.2f}-{max(s.yields):.2f})" for s in (reference, ours)]
    gap = abs(mean(reference.yields) - mean(ours.yields))
    yield ("yield", *spread, f"{gap:.2f} points apart", gap <= args.yield_points)
    differ = sorted(reference.some ^ ours.some)
    same = 1 - len(differ) / len(captions)
    remark = f"{100 * same:.2f} % of captions" + (f"; first others: {differ[:5]}" if differ else "")
    yield "same emptiness", str(len(reference.some)), str(len(ours.some)), remark, same >= EMPTINESS
    if kind in PERMUTING:
        kept = [f"{100 * s.kept / s.count:.2f} %" if s.count else "-" for s in (reference, ours)]
        yield "letters kept", *kept, "", ours.kept == ours.count
    yield "equal to caption", str(reference.equal), str(ours.equal), "", ours.equal == 0
    yield distribution("edit distance", reference.distances, ours.distances, args.level)
    yield distribution("length change", reference.lengths, ours.lengths, args.level)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--ours", required=True, nargs="+")
    parser.add_argument("--level", type=float, default=0.05)
    parser.add_argument("--yield-points", type=float, default=0.5)
    args = parser.parse_args()
    captions = read_lines(args.captions)
    reference = read_reference(args.reference, len(captions))
    ours = [one for path in args.ours for one in read_ours(path, len(captions))]
    kinds = list(dict.fromkeys(kind for one in reference for _, kind in one))
    print(f"{len(captions)} captions; reference {len(reference)} passes, ours {len(ours)}")
    print(f"{'kind':<8} {'measure':<17} {'reference':<23} {'ours':<23} remark")
    failed = 0
    for kind in kinds:
        for name, left, right, remark, passed in measures(kind, captions, Side(captions, reference, kind), Side(captions, ours, kind), args):
            failed += not passed
            print(f"{kind:<8} {name:<17} {left:<23} {right:<23} {remark}{'' if passed else '  FAILED'}")
    print("all measures agree" if not failed else f"{failed} measures fail")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
