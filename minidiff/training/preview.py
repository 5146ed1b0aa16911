"""What the network draws so far: the grid of samples that a training writes now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..base.model import bare, model_device
from ..base.ranges import COLOURS
from ..base.rng import randn, seeded
from ..chain.schedule import NoiseSchedule
from .batches import Source

PREVIEW_STEPS = 25  # of the sampler: enough to judge by, and quick
PREVIEW_COLUMNS = 10
PREVIEW_ROWS = 2

Sampler = Callable[..., Tensor]
"""Called ``sample(net, schedule, noise, steps=..., w=..., generator=..., **conditions)``."""


def can_preview(net: nn.Module, schedule: NoiseSchedule | None, shape: tuple[int, ...]) -> bool:
    """Whether :func:`minidiff.sampling.suited.samples` gives pictures: the network says what it predicts.

    Args:
        net: The network.
        schedule: What it is trained with.
        shape: Of one example.
    """
    predicts = getattr(bare(net), "predicts", None)
    if predicts is None or len(shape) != 3 or shape[0] not in COLOURS:
        return False
    if predicts == "velocity" or schedule is None:
        return bool(predicts == "velocity")
    # Where the last x_t holds no signal, noise and score say nothing of the picture.
    return predicts in ("x0", "v") or float(schedule.alpha_bar[-1]) > 0


def preview_conditions(net: nn.Module, source: Source) -> dict[str, Tensor]:
    """What the grid's samples are told: labels in turn, a column a class; or what ten examples have."""
    column = torch.arange(PREVIEW_ROWS * PREVIEW_COLUMNS) % PREVIEW_COLUMNS
    if {*source.conditions} - {"y"}:
        with torch.random.fork_rng(devices=[]):
            drawn = source.examples(PREVIEW_COLUMNS, seeded(0))
        return {name: x[column.to(x.device)] for name, x in drawn.items() if name != "x_0"}
    classes = getattr(bare(net), "classes", None)
    return {} if classes is None else {"y": column % classes}


@torch.no_grad()
def preview_grid(
    sample: Sampler,
    net: nn.Module,
    schedule: NoiseSchedule | None,
    shape: tuple[int, ...],
    conditions: Mapping[str, Any],
) -> Tensor:
    """Draw two rows of ten samples, always from the same noise, guided with w = 1.

    Args:
        sample: What draws.
        net: The network.
        schedule: Its noise schedule, or None.
        shape: Of one example, (C, H, W) for images.
        conditions: See :func:`preview_conditions`.

    Returns:
        What the sampler gives, of 20 examples: images of shape (20, C, H, W) in [-1, 1].
    """
    generator = seeded(0)
    noise = randn((PREVIEW_ROWS * PREVIEW_COLUMNS, *shape), generator, model_device(net))
    steps = PREVIEW_STEPS if schedule is None else min(PREVIEW_STEPS, schedule.T)
    return sample(net, schedule, noise, steps=steps, w=1.0, generator=generator, **conditions)
