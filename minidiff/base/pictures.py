"""Image tensors as one PNG: samples side by side, pixels large enough to see."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from einops import rearrange, repeat
from torch import Tensor

from .files import write_atomically
from .validate import check_floats, check_positive_int


def contact_sheet(
    images: Tensor, columns: int | None = None, *, zoom: int = 1, gap: int = 1
) -> npt.NDArray[np.uint8]:
    """Lay images out in rows, as 8-bit pixels.

    Args:
        images: (N, C, H, W) with one or three channels, values in [-1, 1]; what lies outside is cut.
        columns: Images in a row; None makes the sheet about square.
        zoom: Each pixel becomes zoom × zoom.
        gap: White pixels (before zooming) between images.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        ValueError: If ``images`` is not (N, 1 or 3, H, W), or a count is below 1.
    """
    check_floats("images", images)
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images must be (N, 1 or 3, H, W), got {tuple(images.shape)}")
    n = len(images)
    columns = math.ceil(math.sqrt(n)) if columns is None else check_positive_int("columns", columns)
    columns = min(columns, n)
    zoom = check_positive_int("zoom", zoom)
    pixels = ((images.detach().cpu().float().clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
    rows = math.ceil(n / columns)
    padded = np.full(
        (rows * columns, 3, images.shape[2] + gap, images.shape[3] + gap), 255, np.uint8
    )
    padded[:n, :, gap:, gap:] = pixels  # one channel is broadcast to three
    sheet = rearrange(padded, "(r c) k h w -> (r h) (c w) k", c=columns)
    sheet = np.pad(sheet, ((0, gap), (0, gap), (0, 0)), constant_values=255)
    return repeat(sheet, "h w k -> (h a) (w b) k", a=zoom, b=zoom)


def save_sheet(
    path: str | Path, images: Tensor, columns: int | None = None, *, zoom: int = 4
) -> Path:
    """Write :func:`contact_sheet` as a PNG file, whole or not at all; gives its path back."""
    from matplotlib.image import imsave

    png = io.BytesIO()
    imsave(
        png,
        contact_sheet(images, columns, zoom=zoom),
        format="png",
        metadata={"Software": "minidiff"},
    )
    path = Path(path)
    write_atomically(path, png.getvalue())
    return path
