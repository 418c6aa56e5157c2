"""Zero-shot classification of an image folder <root>/<class folder>/<image>.

The label of an image is the rank of its folder's name (byte-wise). Line i of --classnames is the
prompt name of label i; --templates has one template a line, placeholder {} or {c}. Class weight =
normalised mean of the normalised features of all templates.

usage: score_zeroshot.py --weights W --arch CONFIG.json --root DIR --classnames F --templates F --out DIR

OUT/predictions.jsonl: {"subtask": "", "id": "folder/image", "label", "prediction" (first maximum),
"scores": cosine per class, "correct"}; OUT/results.json: accuracy and mean per class, in percent.
"""

import pathlib

import torch
import torch.nn.functional as F

from scoring import Scorer, arguments, write

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def lines(path):
    return [line for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def main():
    args = arguments(__doc__, root=dict(required=True, type=pathlib.Path), classnames=dict(required=True),
                     templates=dict(required=True))
    scorer = Scorer(args.weights, args.arch, args.batch_size)
    folders = sorted((d for d in args.root.iterdir() if d.is_dir()), key=lambda d: d.name.encode())
    names, templates = lines(args.classnames), lines(args.templates)
    if len(names) != len(folders):
        raise SystemExit(f"{args.classnames}: {len(names)} names for {len(folders)} class folders")
    prompts = [[t.replace("{c}", n).replace("{}", n) for t in templates] for n in names]
    texts = scorer.texts([p for group in prompts for p in group])
    weights = torch.stack([F.normalize(torch.stack([texts[p] for p in group]).mean(dim=0), dim=-1) for group in prompts])
    rows = [(label, path) for label, folder in enumerate(folders)
            for path in sorted(folder.iterdir(), key=lambda p: p.name.encode()) if path.suffix.lower() in SUFFIXES]
    images = scorer.images([path for _, path in rows])
    items = []
    for label, path in rows:
        scores = weights @ images[path]
        prediction = int(scores.argmax())
        items.append({"subtask": "", "id": f"{path.parent.name}/{path.name}", "label": label, "prediction": prediction,
                      "scores": scores.tolist(), "correct": prediction == label})
    recall = []
    for label in sorted({i["label"] for i in items}):
        mine = [i["correct"] for i in items if i["label"] == label]
        recall.append(sum(mine) / len(mine))
    write(args.out, items, {"accuracy": 100.0 * sum(i["correct"] for i in items) / len(items),
                            "mean_per_class": 100.0 * sum(recall) / len(recall)})


if __name__ == "__main__":
    main()
