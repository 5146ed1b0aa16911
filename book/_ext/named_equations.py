"""Let the search of the book find an equation by its names: the names that concepts.yml gives it.

Formulas are not words, so Sphinx's search does not look into them. What it does know are entries of an index,
and it leads from one straight to the place on the page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from concepts import BOOK, concepts  # noqa: E402  (a script of the maintainers, not an installed module)


class NameEquations(SphinxTransform):
    """An entry of the index at each labelled equation that has a name."""

    default_priority = 800  # before Sphinx collects the entries, at 850

    def apply(self, **options: Any) -> None:
        """Write them into the page that is read."""
        self.env.note_dependency(str(BOOK / "concepts.yml"))
        names = {row.equations[0]: row.called for row in concepts().values() if row.equations}
        for equation in list(self.document.findall(nodes.math_block)):
            called = names.get(equation.get("label"), ())
            place = f"equation-{equation.get('label')}"
            # A main entry: the search lists it with what it finds best, and others after all pages.
            entries = [("single", name, place, "main", None) for name in called]
            if entries:
                here = equation.parent.index(equation)
                equation.parent.insert(here, addnodes.index(entries=entries))


def setup(app: Sphinx) -> dict[str, bool]:
    """Name them when a page is read."""
    app.add_transform(NameEquations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
