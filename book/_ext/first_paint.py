"""Let a page be seen before its scripts have run.

A script in the head keeps the browser from drawing anything until it was fetched and carried out. All of
ours and the theme's wait for the whole page anyway, so they can come after it, in the same order. The page of
the search stays as it is: its scripts build on those before them at once.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

SETTINGS = "documentation_options.js"  # short scripts within the page add to them at once


def that_waits(script: Any) -> Any:
    """The same script, to be run after the page was read; it is the same for all pages, so not changed."""
    name = str(getattr(script, "filename", None) or "")
    if not name or name.endswith(SETTINGS):
        return script
    attributes = {**script.attributes, "defer": "defer"}
    return type(script)(script.filename, priority=script.priority, **attributes)


def let_scripts_wait(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Mark the scripts of a page."""
    if page != "search" and "script_files" in context:
        context["script_files"] = [that_waits(script) for script in context["script_files"]]


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page before it is written, after those that add scripts."""
    app.connect("html-page-context", let_scripts_wait, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
