"""Grey pictures that a figure shows: the reader's own, or one of each bundled digit."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..base.validate import check_floats
from .packed import packed

MOST_PICTURES, LARGEST_SIDE = 12, 64


class Pictures(NamedTuple):
    """Pictures as bytes (B, H, W), and what to call each."""

    pixels: npt.NDArray[np.uint8]
    labels: list[str]

    def plain(self) -> dict[str, Any]:
        """The same for a script."""
        height, width = self.pixels.shape[1:]
        pictures, labels = packed(self.pixels), self.labels
        return {"width": width, "height": height, "pictures": pictures, "labels": labels}


def given_pictures(x_0: Tensor | None) -> Pictures:
    """What a figure shows of pictures that a reader gave, checked, or of the bundled digits."""
    if x_0 is None:
        return Pictures(
            to_bytes(_typical_digits()[:, 0]), [f"digit {digit}" for digit in range(10)]
        )
    _check_pictures(x_0)
    return Pictures(to_bytes(x_0[:, 0]), [f"picture {k + 1}" for k in range(len(x_0))])


def to_bytes(x: Tensor) -> npt.NDArray[np.uint8]:
    """Values in [-1, 1] as bytes of the same shape; what lies outside is cut."""
    grey = ((x.detach().cpu().double().clamp(-1, 1) + 1) * 127.5).round()
    pixels: npt.NDArray[np.uint8] = grey.byte().numpy()
    return pixels


def from_bytes(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """What a page sees of them: 8-bit values mapped back to [-1, 1], in double precision."""
    return torch.from_numpy(pixels.astype(np.float64) / 127.5 - 1)


@cache
def _typical_digits() -> Tensor:
    """Of each class of the bundled digits, the picture nearest to the mean of its class."""
    from ..data import digits

    images, y = digits("train", size=28)
    picked = []
    for digit in range(10):
        group = images[y == digit].double()
        distance = ((group - group.mean(0)) ** 2).flatten(1).sum(1)
        picked.append(group[distance.argmin()])
    return torch.stack(picked)


def _check_pictures(x_0: Tensor) -> None:
    check_floats("x_0", x_0)
    if x_0.dim() != 4 or x_0.shape[1] != 1 or len(x_0) > MOST_PICTURES:
        raise ValueError(
            f"x_0 must be up to {MOST_PICTURES} grey pictures (B, 1, H, W), got {tuple(x_0.shape)}"
        )
    if max(x_0.shape[2:]) > LARGEST_SIDE:
        raise ValueError(
            f"x_0 must be at most {LARGEST_SIDE} pixels high and wide, got {tuple(x_0.shape)}: "
            f"the page computes every step itself; make the pictures smaller"
        )
    if x_0.abs().max() > 1:
        low, high = (float(v) for v in x_0.aminmax())
        raise ValueError(f"x_0 must lie in [-1, 1], its values run from {low:g} to {high:g}")
