"""Writes tests/data/golden/lora.safetensors: LoRA on a tiny model by the official code.

Made with the official code, commit 604015db3f009a8f7485f1fb7e21d8343c67664a (its patch_vit_clip_lora,
mark_only_lora_as_trainable, loss, schedule and train_one_epoch), torch 2.15.0, CPU, float32.

Model tests/data/models/tiny-quickgelu.json filled by fill.py's rule, rank 2; A by the same rule, every B
signed(name, shape, 0.2), so that no gradient is zero. Images and ids as in make_tiny_model.py. Three
steps on make_curve.py's batches, mode fsc, lr 1e-2, 1 warm-up step, everything else as there.

  image_features [3, 32], text_features [4, 32]   normalised, of the start
  losses [3, 4]                                   clip_loss, global_hn_loss, local_hn_loss, loss
  grad/<name>                                     of the first step, every trained tensor
  after/<name>                                    after the third step
  init/<name>                                     [] the largest absolute value of the official initial values

usage: make_lora.py --official DIR --models tests/data/models --out tests/data/golden
"""


import torch
from safetensors.torch import save_file

import fill
import make_curve
import make_tiny_model
import official

RANK, LR, STEPS = 2, 1e-2, 3


def main():
    args = official.golden_arguments(__doc__)
    code = official.load(args.official)
    torch.manual_seed(0)
    model = official.make_model(code, args.models / "tiny-quickgelu.json", "fsc")
    model = official.add_lora(model, RANK)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    golden = {f"init/{n}": p.detach().abs().max() for n, p in trained.items()}
    fill.fill_model(model)
    with torch.no_grad():
        for name, p in trained.items():
            if name.endswith("lora_B"):
                p.copy_(torch.from_numpy(fill.signed(name, p.shape, 0.2)))
        images, ids = make_tiny_model.inputs()
        golden["image_features"] = model.encode_image(images, normalize=True)
        golden["text_features"] = model.encode_text(ids, normalize=True)

    def after_step(step, m):
        if step == 0:
            golden.update({f"grad/{n}": p.grad.clone() for n, p in trained.items()})

    steps = official.train(code, model, official.make_optimizer(model, LR),
                           [make_curve.batch(k, torch.float32) for k in range(STEPS)],
                           official.loss_args("fsc", make_curve.B), LR, 1, STEPS, after_step)
    golden["losses"] = torch.tensor([[s[k] for k in ("clip_loss", "global_hn_loss", "local_hn_loss", "loss")] for s in steps])
    golden.update({f"after/{n}": p.detach() for n, p in trained.items()})
    save_file({k: v.contiguous() for k, v in golden.items()}, args.out / "lora.safetensors",
              {"made_by": "scripts/reference/make_lora.py", "official": official.COMMIT, "rank": str(RANK)})
    print(f"{len(trained)} trained tensors, {sum(p.numel() for p in trained.values())} numbers; losses {golden['losses'].tolist()}")


if __name__ == "__main__":
    main()
