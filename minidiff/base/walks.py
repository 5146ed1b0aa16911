"""Checks of what a walk from noise to data is given: its times, its steps, its start, its path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from itertools import pairwise
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from .model import said_by
from .ranges import warn_of_leaving
from .times import check_t
from .validate import (
    check_choice,
    check_floats,
    check_number,
    check_positive_int,
    check_shape,
    shown,
)

FLOW_HINT = "flow time runs from 0 (noise) to 1 (data)"


def check_flow_time(
    t: Any, batch: int | None = None, end: float = 1.0, *, look_inside: bool = True
) -> None:
    """Refuse everything but a number, or floats (B,), in [0, end].

    Args:
        t: What was given.
        batch: B; None allows any shape.
        end: The last time allowed.
        look_inside: Whether to look at the numbers of a tensor, for which a GPU would wait.

    Raises:
        TypeError: If it is neither, or made of integers.
        ValueError: If it has another shape, or lies outside.
    """
    if isinstance(t, Tensor):
        if not t.is_floating_point():
            raise TypeError(f"t must hold floats in [0, 1], got {t.dtype}; {FLOW_HINT}")
        if batch is not None and t.shape != (batch,):
            raise ValueError(
                f"t must have shape ({batch},), one time for each example; got {tuple(t.shape)}"
            )
        wrong = t[~((t >= 0) & (t <= end))] if look_inside else t[:0]
        if wrong.numel():
            raise ValueError(
                f"t = {float(wrong.flatten()[0]):g} is outside [0, {end:g}]; {FLOW_HINT}"
            )
    elif isinstance(t, Real) and not isinstance(t, bool):
        if not 0 <= float(t) <= end:
            raise ValueError(f"t = {float(t):g} is outside [0, {end:g}]; {FLOW_HINT}")
    else:
        raise TypeError(f"t must be a number or floats (B,) in [0, 1], got {shown(t)}; {FLOW_HINT}")


def check_steps(name: str, n: Any, T: int) -> None:
    """Refuse everything but a number of steps in 1..T."""
    if check_positive_int(name, n) > T:
        raise ValueError(f"{name} must be at most T = {T}, got {n}")


def listed(name: str, times: Any, example: str) -> list[Any]:
    """The times of a list, a tensor or an array, which may be gone through more than once."""
    if isinstance(times, Tensor):
        times = times.tolist()
    if isinstance(times, str) or not isinstance(times, Iterable) or not isinstance(times, Sized):
        raise TypeError(f"{name} must be a list of {example}, got {shown(times)}")
    return list(times)


def check_falling_times(name: str, times: Any, T: int) -> None:
    """Refuse everything but whole times within 0..T that fall strictly and end in 0.

    Raises:
        TypeError: If they are no list, or one of them is no int.
        IndexError: If one is outside 0..T.
        ValueError: If they do not fall, or do not end in 0.
    """
    found = listed(name, times, "ints such as [1000, 500, 0]")
    for i, t in enumerate(found):
        check_t(t, T, name=f"{name}[{i}]", low=0)
    if len(found) < 2 or found[-1] != 0 or any(t <= s for t, s in pairwise(found)):
        raise ValueError(
            f"{name} must decrease strictly and end in 0 (at t > 0 there is still noise in x), "
            f"such as [1000, 500, 0]; got {[int(t) for t in found]}"
        )


def check_real_times(name: str, times: Any, T: int) -> None:
    """Refuse everything but real times within [0, T] that fall strictly.

    Raises:
        TypeError: If they are no list, or one of them is no number.
        ValueError: If one is outside [0, T], or they do not fall.
    """
    found = listed(name, times, "numbers such as [700.0, 350.5, 20.0]")
    for i, t in enumerate(found):
        check_number(f"{name}[{i}]", t, 0, T)
    if len(found) < 2 or any(t <= s for t, s in pairwise(found)):
        raise ValueError(
            f"{name} must decrease strictly, such as [700.0, 350.5, 20.0]; got {found}"
        )


def check_flow_times(name: str, times: Any) -> None:
    """Refuse everything but times in [0, 1] that rise strictly, or fall strictly.

    Raises:
        TypeError: If they are no list, or one of them is no number.
        ValueError: If one is outside [0, 1], or they go neither way.
    """
    found = listed(name, times, "numbers such as [0, 0.5, 1]")
    for i, t in enumerate(found):
        if not isinstance(t, Real):
            raise TypeError(f"{name}[{i}] must be a number, got {shown(t)}")
        check_flow_time(t)
    falls = all(t > s for t, s in pairwise(found))
    if len(found) < 2 or not (falls or all(t < s for t, s in pairwise(found))):
        raise ValueError(
            f"{name} must rise strictly (noise to data) or fall strictly (data to noise), such as "
            f"[0, 0.5, 1]; got {[float(t) for t in found]}"
        )


def check_path(name: str, path: Any) -> None:
    """Refuse everything but a path of flow matching.

    Raises:
        TypeError: If it has no weights for data and noise.
    """
    if not hasattr(path, "weights"):
        raise TypeError(f"{name} must be a Path, such as flow.ot_path(), got {shown(path)}")


def check_no_schedule(name: str, schedule: Any) -> None:
    """Refuse a noise schedule where a path does its work."""
    raise ValueError(
        f"flow matching has no noise schedule, its path says how noise and data are mixed: pass "
        f"{name}=None (and path=, if you like); got {shown(schedule)}"
    )


def check_start(shape: Any, name: str, noise: Tensor | None) -> None:
    """Refuse a start of which neither shape nor noise is known, or of which the two say different things."""
    if noise is None and shape is None:
        raise ValueError(f"give shape=(B, ...), or {name}= to start from given noise")
    if noise is not None and shape is not None and tuple(shape) != tuple(noise.shape):
        raise ValueError(
            f"shape {tuple(shape)} and {name} of shape {tuple(noise.shape)} must agree"
        )


def check_shape_unless(shape: Any, name: str, noise: Tensor | None) -> None:
    """Refuse a start of which neither shape nor noise is known, or of which the two say different things.

    Raises:
        TypeError: If the shape is none.
        ValueError: If it is not (B, ...), is missing, or is not the noise's.
    """
    if shape is not None:
        check_shape(shape)
    check_start(shape, name, noise)


def check_velocity(name: str, velocity: Any) -> None:
    """Refuse a network that says it predicts something else; who says nothing is taken for a velocity.

    Raises:
        ValueError: If it says so.
    """
    said = said_by(velocity)
    if said not in (None, "velocity"):
        raise ValueError(
            f"{name} predicts {said!r}, as a network of diffusion does; make a velocity of it by "
            f"md.flow.velocity_from_eps_model(net, schedule) (or say net.predicts = 'velocity', if a "
            f"flow has taught it)"
        )


def check_solver(name: str, solver: Any, allowed: Sequence[str]) -> None:
    """Refuse a solver that is unknown, or not installed.

    Raises:
        ValueError: If it is unknown.
        ImportError: If it is torchdiffeq's, which is not there.
    """
    check_choice(name, solver, allowed)
    if solver == "dopri5":
        try:
            import torchdiffeq  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"{name}='dopri5' is torchdiffeq's, which is not installed: pip install torchdiffeq, or "
                f"take {name}='rk4' and enough steps"
            ) from error


def check_pairs(name: str, pairs: Any, *, look_inside: bool) -> None:
    """Refuse everything but pairs of examples, floats (B, 2, ...)."""
    if check_floats(name, pairs, look_inside=look_inside).dim() < 3 or pairs.shape[1] != 2:
        raise ValueError(
            f"{name} must have shape (B, 2, ...), noise and data side by side; got "
            f"{tuple(pairs.shape)}; make them by torch.stack((noise, data), dim=1)"
        )


def check_arrived(x: Tensor, walk: str, model: str, steps: str, advice: str) -> None:
    """Refuse to hand out NaN, and warn of pictures far outside [-1, 1]: once, at the end, for a look waits.

    Args:
        x: Where the walk has ended.
        walk: What it is called in the error, "sampling".
        model: Who was asked on the way, "eps_model".
        steps: The function that shows the way, "md.sampling_steps".
        advice: What to do about pictures far outside their range.

    Raises:
        ValueError: If x is not finite.
    """
    if not torch.isfinite(x).all():
        raise ValueError(
            f"{walk} ended in NaN or infinity: look at what {model} returns on the way, for instance "
            f"with: for state in {steps}(...)"
        )
    warn_of_leaving(x, advice)
