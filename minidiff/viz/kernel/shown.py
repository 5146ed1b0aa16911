"""What a live box shows of a function's answer: a picture, and numbers with their names."""

from __future__ import annotations

import base64
import io
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from torch import Tensor

from ...base.pictures import contact_sheet
from ...base.validate import shown as in_words
from ..style import DPI, SHARP
from ..widget import number

PICTURE_WIDTH = 96  # pixels of the page for one picture of a tensor, at least


# What read-outs of the chapters' figures stand for.
SYMBOLS = {
    "beta_t": "β_t",
    "alpha_bar_t": "ᾱ_t",
    "alpha_bar_T": "ᾱ_T",
    "sqrt_alpha_bar_t": "√ᾱ_t",
    "sqrt_one_minus_alpha_bar_t": "√(1 − ᾱ_t)",
    "snr_t": "SNR_t",
    "log_snr_t": "log SNR_t",
    "like": "as noisy as the other at",
    "calls": "calls of the network",
    "apart": "pictures apart",
    "guesses": "guesses apart",
    "scale": "s = 1 + w",
    "flow_t": "t of the flow",
}


@dataclass(frozen=True)
class Shown:
    """An answer, ready for a page.

    Attributes:
        picture: HTML of a picture, or nothing.
        values: Texts by name; ``"sentence"`` is a line of its own.
    """

    picture: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """All of it; each text carries its name, as those of the other figures do."""
        values = {**self.values}
        sentence = values.pop("sentence", "")
        rows = "".join(
            f'<span style="margin-right:1.5em">{escape(_symbol(name))} = '
            f'<span data-readout="{escape(name)}">{escape(words)}</span></span> '
            for name, words in values.items()
        )
        listed = f"<p>{rows}</p>" if rows else ""
        said = f'<p data-readout="sentence">{escape(sentence)}</p>' if sentence else ""
        return f'<div style="max-width:46em">{self.picture}</div>{listed}{said}'


def answer_of(call: Callable[[], Any], alt: str) -> Shown:
    """Call a function, and make of its answer what can be shown.

    A figure that the function has drawn and not given back counts too, as plots are often made.

    Args:
        call: The function, its arguments chosen.
        alt: What its picture is, in words.

    Raises:
        TypeError: If the answer holds something that cannot be shown.
    """
    before = set(_open_figures())
    try:
        answer = call()
        drawn = [number for number in _open_figures() if number not in before]
        shown = _parts(answer if isinstance(answer, tuple) else (answer,), alt)
        if not shown.picture and drawn:
            pictures = "".join(drawing_of(_figure(number), alt) for number in drawn)
            shown = Shown(pictures, shown.values)
        return shown
    finally:
        _close([number for number in _open_figures() if number not in before])


def _parts(parts: tuple[Any, ...], alt: str) -> Shown:
    picture, values = "", dict[str, str]()
    for part in parts:
        if part is None:
            continue
        if isinstance(part, Shown):
            picture += part.picture
            values.update(part.values)
        elif isinstance(part, Mapping):
            values.update({str(name): _text(name, value) for name, value in part.items()})
        elif isinstance(part, Tensor) and part.dim() >= 2:
            picture += picture_of(part, alt)
        elif _figure_of(part) is not None:
            picture += drawing_of(_figure_of(part), alt)
        else:
            values["value"] = _text("the answer", part)
    return Shown(picture, values)


def picture_of(images: Tensor, alt: str, columns: int | None = None) -> str:
    """Pictures (N, C, H, W), (C, H, W) or (H, W) in [-1, 1] as one image, pixels large enough to see.

    Raises:
        ValueError: If they have another shape.
    """
    from PIL import Image

    while images.dim() < 4:
        images = images[None]
    columns = columns or min(len(images), max(10, math.isqrt(len(images))))
    sheet = contact_sheet(images, columns)
    zoom = max(1, round(PICTURE_WIDTH / images.shape[3]))
    content = io.BytesIO()
    Image.fromarray(sheet).save(content, format="PNG")
    return _image(content.getvalue(), zoom * sheet.shape[1], alt, "image-rendering:pixelated;")


def drawing_of(figure: Any, alt: str) -> str:
    """A figure of matplotlib as an image, on a clear ground."""
    content = io.BytesIO()
    figure.savefig(
        content, format="png", dpi=SHARP * DPI, bbox_inches="tight", metadata={"Software": None}
    )
    width = int.from_bytes(content.getvalue()[16:20], "big")  # of a PNG's header
    return _image(content.getvalue(), width // SHARP, alt)


def _image(content: bytes, width: int, alt: str, style: str = "") -> str:
    address = base64.b64encode(content).decode("ascii")
    return (
        f'<img alt="{escape(alt)}" style="{style}width:{width}px;max-width:100%;height:auto" '
        f'src="data:image/png;base64,{address}" />'
    )


def _symbol(name: str) -> str:
    """What a read-out is called, such as "ᾱ_t (top)" for ``alpha_bar_t_top``."""
    for row in ("top", "bottom"):
        if name.endswith(f"_{row}"):
            return f"{_symbol(name.removesuffix(f'_{row}'))} ({row})"
    return SYMBOLS.get(name, name)


def _text(name: Any, value: Any) -> str:
    if isinstance(value, Tensor):
        value = value.item() if value.numel() == 1 else None
    if isinstance(value, (bool, int, str)):
        return str(value)
    if isinstance(value, float) or hasattr(value, "__float__"):
        return number(float(value)) if not math.isnan(float(value)) else "nan"
    raise TypeError(
        f"{name} cannot be shown: a live function gives a figure, pictures (N, C, H, W) in [-1, 1], a "
        f"number, a string, a dict of such by name, or a tuple of these; got {in_words(value)}"
    )


def _figure_of(part: Any) -> Any:
    """The figure of matplotlib that something is, or belongs to; None without one."""
    figure = getattr(part, "figure", None)  # axes have one, and a figure is its own
    return next((x for x in (part, figure) if hasattr(x, "savefig")), None)


# Whoever draws has imported pyplot; who has not is not made to.


def _open_figures() -> list[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return [] if pyplot is None else list(pyplot.get_fignums())


def _figure(number: int) -> Any:
    return sys.modules["matplotlib.pyplot"].figure(number)


def _close(numbers: list[int]) -> None:
    for one in numbers:
        sys.modules["matplotlib.pyplot"].close(one)
