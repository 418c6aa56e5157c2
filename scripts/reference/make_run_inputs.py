"""Writes a folder with everything that official_run.py and fsc-train need to train on the same data:

OUT/images/          copies of the photos (with --nasty some as grey or progressive JPEG, PNG, WebP)
OUT/train.tsv        NegCLIP's format (title, filepath, neg_caption: a Python list of strings)
OUT/order.json       0, 1, 2, ...
OUT/arch.json        a small ViT with QuickGELU; OUT/weights.safetensors: random, by open_clip
OUT/<mode>.yaml      for fsc-train, modes fsc, fsc-softmax, negclip, clip, and masked (fsc without the zero
                     logits of missing negatives; the official code has no such mode)

Captions come from a table with columns filepath and title. Negatives are two words swapped, the words
shuffled, and the words reversed; about a third of the rows lacks some of them ("" in the middle, shorter
lists) or all (empty list). In another third a negative is the row's own caption (as it is, or in other case
and with other blanks), the caption of the row before, which is in the same batch but for a batch's first row,
that row's negative, or the same text thrice. Every twelfth row has the photo of the row before, every
twenty-fourth its caption too. --nasty adds quotes, entities, emoji, CJK, tabs, line ends and texts beyond
the context length to the captions.

usage: make_run_inputs.py --captions captions.tsv [--first 0 --count 96 --seed 0 --steps 6
         --batch-size 16 --lr 1e-4 --warmup 2 --nasty] --out DIR
"""

import argparse
import json
import pathlib
import random
import shutil

import open_clip
import pandas
import torch
from PIL import Image
from safetensors.torch import save_file

