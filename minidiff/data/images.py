"""Image sets as tensors: the bundled digits at once, larger sets through torchvision."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..base.contracts import contract, unchecked
from . import _torchvision
from .bundled import read

NAMES = ("digits", *_torchvision.SETS)
"""What :func:`load` knows."""

SPLITS = ("train", "heldout")
"""The two parts of every set; ``"heldout"`` is what other libraries call the test set."""

CLASSES = 10  # every set here happens to have ten
BUNDLED = Path(__file__).with_name("digits.npz")


def known_classes(classes: Sequence[int] | None) -> None:
    """IndexError: If an entry of ``classes`` is outside 0..9."""
    if classes is not None and max(classes) >= CLASSES:
        raise IndexError(f"classes holds {max(classes)}, which is outside 0..{CLASSES - 1}")


@contract(
    f"name: one of {NAMES}, split: one of {SPLITS}, size: count, classes: counts from 0",
    known_classes,
)
def load(  # noqa: PLR0917  old calls by position go on working
    name: str,
    split: str = "train",
    size: int | None = None,
    root: str | os.PathLike[str] | None = None,
    download: bool = True,
    classes: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Load a set of labelled images.

    An 8-bit pixel :math:`k \in \{0, \dots, 255\}` becomes

    .. math:: x = \frac{k}{127.5} - 1 \in [-1, 1],

    so neighbouring levels are 2/255 apart.

    ================= =============== ============ ====================================
    name              image           train images held-out images
    ================= =============== ============ ====================================
    ``digits``        1×28×28         4,000        1,000 (part of MNIST, bundled)
    ``mnist``         1×28×28         60,000       10,000
    ``fashion_mnist`` 1×28×28         60,000       10,000
    ``cifar10``       3×32×32         50,000       10,000
    ================= =============== ============ ====================================

    The digits are bundled, split once and for all (400 and 100 of each class) and shuffled; the other
    sets are read by torchvision and keep their files' order. The origin and licence of the digits
    stand in ``minidiff/data/DIGITS_LICENSE.md``.

    Args:
        name: One of ``minidiff.data.NAMES``.
        split: ``"train"`` or ``"heldout"`` (for the larger sets: their test part).
        size: Height and width to resize to, with an antialiased bilinear filter; the result is rounded
            to 8 bits again, so that bits per dimension keep their meaning. None keeps the
            images as they are.
        root: Folder under which torchvision looks for the files and puts what it downloads. None
            means ``minidiff`` in the user's cache folder. The bundled digits need none.
        download: Whether files that are missing may be downloaded.
        classes: Keep only these classes, for example ``[0, 1]``. The labels keep their numbers.

    Returns:
        The images, float32 (N, C, H, W) in [-1, 1], and their labels, int64 (N,) in 0..9; both on
        the CPU.

    Raises:
        ValueError: If a file is damaged.
        ImportError: If a larger set is asked for and torchvision is missing.
        FileNotFoundError: If torchvision works but the files are missing and ``download`` is False.
        ConnectionError: If torchvision works, the files are missing and cannot be downloaded.
    """
    if name == "digits":
        pixels, labels = _bundled_digits(split)
    else:
        folder = cache() if root is None else Path(root)
        pixels, labels = _torchvision.read(name, split == "train", folder, download)
    if classes is not None:
        keep = torch.isin(labels, torch.tensor(list(classes)))
        pixels, labels = pixels[keep], labels[keep]
    if size is not None and pixels.shape[-2:] != (size, size):
        pixels = _resize(pixels, size)
    # In place: as floats, CIFAR-10 takes 600 MB, once is enough.
    return pixels.to(torch.float32).div_(127.5).sub_(1), labels


@contract(f"split: one of {SPLITS}, size: count or None")
def digits(split: str = "train", size: int | None = 16) -> tuple[Tensor, Tensor]:
    """Load the bundled digits, at 16×16 unless told otherwise: ``load("digits", split, size)``.

    Returns:
        The images, float32 (N, 1, size, size) in [-1, 1], and their labels, int64 (N,).
    """
    return unchecked(load)("digits", split, size)


@contract("images: batch, size: count")
def resized(images: Tensor, size: int) -> Tensor:
    """Resize images (N, C, H, W) in [-1, 1] as :func:`load` does, through 8 bits; or leave them alone.

    Images that have the size already come back as they are, not rounded.
    """
    if images.shape[-2:] == (size, size):
        return images
    pixels = images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return _resize(pixels, size).to(torch.float32).div_(127.5).sub_(1)


def _bundled_digits(split: str) -> tuple[Tensor, Tensor]:
    with np.load(io.BytesIO(read(BUNDLED))) as arrays:
        pixels = torch.from_numpy(arrays[f"{split}_images"])[:, None]  # (N, 1, 28, 28)
        return pixels, torch.from_numpy(arrays[f"{split}_labels"]).long()


def _resize(pixels: Tensor, size: int) -> Tensor:
    """Resize bytes (N, C, H, W) to bytes (N, C, size, size)."""
    # In float64 the sums come out the same on every machine before they are rounded (but for an
    # exact tie); a thousand at a time, since eight bytes a pixel are many for a large set.
    parts = [
        F.interpolate(part.double(), (size, size), mode="bilinear", antialias=True)
        for part in torch.split(pixels, 1000)
    ]
    return torch.cat([part.round().to(torch.uint8) for part in parts])


def cache() -> Path:
    """The folder below the user's cache where files of the library lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minidiff"
