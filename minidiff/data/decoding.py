"""One picture file as bytes of one size: any mode, any orientation, any shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

GREY = (
    "1",
    "L",
    "LA",
    "La",
    "I",
    "I;16",
    "I;16B",
    "I;16L",
)  # Pillow's modes of pictures without colour


def endings() -> frozenset[str]:
    """The endings of files that Pillow reads, such as ``.png``."""
    from PIL import Image

    readable = Image.registered_extensions()  # imports Pillow's readers
    return frozenset(end for end, kind in readable.items() if kind in Image.OPEN)


def decoded(
    path: Path | BinaryIO, size: int, channels: int, crop: bool, ground: tuple[int, int, int]
) -> Bytes:
    """Read a picture as 8-bit pixels, shape (channels, size, size).

    It is turned as its camera says (EXIF), put on the ground where it is transparent, and resized with an
    antialiased bilinear filter. 16-bit values are divided by 257. Of a film it is the first picture.

    Args:
        path: The file, or one that is open.
        size: Height and width.
        channels: 1 or 3.
        crop: Keep the middle square; else the whole picture, with the ground beside it.
        ground: A colour, three values 0..255.

    Raises:
        Exception: Whatever Pillow raises for a file that it cannot read.
    """
    from PIL import Image, ImageOps

    with Image.open(path) as file:
        file.draft(
            "RGB", (2 * size, 2 * size)
        )  # a JPEG file is decoded no larger than it has to be
        picture = ImageOps.exif_transpose(file)
        picture = _on_ground(_eight_bits(picture), ground).convert("RGB")
        if crop:  # first cut, then shrunk, or what is cut off would shine through at the edges
            side, (wide, high) = min(picture.size), picture.size
            left, top = (wide - side) // 2, (high - side) // 2
            picture = picture.crop((left, top, left + side, top + side))
            picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        else:
            picture = ImageOps.pad(picture, (size, size), Image.Resampling.BILINEAR, color=ground)
        picture = picture.convert("L" if channels == 1 else "RGB")
        return np.asarray(picture, dtype=np.uint8).reshape(size, size, channels).transpose(2, 0, 1)


def is_grey(path: Path) -> bool:
    """Whether a file says that its picture has no colours; a palette's are looked through."""
    from PIL import Image

    with Image.open(path) as file:
        if file.mode != "P":
            return file.mode in GREY
        colours = np.asarray(file.convert("RGB")).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())


def _eight_bits(picture: Any) -> Any:
    """A picture of 16 bits in 8; Pillow itself would cut every value above 255 down to white."""
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("its values are floats, of which nobody says which one is white")
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"its values go from {values.min()} to {values.max()}, beyond 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    return picture


def _on_ground(picture: Any, ground: tuple[int, int, int]) -> Any:
    """A picture without holes: what is transparent shows the ground."""
    from PIL import Image

    if not (picture.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in picture.info):
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, (*ground, 255)), picture)
