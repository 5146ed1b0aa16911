"""Data in the plane that a figure shows: equal normal distributions around centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..base.validate import check_floats, check_number

MOST_CENTRES = 100


class Centres(NamedTuple):
    """Data of a figure: equal normal distributions around centres (K, 2)."""

    name: str
    label: str
    means: Tensor
    std: float

    def plain(self) -> dict[str, Any]:
        """The same for a script."""
        return {**self._asdict(), "means": self.means.tolist()}


def frame_of(sets: Sequence[Centres]) -> float:
    """Half the side of a square around 0 that holds the data, and nearly all of the noise."""
    far = max(float(one.means.abs().max()) + 3 * one.std for one in sets)
    return max(3.2, math.ceil(10 * far) / 10)


def eight_gaussians() -> Centres:
    """The eight Gaussians of ``md.data.toy``."""
    from ..data.points import EIGHT_STD, eight_means

    return centres("eight_gaussians", "eight Gaussians", eight_means(), EIGHT_STD)


def given_centres(means: Tensor, std: float, most: int = MOST_CENTRES) -> Centres:
    """Centres and standard deviation that a reader gave, checked."""
    check_floats("means", means)
    if means.dim() != 2 or means.shape[1] != 2 or len(means) > most:
        raise ValueError(
            f"means must be up to {most} centres in the plane, shape (K, 2); got {tuple(means.shape)}"
        )
    std = check_number("std", std, 0, 10, open_ends=True)
    return centres("centres", "given centres", means.detach().cpu(), std)


def centres(name: str, label: str, means: Tensor, std: float) -> Centres:
    """Centres as the page gets them.

    Rounded to five decimals: a cosine's last bit differs between machines, and the page must not.
    """
    rounded = [[round(v, 5) + 0.0 for v in row] for row in means.double().tolist()]
    return Centres(name, label, torch.tensor(rounded, dtype=torch.float64), std)
