"""The directive `cards`: a part of the book as cards, one a chapter, with first picture and minutes.

In MyST, a fence named `{cards}` with the caption of a part in `_toc.yml`. Title, picture and minutes are
those of the notebooks, so that the page cannot fall behind them.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import yaml
from docutils import nodes
from figures import on_dark
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

FOLDER = "_static/cards"
WIDE = 480  # pixels of a plot on a card: twice what it takes
THEMES = {".png": "only-light", ".dark.png": "only-dark"}
TITLE = re.compile(r"# (.+)")
MINUTES = re.compile(r"\*\*Minutes\*\*\D*(\d+)")
STILL = re.compile(r'<img class="mdw-static"[^>]*src="data:image/svg\+xml;base64,([^"]*)"')


@dataclass(frozen=True)
class Card:
    """What a card says of a chapter, and the files of its picture by their endings."""

    page: str
    title: str
    minutes: int
    files: dict[str, bytes]

    @property
    def name(self) -> str:
        """The name of its files, less their endings."""
        return self.page.rpartition("/")[2]


def small_png(pixels: np.ndarray) -> bytes:
    """A PNG as small as a card takes."""
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((WIDE, WIDE))
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()


def picture(output: Any) -> dict[str, bytes]:
    """The files that show an output: one, or one for light and one for dark pages; none for words."""
    data = output.get("data", {})
    if still := STILL.search(data.get("text/html", "")):
        return {".svg": base64.b64decode(still[1])}
    if "image/png" not in data:
        return {}
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        drawn = np.asarray(image.convert("RGBA"))
    dark = on_dark(drawn)
    return {".png": small_png(drawn)} | ({} if dark is None else {".dark.png": small_png(dark)})


def card(root: Path, page: str) -> Card:
    """The card of a notebook, such as "notebooks/05_loss_and_elbo"."""
    notebook = nbformat.read(root / f"{page}.ipynb", as_version=4)
    words = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    title, minutes = TITLE.match(words), MINUTES.search(words)
    if title is None or minutes is None:
        raise ExtensionError(f"{page} needs a title and **Minutes** with a number, for its card")
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    files: dict[str, bytes] = next(filter(None, map(picture, outputs)), {})
    return Card(page, title[1], int(minutes[1]), files)


def pages(root: Path, caption: str) -> list[str]:
    """The notebooks of a part, in the order of the book."""
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    for part in parts:
        if part["caption"] == caption:
            return [c["file"] for c in part["chapters"] if c["file"].startswith("notebooks/")]
    raise ExtensionError(f"_toc.yml has no part {caption!r}, only {[p['caption'] for p in parts]}")


def html(card: Card) -> str:
    """A link to the chapter: its picture, its title, its minutes."""
    both = len(card.files) == len(THEMES)
    shown = "".join(
        f'<img class="{THEMES[ending] if both else ""} dark-light" loading="lazy" alt="" '
        f'src="../{FOLDER}/{card.name}{ending}">'
        for ending in card.files
    )
    return (
        f'<a class="md-card" href="../{card.page}.html"><span class="md-card-picture">{shown}</span>'
        f'<span class="md-card-title">{escape(card.title)}</span>'
        f'<span class="md-card-minutes">{card.minutes} minutes</span></a>'
    )


class Cards(SphinxDirective):
    """Insert the cards of a part."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return them as raw HTML; the page is built anew when a chapter changes."""
        root = Path(self.env.srcdir)
        found = []
        for page in pages(root, self.arguments[0]):
            self.env.note_dependency(str(root / f"{page}.ipynb"))
            found.append(card(root, page))
        return [
            nodes.raw("", f'<div class="md-cards">{"".join(map(html, found))}</div>', format="html")
        ]


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the pictures of all parts beside the pages."""
    root = Path(app.srcdir)
    if error is not None or app.builder.format != "html":
        return
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        for one in (card(root, page) for page in pages(root, part["caption"])):
            for ending, data in one.files.items():
                (folder / f"{one.name}{ending}").write_bytes(data)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and run after every build."""
    app.add_directive("cards", Cards)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
