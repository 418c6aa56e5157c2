#!/usr/bin/env python3
"""Measures what decoding JPEGs at half size before the resize to the model's input would change, in levels of 255.

    python3 scripts/reference/reduced_decode.py FOLDER [--photos 60]

FOLDER holds JPEGs. Each is enlarged four- and sixfold and saved again, so that a reduced decode would pay; then PIL decodes it in full
and at half size (libjpeg's scaled DCT), and both go through PIL's antialiased bicubic. Needs Pillow and numpy.
"""
import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 224


def resized(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize(size, Image.BICUBIC)).astype(int)


def largest_difference(jpeg: bytes) -> int:
    full = Image.open(io.BytesIO(jpeg))
    scale = SIZE / min(full.size)
    target = tuple(round(side * scale) for side in full.size)
    reduced = Image.open(io.BytesIO(jpeg))
    reduced.draft("RGB", tuple(side // 2 for side in full.size))
    return int(np.abs(resized(full, target) - resized(reduced, target)).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=60)
    arguments = parser.parse_args()
    differences = []
    for path in sorted(arguments.folder.glob("*.jpg"))[: arguments.photos]:
        photo = Image.open(path).convert("RGB")
        for factor, quality in ((4, 90), (6, 95)):
            saved = io.BytesIO()
            photo.resize(tuple(side * factor for side in photo.size), Image.BICUBIC).save(saved, "JPEG", quality=quality)
            differences.append(largest_difference(saved.getvalue()))
    within = sum(difference <= 1 for difference in differences)
    print(f"{len(differences)} images: {within} within one level; largest difference: median {np.median(differences):.0f}, worst {max(differences)}")


if __name__ == "__main__":
    main()
