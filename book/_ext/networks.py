"""Lay the networks that pages ask for beside them, as scripts in ``_static/networks``.

A page names its network in the data of a figure. One that no page could carry out stops the build.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from minidiff.viz.engine import page_network, script_of

ASKED = re.compile(r'"network":"(\w+)"')


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the script of each network that a built page names."""
    site = Path(app.outdir)
    if error is not None or app.builder.format != "html":
        return
    pages = (page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    folder = site / "_static" / "networks"
    for name in sorted({name for page in pages for name in ASKED.findall(page)}):
        folder.mkdir(exist_ok=True)
        script = script_of(name, page_network(name))
        (folder / f"{name}.js").write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Run after every build."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
