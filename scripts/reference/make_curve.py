"""Writes tests/data/golden/curve.json: 20 training steps of a tiny model by the official code.

Made with the official code, commit 604015db3f009a8f7485f1fb7e21d8343c67664a (its model, loss, schedule
and train_one_epoch), torch 2.15.0, CPU, float32; and once more in float64 from the same float32 start,
which shows how far rounding alone moves the curve.

Model tests/data/models/tiny-quickgelu.json filled by fill.py's rule; mode fsc (weights 0.5 and 0.2,
gamma 2, smoothing 0.02, minmax); AdamW lr 1e-3, weight decay 0.1, betas 0.9 and 0.98, eps 1e-6; cosine,
5 warm-up steps of 20; logit_scale clamped to [0, ln 100]; no gradient clipping.

Batch of step k (B = 4, N = 2), by fill.py:
  images   signed("curve.images.<k>", [4, 3, 32, 32], scale 2)
  present  negative n of row b is there if uniform("curve.mask.<k>", 8)[n * 4 + b] < 0.7,
           and n = 0 of row (k mod 4) always is
  ids      token_rows("curve.ids.<k>", 12): row b is the positive of image b, row 4 + n * 4 + b its
           negative n; rows of missing negatives are dropped when the batch is packed

curve.json:
  steps          a list of {step, clip_loss, global_hn_loss, local_hn_loss (both weighted), loss, lr,
                 scale (exp of logit_scale before the step), logit_scale (the parameter after it)}
  steps_float64  the same, in float64
  first_gradient   {parameter: {norm, first4}} of step 0
  after_first_step {parameter: {mean, mean_abs, first4}}
  final            the same after step 19

usage: make_curve.py --official DIR --models tests/data/models --out tests/data/golden
"""

import json

import torch

import fill
import official

B, N, STEPS, WARMUP, LR = 4, 2, 20, 5, 1e-3


def batch(step, dtype):
    present = torch.from_numpy(fill.uniform(f"curve.mask.{step}", N * B)) < 0.7
    present[step % B] = True
    ids = torch.from_numpy(fill.token_rows(f"curve.ids.{step}", (1 + N) * B))
    return {"images": torch.from_numpy(fill.signed(f"curve.images.{step}", (B, 3, 32, 32), 2.0)).to(dtype),
            "texts": ids[torch.cat([torch.ones(B, dtype=torch.bool), present])],
            "neg_masks": present.long()}


def summary(model):
    return {name: {"mean": p.double().mean().item(), "mean_abs": p.double().abs().mean().item(),
                   "first4": p.flatten()[:4].tolist()} for name, p in model.named_parameters()}


def run(code, path, dtype):
    model = official.make_model(code, path, "fsc")
    fill.fill_model(model)
    model.to(dtype)
    notes = {}

    def after_step(step, m):
        if step == 0:
            notes["first_gradient"] = {n: {"norm": p.grad.double().norm().item(), "first4": p.grad.flatten()[:4].tolist()}
                                       for n, p in m.named_parameters()}
            notes["after_first_step"] = summary(m)

    steps = official.train(code, model, official.make_optimizer(model, LR), [batch(k, dtype) for k in range(STEPS)],
                           official.loss_args("fsc", B), LR, WARMUP, STEPS, after_step)
    return steps, {**notes, "final": summary(model)}


def main():
    args = official.golden_arguments(__doc__)
    code = official.load(args.official)
    path = args.models / "tiny-quickgelu.json"

    steps, notes = run(code, path, torch.float32)
    with official.float64():
        exact, exact_notes = run(code, path, torch.float64)
    for a, b in zip(steps, exact):
        print(f"step {a['step']}: loss {a['loss']:.6f} (clip {a['clip_loss']:.4f}, global {a['global_hn_loss']:.4f}, "
              f"local {a['local_hn_loss']:.4f}), float32 - float64 {a['loss'] - b['loss']:+.1e}, lr {a['lr']:.2e}, "
              f"logit_scale {a['logit_scale']:.6f}")
    for name in notes["final"]:
        gap = abs(notes["final"][name]["mean_abs"] - exact_notes["final"][name]["mean_abs"])
        if gap > 1e-5:
            print(f"final mean_abs of {name} differs by {gap:.1e} between float32 and float64")
    meta = {"made_by": "scripts/reference/make_curve.py", "official": official.COMMIT,
            "versions": official.versions("torch"), "model": path.name, "B": B, "N": N,
            "lr": LR, "warmup": WARMUP, "steps": STEPS}
    text = json.dumps({"meta": meta, "steps": steps, "steps_float64": exact, **notes}, indent=None)
    (args.out / "curve.json").write_text(text.replace("}, ", "},\n") + "\n")


if __name__ == "__main__":
    main()
