"""Number figures, exercises and equations by chapter, as the chapters are numbered in their titles.

Chapter 21 is the fourteenth page: Sphinx would count pages, so the number is taken from the name of the file,
``21_flow_matching`` or ``appendix_b_elbo``. Pages of one chapter go on counting where the one before stopped.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector

NUMBERED = re.compile(r"(?:.*/)?(?:(?P<chapter>\d\d)|appendix_(?P<appendix>[a-z]))_")


def number(page: str) -> tuple[int | str, ...]:
    """A page's number: (5,) or ("B",); () for a page that has none."""
    found = NUMBERED.match(page)
    if found is None:
        return ()
    return (int(found["chapter"]),) if found["chapter"] else (found["appendix"].upper(),)


class ByChapter(TocTreeCollector):
    """Counts as Sphinx does, with our numbers."""

    def assign_figure_numbers(self, env: BuildEnvironment) -> list[str]:
        """Return the pages that have to be written again."""
        pages = env.toc_secnumbers
        # Only while it counts: headings would show the number, and titles have it already.
        env.toc_secnumbers = {page: {"": number(page)} for page in env.found_docs}  # type: ignore[misc]
        changed = super().assign_figure_numbers(env)
        env.toc_secnumbers = pages
        return changed


def setup(app: Sphinx) -> dict[str, bool]:
    """Count in the place of Sphinx's collector: to do it after that would read all pages once more."""
    event = "env-get-updated"
    for listener in list(app.events.listeners[event]):
        if isinstance(getattr(listener.handler, "__self__", None), TocTreeCollector):
            app.disconnect(listener.id)
    app.connect(event, ByChapter().get_updated_docs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
