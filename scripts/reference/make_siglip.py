"""Writes tests/data/golden/siglip.safetensors: features, dense tokens, loss and gradients of two tiny SigLIP models.

Made with open_clip_torch 3.3.0 (CustomTextCLIP, SigLipLoss), timm 1.0.31 (VisionTransformer with attention pooling) and
torch 2.15.0 (CPU). Models: tests/data/models/{tiny-siglip,tiny-siglip2}.json (the second with tanh-GELU in the text
tower), weights by fill.py's rule. timm has no tiny SigLIP, so one is registered under the name the JSON gives.

Inputs   images  fill.signed("input.images", [3, 3, 32, 32], scale 2)            (not stored)
         ids     int64 [3, 16]: fill.integers("siglip.ids", 48, 2, 509), from column 5, 9, 12 on the pad id 1 (not stored)
For V in tiny-siglip, tiny-siglip2 (float32):
         V/image_features [3, 48], V/text_features [3, 48]   normalised
         V/image_tokens   [3, 16, 48]   attention pooling with all patches but one masked, not normalised
         V/text_tokens    [3, 16, 48]   ln_final(x) . text_projection + bias, not normalised
         V/loss           []            SigLipLoss with the model's own scale and bias
         V/grad.NAME                    its gradient for NAMES below
usage: make_siglip.py --models tests/data/models --out tests/data/golden
"""

import argparse
import json
import pathlib

import open_clip
import torch
from open_clip.loss import SigLipLoss
from safetensors.torch import save_file
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer

import fill
import official

VARIANTS = ("tiny-siglip", "tiny-siglip2")
NAMES = ("logit_scale", "logit_bias", "visual.trunk.pos_embed", "visual.trunk.patch_embed.proj.bias",
         "visual.trunk.blocks.0.attn.qkv.weight", "visual.trunk.blocks.1.mlp.fc2.bias", "visual.trunk.attn_pool.latent",
         "visual.trunk.attn_pool.kv.weight", "visual.trunk.attn_pool.mlp.fc1.weight", "text.positional_embedding",
         "text.transformer.resblocks.0.mlp.c_fc.weight", "text.text_projection.weight", "text.text_projection.bias")
SIZES = {}


@register_model
def fsc_vit_siglip(num_classes, global_pool, **_):
    return VisionTransformer(num_classes=num_classes, global_pool=global_pool, **SIZES)


def make_model(path):
    config = json.loads(path.read_text())
    vision = config["vision_cfg"]
    SIZES.update(img_size=vision["image_size"], patch_size=vision["patch_size"], embed_dim=vision["width"],
                 depth=vision["layers"], num_heads=vision["width"] // vision["head_width"], mlp_ratio=vision["mlp_ratio"],
                 class_token=False)
    config.pop("custom_text")
    model = open_clip.CustomTextCLIP(**config).eval()
    fill.fill_model(model)
    return model


def inputs():
    images = torch.from_numpy(fill.signed("input.images", (3, 3, 32, 32), 2.0))
    ids = torch.from_numpy(fill.integers("siglip.ids", 48, 2, 509)).reshape(3, 16)
    for row, end in enumerate((5, 9, 12)):
        ids[row, end:] = 1
    return images, ids


def dense_image_tokens(model, images):
    """One patch at a time: what the pooling head gives when it can see nothing else."""
    trunk = model.visual.trunk
    x = trunk.forward_features(images)
    alone = torch.eye(x.shape[1], dtype=torch.bool)
    return torch.stack([trunk.attn_pool(x, attn_mask=alone[p].view(1, 1, 1, -1)) for p in range(x.shape[1])], 1)


def run(path, images, ids):
    model = make_model(path)
    seen = {}
    model.text.ln_final.register_forward_hook(lambda m, i, o: seen.__setitem__("text", o))
    image, text, scale, bias = model(images, ids)
    loss = SigLipLoss()(image, text, scale, bias)
    loss.backward()
    out = {"image_features": image, "text_features": text, "image_tokens": dense_image_tokens(model, images),
           "text_tokens": model.text.text_projection(seen["text"]), "loss": loss}
    parameters = dict(model.named_parameters())
    out.update({f"grad.{name}": parameters[name].grad for name in NAMES})
    return {key: value.detach().contiguous() for key, value in out.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    images, ids = inputs()
    tensors = {}
    for variant in VARIANTS:
        found = run(args.models / f"{variant}.json", images, ids)
        print(variant, "loss", found["loss"].item(), {k: f"{v.abs().max():.3g}" for k, v in found.items()})
        tensors.update({f"{variant}/{key}": value for key, value in found.items()})
    meta = {"made_by": "scripts/reference/make_siglip.py", "versions": official.versions("torch", "open_clip_torch", "timm")}
    save_file(tensors, args.out / "siglip.safetensors", metadata={"meta": json.dumps(meta)})


if __name__ == "__main__":
    main()
