"""Two sets of examples as two matrices, one row an example."""

from __future__ import annotations

from torch import Tensor

TWO_SETS = "a: examples (N, ...), b: examples (M, ...)"
"""What a contract says of two sets that are compared"""


def alike(a: Tensor, b: Tensor) -> None:
    """ValueError: If one example of a has another shape than one of b."""
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"a and b must have the same shape behind the first dimension, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )


def as_rows(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two sets of examples as rows (N, D) and (M, D) on the CPU."""
    return a.detach().cpu().flatten(1), b.detach().cpu().flatten(1)
