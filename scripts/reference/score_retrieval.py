"""Image-text retrieval, R@1/5/10 in both directions, raw captions.

--table is a tab-separated file (columns filepath, title; a row a caption; rows of one filepath belong to
one image) or a JSON array [{"image": path, "caption": [texts]}]. Equal captions stay separate columns.

usage: score_retrieval.py --weights W --arch CONFIG.json --table T --image-root DIR --out DIR

OUT/predictions.jsonl: {"subtask": "i2t" | "t2i", "id": image path | caption number, "rank": 0-based rank
of the best own caption | own image (number of others that score strictly higher), "scores": [that
score, best score], "top": the ten best caption | image numbers, best first, "correct": rank is 0}.
OUT/results.json: {"i2t/R@1": percent, ...}. Numbers count images and captions in the table's order.
"""

import csv
import json
import pathlib

import torch

from scoring import Scorer, arguments, write


def read(path):
    """(image paths in order of first use, captions, image number of each caption)"""
    path = pathlib.Path(path)
    if path.suffix == ".json":
        pairs = [(r["image"], c) for r in json.loads(path.read_text(encoding="utf-8")) for c in r["caption"]]
    else:
        with open(path, encoding="utf-8", newline="") as f:
            pairs = [(r["filepath"], r["title"]) for r in csv.DictReader(f, delimiter="\t")]
    images = list(dict.fromkeys(p for p, _ in pairs))
    number = {p: i for i, p in enumerate(images)}
    return images, [c for _, c in pairs], torch.tensor([number[p] for p, _ in pairs])


def direction(name, scores, own, ids):
    """scores [queries, candidates]; own: bool of the same shape."""
    best, _ = scores.masked_fill(~own, float("-inf")).max(dim=1)
    ranks = ((scores > best[:, None]) & ~own).sum(dim=1)
    top = scores.argsort(dim=1, descending=True, stable=True)[:, :10]
    return [{"subtask": name, "id": i, "rank": int(r), "scores": [b.item(), s.max().item()], "top": t.tolist(),
             "correct": int(r) == 0} for i, r, b, s, t in zip(ids, ranks, best, scores, top)]


def main():
    args = arguments(__doc__, table=dict(required=True), image_root=dict(required=True, type=pathlib.Path))
    scorer = Scorer(args.weights, args.arch, args.batch_size)
    images, captions, owner = read(args.table)
    image_features = scorer.images([args.image_root / p for p in images])
    text_features = scorer.texts(captions)
    scores = (torch.stack([image_features[args.image_root / p] for p in images])
              @ torch.stack([text_features[c] for c in captions]).T)
    own = owner[None, :] == torch.arange(len(images))[:, None]
    items = {"i2t": direction("i2t", scores, own, images),
             "t2i": direction("t2i", scores.T.contiguous(), own.T, range(len(captions)))}
    results = {f"{name}/R@{k}": 100.0 * sum(i["rank"] < k for i in rows) / len(rows)
               for name, rows in items.items() for k in (1, 5, 10)}
    write(args.out, items["i2t"] + items["t2i"], results)


if __name__ == "__main__":
    main()
