"""Writes tests/data/golden/context.safetensors: other context lengths by the official code.

Made with the official code, commit 604015db3f009a8f7485f1fb7e21d8343c67664a (its adjust_context_length, which
--force-context-length calls, and merge, which --wise-ft-alpha calls), torch 2.15.0, CPU, float32.

Model tests/data/models/tiny-quickgelu.json (context 77) filled by fill.py's rule. For C in 12, 100:
  C/positional_embedding [C, 48]    of the model whose context was made C
  C/ids           int64 [3, C]      fill.token_rows("context.ids", 3, context=C, min_len=C - 4, spread=5)
  C/text_features [3, 32]           normalised, of these ids
  merged/positional_embedding [12, 48]   WiSE-FT, alpha 0.25, from the filled model to the one of context 12 with all its
                                    tensors halved

usage: make_context.py --official DIR --models tests/data/models --out tests/data/golden
"""

import importlib
import json

import torch
from safetensors.torch import save_file

import fill
import official

LENGTHS, ALPHA = (12, 100), 0.25


def main():
    args = official.golden_arguments(__doc__)
    code = official.load(args.official)
    utils = importlib.import_module("training.models.model_utils")
    golden, states = {}, {}
    for length in LENGTHS:
        model = official.make_model(code, args.models / "tiny-quickgelu.json", "clip").eval()
        fill.fill_model(model)
        states[model.context_length] = {k: v.clone() for k, v in model.state_dict().items()}
        utils.adjust_context_length(model, length)
        states[length] = {k: v * 0.5 for k, v in model.state_dict().items()}
        ids = torch.from_numpy(fill.token_rows("context.ids", 3, context=length, min_len=length - 4, spread=5))
        with torch.no_grad():
            features = model.encode_text(ids, normalize=True)
        golden.update({f"{length}/positional_embedding": model.positional_embedding.detach(), f"{length}/ids": ids,
                       f"{length}/text_features": features})
    merged = utils.merge(ALPHA, states[77], states[LENGTHS[0]])
    golden["merged/positional_embedding"] = merged["positional_embedding"]
    for name, tensor in golden.items():
        print(name, tuple(tensor.shape), float(tensor.double().abs().max()))
    save_file({k: v.contiguous() for k, v in golden.items()}, args.out / "context.safetensors",
              {"meta": json.dumps({"made_by": "scripts/reference/make_context.py", "official": official.COMMIT})})


if __name__ == "__main__":
    main()
