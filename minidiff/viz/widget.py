"""The base of the interactive figures: one piece of HTML that works in Jupyter, Colab and the book.

A widget needs no kernel, no network and no library: its HTML carries its own script, style, data and
a picture for readers without JavaScript. The same arguments give the same bytes, on any machine.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.validate import check_positive_int

# The script of a widget can run before the page has its div (Colab does that), hence the second
# tries; and one page can show the same widget twice, hence the search for every div not yet started.
_START = """
let tries = 0;
(function start() {
  const found = document.querySelectorAll('.mdw[data-mdw="KEY"]:not([data-ready])');
  found.forEach((root) => { root.dataset.ready = '1'; build(root, data); });
  if (!found.length && tries++ < 50) setTimeout(start, 60);
})();
"""


MOVE_IT = "<p>In a notebook, run this cell to move the figure.</p>"


class Widget:
    """An interactive figure that is nothing but HTML.

    A subclass sets ``name``, keeps its script in ``NAME.js`` beside this file (a function
    ``build(root, data)`` that fills the div) and computes the same numbers in :meth:`readout`.

    Args:
        data: What the script needs: plain numbers, strings, lists and dicts.
        picture: Inline SVG of the state that is shown first, for a page without JavaScript.
        summary: One line for ``repr``: the arguments, in words.
    """

    name: str
    #: Scripts that NAME.js needs beside common.js, such as "hash_noise.js", in this order.
    scripts: tuple[str, ...] = ()

    def __init__(self, data: dict[str, Any], picture: str, summary: str) -> None:
        self._data = data
        self._picture = picture
        self._summary = summary

    def _repr_html_(self) -> str:
        style = script("theme.css", "widget.css")
        code = script("common.js", *self.scripts, f"{self.name}.js")
        # "<" is escaped so that no string can end the script element.
        data = json.dumps(self._data, separators=(",", ":"), ensure_ascii=True)
        data = data.replace("<", "\\u003c")
        key = key_of(style, code, data, self._picture)
        return (
            f"<style>\n{style}</style>\n"
            f'<div class="mdw mdw-{self.name}" data-mdw="{key}">'
            f"<noscript>{without_scripts(self._picture)}</noscript></div>\n"
            f"<script>(function () {{\n'use strict';\n{code}"
            f"const data = {data};{_START.replace('KEY', key)}}}());</script>"
        )

    def __repr__(self) -> str:
        return f"<minidiff interactive figure: {self._summary}>"

    def readout(self, **controls: Any) -> dict[str, str]:
        """What the figure writes for a state of its controls, computed by the library.

        Args:
            **controls: Values of controls by name; the others are as shown first.

        Returns:
            The text of each read-out by its name.
        """
        raise TypeError(f"{type(self).__name__} has no read-outs")


def chosen(
    shown_first: dict[str, Any], controls: dict[str, Any], *, least_t: int = 0
) -> dict[str, Any]:
    """The state of all controls, given those that differ from the state shown first.

    Where T can be chosen, another T keeps t at the same share of the way unless t is given too,
    and never below ``least_t``: a slider does the same.

    Raises:
        TypeError: If there is no control of that name, or T is not an integer.
    """
    for name in controls:
        if name not in shown_first:
            raise TypeError(f"there is no control {name!r}; there are {', '.join(shown_first)}")
    state = {**shown_first, **controls}
    if "T" in state and "t" not in controls:
        T = check_positive_int("T", state["T"])
        state["t"] = max(least_t, math.floor(shown_first["t"] / shown_first["T"] * T + 0.5))
    return state


def check_up_to(name: str, n: Any, high: int, *, low: int = 1) -> int:
    """Refuse everything but an integer low..high, which is as far as a page can go."""
    number = check_positive_int(name, n, low)
    if number > high:
        raise ValueError(f"{name} must be at most {high} in this figure, got {number}")
    return number


def without_scripts(picture: str) -> str:
    """What is shown where no script runs: the still picture as an image with its words, and how to move it.

    A notebook that was opened and not run is not trusted: JupyterLab takes scripts, styles and drawings out
    of its outputs and leaves their text, but keeps images.
    """
    return re.sub(r"<svg .*?</svg>", _as_image, picture, flags=re.DOTALL) + MOVE_IT


def _as_image(found: re.Match[str]) -> str:
    drawing = found[0].replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    label = re.search(r'aria-label="([^"]*)"', drawing)
    assert label is not None
    address = base64.b64encode(drawing.encode()).decode("ascii")
    image = f'<img class="mdw-static" alt="{label[1]}" src="data:image/svg+xml;base64,{address}" />'
    # What a network drew differs a little from machine to machine, and is not to be compared.
    return f"<!--computed-->{image}<!--/computed-->" if ";of=frames;" in drawing else image


def key_of(*content: str) -> str:
    """What a page finds a figure by: the same for the same content, on any machine."""
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:12]


def script(*names: str) -> str:
    """Scripts or style sheets of this package as one, without comment lines and indentation.

    What all figures share lies beside this module; what belongs to one, in ``explorers``.
    """
    return "".join(map(_stripped, names))


@cache
def _stripped(file: str) -> str:
    here = files(__package__)
    found = here / file if (here / file).is_file() else here / "explorers" / file
    text = found.read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith(("//", "/*")))


def number(x: float) -> str:
    """Four significant digits, as the scripts write them: 0.01999, 4.036e-5, ∞."""
    if x == 0:
        return "0"
    if np.isinf(x):
        return "∞" if x > 0 else "-∞"
    mantissa, exponent = f"{x:.3e}".split("e")
    e = int(exponent)
    return f"{mantissa}e{e}" if e < -3 or e > 4 else f"{x:.{max(0, 3 - e)}f}"


def fixed(x: float) -> str:
    """Three decimals, and never a negative nought."""
    return f"{round(x, 3) + 0.0:.3f}"


def vector(x: Iterable[float]) -> str:
    """The numbers of a vector: (0.120, -1.500)."""
    return f"({', '.join(map(fixed, map(float, x)))})"


def nice_values(low: float, high: float, *include: float) -> list[float]:
    """Round numbers from low to high in about equal ratios, for a slider; ``include`` joins them."""
    mantissas = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8")
    decades = range(int(np.floor(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    # Written out and read back, so that each is the double nearest to what the slider shows.
    values = {float(f"{m}e{d}") for d in decades for m in mantissas}
    return sorted({v for v in values if low <= v <= high} | set(include))


def tenths(end: float, *include: float) -> list[float]:
    """-end, …, -0.1, 0, 0.1, …, end for a slider; ``include`` joins them."""
    most = round(10 * end)
    return sorted({k / 10 for k in range(-most, most + 1)} | set(include))


def encode(values: npt.NDArray[Any]) -> str:
    """The bytes of an array as base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def png(pixels: npt.NDArray[np.uint8]) -> str:
    """A grey PNG as a data address: pixels (H, W), stored and not compressed.

    Compressed bytes, and pictures drawn by matplotlib, differ from one version of a library to the
    next; the output of a notebook must not.
    """
    height, width = pixels.shape
    rows = np.pad(pixels, ((0, 0), (1, 0))).tobytes()  # each row starts with filter type 0
    if len(rows) > 0xFFFF:
        raise ValueError(f"a stored PNG block holds at most 65535 bytes, got {len(rows)}")
    block = struct.pack("<BHH", 1, len(rows), len(rows) ^ 0xFFFF) + rows
    body = b"\x78\x01" + block + struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    out = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        check = zlib.crc32(kind + content)
        out += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
    return "data:image/png;base64," + base64.b64encode(out).decode("ascii")
