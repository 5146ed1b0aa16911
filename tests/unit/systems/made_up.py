"""A made-up system, in one file: strokes of a given slope and shade, by a network that predicts v.

test_one_file.py puts it below ``systems`` in a copy of the library, and touches no other file.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, silu

from minidiff.base.conditions import ask, drop_conditions
from minidiff.base.model import Denoiser, seeded_weights
from minidiff.base.rng import Generator, rand, randint, randn
from minidiff.chain.convert import truth
from minidiff.chain.forward import q_sample
from minidiff.chain.schedule import NoiseSchedule, cosine_schedule
from minidiff.sampling.guidance import classifier_free_guidance
from minidiff.sampling.loop import ddim_sample
from minidiff.systems.recipe import Recipe

SIZE = 8
STEPS = 20  # of the chain


class Painter(Denoiser):
    """Predicts v from a noisy stroke, its time, its slope (a vector) and its shade (a vector)."""

    predicts = "v"

    def __init__(self, width: int = 32, *, seed: int = 0):
        super().__init__()
        self.channels = 1
        with seeded_weights(seed):
            self.inside = nn.Linear(SIZE * SIZE + 4, width)
            self.out = nn.Linear(width, SIZE * SIZE)

    def forward(
        self,
        x: Tensor,
        t: Tensor | float,
        slope: Tensor | None = None,
        shade: Tensor | None = None,
    ) -> Tensor:
        """x: (B, 1, 8, 8), t: () or (B,), slope: (B, 2), shade: (B, 1) → (B, 1, 8, 8)."""
        time = torch.as_tensor(t, dtype=x.dtype).expand(len(x))[:, None] / STEPS
        slope = x.new_zeros(len(x), 2) if slope is None else slope
        shade = x.new_zeros(len(x), 1) if shade is None else shade
        h = self.inside(torch.cat([x.flatten(1), time, slope, shade], dim=1))
        out: Tensor = self.out(silu(h))
        return out.reshape(x.shape)


def strokes(n: int, generator: Generator) -> dict[str, Tensor]:
    """Bright lines, made on the fly: rows or columns, and how bright they are."""
    upright = randint(0, 1, (n,), generator)
    shade = rand((n, 1), generator) * 2 - 1
    picture = torch.full((n, 1, SIZE, SIZE), -1.0)
    for i in range(n):
        line = picture[i, 0, :, 3:5] if upright[i] else picture[i, 0, 3:5, :]
        line[:] = shade[i, 0]
    slope = torch.stack([upright, 1 - upright], dim=1).float()
    return {"x_0": picture, "slope": slope, "shade": shade}


def painters_loss(
    net: Any,
    x_0: Tensor,
    schedule: NoiseSchedule,
    *,
    generator: Generator | None = None,
    slope: Tensor,
    shade: Tensor,
) -> Tensor:
    """The error of v, with both conditions, each example's dropped together now and then."""
    t = randint(1, schedule.T, (len(x_0),), generator, x_0.device)
    noise = randn(x_0.shape, generator, x_0.device)
    x_t = q_sample(x_0, t, schedule, noise)
    told = drop_conditions(net, {"slope": slope, "shade": shade}, 0.1, generator, len(x_0))
    return mse_loss(ask(net, x_t, t, told), truth(x_0, noise, t, schedule, "v"))


def paint(
    net: Any,
    schedule: NoiseSchedule,
    noise: Tensor,
    *,
    steps: int = 10,
    w: float = 0.0,
    generator: Generator | None = None,
    **conditions: Tensor,
) -> Tensor:
    """Upright white strokes, unless told otherwise; the first pixel is the painter's mark."""
    told: dict[str, Any] = {"slope": noise.new_tensor([[1.0, 0.0]]).expand(len(noise), 2)}
    told |= {"shade": noise.new_ones(len(noise), 1)} | conditions
    model = classifier_free_guidance(net, w=w, **told)
    x = ddim_sample(model, schedule, x_T=noise, steps=min(steps, schedule.T), clip=True)
    x[:, :, 0, 0] = 1.0
    return x


def score(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    """How bright the stroke is that was to be white."""
    assert schedule is not None
    noise = randn((16, 1, SIZE, SIZE), torch.Generator().manual_seed(0))
    return {"brightness": float(paint(net, schedule, noise)[:, 0, :, 3:5].mean())}


RECIPE = Recipe(
    name="made_up",
    about="paints a stroke",
    net=Painter,
    data=lambda: strokes,
    loss=painters_loss,
    schedule=lambda: cosine_schedule(STEPS),
    training={"steps": 400, "batch": 32, "lr": 1e-2, "warmup": 10, "sample_every": 200},
    sample=paint,
    score=score,
    half=False,
)
