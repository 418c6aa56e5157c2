"""What the score_*.py scripts share: a model, and features computed once per distinct input.

Uses open_clip_torch 3.3.0, torch 2.15.0, float32 on the CPU. Images are converted to RGB before the eval
transform (for RGB and grey files that changes nothing). Every distinct text or image is encoded exactly
once, so equal inputs have bit-equal scores.
"""

import argparse
import json
import pathlib

import open_clip
import torch
from PIL import Image
from safetensors.torch import load_file


def arguments(description, files=False, **options):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("weights", "arch", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--batch-size", type=int, default=64)
    if files:
        parser.add_argument("files", nargs="+", type=pathlib.Path)
    for name, settings in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **settings)
    return parser.parse_args()


class Scorer:
    def __init__(self, weights, arch, batch_size=64):
        config = json.loads(pathlib.Path(arch).read_text())
        self.model = open_clip.CLIP(**config.get("model_cfg", config)).eval()
        self.model.load_state_dict(load_file(weights), strict=True)
        size = self.model.visual.image_size
        self.transform = open_clip.image_transform(size if isinstance(size, int) else tuple(size), is_train=False)
        self.tokenizer = open_clip.SimpleTokenizer(context_length=self.model.context_length)
        self.batch_size = batch_size

    @torch.no_grad()
    def _encode(self, items, load, encode):
        unique = list(dict.fromkeys(items))
        chunks = [unique[i:i + self.batch_size] for i in range(0, len(unique), self.batch_size)]
        return dict(zip(unique, torch.cat([encode(load(chunk), normalize=True) for chunk in chunks])))

    def images(self, paths):
        """{path: normalised features}"""
        load = lambda chunk: torch.stack([self.transform(Image.open(p).convert("RGB")) for p in chunk])
        return self._encode(paths, load, self.model.encode_image)

    def texts(self, texts):
        """{text: normalised features}"""
        return self._encode(texts, self.tokenizer, self.model.encode_text)


def write(out, items, results):
    """OUT.jsonl-style predictions and a results file beside it."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "predictions.jsonl", "w", encoding="utf-8") as f:
        for item in items:
            f.write(json.dumps(item, ensure_ascii=False) + "\n")
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results))
