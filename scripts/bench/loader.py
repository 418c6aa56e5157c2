"""Measures samples/s/core of the official loader and of `fsc-data bench` on a table of photos and captions, in one run.

Both: photos at 224 px with the training crop, three negatives a caption, tokens; one worker on one core; shuffled.
Official: its CocoDataset, collate function, transforms, tokenizer and generator, unchanged, through its get_csv_dataset with one
worker process (torchvision and Pillow as installed). Counted: the CPU time of the worker and of the process that takes the
batches. The worker goes through the table twice (a table of twice the rows, shuffled); the later half is reported, when its
caches are filled.
Ours: `fsc-data bench --config C --json FILE`. Its samples a second are by the clock; they are divided by the share of the core
that the whole program got (its CPU seconds over its wall seconds), so that other work on the machine does not count. It runs
before and after the official loader. Core speed: see one_core.py.

usage: loader.py --table T.tsv --image-root DIR --official DIR --nltk-data DIR [--fsc-data PROGRAM --config C.yaml --set k=v ...]
         [--batch-size 256 --rows N --core N]
"""

import argparse
import functools
import json
import pathlib
import random
import statistics
import tempfile
import time
import types

import one_core

SIZE = 224
MODEL = "ViT-B-32"
CONFIG = pathlib.Path(__file__).with_name("loader.yaml")


def stamped(collate, **options):
    """The official collate function; the batch also tells the CPU time of the worker that made it."""
    make = collate(**options)

    def func(batch):
        return make(batch) | {"worker_cpu": time.process_time()}

    return func


def load_official(args):
    """The official packages open_clip and training.data, with every package that they import."""
    import official_negatives

    generator = official_negatives.load(args.official, args.nltk_data)
    import open_clip
    import training.data

    assert pathlib.Path(args.official).resolve() in pathlib.Path(open_clip.__file__).resolve().parents, open_clip.__file__
    assert training.data.add_random_text_hard_negatives is generator.add_random_text_hard_negatives
    return open_clip, training.data


def official_loader(args, table, folder):
    """The official DataLoader over the table twice; the two text columns are all that it reads besides the path."""
    import pandas

    open_clip, data = load_official(args)
    rows = pandas.concat([table, table]).assign(neg_caption="[]")
    rows.to_csv(folder / "table.tsv", sep="\t", index=False)
    train, _ = open_clip.create_transforms({"size": SIZE})
    options = types.SimpleNamespace(
        train_data=str(folder / "table.tsv"), csv_img_key="filepath", csv_caption_key="title", csv_separator="\t",
        image_root=args.image_root, distributed=False, batch_size=args.batch_size, workers=1)
    style = "fsc-clip"
    return data.get_csv_dataset(
        options, train, is_train=True, tokenizer=open_clip.get_tokenizer(MODEL),
        constructor=functools.partial(data.CocoDataset, text_hard_negatives=style, is_train=True),
        collate_fn=functools.partial(stamped, data.CocoDataset.collate_fn, text_hard_negatives=style)).dataloader


def measure_official(args, table):
    """Samples a CPU second of the first and of the later half, and texts a sample."""
    import torch

    torch.manual_seed(0)
    random.seed(0)
    torch.set_num_threads(1)
    marks = []
    with tempfile.TemporaryDirectory() as folder:
        loader = official_loader(args, table, pathlib.Path(folder))
        begin = time.process_time()
        for batch in loader:
            assert batch["images"].shape == (args.batch_size, 3, SIZE, SIZE)
            marks.append((batch["worker_cpu"], time.process_time() - begin, len(batch["texts"])))
    middle = len(marks) // 2
    if middle < 1:
        raise SystemExit(f"{args.table}: too few rows for batches of {args.batch_size}")
    rates = []
    for first, last in ((0, middle), (middle, len(marks) - 1)):
        seconds = sum(marks[last][k] - marks[first][k] for k in (0, 1))
        rates.append((last - first) * args.batch_size / seconds)
    return *rates, sum(m[2] for m in marks) / len(marks) / args.batch_size


def measure_ours(args, table_path):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        sets = [f"data.train.path={table_path}", f"data.train.image_root={args.image_root}", "data.workers=1",
                f"train.batch_size={args.batch_size}", *args.set]
        command = [args.fsc_data, "bench", "--config", str(args.config), "--json", str(report)]
        _, _, output = one_core.run(command + [word for one in sets for word in ("--set", one)])
        result = json.loads(report.read_text())
    print(output.strip().splitlines()[-1])
    return result["samples_per_cpu_second"], result["stages"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("table", "image-root", "official", "nltk-data"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--fsc-data", help="our program; without it only the official side is measured")
    parser.add_argument("--config", default=CONFIG)
    parser.add_argument("--set", action="append", default=[], help="handed to fsc-data bench")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rows", type=int, help="only the first so many rows of the table")
    parser.add_argument("--core", type=int, default=one_core.default_core())
    args = parser.parse_args()
    one_core.pin(args.core)
    import pandas

    table = pandas.read_csv(args.table, sep="\t", nrows=args.rows)[["filepath", "title"]]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.tsv"
        table.to_csv(path, sep="\t", index=False)
        speeds = [one_core.core_speed()]
        ours = [measure_ours(args, path)] if args.fsc_data else []
        speeds.append(one_core.core_speed())
        first, later, texts = measure_official(args, table)
        speeds.append(one_core.core_speed())
        ours += [measure_ours(args, path)] if args.fsc_data else []
        speeds.append(one_core.core_speed())
    print(f"{len(table)} rows, batches of {args.batch_size}, {SIZE} px, {texts:.2f} texts a sample; samples per CPU second on one core")
    print(f"official   first half {first:7.1f}   later half {later:7.1f}")
    for rate, stages in ours:
        print(f"fsc-data   {rate:.1f}   stages {json.dumps(stages)}")
    if ours:
        print(f"ratio      {statistics.mean(rate for rate, _ in ours) / later:.2f} of the later half")
    print("core speed before each and at the end: " + ", ".join(f"{speed:.1f}" for speed in speeds))


if __name__ == "__main__":
    main()
