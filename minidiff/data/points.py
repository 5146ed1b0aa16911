"""Toy data: points in the plane whose density can be drawn, so that a model's can be laid beside it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.rng import Generator, rand, randint, randn

EIGHT_RADIUS = 1.6
EIGHT_STD = 0.15
"""Standard deviation of each of the eight Gaussians, in both directions."""


def eight_means() -> Tensor:
    """Return the means of ``toy("eight_gaussians")``, float32 (8, 2), counter-clockwise from (1.6, 0)."""
    return EIGHT_RADIUS * _unit(torch.arange(8) * (2 * math.pi / 8))


def _unit(angle: Tensor) -> Tensor:
    """Turn angles (n,) into points (n, 2) of the unit circle."""
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def _eight_gaussians(n: int, generator: Generator | None) -> Tensor:
    k = randint(0, 7, (n,), generator)
    return eight_means().to(k.device)[k] + EIGHT_STD * randn((n, 2), generator)


def _ring(n: int, generator: Generator | None) -> Tensor:
    radius = 1.6 + 0.1 * randn((n, 1), generator)
    return radius * _unit(2 * math.pi * rand((n,), generator))


def _two_moons(n: int, generator: Generator | None) -> Tensor:
    half_circle = _unit(math.pi * rand((n,), generator))
    moon = (half_circle - half_circle.new_tensor([0.5, 0.25])) * (4 / 3)
    sign = 2 * randint(0, 1, (n, 1), generator) - 1
    return sign * moon + 0.1 * randn((n, 2), generator)


def _swiss_roll(n: int, generator: Generator | None) -> Tensor:
    angle = 1.5 * math.pi * (1 + 2 * rand((n,), generator))
    spiral = (2 / (4.5 * math.pi)) * angle[:, None] * _unit(angle)
    return spiral + 0.05 * randn((n, 2), generator)


_RECIPES: dict[str, Callable[[int, Generator | None], Tensor]] = {
    "two_moons": _two_moons,
    "swiss_roll": _swiss_roll,
    "eight_gaussians": _eight_gaussians,
    "ring": _ring,
}
TOY = tuple(_RECIPES)
"""What :func:`toy` knows."""


@contract(f"name: one of {TOY}, n: count")
def toy(
    name: str,
    n: int,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    r"""Draw independent points from a two-dimensional toy distribution.

    All of them are centred or nearly so, and reach to about ±2. Below,
    :math:`\xi \sim \mathcal N(0, I)`, :math:`u \sim \mathcal U[0, 1)`,
    :math:`\theta \sim \mathcal U[0, 2\pi)` and everything is independent.

    ``"eight_gaussians"``: a mixture with equal weights,

    .. math:: p(x) = \frac18 \sum_{k=0}^{7} \mathcal N\bigl(x;\, m_k,\, 0.15^2 I\bigr),
        \qquad m_k = 1.6\,\Bigl(\cos\tfrac{2\pi k}{8},\, \sin\tfrac{2\pi k}{8}\Bigr);

    its means are :func:`eight_means` and its standard deviation is ``minidiff.data.EIGHT_STD``.

    ``"ring"``: a uniform angle and a normal radius,

    .. math:: x = (1.6 + 0.1\,\xi_1)\,(\cos\theta, \sin\theta), \qquad
        p(x) = \frac{1}{2\pi \lVert x\rVert}\,\mathcal N\bigl(\lVert x\rVert;\, 1.6,\, 0.1^2\bigr),

    where the density leaves out the negative radii, 16 standard deviations away.

    ``"two_moons"``: two half circles, each the other one turned by half a turn about the origin,

    .. math:: x = \tfrac43\, s\,\bigl(\cos\tfrac{\theta}{2} - \tfrac12,\,
        \sin\tfrac{\theta}{2} - \tfrac14\bigr) + 0.1\,\xi,
        \qquad s = \pm 1 \text{ with probability } \tfrac12 \text{ each.}

    ``"swiss_roll"``: one and a half turns of a spiral,

    .. math:: x = \frac{2}{4.5\pi}\, a\,(\cos a, \sin a) + 0.05\,\xi,
        \qquad a = 1.5\pi\,(1 + 2u).

    Args:
        name: One of ``minidiff.data.TOY``.
        n: How many points, at least 1.
        generator: Where the random numbers come from; they are drawn on its device.
        device: Where the points go; None leaves them where they were drawn.

    Returns:
        The points, float32 (n, 2).
    """
    # The points are computed where they are drawn and only then moved: another device's cosine may
    # differ in its last bit.
    return _RECIPES[name](n, generator).to(device=device)
