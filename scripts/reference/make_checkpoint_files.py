"""Small checkpoints as torch.save and torch.jit.save write them, and what is in them.

    python make_checkpoint_files.py --out ../../tests/data/golden/checkpoints

Writes the files, contents.json {file: {"tensors": {name: {dtype, shape, stride}}, "metadata": {...}}} with the names a reader
must give, and values.safetensors with "file/name" -> the values in float64. Contents come from fill.py.
"""
import argparse
import collections
import json
import os
import pathlib
import warnings

import numpy as np
import torch
from safetensors.torch import save_file

from fill import signed


def tensor(name, *shape, dtype=torch.float32):
    return torch.as_tensor(np.asarray(signed(name, shape))).reshape(shape).to(dtype)


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.in_proj_weight = torch.nn.Parameter(tensor("in_proj", 6, 2))
        self.out_proj = torch.nn.Linear(2, 2)

    def forward(self, x):
        return self.out_proj((x @ self.in_proj_weight.t())[:, :2])


class Tower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 2, 2, bias=False)
        self.resblocks = torch.nn.ModuleList([torch.nn.ModuleDict({"attn": Attention()}) for _ in range(2)])
        self.ln_post = torch.nn.LayerNorm(2)

    def forward(self, x):
        x = self.conv1(x).mean((2, 3))
        for block in self.resblocks:
            x = x + block["attn"](x)
        return self.ln_post(x)


class TinyClip(torch.nn.Module):
    """A module tree as deep as CLIP's, with the three numbers OpenAI's archives carry as buffers."""

    def __init__(self):
        super().__init__()
        self.visual = Tower()
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.5))
        for name, number in (("input_resolution", 8), ("context_length", 5), ("vocab_size", 16)):
            self.register_buffer(name, torch.tensor(number))
        for name, parameter in self.named_parameters():
            parameter.data = tensor(name, *parameter.shape)

    def forward(self, x):
        return self.visual(x) * self.logit_scale.exp()


class Command:
    """What a hostile checkpoint holds: loading it the ordinary way would run a command."""

    def __reduce__(self):
        return os.system, ("touch fsc-checkpoint-was-run",)


def drop_source_paths(path):
    """Writes a TorchScript archive again without the records that hold the paths of the Python sources."""
    reader = torch._C.PyTorchFileReader(str(path))
    records = {name: reader.get_record(name) for name in reader.get_all_records()}
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, data in records.items():
        if not name.endswith(".debug_pkl") and name not in ("version", "byteorder") and not name.startswith(".data/"):
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()


def views():
    base = tensor("base", 4, 6)
    return {"whole": base, "transposed": base.t(), "rows": base[1:3], "columns": base[:, 1:5:2], "last": base[3, 5],
            "same": base, "expanded": tensor("one", 1, 3).expand(4, 3), "none": base[:0]}


def parameters():
    tagged = torch.nn.Parameter(tensor("tagged", 3))
    tagged.tag = "attributes of a Parameter travel as its state"
    attributed = tensor("attributed", 2)
    attributed.note = "those of a tensor as its class's"
    return {"plain": torch.nn.Parameter(tensor("plain", 2, 3)), "frozen": torch.nn.Parameter(tensor("frozen", 2), False),
            "tagged": tagged, "attributed": attributed}


def wrapped(state):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {"epoch": 7, "name": "run", "best": 0.5, "done": False, "score": np.float64(0.25), "nothing": None,
            "args": argparse.Namespace(lr=1e-3, path=pathlib.PurePosixPath("a")), "groups": {"a", "b"},
            "state_dict": collections.OrderedDict(("module." + k, v) for k, v in state.items()),
            "optimizer": optimizer.state_dict(), "scaler": {"scale": 65536.0}}


def plain():
    return collections.OrderedDict(
        (("visual.proj", tensor("proj", 3, 4)), ("logit_scale", torch.tensor(4.5)), ("ids", torch.arange(5).view(1, 5)),
         ("mask", torch.tensor([[True, False], [False, True]])), ("empty", torch.zeros(0, 4)), ("visual.ln.bias", tensor("bias", 3))))


def dtypes():
    kinds = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8)
    state = {str(kind).split(".")[1]: (tensor("numbers", 5) * 100).to(kind) for kind in kinds}
    return state | {"uint8": (tensor("numbers", 5).abs() * 100).to(torch.uint8)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    contents, values = {}, {}

    def record(name, state, metadata=None):
        contents[name] = {"metadata": metadata or {}, "tensors": {
            key: {"dtype": str(value.dtype).split(".")[1], "shape": list(value.shape), "stride": list(value.stride())}
            for key, value in state.items()}}
        values.update({f"{name}/{key}": value.detach().to(torch.float64).contiguous() for key, value in state.items()})

    torch.save(plain(), out / "bare.pt")
    record("bare.pt", plain())
    torch.save(wrapped(plain()), out / "wrapped.pt")
    record("wrapped.pt", plain(), {"epoch": "7", "name": "run", "best": "0.5", "done": "false"})
    torch.save(dtypes(), out / "dtypes.pt")
    record("dtypes.pt", dtypes())
    torch.save(views(), out / "views.pt")
    record("views.pt", views())
    torch.save(parameters(), out / "parameters.pt")
    record("parameters.pt", parameters())
    torch.save({"model": plain()}, out / "protocol5.pt", pickle_protocol=5)
    record("protocol5.pt", plain())
    torch.serialization.set_crc32_options(False)
    torch.save(plain(), out / "unchecked.pt")
    torch.serialization.set_crc32_options(True)
    record("unchecked.pt", plain())

    numbers = {"input_resolution": "8", "context_length": "5", "vocab_size": "16"}
    for name, dtype in (("script.pt", torch.float32), ("script_half.pt", torch.float16)):
        model = TinyClip().to(dtype).eval()
        script = torch.jit.script(model) if dtype == torch.float32 else torch.jit.trace(model, tensor("x", 1, 3, 8, 8).to(dtype))
        torch.jit.save(script, str(out / name))
        drop_source_paths(out / name)
        state = torch.jit.load(str(out / name)).state_dict()
        record(name, {key: value for key, value in state.items() if key not in numbers}, numbers)

    torch.save(plain(), out / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": plain(), "hook": Command()}, out / "command.pt")
    torch.save(TinyClip(), out / "whole_model.pt")
    torch.save({"narrow": torch.zeros(2, dtype=torch.float8_e4m3fn)}, out / "float8.pt")

    (out / "contents.json").write_text(json.dumps(contents, indent=1) + "\n")
    save_file(values, out / "values.safetensors")
    (out / "values.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
