"""Writes tests/data/golden/losses.safetensors and losses.json: the official losses on made-up features.

Made with the official code, commit 604015db3f009a8f7485f1fb7e21d8343c67664a, torch 2.15.0, in float64.
B = 5 images, N = 3 negatives a caption, D = 8, P = 6 patches, T = 7 token positions, M = 8 negatives
present. Texts are packed in the official order: B positives, then the present negatives of type 0 in
row order, then those of type 1, ...

input/image_features [B, D]       normalised rows          input/text_features [B+M, D]  normalised rows
input/image_tokens   [B, P, D]    not normalised           input/text_tokens [B+M, T, D] not normalised
input/attn_mask      [B+M, T]     int64; 1 = valid token (position 0, the SOT, is 0; padding is 0)
input/neg_masks      [N*B]        int64; entry n*B + b is 1 where row b has negative n (type-major)
input/rows_BN        [B, N]       int64; row of that negative in the packed texts, -1 = missing
input/rows_BK        [B, 1+N]     the same with the positive (row b) in front
input/logit_scale    []           the parameter; the losses use exp() of it
<case>/grad/<input>               gradient of the case's total loss with respect to image_features,
                                  text_features, image_tokens, text_tokens, logit_scale (the parameter);
                                  absent = the case does not depend on it
losses.json: {"meta", "cases": {<case>: {"options": {...}, "losses": {...}, "total": x}}}; the losses
are the official dictionary's entries, so already weighted by options.neg_loss_weight and
options.local_neg_weight.

usage: make_losses.py --official DIR --out tests/data/golden
"""

import argparse
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import fill
import official

B, N, D, P, T = 5, 3, 8, 6, 7
MASK = [[1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 1, 1], [1, 0, 1]]  # row b, negative n


def make_inputs():
    m = sum(map(sum, MASK))
    draw = lambda name, *shape: torch.from_numpy(fill.signed("loss." + name, shape)).double()
    rows = torch.full((B, N), -1)
    row = B
    for n in range(N):
        for b in range(B):
            if MASK[b][n]:
                rows[b, n], row = row, row + 1
    length = torch.from_numpy(fill.integers("loss.length", B + m, 2, T - 1))  # SOT, words, EOT: 2..T
    position = torch.arange(T)
    return {
        "image_features": F.normalize(draw("image_features", B, D), dim=-1),
        "text_features": F.normalize(draw("text_features", B + m, D), dim=-1),
        "image_tokens": 2 * draw("image_tokens", B, P, D),
        "text_tokens": 2 * draw("text_tokens", B + m, T, D),
        "attn_mask": ((position > 0) & (position < length[:, None])).long(),
        "neg_masks": torch.tensor(MASK).T.flatten(),
        "rows_BN": rows,
        "rows_BK": torch.cat([torch.arange(B)[:, None], rows], dim=1),
        "logit_scale": torch.tensor(math.log(12.5), dtype=torch.float64),
    }


def cases():
    """name -> (mode, with negatives, changes of the published options)"""
    one = dict(neg_loss_weight=1.0, local_neg_weight=1.0)
    out = {"clip": ("clip", False, {}), "negclip": ("negclip", True, {})}
    for gamma in (0.0, 2.0):
        for smoothing in (0.0, 0.02):
            out[f"global_gamma{gamma:g}_smooth{smoothing:g}"] = ("fsc", True, dict(
                one, apply_local_neg_loss=False, focal_gamma=gamma, neg_label_smoothing=smoothing))
    out["local_minmax"] = ("fsc", True, one)
    out["local_minmax_sparsify"] = ("fsc", True, dict(one, sim_sparsify=True))
    out["local_softmax"] = ("fsc-softmax", True, one)
    out["fsc"] = ("fsc", True, {})
    out["fsc_softmax"] = ("fsc-softmax", True, {})
    return out


LEAVES = ("image_features", "text_features", "image_tokens", "text_tokens", "logit_scale")


def run(code, inputs, mode, negatives, changes):
    args = official.loss_args(mode, B, **changes)
    leaves = {k: inputs[k].clone().requires_grad_() for k in LEAVES}
    rows = None if negatives else B
    loss = code.training_losses.create_loss(args)
    losses = loss(image_features=leaves["image_features"], text_features=leaves["text_features"][:rows],
                  image_tokens=leaves["image_tokens"], text_tokens=leaves["text_tokens"][:rows],
                  attn_mask=inputs["attn_mask"][:rows], neg_text_masks=inputs["neg_masks"] if negatives else None,
                  logit_scale=leaves["logit_scale"].exp(), output_dict=True)
    total = sum(losses.values())
    total.backward()
    options = {k: v for k, v in vars(args).items() if k in (
        "loss_name", "apply_global_neg_loss", "neg_loss_weight", "focal_gamma", "neg_label_smoothing",
        "apply_local_neg_loss", "local_neg_weight", "sim_normalizer", "sim_sparsify")}
    values = {k: v.item() for k, v in losses.items()}
    grads = {k: v.grad for k, v in leaves.items() if v.grad is not None}
    return {"options": options, "losses": values, "total": total.item()}, grads


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    code = official.load(args.official)

    inputs = make_inputs()
    tensors = {f"input/{k}": v.contiguous() for k, v in inputs.items()}
    results = {}
    for name, (mode, negatives, changes) in cases().items():
        with official.float64():
            results[name], grads = run(code, inputs, mode, negatives, changes)
        plain, _ = run(code, inputs, mode, negatives, changes)
        print(f"{name}: {results[name]['losses']} (labels in float32: {plain['total'] - results[name]['total']:+.1e})")
        assert math.isfinite(results[name]["total"])
        tensors.update({f"{name}/grad/{k}": v.contiguous() for k, v in grads.items()})
    meta = {"made_by": "scripts/reference/make_losses.py", "official": official.COMMIT,
            "versions": official.versions("torch"), "B": B, "N": N, "D": D, "P": P, "T": T}
    save_file(tensors, args.out / "losses.safetensors")
    (args.out / "losses.json").write_text(json.dumps({"meta": meta, "cases": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
