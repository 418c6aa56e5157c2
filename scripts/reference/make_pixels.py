"""Writes small test images and what PIL and open_clip make of them.

Made with Pillow 13.0.0, torch 2.15.0, torchvision 0.29.2, open_clip_torch 3.3.0, numpy 2.4.6.
The pictures are procedural: smooth gradients, discs, and hash noise (fill.py).

OUT/images/*                 the images; OUT/images/broken/*   files that must be refused
OUT/golden/pixels.safetensors, for each image file F:
    rgb/F         uint8 [H, W, 3]     Image.open(F).convert("RGB")
    eval/F        float32 [3, 32, 32] open_clip's eval transform of the *decoded RGB* image
                                      (size 32, OpenAI mean and std, bicubic, shortest side)
    eval_raw/F    the same transform given Image.open(F) as it is, as the training code does; only
                  where it differs: open_clip resizes first and converts to RGB afterwards, so palette
                  and 1-bit images are resized by nearest neighbour, and alpha is premultiplied
OUT/golden/pixels.json       per file: mode, size (width, height), and max |eval_raw - eval|

usage: make_pixels.py OUT      (OUT = tests/data)
"""

import io
import json
import pathlib
import sys

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

import fill
from official import versions


def picture(name, width, height):
    """A colourful uint8 [H, W, 3] picture: gradients, a disc, stripes, a noisy corner."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    rgb = np.stack([u, v, 0.5 + 0.5 * np.sin(9 * u + 5 * v)], axis=-1)
    rgb[(u - 0.6) ** 2 + (v - 0.4) ** 2 < 0.06] = (0.95, 0.15, 0.1)
    rgb[(v > 0.75) & (((x // 2) % 2) == 0)] = (1.0, 1.0, 1.0)
    corner = (u < 0.3) & (v < 0.3)
    rgb[corner] = fill.uniform(name, int(corner.sum()) * 3).reshape(-1, 3)
    return np.round(rgb * 255).astype(np.uint8)


def make_images(folder):
    rgb = lambda name, w, h: Image.fromarray(picture(name, w, h))
    jpeg = dict(format="JPEG", quality=90)

    def save(name, image, **options):
        image.save(folder / name, **options)

    save("rgb420.jpg", rgb("rgb420", 61, 47), subsampling="4:2:0", **jpeg)
    save("rgb444.jpg", rgb("rgb444", 48, 64), subsampling="4:4:4", **jpeg)
    save("rgb422.jpg", rgb("rgb422", 33, 32), subsampling="4:2:2", **jpeg)
    save("grey.jpg", rgb("grey", 50, 40).convert("L"), **jpeg)
    save("cmyk.jpg", rgb("cmyk", 40, 36).convert("CMYK"), **jpeg)
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to show": PIL's open() does not
    save("orientation6.jpg", rgb("orientation6", 52, 34), exif=exif, **jpeg)
    save("progressive.jpg", rgb("progressive", 70, 45), progressive=True, subsampling="4:2:0", **jpeg)
    save("large.jpg", rgb("large", 301, 227), format="JPEG", quality=75)
    save("tall.jpg", rgb("tall", 20, 90), subsampling="4:2:0", **jpeg)
    save("rgb.png", rgb("rgb", 37, 29))
    save("tiny.png", rgb("tiny", 5, 3))
    save("exact32.png", rgb("exact32", 32, 32))
    rgba = rgb("rgba", 40, 40).convert("RGBA")
    alpha = np.round(255 * fill.uniform("alpha", 1600).reshape(40, 40)).astype(np.uint8)
    alpha[:10], alpha[10:20] = 255, 0
    rgba.putalpha(Image.fromarray(alpha))
    save("rgba.png", rgba)
    palette = rgb("palette", 45, 35).quantize(16)
    save("palette.png", palette)
    save("palette_transparent.png", palette, transparency=3)
    save("grey8.png", rgb("grey8", 36, 50).convert("L"))
    la = rgb("greyalpha", 40, 40).convert("LA")
    la.putalpha(Image.fromarray(alpha))
    save("grey_alpha.png", la)
    deep = (fill.uniform("deep", 30) * 65535).reshape(5, 6).repeat(8, 0).repeat(7, 1).astype(np.uint16)
    deep[:8] //= 257  # one dark band, below 256
    save("grey16.png", Image.fromarray(deep))
    save("bilevel.png", rgb("bilevel", 44, 38).convert("1"))
    save("lossless.webp", rgb("lossless", 42, 33), lossless=True)
    save("lossy.webp", rgb("lossy", 60, 50), quality=80)

    broken = folder / "broken"
    buffer = io.BytesIO()
    rgb("truncated", 64, 64).save(buffer, **jpeg)
    (broken / "truncated.jpg").write_bytes(buffer.getvalue()[:len(buffer.getvalue()) // 2])
    (broken / "text.jpg").write_text("This is not an image.\n")
    (broken / "empty.jpg").write_bytes(b"")


def main(out):
    out = pathlib.Path(out)
    (out / "images" / "broken").mkdir(parents=True, exist_ok=True)
    (out / "golden").mkdir(parents=True, exist_ok=True)
    make_images(out / "images")
    transform = open_clip.image_transform(32, is_train=False, mean=open_clip.OPENAI_DATASET_MEAN,
                                          std=open_clip.OPENAI_DATASET_STD, interpolation="bicubic",
                                          resize_mode="shortest")
    tensors, files = {}, {}
    for path in sorted(p for p in (out / "images").iterdir() if p.is_file()):
        image = Image.open(path)
        image.load()
        pixels = image.convert("RGB")
        tensors[f"rgb/{path.name}"] = torch.from_numpy(np.array(pixels))
        tensors[f"eval/{path.name}"] = transform(pixels)
        files[path.name] = {"mode": image.mode, "size": list(image.size)}
        try:
            raw = transform(Image.open(path))
        except Exception as error:  # a mode that the transform cannot take
            files[path.name]["raw_error"] = f"{type(error).__name__}: {error}"
            continue
        difference = (raw - tensors[f"eval/{path.name}"]).abs().max().item()
        files[path.name]["raw_difference"] = difference
        if difference > 0:
            tensors[f"eval_raw/{path.name}"] = raw
    for path in sorted((out / "images" / "broken").iterdir()):
        try:
            Image.open(path).convert("RGB")
            raise SystemExit(f"{path}: PIL reads this file; it should be broken")
        except OSError as error:
            files[f"broken/{path.name}"] = {"error": type(error).__name__}
    save_file({k: v.contiguous() for k, v in tensors.items()}, out / "golden" / "pixels.safetensors")
    meta = {"made_by": "scripts/reference/make_pixels.py", "size": 32, "mean": open_clip.OPENAI_DATASET_MEAN,
            "std": open_clip.OPENAI_DATASET_STD, "versions": versions("pillow", "torchvision", "open_clip_torch")}
    (out / "golden" / "pixels.json").write_text(json.dumps({"meta": meta, "files": files}, indent=1) + "\n")
    print(f"{out}: {len(files)} files")


if __name__ == "__main__":
    main(sys.argv[1])
