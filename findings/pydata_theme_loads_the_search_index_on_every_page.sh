#!/usr/bin/env bash
# pydata-sphinx-theme 0.17.1 with Sphinx 7.4.7, all options as they come (search_as_you_type is off).
#
# The index of the search is needed by the page of the search, and by others only where results come while one types.
# The theme puts it into the head of every page nonetheless, as a script without defer or async, so a browser draws
# nothing of any page before the whole index of the site was fetched and carried out; it grows with the site.
#
# Seen: of the three pages (two of text, and the list of all words), each has the script; Sphinx's own theme, alabaster,
# gives it to the page of the search alone. Exits with an error if that has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet "sphinx==7.4.7" "pydata-sphinx-theme==0.17.1"
mkdir "$place/text"
printf 'First\n=====\n\n.. toctree::\n\n   second\n' > "$place/text/index.rst"
printf 'Second\n======\n\nNoise.\n' > "$place/text/second.rst"
for theme in pydata_sphinx_theme alabaster; do
    printf 'html_theme = "%s"\n' "$theme" > "$place/text/conf.py"
    "$place/env/bin/sphinx-build" -q -b html "$place/text" "$place/$theme"
done
"$place/env/bin/python" - "$place" <<'PY'
import re
import sys
from pathlib import Path

SCRIPT = re.compile(r"<script\b[^>]*searchindex\.js[^>]*>")
seen = {}
for theme in ("pydata_sphinx_theme", "alabaster"):
    pages = sorted((Path(sys.argv[1]) / theme).glob("*.html"))
    scripts = {page.name: SCRIPT.findall(page.read_text(encoding="utf-8")) for page in pages}
    seen[theme] = {name: found for name, found in scripts.items() if found}
    print(f"{theme}: the index is loaded by {', '.join(seen[theme])}")
of_the_theme = seen["pydata_sphinx_theme"]
assert list(of_the_theme) == ["genindex.html", "index.html", "search.html", "second.html"], of_the_theme
assert not any(re.search(r"\b(defer|async)\b", script) for found in of_the_theme.values() for script in found)
assert list(seen["alabaster"]) == ["search.html"], seen["alabaster"]
PY
