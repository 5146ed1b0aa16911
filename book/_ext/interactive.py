"""The directive `interactive`: puts one of minidiff's widgets on a page of the book.

In MyST, an empty fence named `{interactive}` with the name of a function in `minidiff.viz` that
needs no argument, such as `beta_explorer`.
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import minidiff as md


class Interactive(SphinxDirective):
    """Insert the self-contained HTML of `md.viz.<name>()`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the widget as raw HTML, and have the page built anew when its code changes."""
        make = getattr(md.viz, self.arguments[0])
        for file in Path(md.viz.__file__).parent.rglob("*"):
            if file.suffix in (".py", ".js", ".css"):
                self.env.note_dependency(str(file))
        return [nodes.raw("", make()._repr_html_(), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("interactive", Interactive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
