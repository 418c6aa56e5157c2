"""Access to the official FSC-CLIP code (ytaek-oh/fsc-clip, commit
604015db3f009a8f7485f1fb7e21d8343c67664a) from a checkout whose folder the caller names.

Nothing of it is copied here. Packages that it imports but that training without on-the-fly
negatives never uses (spaCy, the evaluation suite, ...) are replaced by empty stand-ins.
The official repository contains its own fork of open_clip under the same package name; import
the released open_clip before calling load(), if you need both in one process.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import json
import pathlib
import sys
import types
from unittest.mock import MagicMock

COMMIT = "604015db3f009a8f7485f1fb7e21d8343c67664a"
STAND_INS = {"vl_compo", "loguru", "spacy", "nltk", "pyinflect", "sng_parser", "webdataset",
             "braceexpand"}

# The four modes of the comparison: what the official command line says for each.
MODES = {
    "fsc": dict(loss_name="fsc-clip", return_dense_tokens=True, sim_normalizer="minmax"),
    "fsc-softmax": dict(loss_name="fsc-clip", return_dense_tokens=True, sim_normalizer="softmax"),
    "negclip": dict(loss_name="clip", return_dense_tokens=False, sim_normalizer="minmax"),
    "clip": dict(loss_name="clip", return_dense_tokens=False, sim_normalizer="minmax"),
}


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Asked last, so that an installed package always wins."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in STAND_INS:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__, module.__spec__, module.__name__ = [], spec, spec.name
        return module

    def exec_module(self, module):
        pass


def golden_arguments(description):
    """The command line of a script that makes goldens of the small models: --official, --models, --out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    return parser.parse_args()


def load(folder):
    """Import the official packages; returns a namespace of the modules that are used."""
    src = pathlib.Path(folder) / "src"
    if not (src / "training" / "losses" / "loss.py").is_file():
        sys.exit(f"{folder}: not a checkout of the official code (src/training/losses/loss.py is missing)")
    for name in [m for m in sys.modules if m.split(".")[0] in ("open_clip", "training")]:
        del sys.modules[name]
    sys.path.insert(0, str(src))
    if not any(isinstance(f, _StandIns) for f in sys.meta_path):
        sys.meta_path.append(_StandIns())
    names = ("open_clip", "training.losses", "training.losses.loss", "training.scheduler", "training.train")
    return types.SimpleNamespace(**{n.replace(".", "_"): importlib.import_module(n) for n in names})


def loss_args(mode, batch_size, **changes):
    """The arguments that the official create_loss() reads, as published for COCO."""
    values = dict(
        batch_size=batch_size, local_loss=False, gather_with_grad=False, rank=0, world_size=1, horovod=False,
        apply_global_neg_loss=True, neg_loss_weight=0.5, neg_loss_name="focal_loss", focal_gamma=2.0,
        neg_label_smoothing=0.02, apply_local_neg_loss=True, local_neg_weight=0.2, sim_sparsify=False)
    values.update(MODES[mode])
    values.update(changes)
    return types.SimpleNamespace(**values)


def make_model(code, arch_json, mode):
    """The official model of an open_clip config file; its weights are random."""
    path = pathlib.Path(arch_json)
    code.open_clip.add_model_config(path)
    assert code.open_clip.get_model_config(path.stem) == json.loads(path.read_text()), path
    return code.open_clip.create_model(path.stem, "", precision="fp32", device="cpu", output_dict=True,
                                       return_dense_tokens=MODES[mode]["return_dense_tokens"])


def add_lora(model, rank):
    """The official LoRA layers on every Linear, conv1 and attention; only they are trained."""
    from training.models.lora_utils import mark_only_lora_as_trainable, patch_vit_clip_lora

    model = patch_vit_clip_lora(model, lora=rank)
    mark_only_lora_as_trainable(model)
    return model


