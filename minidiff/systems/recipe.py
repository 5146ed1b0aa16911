"""A recipe: all that it takes to make a trained network again, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ..chain.schedule import NoiseSchedule


def no_schedule() -> None:
    """The schedule of what knows no noise, or no chain: a classifier of clean pictures, a flow."""


@dataclass(frozen=True)
class Recipe:
    """A training: its network, data, loss and settings, how to draw from the result, and how to score it.

    A file of ``minidiff.systems`` that has a ``RECIPE`` (or several, ``RECIPES``) is found by
    :mod:`minidiff.recipes`; nothing else has to know of it.

    Attributes:
        name: Of the weights that it makes.
        about: What they do, in one line.
        net: Makes a new network.
        data: Loads what it learns from, anything that :func:`~minidiff.train` takes; the same each time (what
            is drawn, from a seed), or a training that was stopped finds other data than it began with.
        loss: What to make small.
        schedule: Makes the noise schedule, or gives None.
        training: Further arguments of :func:`~minidiff.train`; ``steps`` among them.
        sample: Draws pictures, called ``sample(net, schedule, noise, steps=…, w=…, generator=…, y=…)`` as
            :func:`minidiff.sampling.suited.samples`; None for a network that draws nothing. Grids of
            samples during training, the command line, notebooks and benchmarks share it.
        score: Gives the scores of the trained network by name, called ``score(net, schedule)``.
        half: Whether the weights are kept in 16 bits, which halves the file; they are scored as kept.
    """

    name: str
    about: str
    net: Callable[[], nn.Module]
    data: Callable[[], Any]
    loss: Callable[..., Tensor]
    training: Mapping[str, Any]
    schedule: Callable[[], NoiseSchedule | None] = field(default_factory=lambda: no_schedule)
    sample: Callable[..., Tensor] | None = None
    score: Callable[[Any, NoiseSchedule | None], dict[str, float]] = field(
        default_factory=lambda: lambda *_: {}
    )
    half: bool = True
