"""Deterministic tensor contents, so that golden files need to hold no weights.

The C++ twin is tests/support/fill.h. All integers are unsigned 64-bit and wrap around.

    h    = fnv1a64(utf8(name))                  offset 0xcbf29ce484222325, prime 0x100000001b3;
                                                per byte: h ^= byte; h *= prime
    x(i) = mix(h + (i + 1) * 0x9E3779B97F4A7C15)        i = row-major element number, from 0
    mix(z): z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB
            z =  z ^ (z >> 31)                          (splitmix64's finaliser; no extra increment)
    u(i) = (x(i) >> 40) * 2^-24                         in [0, 1), exact in float32
    s(i) = 2 * u(i) - 1                                 in [-1, 1), exact in float32

Value of a model tensor called `name` (open_clip's state-dict name), decided in this order:

    logit_scale                                          ln(1 / 0.07)
    logit_bias                                           -1.5
    1-D, name contains "ln_" or "norm" and ends in ".weight"
                                                         1 + 0.1 * s
    token_embedding.weight, class_embedding, positional_embedding, pos_embed and latent
      (also behind a prefix that ends in a dot)          0.5 * s
    other 1-D tensors (biases)                           0.02 * s
    visual.proj, text_projection                         1.5 / sqrt(shape[0]) * s
    everything else (2-D and more)                       1.5 / sqrt(shape[1] * shape[2] * ...) * s

The product is taken in float64 and then rounded to float32.
"""

import math

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def fnv1a64(text: str) -> int:
    h = 0xCBF29CE484222325
    for byte in text.encode("utf-8"):
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def bits(name: str, count: int) -> np.ndarray:
    """The first `count` 64-bit values x(0), x(1), ... of the stream called `name`."""
    i = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(name)) + i * np.uint64(GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(name: str, count: int) -> np.ndarray:
    """u(0), u(1), ... as float64."""
    return (bits(name, count) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def signed(name: str, shape, scale: float = 1.0) -> np.ndarray:
    """scale * (2u - 1) in the given shape, float32."""
    return (scale * (2.0 * uniform(name, math.prod(shape)) - 1.0)).astype(np.float32).reshape(shape)


def integers(name: str, count: int, low: int, size: int) -> np.ndarray:
    """low + (x >> 40) mod size, int64."""
    return low + (bits(name, count) >> np.uint64(40)).astype(np.int64) % size


def weight(name: str, shape) -> np.ndarray:
    """The contents of one model tensor, float32."""
    shape = tuple(shape)
    if name == "logit_scale":
        return np.full(shape, math.log(1 / 0.07), dtype=np.float32)
    if name == "logit_bias":
        return np.full(shape, -1.5, dtype=np.float32)
    if len(shape) == 1 and ("ln_" in name or "norm" in name) and name.endswith(".weight"):
        return (1.0 + 0.1 * (2.0 * uniform(name, shape[0]) - 1.0)).astype(np.float32)
    if ("." + name).endswith((".token_embedding.weight", ".class_embedding", ".positional_embedding", ".pos_embed", ".latent")):
        return signed(name, shape, 0.5)
    if len(shape) < 2:
        return signed(name, shape, 0.02)
    fan_in = shape[0] if name in ("visual.proj", "text_projection") else math.prod(shape[1:])
    return signed(name, shape, 1.5 / math.sqrt(fan_in))


def token_rows(name: str, rows: int, context: int = 77, vocab: int = 512, min_len: int = 4, spread: int = 13):
    """Made-up token ids [rows, context], int64, zero-padded: SOT, words, EOT.

    SOT = vocab - 2, EOT = vocab - 1 (the highest id); row r is
    min_len + (x >> 40) mod spread tokens long, x from stream `name + ".length"`, element r;
    the id at column c (1 <= c < length - 1) is 1 + (x >> 40) mod (vocab - 3), x from stream `name`,
    element r * context + c.
    """
    lengths = integers(name + ".length", rows, min_len, spread)
    ids = integers(name, rows * context, 1, vocab - 3).reshape(rows, context)
    for r, n in enumerate(lengths):
        ids[r, 0], ids[r, n - 1], ids[r, n:] = vocab - 2, vocab - 1, 0
    return ids


def fill_model(model) -> None:
    """Overwrite every entry of a torch module's state dict by the rule above."""
    import torch

    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(torch.from_numpy(np.array(weight(name, tensor.shape))))
