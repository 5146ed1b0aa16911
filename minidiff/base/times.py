"""Checks of a time of the chain: whole within 1..T, or real, one for all examples or one for each."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from .validate import shown


def check_t(t: Any, T: int, batch: int | None = None, *, name: str = "t", low: int = 1) -> None:
    """Refuse a time that is not an int or a LongTensor (B,) within low..T.

    Raises:
        TypeError: If ``t`` is neither an int nor a tensor of dtype int64.
        ValueError: If a tensor ``t`` has another shape than (B,).
        IndexError: If any ``t`` is outside low..T.
    """
    if isinstance(t, Tensor):
        if t.dtype != torch.int64:
            raise TypeError(
                f"{name} must be an int or a LongTensor (dtype int64), got dtype {t.dtype}"
            )
        if t.dim() != 1 or t.numel() == 0 or (batch is not None and t.shape[0] != batch):
            wanted = "(B,)" if batch is None else f"({batch},), one time for each example"
            raise ValueError(f"{name} must have shape {wanted}; got {tuple(t.shape)}")
        smallest, largest = (int(v) for v in t.aminmax())
    elif isinstance(t, Integral) and not isinstance(t, bool):
        smallest = largest = int(t)
    else:
        raise TypeError(f"{name} must be an int or a LongTensor (B,), got {shown(t)}")
    if smallest < low or largest > T:
        wrong = smallest if smallest < low else largest
        hint = "; t = 0 is the clean data itself" if low == 1 and wrong == 0 else ""
        raise IndexError(f"{name} = {wrong} is outside {low}..{T}{hint}")


def check_real_t(
    t: Any, T: int, *, low: float = 0.0, open_low: bool = False, look_inside: bool = True
) -> None:
    """Refuse a time that is not a real number, or a tensor of them, within [low, T] (or (low, T]).

    ``look_inside=False`` leaves out the range of a tensor, for which an inner loop on a GPU would wait.

    Raises:
        TypeError: If ``t`` is neither a number nor a tensor of real numbers.
        IndexError: If any ``t`` is outside the interval, or NaN.
    """
    if isinstance(t, Tensor):
        if t.is_complex() or t.dtype == torch.bool:
            raise TypeError(f"t must hold real numbers, got dtype {t.dtype}")
        outside = t[~((t > low) if open_low else (t >= low)) | ~(t <= T)] if look_inside else t[:0]
        wrong = [] if outside.numel() == 0 else [float(outside[0])]
    elif isinstance(t, Real) and not isinstance(t, bool):
        number = float(t)
        inside = (low < number if open_low else low <= number) and number <= T
        wrong = [] if inside else [number]
    else:
        raise TypeError(f"t must be a real number or a tensor of them, got {shown(t)}")
    if wrong:
        raise IndexError(f"t = {wrong[0]:g} is outside {'(' if open_low else '['}{low:g}, {T}]")


def is_real(t: Any) -> bool:
    """Is t a time on the continuous schedule: a float (whole or not), or a tensor of floats?"""
    return t.is_floating_point() if isinstance(t, Tensor) else isinstance(t, float)


def check_any_t(t: Any, T: int, batch: int | None) -> None:
    """Refuse a time at which no denoiser can be asked: neither in 1..T nor real within (0, T].

    Raises:
        TypeError, ValueError, IndexError: As :func:`check_t`.
    """
    if not is_real(t):
        return check_t(t, T, batch)
    if isinstance(t, Tensor) and batch is not None and t.shape != (batch,):
        raise ValueError(
            f"t must have shape ({batch},), one time for each example; got {tuple(t.shape)}"
        )
    check_real_t(t, T, open_low=True)


def check_whole_t(t: Any, T: int, *, name: str = "t", low: int = 1) -> None:
    """Refuse everything but one int within low..T, the same for all examples.

    Raises:
        TypeError: If it is no int.
        IndexError: If it is out of range.
    """
    if isinstance(t, Tensor):
        raise TypeError(f"{name} must be one int for the whole batch here, got {shown(t)}")
    check_t(t, T, name=name, low=low)
