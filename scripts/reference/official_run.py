"""Fine-tunes with the OFFICIAL code (model, loss, schedule, train_one_epoch; CPU, float32) on a table,
in a given order of rows, without augmentation: the reference for a run of fsc-train.

Made for the official commit 604015db3f009a8f7485f1fb7e21d8343c67664a with torch 2.15.0.
The table is NegCLIP's: tab-separated, columns title, filepath, neg_caption (a Python list of strings).
It is read with pandas and literal_eval, as the official code does. All negatives are used in order; the
number N of types is the longest list in the table, and "" or a missing entry is a missing negative.
Mode clip ignores the negatives.

usage: official_run.py --official DIR --table T.tsv --image-root R --weights model.safetensors
         --arch CONFIG.json --mode fsc|fsc-softmax|negclip|clip --steps K --batch-size B --lr 1e-4
         [--warmup 50 --total-steps K --wd 0.1 --beta1 0.9 --beta2 0.98 --eps 1e-6 --seconds]
         [--lora-start lora.safetensors] --order order.json --out DIR

--order is a JSON list of row numbers (from 0); step k takes entries k*B ... k*B+B-1.
--lora-start trains the official LoRA layers from the values in a LoRA file of fsc-train, whose metadata give the rank.
`fsc-train --set optim.lr=1e-38 --set train.max_steps=1` writes the start of a run as its lora.safetensors (what is
zero there has moved by 1e-38, and is taken as 0).
Under torchrun, which starts W processes, it is DistributedDataParallel over Gloo: rank r takes every W-th entry of a step's B,
from the r-th on, as fsc-train does; --batch-size is that of all ranks. What is written are rank 0's weights, which are all
ranks', and the mean of the ranks' losses.
Writes DIR/losses.jsonl (a step a line: step, clip_loss, global_hn_loss, local_hn_loss (weighted), loss,
lr, scale = exp(logit_scale) used by the step, logit_scale = the parameter after the step, and the step's
seconds with --seconds) and DIR/final.safetensors (open_clip's names).
"""

import argparse
import ast
import json
import os
import pathlib
import time

import pandas
import torch
import torch.distributed as dist
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import official


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("official", "table", "image-root", "weights", "arch", "order", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--mode", required=True, choices=official.MODES)
    for name in ("steps", "batch-size"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--total-steps", type=int, help="length of the schedule (default: --steps)")
    parser.add_argument("--warmup", type=int, default=50)
    for name, default in (("lr", 5e-6), ("wd", 0.1), ("beta1", 0.9), ("beta2", 0.98), ("eps", 1e-6)):
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("--lora-start")
    parser.add_argument("--seconds", action="store_true", help="also write each step's wall time")
    return parser.parse_args()


def batches(args, code, model, rank, ranks):
    """This rank's batches one by one; images and tokens as the official data set and collate function make them."""
    table = pandas.read_csv(args.table, sep="\t", converters={"neg_caption": ast.literal_eval})
    order = json.loads(pathlib.Path(args.order).read_text())
    if len(order) < args.steps * args.batch_size:
        raise SystemExit(f"{args.order}: {len(order)} rows are too few for {args.steps} steps of {args.batch_size}")
    paths, captions = table["filepath"].tolist(), table["title"].tolist()
    use_negatives = args.mode != "clip"
    negatives = table["neg_caption"].tolist() if use_negatives else [[]] * len(captions)
    count = max(map(len, negatives))
    _, preprocess = code.open_clip.create_transforms(model.visual.preprocess_cfg)
    tokenizer = code.open_clip.get_tokenizer(pathlib.Path(args.arch).stem, context_length=model.context_length)
    for k in range(args.steps):
        rows = order[k * args.batch_size:(k + 1) * args.batch_size][rank::ranks]
        images = [preprocess(Image.open(pathlib.Path(args.image_root) / paths[r])) for r in rows]
        texts, mask = official.pack([str(captions[r]) for r in rows], [negatives[r] for r in rows], count)
        yield {"images": torch.stack(images), "texts": tokenizer(texts),
               "neg_masks": torch.tensor(mask) if use_negatives else None}


def start_lora(model, path):
    """The official LoRA layers around the model's weights, at the values of an fsc-train file."""
    with safe_open(path, "pt") as f:
        metadata = f.metadata()
    assert float(metadata["lora_alpha"]) == 1, "the official code has alpha 1"
    model = official.add_lora(model, int(metadata["lora_rank"]))
    start = {n: torch.where(t.abs() < 1e-30, 0, t) for n, t in load_file(path).items()}
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == start.keys(), f"other trained tensors: {sorted(trained ^ start.keys())}"
    model.load_state_dict(start, strict=False)
    return model


def means(rows, ranks):
    """Of what the ranks report; the rest is alike."""
    everybodys = [None] * ranks
    dist.all_gather_object(everybodys, rows)
    for k, row in enumerate(rows):
        for name in row:
            if name.endswith("loss"):
                row[name] = sum(other[k][name] for other in everybodys) / ranks


def main():
    args = parse()
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if ranks > 1:
        dist.init_process_group("gloo")
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    code = official.load(args.official)
    model = official.make_model(code, args.arch, args.mode)
    model.load_state_dict(load_file(args.weights), strict=True)
    if args.lora_start:
        model = start_lora(model, args.lora_start)
    optimizer = official.make_optimizer(model, args.lr, args.wd, args.beta1, args.beta2, args.eps)
    prepared = list(batches(args, code, model, rank, ranks))
    replica = torch.nn.parallel.DistributedDataParallel(model) if ranks > 1 else model
    times = [time.perf_counter()]
    rows = official.train(code, replica, optimizer, prepared,
                          official.loss_args(args.mode, args.batch_size // ranks, rank=rank, world_size=ranks),
                          args.lr, args.warmup, args.total_steps or args.steps,
                          lambda step, m: times.append(time.perf_counter()))
    if ranks > 1:
        means(rows, ranks)
    if rank != 0:
        return
    with open(out / "losses.jsonl", "w") as f:
        for row, begin, end in zip(rows, times, times[1:]):
            if args.seconds:
                row["seconds"] = end - begin
            f.write(json.dumps(row) + "\n")
            print(json.dumps(row))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, out / "final.safetensors")


if __name__ == "__main__":
    main()
