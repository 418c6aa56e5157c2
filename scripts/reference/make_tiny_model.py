"""Writes tests/data/golden/tiny_model.safetensors: features and tokens of two tiny CLIP models.

Made with open_clip_torch 3.3.0 and torch 2.15.0 (CPU, float32); the tokens also with the official code,
commit 604015db3f009a8f7485f1fb7e21d8343c67664a, and both must agree (largest difference is printed).
Models: tests/data/models/{tiny,tiny-quickgelu}.json, weights by fill.py's rule (no weights are stored).

Inputs   images     fill.signed("input.images", [3, 3, 32, 32], scale 2)           (not stored)
         ids        int64 [4, 77]: fill.token_rows("input.ids", 3), then one text of full length,
                    fill.token_rows("input.ids.long", 1, min_len=77, spread=1); SOT 510, EOT 511
For V in tiny, tiny-quickgelu (float32):
         V/image_features [3, 32]      normalised
         V/text_features  [4, 32]      normalised
         V/image_tokens   [3, 16, 32]  ln_post(x)[:, 1:] . proj, not normalised
         V/text_tokens    [4, 77, 32]  ln_final(x) . text_projection, not normalised, row-wise zero
                                       after the text's end
usage: make_tiny_model.py --official DIR --models tests/data/models --out tests/data/golden
"""

import json

import open_clip
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import fill
import official

VARIANTS = ("tiny", "tiny-quickgelu")


def inputs():
    images = torch.from_numpy(fill.signed("input.images", (3, 3, 32, 32), 2.0))
    ids = torch.cat([torch.from_numpy(fill.token_rows("input.ids", 3)),
                     torch.from_numpy(fill.token_rows("input.ids.long", 1, min_len=77, spread=1))])
    return images, ids


@torch.no_grad()
def released(path, images, ids):
    """open_clip's own model; the tokens from the outputs of its two last norms."""
    model = open_clip.CLIP(**json.loads(path.read_text())).eval()
    fill.fill_model(model)
    seen = {}
    model.visual.ln_post.register_forward_hook(lambda m, i, o: seen.__setitem__("image", o))
    model.ln_final.register_forward_hook(lambda m, i, o: seen.__setitem__("text", o))
    out = {"image_features": model.encode_image(images, normalize=True),
           "text_features": model.encode_text(ids, normalize=True)}
    out["image_tokens"] = seen["image"][:, 1:] @ model.visual.proj
    out["text_tokens"] = seen["text"] @ model.text_projection
    return out


@torch.no_grad()
def published(code, path, images, ids):
    model = official.make_model(code, path, "fsc").eval()
    fill.fill_model(model)
    out = model(images, ids, is_training=True)
    valid = (ids > 0) & (torch.arange(ids.shape[1]) > 0)
    assert torch.equal(out["attn_mask"].bool(), valid), "valid tokens are not those of the formula"
    return out


def main():
    args = official.golden_arguments(__doc__)

    images, ids = inputs()
    tensors = {"ids": ids}
    ours = {v: released(args.models / f"{v}.json", images, ids) for v in VARIANTS}
    code = official.load(args.official)  # from here on "open_clip" is the official fork
    for variant in VARIANTS:
        theirs = published(code, args.models / f"{variant}.json", images, ids)
        for key, value in ours[variant].items():
            gap = (value - theirs[key]).abs().max().item()
            print(f"{variant}/{key}: {tuple(value.shape)}, max abs {value.abs().max():.3g}, "
                  f"open_clip - official {gap:.2g}")
            assert gap < 2e-5
        ours[variant]["text_tokens"] = ours[variant]["text_tokens"] * (ids > 0).unsqueeze(-1)
        tensors.update({f"{variant}/{k}": v.contiguous() for k, v in ours[variant].items()})
    print("quick_gelu changes the features by",
          (F.cosine_similarity(tensors["tiny/image_features"], tensors["tiny-quickgelu/image_features"]) - 1).abs().max().item())
    # One metadata key only: safetensors writes several in random order, and the file would never be the same twice.
    meta = {"made_by": "scripts/reference/make_tiny_model.py", "official": official.COMMIT,
            "versions": official.versions("torch", "open_clip_torch")}
    save_file(tensors, args.out / "tiny_model.safetensors", metadata={"meta": json.dumps(meta)})


if __name__ == "__main__":
    main()
