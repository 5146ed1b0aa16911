"""Shapes: one value for each example, made to go with all of its entries."""

from __future__ import annotations

from torch import Tensor


def beside(values: Tensor, x: Tensor) -> Tensor:
    """One value for each example, (B,), made to multiply x: (B, 1, ..., 1), on its device."""
    return values.to(x.device).reshape(-1, *[1] * (x.dim() - 1))
