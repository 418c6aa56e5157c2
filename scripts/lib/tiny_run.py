"""A run of seconds, for scripts that disturb it: a tiny model, captions of numbered things, photos from tests/data."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ARCH = {"embed_dim": 16, "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}}
IMAGES = ("rgb420.jpg", "rgb.png", "lossy.webp", "grey.jpg")


def write_inputs(folder, steps):
    """config.yaml in `folder`, for `steps` steps of 8 images with a checkpoint every third."""
    (folder / "model.json").write_text(json.dumps(ARCH))
    rows = ["title\tfilepath\tneg_caption"]
    for i in range(8 * steps):
        rows.append(f"thing {i} left of thing {i + 1}\t{ROOT}/tests/data/images/{IMAGES[i % 4]}\t['thing {i + 1} left of thing {i}']")
    (folder / "train.tsv").write_text("\n".join(rows) + "\n")
    (folder / "config.yaml").write_text(
        f"model: {{arch: {folder}/model.json}}\ndata: {{train: {{path: {folder}/train.tsv}}}}\n"
        "negatives: {source: column}\noptim: {lr: 0.001, warmup_steps: 3}\n"
        f"train: {{epochs: 1, batch_size: 8}}\noutput: {{log_every_steps: 1, save_every_steps: 3}}\n")
