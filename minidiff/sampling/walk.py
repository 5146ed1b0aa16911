r"""A walk over times, and what every sampler's walk shares: its times, its start, its questions, its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base.model import EpsModel, model_device
from ..base.rng import Generator, randn
from ..base.validate import check_floats, check_positive_int, check_shape, check_t, shown
from ..chain.schedule import NoiseSchedule


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


def sampling_times(T: int, steps: int) -> list[int]:
    r"""The default times for n steps: ``round(linspace(T, 0, n + 1))``, from T down to 0.

    Args:
        T: Number of steps of the schedule.
        steps: Number of steps to take, 1..T.

    Raises:
        ValueError: If more steps are asked for than there are times.
    """
    check_positive_int("T", T)
    check_positive_int("steps", steps)
    if steps > T:
        raise ValueError(f"steps must be at most T = {T}, got {steps}")
    return [int(t) for t in np.round(np.linspace(T, 0, steps + 1))]


def checked_times(
    schedule: NoiseSchedule, steps: int | None, times: Sequence[int] | Tensor | None
) -> list[int]:
    """The times of a walk, from ``steps=`` or from ``times=``: whole, falling, and ending in 0."""
    if times is None:
        return sampling_times(schedule.T, schedule.T if steps is None else steps)
    if steps is not None:
        raise ValueError(
            f"give either steps= (evenly spread times) or times= (your own list); got steps={steps} "
            f"and times (ddim_sample and its kin have a number of steps unless they are told steps=None)"
        )
    if not isinstance(times, Iterable) or isinstance(times, str):
        raise TypeError(f"times must be a list of ints such as [1000, 500, 0], got {shown(times)}")
    listed = times.tolist() if isinstance(times, Tensor) else list(times)
    for i, t in enumerate(listed):
        check_t(t, schedule.T, name=f"times[{i}]", low=0)
    listed = [int(t) for t in listed]
    if len(listed) < 2 or listed[-1] != 0 or any(t <= s for t, s in pairwise(listed)):
        raise ValueError(
            f"times must decrease strictly and end in 0 (at t > 0 there is still noise in x), "
            f"such as [1000, 500, 0]; got {listed}"
        )
    return listed


def started(
    eps_model: EpsModel,
    shape: Sequence[int] | None,
    x_T: Tensor | None,
    generator: Generator | None,
    device: torch.device | str | None,
    dtype: torch.dtype | None,
) -> Tensor:
    """What a walk starts from: the given noise, or noise drawn where the model is."""
    if x_T is None:
        if shape is None:
            raise ValueError("give shape=(B, ...), or x_T= to start from given noise")
        device = model_device(eps_model) if device is None else device
        return randn(check_shape(shape), generator, device, dtype or torch.float32)
    check_floats("x_T", x_T)
    if shape is not None and check_shape(shape) != tuple(x_T.shape):
        raise ValueError(f"shape {tuple(shape)} and x_T of shape {tuple(x_T.shape)} must agree")
    return x_T.to(device=device, dtype=dtype)


def asked(eps_model: EpsModel, x: Tensor, t: float) -> Any:
    """What a model says of a batch at one time, which it is told for each example: (B,)."""
    if isinstance(t, float):
        # float32 would blur a real time; on a device without float64 it has to do.
        wide = torch.float32 if x.device.type == "mps" else torch.float64
        return eps_model(x, torch.full((len(x),), t, device=x.device, dtype=wide))
    return eps_model(x, torch.full((len(x),), t, device=x.device))


def check_arrived(x: Tensor) -> None:
    """Refuse to hand out NaN: looked for once, at the end, for a look waits for the device."""
    if not torch.isfinite(x).all():
        raise ValueError(
            "sampling ended in NaN or infinity: look at what eps_model returns on the way, "
            "for instance with: for state in md.sampling_steps(...)"
        )


def with_bar(pairs: list[Any], progress: bool) -> Any:
    """The steps to take, with a progress bar if that is wanted."""
    if not progress:
        return pairs
    from tqdm.auto import tqdm

    return tqdm(pairs, desc="sampling", unit="step")