def make_optimizer(model, lr, wd=0.1, beta1=0.9, beta2=0.98, eps=1e-6):
    """AdamW in two groups; the official grouping is inline in its main() and cannot be imported."""
    import torch

    groups = {True: [], False: []}
    for name, p in model.named_parameters():
        if p.requires_grad:
            groups[p.ndim < 2 or any(key in name for key in ("bn", "ln", "bias", "logit_scale"))].append(p)
    return torch.optim.AdamW([{"params": groups[True], "weight_decay": 0.0},
                              {"params": groups[False], "weight_decay": wd}],
                             lr=lr, betas=(beta1, beta2), eps=eps)


class _Recorder:
    """Takes the place of the TensorBoard writer: the only exact record the official loop gives."""

    def __init__(self, model, after_step):
        self.model, self.after_step, self.rows = model, after_step, []

    def add_scalar(self, name, value, step):
        if len(self.rows) <= step:  # first scalar of this step: weights are already updated
            self.rows.append({"step": step})
            self.after_step(step, getattr(self.model, "module", self.model))
        self.rows[step][name] = value


def train(code, model, optimizer, batches, args, lr, warmup, total_steps, after_step=None):
    """Run the official train_one_epoch() over `batches` (dicts images, texts, neg_masks).

    Returns one dict a step: clip_loss, global_hn_loss, local_hn_loss (the last two weighted, 0 where
    the mode has none), loss, lr, scale (exp(logit_scale), as used in the step) and logit_scale (the
    parameter itself, after the step and its clamp).
    """
    class Loader(list):
        num_batches = total_steps
        num_samples = total_steps * args.batch_size

    loader = Loader(batches)
    data = {"train": types.SimpleNamespace(dataloader=loader, set_epoch=lambda epoch: None)}
    for key, value in dict(device="cpu", precision="fp32", distill=False, accum_freq=1, skip_scheduler=False,
                           grad_clip_norm=None, log_every_n_steps=1, wandb=False).items():
        setattr(args, key, value)
    scales = []

    def hook(step, m):
        scales.append(m.logit_scale.item())
        if after_step:
            after_step(step, m)

    code.training_train.is_master = lambda args, local=False: True  # every rank reports
    recorder = _Recorder(model, hook)
    scheduler = code.training_scheduler.cosine_lr(optimizer, lr, warmup, total_steps)
    loss = code.training_losses.create_loss(args)
    code.training_train.train_one_epoch(model, data, loss, 0, optimizer, None, scheduler, None, args,
                                        tb_writer=recorder)
    return [{"step": r["step"], "clip_loss": r["train/clip_loss"],
             "global_hn_loss": r.get("train/clip_neg_loss", 0.0),
             "local_hn_loss": r.get("train/local_neg_loss", 0.0),
             "loss": r["train/loss"], "lr": float(r["train/lr"]), "scale": r["train/scale"],
             "logit_scale": s} for r, s in zip(recorder.rows, scales)]


def versions(*names):
    """Package versions for the golden files' metadata."""
    import importlib.metadata

    found = {n: importlib.metadata.version(n) for n in names}
    found["python"] = ".".join(map(str, sys.version_info[:3]))
    return found


def pack(texts, negatives, count):
    """The official order of a batch's texts: positives, then all negatives of type 0, type 1, ...

    `negatives`: a list of strings for each row, "" or absent = missing.
    Returns (texts, mask), mask[n * B + b] = 1 where row b has negative n.
    """
    packed, mask = list(texts), []
    for n in range(count):
        for row in negatives:
            have = n < len(row) and row[n] != ""
            mask.append(int(have))
            if have:
                packed.append(row[n])
    return packed, mask


@contextlib.contextmanager
def float64():
    """Let the official code compute in float64 throughout.

    Its loss builds the smoothed labels with Tensor.float() and integer divisions, which would round
    them to float32; inside this block those give float64.
    """
    import torch

    old_type, old_float = torch.get_default_dtype(), torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.set_default_dtype(old_type)
        torch.Tensor.float = old_float
