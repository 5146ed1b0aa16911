"""Keep of the theme's two thousand icons only those that the book shows.

The theme brings all of Font Awesome, 1.5 MB that every page would load and a phone would have to
read. After the build, the icons that no page or script names are taken out of that file.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

BUNDLE = Path("_static/scripts/fontawesome.js")
NAMED = re.compile(r"\bfa-([a-z0-9]+(?:-[a-z0-9]+)*)")
# name: [width, height, [aliases and code points], "code", "path" or ["path", "path"]]
ICON = re.compile(
    r'"?(?P<name>[\w-]+)"?:\[\d+,\d+,\[(?P<aliases>[^\[\]]*)\],"[0-9a-f]+",'
    r'(?:"[^"]*"|\["[^"]*"(?:,"[^"]*")*\])\],?'
)


def names_in_use(site: Path) -> set[str]:
    """Every ``fa-…`` that a page or a script of the built site names.

    Styles do not count: the theme's own one lists every icon there is.
    """
    files = (f for kind in ("*.html", "*.js") for f in site.rglob(kind) if f != site / BUNDLE)
    return {name for f in files for name in NAMED.findall(f.read_text(encoding="utf-8"))}


def without_unused(bundle: str, used: set[str]) -> str:
    """The script with only the icons in ``used``, under their own names or an alias."""

    def keep(match: re.Match[str]) -> str:
        names = {match["name"], *re.findall(r'"([^"]+)"', match["aliases"])}
        return match[0] if names & used else ""

    return ICON.sub(keep, bundle)


def trim(app: Sphinx, error: Exception | None) -> None:
    """Rewrite the script in the built site."""
    site = Path(app.outdir)
    if error is None and (site / BUNDLE).is_file():
        bundle = (site / BUNDLE).read_text(encoding="utf-8")
        slim = without_unused(bundle, names_in_use(site))
        (site / BUNDLE).write_text(slim, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Run after every build."""
    app.connect("build-finished", trim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
