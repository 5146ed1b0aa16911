r"""A walk over times, and what every sampler's walk shares: its times, its start, its questions, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import PREDICTIONS, pair
from ..base.progress import with_bar
from ..base.validate import check_same_shape
from ..base.walks import check_arrived
from ..chain.posterior import apart
from ..chain.schedule import NoiseSchedule

Step = Callable[[Tensor, float, float], tuple[Tensor, Tensor]]
"""One step of a walk, from x at t and the time s to x at s and the guess of x_0 that led there."""

# What the options that all walks share must be, a part of the contract of each
WALK = f"times: times instead of steps, steps: steps up to T or None, kind: one of {PREDICTIONS}"
START = "x_T: floats, shape: shape unless x_T"


FAR_OFF = (
    "pass clip=True, which limits each guess of x_0 (where little signal is left, as at the end of the "
    "cosine schedule, the guess divides the network's error by almost 0: chapter 9), or train for longer"
)


@dataclass(frozen=True)
class State:
    """Where a sampler stands: the time, the noisy data there, and the guess that led there.

    Attributes:
        t: The time, T at first and 0 at the end (a float where a solver walks over real times).
        x: :math:`x_t`, shape (B, ...).
        x0_hat: The last prediction of the clean data; None before the first step.
    """

    t: float
    x: Tensor
    x0_hat: Tensor | None


def walk_along(
    times: Sequence[float], x: Tensor, step: Step, progress: bool = False
) -> Iterator[State]:
    """Go from each time to the next, and hand out every state on the way, the start first."""
    yield State(times[0], x, None)
    for t, s in with_bar([*pairwise(times)], progress, "sampling", "step"):
        with torch.no_grad():
            x, x0_hat = step(x, t, s)
        if s == 0:
            check_arrived(x, "sampling", "eps_model", "md.sampling_steps", FAR_OFF)
        yield State(s, x, x0_hat)


@contract("T: count, steps: steps up to T")
def sampling_times(T: int, steps: int) -> list[int]:
    r"""The default times for n steps: ``round(linspace(T, 0, n + 1))``, from T down to 0.

    Args:
        T: Number of steps of the schedule.
        steps: Number of steps to take, 1..T.
    """
    return [int(t) for t in np.round(np.linspace(T, 0, steps + 1))]


def times_of_walk(
    schedule: NoiseSchedule, steps: int | None, times: Sequence[int] | Tensor | None
) -> list[int]:
    """The times of a walk: those given, or steps that are evenly spread, all T where nothing is said."""
    if times is not None:
        return [int(t) for t in times]
    return unchecked(sampling_times)(schedule.T, schedule.T if steps is None else steps)


def answer(
    eps_model: Any, x: Tensor, t: float, learned: bool = False
) -> tuple[Tensor, Tensor | None]:
    """What a model says of a batch at one time, which it is told for each example, (B,).

    Returns:
        Its prediction, and v where ``learned`` asks for it; both of the right shape. A model that says v to
        who does not ask is not wrong: a walk with nothing random in it has no use for a variance.
    """
    said = eps_model(x, torch.full((len(x),), t, device=x.device, dtype=_type_of(t, x)))
    prediction, v = apart(said, x)
    check_same_shape("what eps_model returned", prediction, "x_t", x)
    if not learned:
        return prediction, None
    _, v = pair(said if v is None else (prediction, v))
    check_same_shape("v, which eps_model returned,", v, "x_t", x)
    return prediction, v


def _type_of(t: float, x: Tensor) -> torch.dtype:
    if not isinstance(t, float):
        return torch.int64
    # float32 would blur a real time; on a device without float64 it has to do.
    return torch.float32 if x.device.type == "mps" else torch.float64
