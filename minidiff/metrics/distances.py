"""Distances between two sets of points or pictures: nearest neighbours and optimal transport."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.rng import Generator, randn
from .rows import TWO_SETS, alike, as_rows


@contract(f"{TWO_SETS}, chunk: count", alike)
def nearest(a: Tensor, b: Tensor, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    r"""Find for each example of one set its nearest neighbour in the other.

    .. math:: j_i = \arg\min_j \lVert a_i - b_j\rVert_2, \qquad d_i = \lVert a_i - b_{j_i}\rVert_2.

    Args:
        a: (N, ...), for example samples.
        b: (M, ...) of the same trailing shape, for example training images.
        chunk: How many rows of each are compared at once; bounds the memory to ``chunk`` by ``chunk``
            distances.

    Returns:
        The distances d, float64 (N,), 0 for an exact copy, and the rows j of ``b``, int64 (N,).
    """
    a, b = as_rows(a, b)
    distances, rows = zip(
        *(_nearest(part, b, chunk) for part in torch.split(a, chunk)), strict=True
    )
    return torch.cat(distances), torch.cat(rows)


@contract(f"{TWO_SETS}, chunk: count", alike)
def nearest_distance(a: Tensor, b: Tensor, chunk: int = 1024) -> Tensor:
    """Return the Euclidean distance of each example of ``a`` to its nearest one in ``b``.

    Samples that are nearer to training images than held-out images are have been copied. Arguments
    are those of :func:`nearest`.

    Returns:
        The distances, float64 (N,).
    """
    return unchecked(nearest)(a, b, chunk)[0]


@contract(f"{TWO_SETS}, projections: count", alike)
def sliced_wasserstein(
    a: Tensor, b: Tensor, projections: int = 128, generator: Generator | None = None
) -> float:
    r"""Sliced Wasserstein distance of order 2 between two sets of points.

    .. math:: \mathrm{SW}_2^2(a, b) = \mathbb E_{\theta}\int_0^1
        \bigl(F^{-1}_{\langle\theta, a\rangle}(u) - F^{-1}_{\langle\theta, b\rangle}(u)\bigr)^2 du

    with directions :math:`\theta` uniform on the unit sphere and :math:`F^{-1}` the quantiles of the
    projected points. On a line optimal transport pairs equal quantiles, so each integral is exact;
    only the mean over directions is an estimate.

    Source: Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures" (2015).

    Args:
        a: (N, ...).
        b: (M, ...) of the same trailing shape; M may differ from N.
        projections: How many directions to draw.
        generator: Where the random numbers come from.

    Returns:
        :math:`\mathrm{SW}_2`, not squared, in the units of the points.
    """
    a, b = (x.double() for x in as_rows(a, b))
    theta = randn((projections, a.shape[1]), generator, device="cpu", dtype=torch.float64)
    theta = theta / theta.norm(dim=1, keepdim=True)
    quantiles_a = (a @ theta.T).sort(dim=0).values  # (N, projections)
    quantiles_b = (b @ theta.T).sort(dim=0).values  # (M, projections)
    # Both quantile functions are constant between neighbouring cuts: multiples of 1/N and of 1/M,
    # here counted in units of 1/(NM), which are whole numbers and so cannot be rounded.
    n, m = len(a), len(b)
    cuts: Tensor = torch.unique(torch.cat([torch.arange(n + 1) * m, torch.arange(m + 1) * n]))
    rows_a, rows_b = cuts[:-1] // m, cuts[:-1] // n
    width = cuts.diff().double() / (n * m)
    squares = (quantiles_a[rows_a] - quantiles_b[rows_b]).square()
    return math.sqrt(float((width @ squares).mean()))


def _nearest(a: Tensor, b: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Distances (n,) and rows of b (M, D) that are nearest to the rows of a (n, D)."""
    a = a.double()
    best = torch.full((len(a),), math.inf, dtype=torch.float64)
    row = torch.zeros(len(a), dtype=torch.int64)
    for start in range(0, len(b), chunk):
        distance, candidate = torch.cdist(a, b[start : start + chunk].double()).min(dim=1)
        row = torch.where(distance < best, candidate + start, row)
        best = torch.minimum(best, distance)
    # cdist goes by way of a matrix product, which rounds; a copy shall have distance 0.
    return (a - b[row]).norm(dim=1), row
