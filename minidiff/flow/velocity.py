"""A velocity, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..base.validate import check_same_shape

Velocity = Callable[[Tensor, Tensor], Tensor]
"""A velocity field, called ``velocity(x, t)`` with t of shape (B,), giving a tensor like x."""


def asked(velocity: Velocity, x: Tensor, t: float | Tensor) -> Tensor:
    """What the velocity says, of the right shape; one time is told to each example, (B,)."""
    if not isinstance(t, Tensor):
        t = torch.full((len(x),), t, dtype=time_dtype(x), device=x.device)
    u = velocity(x, t)
    check_same_shape("what velocity returned", u, "x", x)
    return u


def time_dtype(x: Tensor) -> torch.dtype:
    """The type of times beside x: a 16-bit float could not tell neighbouring times apart."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32
