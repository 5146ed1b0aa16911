"""Where a place in the book can be opened from: the notebook beside, or the course's repository."""

from __future__ import annotations

import html
import os
import re
from importlib import metadata
from pathlib import Path

_PLACE = re.compile(r"(?P<words>.+) \((?P<page>\S+)\.html#(?P<label>\S+)\)")
_HEADING = re.compile(r"“(.+)”")
_NEAR = ("", "notebooks", "../notebooks", "../../notebooks", "../../../notebooks")


def anchor(place: str) -> str:
    """A place in the book as HTML: a link if there is something to open, else its words and address.

    Inside the course the link opens the chapter's notebook, where it lies as seen from the folder in which
    this runs. Elsewhere it leads to the repository that this installation names, if it names one. The book,
    when it is built, has pages instead: ``data-page`` says which, and ``book/_ext/panels.py`` puts it in.

    Args:
        place: As in ``places.json``: ``chapter 3, “Exercises” (notebooks/03_….html#ex-…)``.
    """
    parts = _PLACE.fullmatch(place)
    if parts is None:
        return html.escape(place)
    found = _beside(parts["page"]) or _published(parts["page"])
    if found is None:
        return html.escape(place)
    heading = _HEADING.search(parts["words"])
    # Jupyter's own anchors: a heading's words, joined by hyphens.
    href = found + ("" if heading is None else "#" + heading[1].replace(" ", "-"))
    page = f"{parts['page']}.html#{parts['label']}"
    return (
        f'<a href="{html.escape(href)}" data-page="{html.escape(page)}" style="color:inherit">'
        f"{html.escape(parts['words'])}</a>"
    )


def _beside(page: str) -> str | None:
    """The notebook of a page, as seen from here."""
    name = f"{page.rpartition('/')[2]}.ipynb"
    for folder in _NEAR:
        if (Path(folder) / name).is_file():
            return os.path.join(folder, name).replace(os.sep, "/")
    return None


def _published(page: str) -> str | None:
    """The notebook of a page in the repository, at the version that is installed."""
    try:
        told = metadata.metadata("minidiff")
    except metadata.PackageNotFoundError:
        return None
    for line in told.get_all("Project-URL") or []:
        name, _, address = (part.strip() for part in line.partition(","))
        if name == "Repository" and address.startswith("https://"):
            base = address.rstrip("/").removesuffix(".git")
            return f"{base}/blob/v{told['Version']}/{page}.ipynb"
    return None
