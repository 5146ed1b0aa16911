"""Frames of figures that need a network: pictures that were made when the figure was made.

Another processor draws other last bits, so nothing of a frame may be compared when a notebook is run
again. Each carries a mark, and `tests/nbval_sanitize.cfg` takes what is marked out of both outputs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .widget import encode, png

MARK = "frames:"
LEVELS = 15  # of grey above black: four bits a pixel


def grey_levels(images: Tensor) -> npt.NDArray[np.uint8]:
    """Pixels in [-1, 1] as whole numbers 0..15, same shape; what lies outside is cut."""
    x = images.detach().cpu().double().clamp(-1, 1)
    return ((x + 1) * (LEVELS / 2)).round().numpy().astype(np.uint8)


def frames_text(levels: npt.NDArray[np.uint8]) -> str:
    """Grey levels as marked base64, two pixels a byte; the page's script reads it with unpack()."""
    flat = levels.reshape(-1)
    flat = np.pad(flat, (0, flat.size % 2))
    return MARK + encode(flat[::2] << 4 | flat[1::2])


def frame_png(levels: npt.NDArray[np.uint8]) -> str:
    """One frame (H, W) as the marked address of a grey PNG."""
    # A data address may carry parameters; this one is the mark.
    return png(levels * np.uint8(255 // LEVELS)).replace(";base64,", ";of=frames;base64,", 1)
