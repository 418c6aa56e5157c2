"""Scores SugarCrepe-style files: {"0": {"filename", "caption", "negative_caption"}, ...}.

usage: score_sugarcrepe.py --weights model.safetensors --arch CONFIG.json --images DIR --out DIR FILE.json...

OUT/predictions.jsonl: {"subtask": file's stem, "id": key, "scores": [cosine of caption, of negative],
"correct": true if the first is strictly greater}; OUT/results.json: percentages per subtask, for the
categories replace/swap/add (pooled items) and their mean "score", as far as the files are given.
"""

import json
import pathlib

from scoring import Scorer, arguments, write


def main():
    args = arguments(__doc__, files=True, images=dict(required=True, type=pathlib.Path))
    scorer = Scorer(args.weights, args.arch, args.batch_size)
    data = {p.stem: json.loads(p.read_text()) for p in args.files}
    rows = [(name, key, r) for name, items in data.items() for key, r in items.items()]
    images = scorer.images([args.images / r["filename"] for _, _, r in rows])
    texts = scorer.texts([r[c] for _, _, r in rows for c in ("caption", "negative_caption")])
    items = []
    for name, key, r in rows:
        feature = images[args.images / r["filename"]]
        scores = [(feature @ texts[r[c]]).item() for c in ("caption", "negative_caption")]
        items.append({"subtask": name, "id": key, "scores": scores, "correct": scores[0] > scores[1]})
    percent = lambda chosen: 100.0 * sum(i["correct"] for i in chosen) / len(chosen)
    subtasks = {name: percent([i for i in items if i["subtask"] == name]) for name in data}
    categories = {c: [i for i in items if i["subtask"].split("_")[0] == c] for c in ("replace", "swap", "add")}
    categories = {c: percent(chosen) for c, chosen in categories.items() if chosen}
    score = sum(categories.values()) / len(categories) if len(categories) == 3 else None
    write(args.out, items, {"score": score, "categories": categories, "subtasks": subtasks})


if __name__ == "__main__":
    main()
