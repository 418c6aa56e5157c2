#!/usr/bin/env python3
"""Times what torch.compile makes of the same operations, as one writes them in Python: padded texts, whole matrices of logits.

    bench/torch_compiled.py --names FILE --output FILE [--device cuda|cpu] [--seconds S]

FILE of --names has a case a line, as `gpu_check_device --list` writes them. The output has name<TAB>seconds lines; what does not fit into
the seconds, and what is no kernel that is known here, is left out. Needs torch, and for the CPU g++.
"""
import argparse
import random
import re
import time

import torch
import torch.nn.functional as F

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def lengths(texts, negatives):
    """Tokens of each text, by the law of bench/captions.cpp; a negative has as many as its caption."""
    rng = random.Random(1)
    captions = [min(77, round(10 + 1.3 * sum(rng.gauss(0, 1) ** 2 for _ in range(3)))) for _ in range(texts)]
    return torch.tensor(captions * (1 + negatives))


def alignment_scores(patches, tokens, valid, owner, scale):
    """patches [B,P,D], tokens [R,T,D], valid [R,T], owner [R] -> [R]."""
    own = patches[owner]
    with torch.no_grad():
        similarity = torch.einsum("rtd,rpd->rtp", tokens, own).float()
        low, high = similarity.amin(-1, keepdim=True), similarity.amax(-1, keepdim=True)
        weights = (similarity - low) / (high - low)
        weights = (weights / weights.sum(-1, keepdim=True)).to(tokens.dtype)
    aligned = torch.einsum("rtp,rpd->rtd", weights, own)
    cosine = (F.normalize(aligned.float(), dim=-1) * F.normalize(tokens.float(), dim=-1)).sum(-1)
    return torch.logsumexp((scale * cosine).masked_fill(~valid, -1e30), -1)


def contrastive_loss(image, text, scale, extra=None):
    logits = scale * (image @ text.t()).float()
    target = torch.arange(image.shape[0], device=image.device)
    to_text = logits if extra is None else torch.cat([logits, scale * (image @ extra.t()).float()], 1)
    return (F.cross_entropy(to_text, target) + F.cross_entropy(logits.t(), target)) / 2


def sigmoid_loss(image, text, scale, bias):
    sign = 2 * torch.eye(image.shape[0], device=image.device) - 1
    return -F.logsigmoid(sign * (scale * (image @ text.t()).float() + bias)).sum() / image.shape[0]


def hard_negative_loss(logits, valid, gamma=2.0, smoothing=0.02):
    counts = 1 + valid.sum(1, keepdim=True)
    target = torch.cat([1 - smoothing + smoothing / counts, valid * smoothing / counts], 1)
    log_p = torch.cat([logits[:, :1], logits[:, 1:] * valid], 1).log_softmax(1)
    rows = -(target * (1 - log_p.exp()).clamp_min(1e-12) ** gamma * log_p).sum(1)
    exists = valid.any(1)
    return (rows * exists).sum() / exists.sum().clamp_min(1)


class Block(torch.nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Linear(4 * width, width))
        self.heads, self.causal = heads, causal

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(self.ln_1(x)).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.ln_2(x))


