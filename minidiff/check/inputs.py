"""What exercises have in common: how inputs are drawn, and how a number meets a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base import shapes


def pictures(generator: torch.Generator, *shape: int) -> Tensor:
    """Made-up pictures: uniform in [-1, 1]."""
    return torch.rand(shape, generator=generator) * 2 - 1


def noise(generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normal noise."""
    return torch.randn(shape, generator=generator)


def beside(values: Tensor, x: Tensor) -> Tensor:
    """One number an example, in the shape and type that multiply a batch x: (B,) → (B, 1, ...)."""
    return shapes.beside(values, x).to(x.dtype)
