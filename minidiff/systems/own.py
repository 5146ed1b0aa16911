"""One's own pictures: the U-Net of the course on a folder of files."""

from __future__ import annotations

import os
from functools import partial

from .. import data
from ..chain.schedule import linear_schedule
from ..losses.simple import simple_loss
from ..nn import TinyUNet
from ..sampling.suited import samples
from .digits import TRAINING
from .recipe import Recipe

OWN_SIZE = 32
MULTIPLIERS = (1, 2, 4)
TOKENS = 16  # at most so many places a side look at each other: all pairs of more would take most of the time


def of_folder(path: str | os.PathLike[str], size: int = OWN_SIZE) -> Recipe:
    """The training of a U-Net on a folder of pictures, whose folders are classes. Says what it has read.

    Args:
        path: The folder, see :func:`minidiff.data.folder`.
        size: Height and width of the pictures, a multiple of 4.

    Raises:
        ValueError: If the folder has no pictures, or the size does not suit the network.
    """
    halvings = len(MULTIPLIERS) - 1
    if size % 2**halvings:
        raise ValueError(
            f"size must be a multiple of {2**halvings}, the network halves it {halvings} times; got {size}"
        )
    pictures = data.folder(path, size, progress=True)
    print(pictures.summary())
    net = partial(
        TinyUNet,
        pictures.pixels.shape[1],
        len(pictures.classes) or None,
        width=16,
        multipliers=MULTIPLIERS,
        blocks=1,
        attention=tuple(size // 2**level <= TOKENS for level in range(len(MULTIPLIERS))),
        dropout=0.1,
    )
    return Recipe(
        name=os.path.basename(os.path.abspath(path)),
        about=f"draws {size}×{size} pictures of {path}",
        net=net,
        data=lambda: pictures,
        loss=simple_loss,
        schedule=linear_schedule,
        training=TRAINING,
        sample=samples,
    )