class ViTB32(torch.nn.Module):
    """ViT-B/32's towers; the blocks are compiled one by one, which costs seconds in place of minutes."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 768, 32, 32, bias=False)
        self.cls, self.places = torch.nn.Parameter(torch.zeros(768)), torch.nn.Parameter(torch.zeros(50, 768))
        self.ln_pre, self.ln_post, self.ln_final = torch.nn.LayerNorm(768), torch.nn.LayerNorm(768), torch.nn.LayerNorm(512)
        self.image = torch.nn.Sequential(*[Block(768, 12, False) for _ in range(12)])
        self.image_projection = torch.nn.Parameter(768**-0.5 * torch.randn(768, 512))
        self.embedding, self.text_places = torch.nn.Embedding(49408, 512), torch.nn.Parameter(torch.zeros(77, 512))
        self.text = torch.nn.Sequential(*[Block(512, 8, True) for _ in range(12)])
        self.text_projection = torch.nn.Parameter(512**-0.5 * torch.randn(512, 512))
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.66))
        for block in [*self.image, *self.text]:
            block.compile()

    def forward(self, images, ids, ends):
        x = self.conv(images).flatten(2).transpose(1, 2)
        x = self.ln_pre(torch.cat([self.cls.expand(len(x), 1, -1).to(x.dtype), x], 1) + self.places)
        x = self.ln_post(self.image(x)) @ self.image_projection
        y = self.ln_final(self.text(self.embedding(ids) + self.text_places[: ids.shape[1]])) @ self.text_projection
        text = y[torch.arange(len(y), device=y.device), ends]
        return F.normalize(x[:, 0].float(), dim=-1), x[:, 1:], F.normalize(text.float(), dim=-1), y


def make_step(sizes, dtype, device):
    b, n = sizes["B"], sizes["N"]
    model = ViTB32().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    images, count = torch.randn(b, 3, 224, 224, device=device), lengths(b, n).to(device)
    ids = torch.randint(1, 49000, (b * (1 + n), int(count.max())), device=device)
    place = torch.arange(ids.shape[1], device=device)
    valid, owner = (place > 0) & (place < count[:, None]), torch.arange(b, device=device).repeat(1 + n)
    score, pairs, wrong = torch.compile(alignment_scores), torch.compile(contrastive_loss), torch.compile(hard_negative_loss)
    exists = torch.ones(b, n, dtype=torch.bool, device=device)

    def step():
        optimizer.zero_grad()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=dtype == "bf16"):
            image, patches, text, tokens = model(images, ids, count - 1)
        scale = model.logit_scale.exp()
        whole = scale * torch.einsum("bd,rbd->br", image, text.view(1 + n, b, 512))
        parts = score(patches, tokens, valid, owner, scale).view(1 + n, b).t()
        loss = pairs(image, text[:b], scale) + 0.5 * wrong(whole, exists) + 0.2 * wrong(parts, exists)
        loss.backward()
        optimizer.step()

    return step


def make_kernel(kernel, sizes, dtype, device):
    """A function of one forward and backward pass, or None where the kernel is not known."""
    torch.manual_seed(1)
    dt, d = DTYPES[dtype], sizes.get("D", 0)

    def leaf(*shape, unit=False):
        x = torch.randn(*shape, device=device)
        return (F.normalize(x, dim=-1) if unit else x).to(dt).requires_grad_()

    scale = torch.tensor(14.3, device=device, requires_grad=True)
    if kernel == "alignment":
        b, n = sizes["B"], sizes["N"]
        count = lengths(b, n).to(device) - 1  # all but the first
        valid = torch.arange(int(count.max()), device=device) < count[:, None]
        inputs = [leaf(b, sizes["P"], d), leaf(b * (1 + n), valid.shape[1], d), scale]
        owner, compiled = torch.arange(b, device=device).repeat(1 + n), torch.compile(alignment_scores)
        loss = lambda: compiled(inputs[0], inputs[1], valid, owner, scale).sum()
    elif kernel == "contrastive":
        inputs = [leaf(sizes["B"], d, unit=True), leaf(sizes["B"], d, unit=True), scale]
        if "E" in sizes:
            inputs.append(leaf(sizes["E"], d, unit=True))
        compiled = torch.compile(contrastive_loss)
        loss = lambda: compiled(*inputs)
    elif kernel == "sigmoid":
        inputs = [leaf(sizes["B"], d, unit=True), leaf(sizes["B"], d, unit=True), scale,
                  torch.tensor(-10.0, device=device, requires_grad=True)]
        compiled = torch.compile(sigmoid_loss)
        loss = lambda: compiled(*inputs)
    elif kernel == "hard negative":
        inputs = [leaf(sizes["B"], 1 + sizes["N"])]
        valid, compiled = torch.rand(sizes["B"], sizes["N"], device=device) < 0.9, torch.compile(hard_negative_loss)
        loss = lambda: compiled(inputs[0], valid)
    else:
        return None
    return lambda: torch.autograd.grad(loss(), inputs)


def fastest(work, device, budget):
    def rounds(repetitions):
        wait()
        start = time.perf_counter()
        for _ in range(repetitions):
            work()
        wait()
        return (time.perf_counter() - start) / repetitions

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(3):
        once = rounds(1)
    repetitions, best, start = max(1, min(10000, int(0.02 / once))), once, time.perf_counter()
    while time.perf_counter() - start < budget:
        best = min(best, rounds(repetitions))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    with open(options.names) as file, open(options.output, "w") as output:
        for name in file.read().splitlines():
            kernel, dtype = re.match(r"[a-z, ]+?(?= \S*=)", name), name.rsplit(" ", 1)[1]
            sizes = {key: int(value) for key, value in re.findall(r"\b([A-Z])=(\d+)", name)}
            if time.monotonic() > end or not kernel:
                continue
            torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
            torch._dynamo.reset()  # each shape is compiled for itself
            try:
                known = name.startswith("whole step") and "ViT-B-32" in name
                work = make_step(sizes, dtype, options.device) if known else make_kernel(kernel[0], sizes, dtype, options.device)
                if work is None:
                    continue
                seconds = fastest(work, options.device, 0.3)
            except torch.OutOfMemoryError:
                print(f"{name}: no memory")
                continue
            print(f"{name}\t{seconds}", file=output, flush=True)
            print(f"{name}: {1e3 * seconds:.3f} ms", flush=True)


main()
