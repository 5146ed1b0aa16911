"""One task, by whichever minidiff is on the path: its seconds, how much was done, its peak of memory (JSON).

Run by benchmarks.since; it names only what both commits have, but for what is in NEW.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import minidiff as md
from minidiff import recipes
from minidiff.nn import TinyUNet

DIGITS, STEPS, AT_ONCE = 1000, 50, 250
PICTURES, CALLS = 8, 4  # of a large network: pictures in a call, calls


def train(name: str, images: int, **settings: Any) -> tuple[float, int]:
    """Seconds and images of a training from nothing, by the recipe but for those settings."""
    # An early recipe keeps its settings elsewhere, and all of those had train's own batch.
    batch = {"batch": 128, **getattr(recipes.RECIPES[name], "training", {}), **settings}["batch"]
    run = recipes.run(name, steps=images // batch, progress=False, **settings)
    return run.seconds, run.steps * batch


def draw(digits: int = DIGITS, steps: int = STEPS, precision: str = "fp32") -> tuple[float, int]:
    """Seconds of drawing guided digits by DDIM, and how many; in bfloat16 where the commit can."""
    net, schedule = md.load("digits16")
    net = getattr(md, "with_precision", lambda net, _: net)(net, precision)
    generator = torch.Generator().manual_seed(0)
    start = time.perf_counter()
    for labels in torch.split(torch.arange(digits) % 10, AT_ONCE):
        model = md.classifier_free_guidance(net, y=labels, w=1.0)
        shape = (len(labels), 1, 16, 16)
        md.ddim_sample(model, schedule, shape, steps=steps, clip=True, generator=generator)
    return time.perf_counter() - start, digits


@torch.no_grad()
def call(size: int, batch: int = PICTURES, calls: int = CALLS, **options: Any) -> tuple[float, int]:
    """Seconds of calls of a U-Net on pictures of this size, and how many pixels went in."""
    net = TinyUNet(3, multipliers=(1, 2, 4), **options).eval()
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    net(x, 500)
    start = time.perf_counter()
    for _ in range(calls):
        net(x, 500)
    return time.perf_counter() - start, calls * x[:, 0].numel()


TASKS: dict[str, Callable[[], tuple[float, int]]] = {
    "train digits16": partial(train, "digits16", 60 * 128),
    "train digits16, 128 a step": partial(train, "digits16", 60 * 128, batch=128, precision="auto"),
    "train digits28": partial(train, "digits28", 12 * 128),
    "draw digits": draw,
    "draw digits, at their fastest": partial(draw, precision="auto"),
    "draw digits, a fifth of the steps": partial(draw, steps=STEPS // 5),
    "draw a quarter of the digits": partial(draw, DIGITS // 4),
    "call at 16": partial(call, 16, calls=8 * CALLS),
    "call at 32": partial(call, 32, calls=4 * CALLS),
    "call at 64": partial(call, 64),
    "call at 128": partial(call, 128),
    "call at 128, patches of 2": partial(call, 128, patch=2),
    "call at 64, half a batch": partial(call, 64, PICTURES // 2),
}
NEW = ("call at 128, patches of 2",)  # what the earlier commit cannot do


if __name__ == "__main__":
    seconds, done = TASKS[sys.argv[1]]()
    scale = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    print(json.dumps({"seconds": seconds, "done": done, "peak": peak}))
