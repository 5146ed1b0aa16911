"""Image tensors as one picture, or as a film of such: samples side by side, pixels large enough to see."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from einops import rearrange, repeat
from torch import Tensor

from .files import write_atomically
from .ranges import is_pictures
from .validate import check_floats, check_positive_int

STILLS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
FILMS = {".gif": "GIF"}
MOST_FRAMES, FILM_WIDTH = 25, 400  # of a film; in pixels, where its pictures are small enough
FRAME, HELD = 80, 2000  # milliseconds that a frame of a film is shown, and its last one


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
    if not is_pictures(images):
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
    path: str | Path,
    images: Tensor,
    columns: int | None = None,
    *,
    zoom: int = 4,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write :func:`contact_sheet` as a PNG or JPEG file, whole or not at all; gives its path back.

    Args:
        path: The file; its ending says the format.
        images: As for :func:`contact_sheet`, and so are ``columns`` and ``zoom``.
        columns: Images in a row.
        zoom: Each pixel becomes zoom × zoom.
        about: What to write into the file's text, by name: how the pictures were made.

    Raises:
        ValueError: If the ending is another.
    """
    from PIL import Image

    path = Path(path)
    kind = check_ending(path, STILLS)
    sheet = Image.fromarray(contact_sheet(images, columns, zoom=zoom))
    content = io.BytesIO()
    sheet.save(content, format=kind, **_text(kind, about or {}))
    write_atomically(path, content.getvalue())
    return path


def save_film(
    path: str | Path,
    states: Iterable[Tensor],
    columns: int | None = None,
    *,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write batches of images as a GIF film, a contact sheet a frame, the last one held; gives its path back.

    Noise hardly lets itself be compressed, so of many states about 25 are shown, and pixels are made larger
    only as far as the film stays small enough to send around.

    Args:
        path: The file, ``*.gif``.
        states: Of each moment the images, as for :func:`contact_sheet`, the last ones last.
        columns: Images in a row.
        about: What to write into the file's text, by name.

    Raises:
        ValueError: If the ending is another, or there are no frames.
    """
    from PIL import Image

    path = Path(path)
    kind = check_ending(path, FILMS)
    moments = list(states)
    if not moments:
        raise ValueError("states has no images to show")
    shown = moments[:: -math.ceil(len(moments) / MOST_FRAMES)][::-1]
    zoom = max(FILM_WIDTH // contact_sheet(shown[0], columns).shape[1], 1)
    frames = [Image.fromarray(contact_sheet(x, columns, zoom=zoom)) for x in shown]
    content = io.BytesIO()
    times = [*[FRAME] * (len(frames) - 1), HELD]
    frames[0].save(
        content,
        format=kind,
        save_all=True,
        append_images=frames[1:],
        duration=times,
        loop=0,
        **_text(kind, about or {}),
    )
    write_atomically(path, content.getvalue())
    return path


def check_ending(path: Path, allowed: Mapping[str, str]) -> str:
    """The format of a file by its ending.

    Raises:
        ValueError: If it is none of those allowed.
    """
    kind = allowed.get(path.suffix.lower())
    if kind is None:
        endings = " or ".join(allowed)
        raise ValueError(f"{path} must end in {endings}, which says how the pictures are written")
    return kind


def _text(kind: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """What makes Pillow write words into a file: under their names in a PNG, else as one comment."""
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        words = PngInfo()
        for name, value in {"Software": "minidiff", **about}.items():
            words.add_text(name, str(value))
        return {"pnginfo": words}
    return {"comment": "; ".join(f"{n}: {v}" for n, v in {"Software": "minidiff", **about}.items())}
