"""Compares a run folder of fsc-train with a run of official_run.py on the same data.

For every step: the relative difference of each loss term, of lr and of logit_scale (the parameter that
the step used: official_run.py's logit_scale is the one after it, so ln(scale) is taken). A term that is 0
in both is left out. Then the largest absolute difference of the final
weights, tensor by tensor. The key bias of attention (the middle third of every in_proj_bias) is listed
apart and not judged: softmax is indifferent to it, so its gradient is rounding noise, and AdamW turns
noise into full steps of lr.
A run folder with LoRA is compared by its lora.safetensors, with LoRA's tensors of the official run; the frozen ones
must be as in --base, bit for bit, if it is given. Largest relative difference: of a tensor's norm.
Ends with 1 if a difference is above its tolerance.

usage: compare_run.py OFFICIAL_DIR FSC_RUN_DIR [--base model.safetensors --loss-tolerance 2e-4 --weight-tolerance 2e-4 --worst 5]
"""

import argparse
import json
import math
import pathlib
import sys

from safetensors.torch import load_file

TERMS = ("loss", "clip_loss", "global_hn_loss", "local_hn_loss", "lr", "logit_scale")


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_official(path):
    return [{**row, "logit_scale": math.log(row["scale"])} for row in read_lines(path)]


def relative(a, b):
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0


def compare_steps(official, ours):
    """Prints a line a step; returns the largest relative difference of any value."""
    first = ours[0]["step"] - official[0]["step"]  # steps may count from 0 or from 1
    by_step = {row["step"] - first: row for row in ours}
    worst = 0.0
    print("step " + "".join(f"{t:>16}" for t in TERMS))
    for row in official:
        mine = by_step.get(row["step"])
        if mine is None:
            sys.exit(f"step {row['step']} is not in metrics.jsonl; was output.log_every_steps 1?")
        cells = []
        for term in TERMS:
            if term not in mine and row[term] != 0:
                sys.exit(f"step {row['step']}: metrics.jsonl has no {term}, the official run has {row[term]}")
            gap = relative(row[term], mine.get(term, 0.0))
            worst = max(worst, gap)
            cells.append(f"{gap:>16.1e}" if row[term] or mine.get(term) else f"{'-':>16}")
        print(f"{row['step']:<5}" + "".join(cells))
    return worst


def compare_weights(official, ours, count):
    """Prints the worst tensors; returns the largest absolute difference outside the key biases."""
    if official.keys() != ours.keys():
        sys.exit(f"other tensor names: only official {sorted(official.keys() - ours.keys())}, only here {sorted(ours.keys() - official.keys())}")
    gaps, key_gaps = {}, {}
    for name, tensor in official.items():
        if tensor.shape != ours[name].shape:
            sys.exit(f"{name}: shape {list(ours[name].shape)}, official {list(tensor.shape)}")
        gap = (tensor.double() - ours[name].double()).abs()
        if name.endswith("in_proj_bias"):
            query, key, value = gap.chunk(3)
            key_gaps[name] = key.max().item()
            gap = query.maximum(value)
        gaps[name] = gap.max().item()
    for name in sorted(gaps, key=gaps.get, reverse=True)[:count]:
        print(f"weights: {gaps[name]:.1e}  {name}")
    for name, gap in key_gaps.items():
        print(f"key bias (not judged): {gap:.1e}  {name}")
    return max(gaps.values())


def lora_part(official, base):
    """The trained tensors of an official run; ends if a frozen one has moved."""
    frozen = {n: t for n, t in official.items() if "lora_" not in n}
    if base:
        start = load_file(base)
        moved = [n for n, t in frozen.items() if not t.equal(start[n])]
        if moved:
            sys.exit(f"frozen, but not as in {base}: {moved}")
        print(f"{len(frozen)} frozen tensors of the official run are the base's, bit for bit")
    return {n: t for n, t in official.items() if n not in frozen}


def print_relative(official, ours):
    worst = max(official, key=lambda n: ((official[n] - ours[n]).norm() / official[n].norm()).item())
    print(f"largest difference relative to a tensor's norm: {((official[worst] - ours[worst]).norm() / official[worst].norm()).item():.1e}  {worst}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("official", "run"):
        parser.add_argument(name, type=pathlib.Path)
    for name in ("loss-tolerance", "weight-tolerance"):
        parser.add_argument(f"--{name}", type=float, default=2e-4)
    parser.add_argument("--base", type=pathlib.Path)
    parser.add_argument("--worst", type=int, default=5)
    args = parser.parse_args()
    losses = compare_steps(read_official(args.official / "losses.jsonl"), read_lines(args.run / "metrics.jsonl"))
    official = load_file(args.official / "final.safetensors")
    lora = args.run / "lora.safetensors"
    ours = load_file(lora if lora.exists() else args.run / "model.safetensors")
    if lora.exists():
        official = lora_part(official, args.base)
    weights = compare_weights(official, ours, args.worst)
    print_relative(official, ours)
    good = losses <= args.loss_tolerance and weights <= args.weight_tolerance
    print(f"{'equal' if good else 'DIFFERENT'}: losses {losses:.1e} (tolerance {args.loss_tolerance:g}), weights {weights:.1e} (tolerance {args.weight_tolerance:g})")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
