"""Drawings in colour, each with its line drawing and its caption: a part of OpenMoji."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..base.contracts import contract
from .bundled import read
from .images import SPLITS

SIZES = (64, 32, 16)
"""Heights and widths in which :func:`emoji` gives the drawings."""

BUNDLED = Path(__file__).with_name("emoji.npz")


@dataclass(frozen=True)
class Drawings:
    """N drawings on white and what is said of them.

    Attributes:
        images: In colour, float32 (N, 3, size, size) in [-1, 1].
        lines: Their outlines in black, float32 (N, 1, size, size) in [-1, 1].
        captions: What each shows, for example "red apple".
        tags: Further words for each.
        groups: The kind of thing that each is, for example "food-drink".
        bases: The drawing that each is a variant of, by its caption; often itself.
    """

    images: Tensor
    lines: Tensor
    captions: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    bases: tuple[str, ...]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.images)


@contract(f"split: one of {SPLITS}, size: one of {SIZES}")
def emoji(split: str = "train", size: int = 32) -> Drawings:
    r"""Load the bundled drawings: about two thousand, in colour and in lines, with captions.

    They are a part of OpenMoji 17, without flags, trade marks and what differs only in the tone of a skin. An
    8-bit pixel :math:`k \in \{0, \dots, 255\}` becomes :math:`x = k / 127.5 - 1`; the smaller sizes are
    averages of blocks of the 64×64 pixels, rounded to 8 bits again.

    A drawing and its variants (man, woman, person; another colour; facing right) have one base, and no base
    is in both splits. All the same the set is small and of one hand, so what a network draws may be
    remembered: look at the nearest one that it has learned from.

    Origin and licence (CC BY-SA 4.0) stand in ``minidiff/data/EMOJI_LICENSE.md``. They hold for the drawings
    and for what is made of them.

    Args:
        split: ``"train"`` (nine in ten bases) or ``"heldout"``.
        size: Height and width: 64, 32 or 16.

    Raises:
        ValueError: If the file is damaged.
    """
    content = read(BUNDLED)
    with np.load(io.BytesIO(content)) as arrays:
        colour = torch.from_numpy(arrays[f"{split}_colour"])
        line = torch.from_numpy(arrays[f"{split}_line"])[:, None]
    with ZipFile(io.BytesIO(content)) as archive:
        about = json.loads(archive.read("about.json"))[split]
    return Drawings(
        images=_in_range(colour, size),
        lines=_in_range(line, size),
        captions=tuple(row["caption"] for row in about),
        tags=tuple(tuple(row["tags"]) for row in about),
        groups=tuple(row["group"] for row in about),
        bases=tuple(row["base"] for row in about),
    )


def _in_range(pixels: Tensor, size: int) -> Tensor:
    """Bytes (N, C, 64, 64) as floats (N, C, size, size) in [-1, 1]."""
    x = F.avg_pool2d(pixels.float(), pixels.shape[-1] // size).round_()
    return x.div_(127.5).sub_(1)
