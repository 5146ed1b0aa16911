"""Lead the links of the checks' panels to the pages of the book.

A panel is a notebook's output, and its link opens another notebook. In the built book there are pages in
their place; the link says which one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

LINK = re.compile(r'<a href="[^"]*" data-page="([^"]+)"')


def with_pages(text: str, page: str) -> str:
    """The text of a page, its panels' links leading to pages; ``page`` is its own address in the book."""

    def link(match: re.Match[str]) -> str:
        path, _, label = match[1].partition("#")
        seen = os.path.relpath(path, Path(page).parent).replace(os.sep, "/")
        return f'<a href="{seen}#{label}" data-page="{match[1]}"'

    return LINK.sub(link, text)


def lead(app: Sphinx, error: Exception | None) -> None:
    """Rewrite the pages of the built site that have such links."""
    site = Path(app.outdir)
    for file in [] if error else site.rglob("*.html"):
        before = file.read_text(encoding="utf-8")
        after = with_pages(before, file.relative_to(site).as_posix())
        if after != before:
            file.write_text(after, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Run after every build."""
    app.connect("build-finished", lead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
