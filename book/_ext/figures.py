"""Show the figures of notebooks at their size, and in the dark with lighter ink.

They are drawn on a clear ground at twice the page's resolution, with one ink for words and axes
(:mod:`minidiff.viz.style`). A figure that has this ink gets a second file in which the ink is light; the
theme shows the one that fits. Other pictures stay as they are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sphinx.application import Sphinx

from minidiff.viz.style import INK

LIGHT_INK = "#d0d7de"
COVERED_TWICE = np.round(255 * (1 - (1 - np.arange(256) / 255) ** 2)).astype(np.uint8)
NEAR = 3  # what rounding makes of the ink where it covers a pixel in part
SIZE = re.compile(r"width: (\d+)px; height: (\d+)px;")
IMAGE = re.compile(r'<img\b[^>]*?src="(?P<to>[^"]*_images/(?P<name>[^"/]+\.png))"[^>]*>')


def rgb(colour: str) -> list[int]:
    """The numbers of a colour such as "#d0d7de"."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def is_ink(pixels: np.ndarray) -> np.ndarray:
    """Where a picture (H, W, 4) has the ink of figures."""
    colour, alpha = pixels[..., :3].astype(np.int16), pixels[..., 3]
    return (np.abs(colour - rgb(INK)).max(axis=-1) <= NEAR) & (alpha > 0)


def on_dark(pixels: np.ndarray) -> np.ndarray | None:
    """The same picture with light ink; None for one that is not drawn with ink on a clear ground.

    Points and areas that let the ground through would be lost on a dark one, so they cover twice.
    """
    ink = is_ink(pixels)
    if not ink.any() or pixels[..., 3].min() > 0:
        return None
    lighter = pixels.copy()
    lighter[ink, :3] = rgb(LIGHT_INK)
    lighter[~ink, 3] = COVERED_TWICE[pixels[~ink, 3]]
    return lighter


def dark_file(file: Path, folder: Path) -> str | None:
    """Write the dark twin of a figure into a folder; its name, or None if it has none."""
    with Image.open(file) as image:
        lighter = on_dark(np.asarray(image.convert("RGBA")))
    if lighter is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    twin = folder / f"{file.stem}.dark.png"
    Image.fromarray(lighter).save(twin)
    return twin.name


def both(tag: str, source: str, twin: str | None) -> str:
    """The HTML of a figure, which keeps its shape where a page is narrow, and its dark twin behind it."""
    tag = SIZE.sub(r"width: \1px; height: auto; aspect-ratio: \1 / \2;", tag)
    tag = tag.replace("<img ", '<img loading="lazy" ', 1)
    if twin is None:
        return tag
    classed = tag if "class=" in tag else tag.replace("<img ", '<img class="" ', 1)
    light, dark = (
        re.sub(r'class="', f'class="only-{theme} dark-light ', classed, count=1)
        for theme in ("light", "dark")
    )
    return light + dark.replace(source, source.rpartition("/")[0] + "/" + twin)


def show(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Put the twins into a page's HTML before it is written."""
    if "body" not in context or app.builder.format != "html":
        return
    files = {name: Path(app.srcdir) / path for path, name in app.builder.images.items()}

    def shown(found: re.Match[str]) -> str:
        file = files.get(found["name"])
        if file is None or "jupyter_execute" not in file.parts:
            return found[0]
        twin = dark_file(file, Path(app.outdir) / app.builder.imagedir)
        return both(found[0], found["to"], twin)

    context["body"] = IMAGE.sub(shown, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page before it is written."""
    app.connect("html-page-context", show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