ARCH = {
    "embed_dim": 64,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "layers": 3, "width": 128, "head_width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}

MODES = {
    "fsc": ({"name": "fsc"}, True),
    "fsc-softmax": ({"name": "fsc", "similarity_normalizer": "softmax"}, True),
    "negclip": ({"name": "clip"}, True),
    "clip": ({"name": "clip"}, False),
    "masked": ({"name": "fsc", "missing_negatives": "masked"}, True),
}

DECORATIONS = [
    lambda t: f'A sign says "{t}" , "really" .', lambda t: f'"{t}"', lambda t: f'"Quoted" {t}', lambda t: f'{t} 5" tall',
    lambda t: f"Tom &amp; Jerry : {t}", lambda t: f"&lt;b&gt;{t}&lt;/b&gt;", lambda t: f"&amp;amp; {t} &quot;x&quot;",
    lambda t: f"{t} 🐶🏳️‍🌈 👍🏽", lambda t: f"👩‍👩‍👧‍👦 {t}", lambda t: f"{t} 一只狗在草地上", lambda t: f"“{t}” — it’s ﬁne …",
    lambda t: f"e\u0301cole {t} A\u030angstro\u0308m", lambda t: " ".join([t] * 12), lambda t: f"{t} " * 40,
    lambda t: f"  {t}\twith a tab  ", lambda t: f"{t}\nsecond line", lambda t: f"It's {t}'s , DON'T you'd",
    lambda t: f"{t} \\n \\ 'x' \\\" y", lambda t: t.upper(), lambda t: f"{t} ½ ² Ⅳ 100% #1 @x a_b c++", lambda t: f"{t}\u200b\u00a0\u3000x",
    lambda t: f"<start_of_text> {t} <end_of_text> x",
]


def negatives(rng, caption, row):
    """Three negatives, of which some rows lack some or all."""
    words = caption.split(" ")
    swapped, shuffled = list(words), list(words)
    i, j = rng.sample(range(len(words)), 2)
    swapped[i], swapped[j] = swapped[j], swapped[i]
    rng.shuffle(shuffled)
    made = [" ".join(w) for w in (swapped, shuffled, words[::-1])]
    return {1: [], 4: made[:1], 6: ["", *made[1:]], 9: made[:2], 11: [made[0], "", made[2]]}.get(row % 12, made)


def make_awkward(rows):
    """Negatives that are captions of the batch, and texts and photos that come twice: the official code takes them as they are."""
    for r, row in enumerate(rows):
        listed, before = row["neg_caption"], rows[r - 1]
        if r % 12 == 2:
            listed[0] = row["title"]
        elif r % 12 == 3:
            listed[2] = f" {row['title'].upper()}  ."
        elif r % 12 == 5:
            listed[1] = before["title"]
        elif r % 12 == 8:
            listed[0] = before["neg_caption"][0]
        elif r % 12 == 10:
            listed[:] = [listed[0]] * 3
        elif r % 12 == 11:
            row["filepath"] = before["filepath"]
        if r % 24 == 23:
            row["title"] = before["title"]


def copy_photo(source, folder, kind):
    """kind 0: the file as it is; otherwise another coding of it."""
    kinds = {1: (".jpg", "L"), 2: (".png", "RGB"), 3: (".webp", "RGB"), 4: (".jpg", "RGB"), 5: (".png", "L")}
    if kind not in kinds:
        shutil.copy(source, folder / source.name)
        return source.name
    suffix, mode = kinds[kind]
    name = f"{source.stem}_{kind}{suffix}"
    Image.open(source).convert(mode).save(folder / name, **({"progressive": True} if kind == 4 else {}))
    return name


def write_table(args, rng):
    captions = pandas.read_csv(args.captions, sep="\t", quoting=3, keep_default_na=False)
    photos = list(dict.fromkeys(captions["filepath"]))[args.first:args.first + args.count]
    (args.out / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for r, photo in enumerate(photos):
        texts = [t for t in captions.loc[captions["filepath"] == photo, "title"] if len(t.split(" ")) > 2]
        caption = rng.choice(texts)
        lists = negatives(rng, caption, r)
        if args.nasty and r % 3 != 2:
            decorate = DECORATIONS[(r - r // 3) % len(DECORATIONS)]
            caption, lists = decorate(caption), [decorate(t) if t else "" for t in lists]
        name = copy_photo(args.captions.parent / photo, args.out / "images", r % 9 if args.nasty else 0)
        rows.append({"title": caption, "filepath": f"images/{name}", "neg_caption": lists})
    make_awkward(rows)
    for row in rows:
        row["neg_caption"] = repr(row["neg_caption"])
    pandas.DataFrame(rows).to_csv(args.out / "train.tsv", sep="\t", index=False)
    (args.out / "order.json").write_text(json.dumps(list(range(len(rows)))))


def write_model(args):
    path = args.out / "arch.json"
    path.write_text(json.dumps(ARCH, indent=2) + "\n")
    torch.manual_seed(args.seed)
    save_file({k: v.contiguous() for k, v in open_clip.CLIP(**ARCH).state_dict().items()}, args.out / "weights.safetensors")


def write_configs(args):
    for mode, (loss, with_negatives) in MODES.items():
        config = {
            "model": {"arch": str(args.out / "arch.json"), "pretrained": str(args.out / "weights.safetensors")},
            "data": {"train": {"format": "tsv", "path": str(args.out / "train.tsv")}, "augment": "none", "shuffle": False},
            "negatives": {"source": "column", "sample": "all", "per_caption": 3} if with_negatives else {"source": "none"},
            "loss": loss,
            "optim": {"lr": args.lr, "warmup_steps": args.warmup},
            "train": {"epochs": 1, "max_steps": args.steps, "batch_size": args.batch_size, "precision": "fp32", "device": "cpu"},
            "output": {"dir": str(args.out / mode / "fsc"), "log_every_steps": 1},
        }
        (args.out / f"{mode}.yaml").write_text(json.dumps(config, indent=2) + "\n")  # JSON is YAML


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("captions", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    for name, default in (("first", 0), ("count", 96), ("seed", 0), ("steps", 6), ("batch-size", 16), ("warmup", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--nasty", action="store_true")
    args = parser.parse_args()
    args.out = args.out.resolve()
    write_table(args, random.Random(args.seed))
    write_model(args)
    write_configs(args)


if __name__ == "__main__":
    main()
