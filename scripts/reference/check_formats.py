"""Converts random models of the real sizes with fsc-model and lets open_clip and transformers open them again.

For each architecture: open_clip's random weights as .pt (float32), as an archive like OpenAI's (TorchScript, float16, for
QuickGELU) and transformers' random model as a folder, each converted to both forms. Printed for each: the largest difference of
a normalised feature between the program that wrote the source, fsc (the features that fsc-model convert --save-check
keeps), and the program that opens the result; and whether all tensors came back bit for bit after two conversions.

Asked for: 2e-5 in float32, 2e-2 for float16 archives. Exit status 1 when one is above. Needs torch, open_clip, transformers,
and for ViT-H-14 some 14 GB of memory and 12 GB in WORK.
usage: check_formats.py --fsc-model build/release/bin/fsc-model --work WORK [--sentencepiece FILE] [ARCH ...]
"""

import argparse
import gc
import os
import pathlib
import shutil
import subprocess
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import open_clip
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

ARCHITECTURES = ["ViT-B-32", "ViT-B-32-quickgelu", "ViT-B-16", "ViT-L-14-336", "ViT-H-14", "ViT-B-16-SigLIP"]
failures = []


def run(fsc_model, *arguments):
    done = subprocess.run([fsc_model, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"fsc-model {' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stderr


def unit(features):
    return torch.nn.functional.normalize(getattr(features, "pooler_output", features).float(), dim=-1)


@torch.no_grad()
def features(model, probe):
    pixels, ids = probe["pixels"], probe["ids"]
    if hasattr(model, "get_image_features"):
        return unit(model.get_image_features(pixel_values=pixels)), unit(model.get_text_features(input_ids=ids))
    return unit(model.encode_image(pixels)), unit(model.encode_text(ids))


def difference(a, b):
    return max(float((x - y).abs().max()) for x, y in zip(a, b))


def report(what, value, bound):
    print(f"  {what:58} {value:.2e}", flush=True)
    if not value <= bound:
        failures.append(f"{what}: {value}")


def open_result(folder, form):
    if form == "open_clip":
        return open_clip.create_model_and_transforms(f"local-dir:{folder}")[0].eval()
    kind = SiglipModel if "SiglipModel" in (folder / "config.json").read_text() else CLIPModel
    return kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()


def same_tensors(left, right):
    with safe_open(left, "pt") as a, safe_open(right, "pt") as b:
        return set(a.keys()) == set(b.keys()) and all(torch.equal(a.get_tensor(k), b.get_tensor(k)) for k in a.keys())


def check(options, name, source, model, arch=(), bound=2e-5, again=None):
    """`again`: the form of the source, for the way there and back."""
    tokenizer = ["--tokenizer", options.sentencepiece] if options.sentencepiece and "SigLIP" in name else []
    for form in ("open_clip", "hf"):
        folder, kept = options.work / f"to-{form}", options.work / "probe.safetensors"
        run(options.fsc_model, "convert", source, *arch, *tokenizer, "--to", form, "--output", folder, "--save-check", kept)
        probe = load_file(kept)
        ours = (probe["image_features"], probe["text_features"])
        theirs = features(model(), probe)
        gc.collect()
        report(f"{source.name}: its program, fsc", difference(theirs, ours), bound)
        report(f"{source.name} -> {form}: fsc, the program that opens it", difference(ours, features(open_result(folder, form), probe)), bound)
        gc.collect()
        if again == ("hf" if form == "open_clip" else "open_clip"):
            back = options.work / "back"
            run(options.fsc_model, "convert", folder, "--to", again, "--output", back)
            original = source / "model.safetensors" if source.is_dir() else options.work / "original.safetensors"
            report(f"{source.name} -> {form} -> {again}: tensors changed", 0.0 if same_tensors(original, back / "model.safetensors") else 1.0, 0.0)
            shutil.rmtree(back)
        shutil.rmtree(folder)


def hugging_face(name):
    config = open_clip.get_model_config(name)
    vision, text = config["vision_cfg"], config["text_cfg"]
    if "SigLIP" in name:
        return SiglipModel(SiglipConfig(vision_config=dict(image_size=vision["image_size"]),
                                        text_config=dict(vocab_size=text["vocab_size"], max_position_embeddings=text["context_length"])))
    act = "quick_gelu" if config.get("quick_gelu") else "gelu"
    heads = vision["width"] // vision.get("head_width", 64)
    return CLIPModel(CLIPConfig(
        projection_dim=config["embed_dim"],
        vision_config=dict(hidden_size=vision["width"], intermediate_size=4 * vision["width"], num_hidden_layers=vision["layers"],
                           num_attention_heads=heads, image_size=vision["image_size"], patch_size=vision["patch_size"], hidden_act=act),
        text_config=dict(hidden_size=text["width"], intermediate_size=4 * text["width"], num_hidden_layers=text["layers"],
                         num_attention_heads=text["heads"], hidden_act=act)))


def check_architecture(options, name):
    torch.manual_seed(0)
    print(name, flush=True)
    work = options.work
    model = open_clip.create_model(name).eval()
    path = work / "open_clip.pt"
    torch.save({"epoch": 1, "name": name, "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, path)
    from safetensors.torch import save_file
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, work / "original.safetensors")
    check(options, name, path, lambda: model, ["--arch", name], again="open_clip")
    path.unlink()
    (work / "original.safetensors").unlink()
    if name.endswith("quickgelu"):
        half = open_clip.create_model(name, precision="fp16").eval()
        half.load_state_dict(model.state_dict())
        path = work / "openai.pt"
        torch.jit.save(torch.jit.script(half), path)
        del half
        # torch.half on a CPU is its own approximation; float32 of the same numbers is what can be compared closely.
        rounded = open_clip.create_model(name).eval()
        rounded.load_state_dict({k: v.float() for k, v in torch.jit.load(path).state_dict().items() if k != "attn_mask"})
        check(options, name, path, lambda: rounded)
        check(options, name, path, lambda: model, bound=2e-2)
        path.unlink()
    del model
    gc.collect()
    model = hugging_face(name).eval()
    folder = work / "hugging-face"
    model.save_pretrained(folder, max_shard_size="900MB" if name == "ViT-L-14-336" else "50GB")
    sharded = not (folder / "model.safetensors").exists()
    # open_clip computes SigLIP's image tower with the exact GELU, transformers with its tanh approximation.
    bound = 3e-3 if "SigLIP" in name else 2e-5
    check(options, name, folder, lambda: model, bound=bound, again=None if sharded else "hf")
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fsc-model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--sentencepiece")
    parser.add_argument("architectures", nargs="*", default=ARCHITECTURES)
    options = parser.parse_args()
    torch.set_num_threads(2)
    options.work.mkdir(parents=True, exist_ok=True)
    for name in options.architectures:
        check_architecture(options, name)
    print("above the bound:\n  " + "\n  ".join(failures) if failures else "all within bounds")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
