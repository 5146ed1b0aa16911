"""Two sets of examples as two matrices, one row an example."""

from __future__ import annotations

from torch import Tensor

from ..base.validate import check_floats


def as_rows(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two sets of examples as rows (N, D) and (M, D) on the CPU."""
    for name, x in (("a", a), ("b", b)):
        check_floats(name, x)
        if x.dim() < 2:
            raise ValueError(
                f"{name} must have shape (N, ...), one row for each example; got {tuple(x.shape)}"
            )
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"a and b must have the same shape behind the first dimension, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    return a.detach().cpu().flatten(1), b.detach().cpu().flatten(1)
