"""Writes tests/data/formats: tiny models in the forms that other programs save, and what those programs make of them.

Made with transformers 5.24.0, open_clip_torch 3.3.0 and torch 2.15.0 (CPU), weights drawn from a normal distribution.

hf-clip/            CLIPModel.save_pretrained: GELU, config.json and model.safetensors
hf-clip-shards/     the same model in shards with an index, preprocessor_config.json of another mean, squashed and bilinear
hf-clip-bin/        the same model as pytorch_model.bin in float16; its config.json is an old one: text_config_dict, eos_token_id 2
hf-siglip/          SiglipModel.save_pretrained
open_clip.pt        a training checkpoint of open_clip: state_dict behind "module.", epoch, name, optimizer
open_clip.json      its architecture (model config, QuickGELU)
openai.pt           a TorchScript archive as OpenAI's: float16, a module tree with QuickGELU modules, the three numbers they hold
gelu_archive.pt     such an archive, without the numbers, whose blocks hold GELU modules
                    (both without the towers' code, which would be most of the file)
expected.safetensors  pixels float32 [2, 3, 8, 8]; ids int64 [2, 8] and siglip_ids int64 [2, 8]; for each model M above
                    M/image and M/text float32 [2, 8]: normalised features by the program that wrote it, in float32
usage: make_formats.py --out tests/data/formats
"""

import argparse
import copy
import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
import open_clip
import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, SiglipConfig, SiglipModel

VOCAB, CONTEXT, SIZE, PATCH, WIDTH = 24, 8, 8, 4, 8
OPEN_CLIP = {"embed_dim": 8, "quick_gelu": True,
             "vision_cfg": {"image_size": SIZE, "layers": 2, "width": WIDTH, "head_width": 4, "patch_size": PATCH},
             "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCAB, "width": WIDTH, "heads": 2, "layers": 1}}


def drawn(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 0 and "logit" not in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


def inputs():
    generator = torch.Generator().manual_seed(1)
    ids = torch.tensor([[22, 5, 9, 23, 0, 0, 0, 0], [22, 1, 2, 3, 4, 17, 11, 23]])
    return {"pixels": torch.randn((2, 3, SIZE, SIZE), generator=generator), "ids": ids,
            "siglip_ids": torch.randint(0, VOCAB, (2, CONTEXT), generator=generator)}


def unit(features):
    return torch.nn.functional.normalize(getattr(features, "pooler_output", features).float(), dim=-1)


@torch.no_grad()
def features(model, given, out, name):
    hugging_face = hasattr(model, "get_image_features")
    ids = given["siglip_ids" if isinstance(model, SiglipModel) else "ids"]
    image = model.get_image_features(pixel_values=given["pixels"]) if hugging_face else model.encode_image(given["pixels"])
    text = model.get_text_features(input_ids=ids) if hugging_face else model.encode_text(ids)
    out[f"{name}/image"], out[f"{name}/text"] = unit(image).contiguous(), unit(text).contiguous()


def hf_clip(out, given, expected):
    text = dict(hidden_size=WIDTH, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2, vocab_size=VOCAB,
                max_position_embeddings=CONTEXT, bos_token_id=VOCAB - 2, eos_token_id=VOCAB - 1, hidden_act="gelu")
    vision = dict(hidden_size=WIDTH, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4, image_size=SIZE, patch_size=PATCH,
                  hidden_act="gelu")
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    model = drawn(CLIPModel(config), 2)
    model.save_pretrained(out / "hf-clip")
    features(model, given, expected, "hf-clip")

    model.save_pretrained(out / "hf-clip-shards", max_shard_size="6KB")
    CLIPImageProcessor(image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.4], resample=2, do_center_crop=False,
                       size={"height": SIZE, "width": SIZE}).save_pretrained(out / "hf-clip-shards")

    half = copy.deepcopy(model).half()
    folder = out / "hf-clip-bin"
    folder.mkdir()
    torch.save(half.state_dict(), folder / "pytorch_model.bin")
    old = {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 8, "torch_dtype": "float16",
           "text_config": {}, "text_config_dict": dict(text, eos_token_id=2), "vision_config": vision}
    (folder / "config.json").write_text(json.dumps(old, indent=2) + "\n")
    features(CLIPModel.from_pretrained(folder, dtype=torch.float32).eval(), given, expected, "hf-clip-bin")


def hf_siglip(out, given, expected):
    text = dict(hidden_size=WIDTH, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, vocab_size=VOCAB,
                max_position_embeddings=CONTEXT)
    vision = dict(hidden_size=WIDTH, intermediate_size=20, num_hidden_layers=1, num_attention_heads=4, image_size=SIZE, patch_size=PATCH)
    model = drawn(SiglipModel(SiglipConfig(text_config=text, vision_config=vision)), 3)
    model.save_pretrained(out / "hf-siglip")
    features(model, given, expected, "hf-siglip")


def open_clip_files(out, given, expected):
    model = drawn(open_clip.CLIP(**copy.deepcopy(OPEN_CLIP)), 4)
    features(model, given, expected, "open_clip")
    optimizer = torch.optim.AdamW(model.parameters())
    state = {"module." + name: value for name, value in model.state_dict().items()}
    torch.save({"epoch": 3, "name": "tiny", "state_dict": state, "optimizer": optimizer.state_dict()}, out / "open_clip.pt")
    (out / "open_clip.json").write_text(json.dumps(OPEN_CLIP, indent=2) + "\n")


class Part(torch.nn.Module):
    """A node of the module tree: names and tensors, no computation."""

    def forward(self, x: torch.Tensor):
        return x


class QuickGELU(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        return x * torch.sigmoid(1.702 * x)


def tree(tensors, activation):
    root = Part()
    for name, value in tensors.items():
        node, *path = root, *name.split(".")
        for part in path[:-1]:
            if part not in dict(node.named_children()):
                node.add_module(part, Part())
            node = node.get_submodule(part)
        node.register_parameter(path[-1], torch.nn.Parameter(value.clone()))
        if path[-3:-1] == ["mlp", "c_fc"]:
            root.get_submodule(".".join(path[:-2])).add_module("gelu", activation)
    return root.eval()


def archive(out, given, expected, name, quick):
    model = drawn(open_clip.CLIP(**dict(copy.deepcopy(OPEN_CLIP), quick_gelu=quick)), 5).half()
    root = tree(dict(model.named_parameters()), QuickGELU() if quick else torch.nn.GELU())
    if quick:
        for number, value in (("input_resolution", SIZE), ("context_length", CONTEXT), ("vocab_size", VOCAB)):
            root.register_buffer(number, torch.tensor(value))
    torch.jit.save(torch.jit.script(root), out / f"{name}.pt")
    features(model.float(), given, expected, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    given, expected = inputs(), {}
    hf_clip(out, given, expected)
    hf_siglip(out, given, expected)
    open_clip_files(out, given, expected)
    archive(out, given, expected, "openai", True)
    archive(out, given, expected, "gelu_archive", False)
    save_file({**given, **expected}, out / "expected.safetensors")


if __name__ == "__main__":
    main()
