#!/usr/bin/env python3
"""Draws a roofline of the kernels from fsc_bench's JSON: operations a second against operations a byte, under what the machine can at most.

    build/release/bin/fsc_bench --benchmark_out=bench.json --benchmark_out_format=json
    scripts/bench/roofline.py bench.json roofline.svg

Only rows that move a known number of bytes are drawn. An empty dot is the reference, a full one the fused kernel; a line joins the two. Python's
standard library is enough.
"""
import json
import math
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 520, 80, 30, 30, 110
COLOURS = ("#1b6ca8", "#c8553d", "#3b8b5a", "#8a5aa8", "#b08900", "#555555")


class Axes:
    """Logarithmic in both directions."""

    def __init__(self, points, roofs):
        xs, ys = [x for x, _ in points], [y for _, y in points] + roofs
        self.x0, self.x1 = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
        self.y0, self.y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def x(self, value):
        return LEFT + (math.log10(value) - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - (math.log10(value) - self.y0) / (self.y1 - self.y0) * (HEIGHT - TOP - BOTTOM)

    def clipped(self, value):
        return min(max(value, 10**self.x0), 10**self.x1)


def read(path):
    """-> rows {(kernel, shape, dtype): {"fused" or "reference": (FLOP/byte, FLOP/s)}} and the context."""
    with open(path) as file:
        data = json.load(file)
    rows = {}
    for row in data["benchmarks"]:
        if row.get("error_occurred") or not row.get("FLOP/byte"):
            continue
        kernel, shape, dtype, side = row["name"].replace("/real_time", "").split("/")
        rows.setdefault((kernel, shape, dtype), {})[side] = (row["FLOP/byte"], row["FLOP/s"])
    return rows, data["context"]


def text(x, y, words, size=12, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def line(x1, y1, x2, y2, colour, extra=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {extra}/>'


def grid(axes):
    for power in range(axes.x0, axes.x1 + 1):
        yield line(axes.x(10**power), TOP, axes.x(10**power), HEIGHT - BOTTOM, "#e4e4e4")
        yield text(axes.x(10**power), HEIGHT - BOTTOM + 18, f"{10.0**power:g}")
    for power in range(axes.y0, axes.y1 + 1):
        yield line(LEFT, axes.y(10**power), WIDTH - RIGHT, axes.y(10**power), "#e4e4e4")
        yield text(LEFT - 8, axes.y(10**power) + 4, f"{10.0 ** (power - 9):g}", anchor="end")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 38, "operations a byte that must be moved")
    yield text(20, (TOP + HEIGHT - BOTTOM) / 2, "GFLOP/s", extra=f'transform="rotate(-90 20 {(TOP + HEIGHT - BOTTOM) / 2})"')


def roof(axes, bandwidth, flops, name):
    """The slope of the memory up to the ridge, then the level of the products."""
    left, ridge = 10**axes.x0, axes.clipped(flops / bandwidth)
    yield line(axes.x(left), axes.y(max(left * bandwidth, 10**axes.y0)), axes.x(ridge), axes.y(ridge * bandwidth), "#888", 'stroke-width="1.5"')
    yield line(axes.x(ridge), axes.y(flops), axes.x(10**axes.x1), axes.y(flops), "#888", 'stroke-width="1.5"')
    yield text(WIDTH - RIGHT, axes.y(flops) - 5, f"products, {name}: {flops / 1e9:.0f} GFLOP/s", 11, "end")


def dots(axes, rows, kernels):
    for (kernel, shape, dtype), sides in rows.items():
        colour, places = COLOURS[kernels.index(kernel) % len(COLOURS)], {}
        for side, (intensity, flops) in sides.items():
            places[side] = axes.x(intensity), axes.y(flops)
        if len(places) == 2:
            yield line(*places["reference"], *places["fused"], colour, 'stroke-width="1" opacity="0.5"')
        for side, (x, y) in places.items():
            title = escape(f"{kernel} {shape} {dtype}, {side}: {sides[side][1] / 1e9:.1f} GFLOP/s")
            fill = colour if side == "fused" else "white"
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{fill}" stroke="{colour}" stroke-width="1.5"><title>{title}</title></circle>'


def draw(rows, context):
    bandwidth = float(context["copy bytes/s"])
    roofs = {name: float(context[f"product FLOP/s {name}"]) for name in ("fp32", "bf16")}
    kernels = sorted({kernel for kernel, _, _ in rows})
    axes = Axes([place for sides in rows.values() for place in sides.values()], list(roofs.values()))
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield from grid(axes)
    for name, flops in roofs.items():
        yield from roof(axes, bandwidth, flops, name)
    yield text(LEFT + 8, TOP + 14, f"copy: {bandwidth / 1e9:.0f} GB/s; kernels: {context['kernels']}", 11, "start")
    yield from dots(axes, rows, kernels)
    for i, kernel in enumerate(kernels):
        x, y = LEFT + 10 + 190 * (i % 4), HEIGHT - 45 + 20 * (i // 4)
        yield f'<circle cx="{x}" cy="{y - 4}" r="4.5" fill="{COLOURS[i % len(COLOURS)]}"/>' + text(x + 10, y, kernel, anchor="start")
    yield text(WIDTH - RIGHT, HEIGHT - 12, "empty: reference; full: fused", 11, "end")
    yield "</svg>"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows, context = read(sys.argv[1])
    if not rows:
        sys.exit(f"{sys.argv[1]} has no row with a number of bytes")
    with open(sys.argv[2], "w") as file:
        file.write("\n".join(draw(rows, context)) + "\n")


main()
