#!/usr/bin/env python3
"""What a step of W ranks waits for the network: the tables of docs/cluster.md, and the same for your own numbers.

    scripts/bench/cluster_cost.py                                    ViT-B/32 and ViT-L/14, 10, 100 and 400 Gb/s
    scripts/bench/cluster_cost.py --seconds 0.31 --batch 256         with your step's seconds on one rank (step_seconds in metrics.jsonl)
    scripts/bench/cluster_cost.py --gradients 4.2e6 --width 512      what --dry-run prints, for LoRA or a locked tower

Counted, as --dry-run counts: with ring algorithms a rank sends and receives (W - 1) / W of all features once and of their gradient once, and
2 (W - 1) / W of the gradients (also with distributed.shard_optimizer: once as gradients, once as weights). A link gives --efficiency of its
rate, a message takes --latency. On CUDA the gradients travel during the backward pass, --backward of a step, but for the last bucket; on the
CPU after it.
"""
import argparse

MODELS = {"ViT-B/32": dict(gradients=605.1e6, width=512), "ViT-L/14": dict(gradients=1710.5e6, width=768)}
RANKS = (2, 4, 8, 16, 32, 64, 128, 256)


class Step:
    def __init__(self, options, gradients, width):
        self.options, self.gradients, self.width = options, gradients, width

    def waits(self, ranks, rate):
        """(seconds for features, seconds for gradients, seconds of one bucket)"""
        o, others = self.options, (ranks - 1) / ranks
        link = rate * 1e9 / 8 * o.efficiency
        rows = ranks * o.batch * (2 * self.width + o.negatives * (self.width + 1)) * 4
        buckets = max(1.0, self.gradients / (o.bucket_mb * 1e6))
        features = 2 * (others * rows / link + (ranks - 1) * o.latency)
        bucket = 2 * (others * self.gradients / buckets * (0.5 if o.bf16 else 1) / link + (ranks - 1) * o.latency)
        return features, buckets * bucket, bucket

    def exposed(self, ranks, rate, seconds, cuda):
        features, gradients, bucket = self.waits(ranks, rate)
        hidden = self.options.backward * seconds if cuda else 0
        return features + max(gradients - hidden, bucket)

    def least_seconds(self, ranks, rate, cuda):
        """The shortest step of one rank of which no more than a tenth is added by waiting."""
        low, high = 0.0, 1e4
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self.exposed(ranks, rate, middle, cuda) <= 0.1 * middle else (middle, high)
        return high


def table(step, rates, cell):
    print("| W | " + " | ".join(f"{rate:g} Gb/s" for rate in rates) + " |\n" + "|---" * (len(rates) + 1) + "|")
    for ranks in RANKS:
        print(f"| {ranks} | " + " | ".join(cell(ranks, rate) for rate in rates) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--seconds", type=float, help="of a step on one rank; without it: how long it has to be")
    parser.add_argument("--batch", type=int, default=256, help="images a rank")
    parser.add_argument("--negatives", type=int, default=0, help="of a caption, where the loss is NegCLIP's: these are gathered too")
    parser.add_argument("--gradients", type=float, help="bytes")
    parser.add_argument("--width", type=int, default=512, help="of the embedding")
    parser.add_argument("--rates", type=float, nargs="+", default=(10, 100, 400), help="of a rank's link, Gb/s")
    parser.add_argument("--efficiency", type=float, default=0.8)
    parser.add_argument("--latency", type=float, default=2e-5, help="seconds")
    parser.add_argument("--backward", type=float, default=0.6, help="share of a step")
    parser.add_argument("--bucket-mb", type=float, default=25)
    parser.add_argument("--bf16", action="store_true", help="distributed.reduce_in_bf16")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    o = parser.parse_args()
    models = {"your model": dict(gradients=o.gradients, width=o.width)} if o.gradients else MODELS
    cuda = o.device == "cuda"
    for name, sizes in models.items():
        step = Step(o, **sizes)
        if o.seconds:
            print(f"{name}, {o.batch} images a rank, {o.seconds:g} s alone, {o.device}: seconds a step (samples/s of W ranks over W times one's)\n")
            table(step, o.rates, lambda w, rate: "{:.3f} ({:.0%})".format(
                o.seconds + step.exposed(w, rate, o.seconds, cuda), o.seconds / (o.seconds + step.exposed(w, rate, o.seconds, cuda))))
        else:
            print(f"{name}, {o.batch} images a rank, {o.device}: seconds for features + gradients; the shortest step that waits for a tenth or less\n")
            table(step, o.rates, lambda w, rate: "{:.3f} + {:.3f}; {:.2f}".format(
                *step.waits(w, rate)[:2], step.least_seconds(w, rate, cuda)))


main()
