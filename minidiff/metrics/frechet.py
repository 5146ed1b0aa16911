"""Fréchet distance between two sets of features, and its standard error."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.rng import Generator, randint
from .rows import TWO_SETS, alike, as_rows


def a_mean_is_a_vector(mean_a: Tensor) -> None:
    """ValueError: If a mean is no vector."""
    if mean_a.dim() != 1:
        raise ValueError(f"mean_a must have shape (D,), got {tuple(mean_a.shape)}")


def covariances(mean_a: Tensor, cov_a: Tensor, cov_b: Tensor) -> None:
    """ValueError: If a covariance is not (D, D) and symmetric."""
    width = len(mean_a)
    for name, cov in (("cov_a", cov_a), ("cov_b", cov_b)):
        if cov.shape != (width, width):
            raise ValueError(f"{name} must have shape ({width}, {width}), got {tuple(cov.shape)}")
        if not torch.allclose(cov, cov.T, rtol=0, atol=1e-6 * float(cov.abs().max())):
            raise ValueError(f"{name} must be symmetric, as covariances are")


@contract(
    "mean_a: floats, mean_b: like mean_a, cov_a and cov_b: floats", a_mean_is_a_vector, covariances
)
def frechet_gaussians(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    r"""Squared Fréchet distance between two normal distributions.

    .. math:: d^2 = \lVert m_a - m_b\rVert^2
        + \operatorname{tr}\bigl(C_a + C_b - 2\,(C_a C_b)^{1/2}\bigr).

    The last trace is the sum of the singular values of :math:`C_a^{1/2} C_b^{1/2}`, for
    :math:`C_a C_b` has the same eigenvalues as :math:`C_a^{1/2} C_b\, C_a^{1/2}`. So two roots of symmetric
    matrices do, which eigenvalues give, and no complex root can appear.

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982);
    Heusel et al., arXiv:1706.08500, eq. 6, where with Inception features it is the FID.

    Args:
        mean_a: Mean, (D,).
        cov_a: Covariance, (D, D).
        mean_b: Mean, (D,).
        cov_b: Covariance, (D, D).

    Returns:
        The squared distance, at least 0, in squared units of the features.

    Raises:
        ValueError: If a covariance has a negative eigenvalue.
    """
    root_a, root_b = _root("cov_a", _wide(cov_a)), _root("cov_b", _wide(cov_b))
    traces = root_a.square().sum() + root_b.square().sum()  # tr C is the squared norm of its root
    common = torch.linalg.svdvals(root_a @ root_b).sum()
    # Equal arguments may come out at -1e-16.
    return max(0.0, float((_wide(mean_a) - _wide(mean_b)).square().sum() + traces - 2 * common))


def ranks(a: Tensor, b: Tensor) -> None:
    """ValueError: If a set has not more rows than features: its covariance would be singular."""
    for name, x in (("a", a), ("b", b)):
        if len(x) <= (width := x[0].numel()):
            raise ValueError(
                f"{name} has {len(x)} rows of {width} features; a covariance needs more rows than "
                f"features, at least {width + 1}: give more examples or narrower features"
            )


@contract(TWO_SETS, alike, ranks)
def frechet_distance(a: Tensor, b: Tensor) -> float:
    r"""Squared Fréchet distance between normal distributions fitted to two sets of features.

    This is :func:`frechet_gaussians` of the means and the (unbiased) covariances of the rows. With the
    digit classifier's features it plays the part that FID plays for photographs; the
    figures cannot be compared with FIDs. Like FID it is biased upwards for few rows: compare only
    figures made from equally many.

    Args:
        a: Features of one set, (N, D); for example what :func:`features` returns.
        b: Features of the other set, (M, D).

    Returns:
        The squared distance, at least 0, in squared units of the features.
    """
    a, b = as_rows(a, b)
    return _fitted_distance(a.double(), b.double())


def a_group_a_row(a: Tensor, b: Tensor, groups: tuple[Tensor, Tensor] | None) -> None:
    """ValueError: If ``groups`` are not one for each row."""
    if groups is not None and [len(g) for g in groups] != [len(a), len(b)]:
        raise ValueError(
            f"groups must have one entry for each row of a and of b, {len(a)} and {len(b)}; got "
            f"{' and '.join(str(len(g)) for g in groups)}"
        )


@contract(f"{TWO_SETS}, n: count from 2", alike, ranks, a_group_a_row)
def frechet_bootstrap(
    a: Tensor,
    b: Tensor,
    n: int = 100,
    generator: Generator | None = None,
    *,
    groups: tuple[Tensor, Tensor] | None = None,
) -> float:
    r"""Bootstrap standard error of :func:`frechet_distance`.

    Both sets are drawn anew ``n`` times from their own rows, with replacement, and as many as there
    are. The standard deviation of the ``n`` distances estimates the standard error. (Their mean is
    no better estimate of the distance: repeated rows push it up.)

    Source: Efron, "Bootstrap methods: another look at the jackknife" (1979).

    Args:
        a: Features of one set, (N, D).
        b: Features of the other set, (M, D).
        n: Number of repetitions, at least 2; a hundred fix the result to about 7 percent.
        generator: Where the random numbers come from.
        groups: The class of each row of a and of b, (N,) and (M,), where the sets were made with so many
            of each class: then each class is drawn anew within itself, and the numbers stay.

    Returns:
        The standard error, in squared units of the features.
    """
    a, b = (x.double() for x in as_rows(a, b))
    groups_a, groups_b = (None, None) if groups is None else groups
    distances = [
        _fitted_distance(_redraw(a, groups_a, generator), _redraw(b, groups_b, generator))
        for _ in range(n)
    ]
    return float(torch.tensor(distances, dtype=torch.float64).std())


def _wide(x: Tensor) -> Tensor:
    return x.detach().to("cpu", torch.float64)


def _root(name: str, cov: Tensor) -> Tensor:
    """Symmetric square root of a covariance matrix (D, D)."""
    values, vectors = torch.linalg.eigh(cov)
    if float(values.min()) < -1e-6 * float(cov.abs().max()):
        raise ValueError(
            f"{name} has the negative eigenvalue {float(values.min()):.3g}; no covariance has"
        )
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def _fitted_distance(a: Tensor, b: Tensor) -> float:
    distance = unchecked(frechet_gaussians)
    return distance(a.mean(dim=0), _covariance(a), b.mean(dim=0), _covariance(b))


def _covariance(x: Tensor) -> Tensor:
    """Unbiased covariance (D, D) of rows (N, D), also for D = 1."""
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def _redraw(x: Tensor, groups: Tensor | None, generator: Generator | None) -> Tensor:
    """As many rows again, with replacement; with ``groups``, within each of them."""
    if groups is None:
        return x[randint(0, len(x) - 1, (len(x),), generator, device="cpu")]
    return torch.cat(
        [_redraw(x[groups == group], None, generator) for group in torch.unique(groups)]
    )
