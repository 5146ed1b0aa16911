"""A picture of one's own, from a file of the reader's machine."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...base.validate import check_positive_int
from ...data.decoding import decoded
from ..pictures import LARGEST_SIDE
from .controls import Control


@dataclass(frozen=True)
class PictureUpload(Control):
    """A button that asks for a picture's file; see :func:`picture_upload`."""

    size: int
    first: Tensor | None = None
    also: Mapping[str, Any] = field(default_factory=dict)  # where a file moves other controls to

    def start(self, state: Mapping[str, Any]) -> Tensor | None:
        """The picture at first."""
        return self.first

    def widget(self, label: str, state: Mapping[str, Any]) -> Any:
        """A button."""
        import ipywidgets

        return ipywidgets.FileUpload(accept="image/*", multiple=False, description=label)

    def put(self, widget: Any, value: Any) -> None:
        """Nothing: no page may choose a reader's file."""

    def value(self, widget: Any) -> Tensor:
        """The picture in the file."""
        # ipywidgets 8 gives a tuple of files, 7 a dict of them by name.
        files = widget.value.values() if isinstance(widget.value, dict) else widget.value
        file = list(files)[-1]
        name = file.get("name") or file["metadata"]["name"]
        return picture_in(bytes(file["content"]), name, self.size)


def picture_upload(size: int = 28, first: Tensor | None = None) -> PictureUpload:
    """A control for :func:`live`: a picture from a file, grey, square, and as small as the course's.

    Args:
        size: Pixels on a side, 1..64.
        first: What the function gets before there is a file, shape (1, 1, size, size) in [-1, 1]; None is a
            grey ramp.

    Returns:
        A control; the function gets a tensor (1, 1, size, size) in [-1, 1].

    Raises:
        ValueError: If ``size`` is out of its range, or ``first`` has another shape.
    """
    size = check_positive_int("size", size)
    if size > LARGEST_SIDE:
        raise ValueError(f"size must be at most {LARGEST_SIDE}, got {size}")
    if first is not None and tuple(first.shape) != (1, 1, size, size):
        raise ValueError(f"first must have shape (1, 1, {size}, {size}), got {tuple(first.shape)}")
    if first is None:
        first = torch.linspace(-1, 1, size).repeat(size, 1)[None, None]
    return PictureUpload(size, first)


def picture_in(content: bytes, name: str, size: int) -> Tensor:
    """The middle square of a picture's file in grey, shape (1, 1, size, size) in [-1, 1].

    Raises:
        ValueError: If the file holds no picture that Pillow can read.
    """
    try:
        grey = decoded(io.BytesIO(content), size, 1, crop=True, ground=(255, 255, 255))
    except Exception as error:  # Pillow has many names for a file that is none of its kinds
        raise ValueError(
            f"{name} cannot be read as a picture ({error}); take a PNG or a JPEG"
        ) from error
    return torch.from_numpy(grey.astype(np.float32) / 127.5 - 1)[None]
