"""The errata of the slides: book/errata.yml, the page made from it, and the chapters' margin notes.

    python tools/errata.py           what is not right
    python tools/errata.py --write   make book/errata.md anew

A margin note that begins with "**Where the slide" has to be in the list: a row names a few words of it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import concepts

PAGE = concepts.BOOK / "errata.md"
NOTE = re.compile(r"^:::\{margin\}\n(\*\*Where the slide.*?)^:::", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Erratum:
    """A place where the slides are loose or wrong."""

    slide: str
    says: str
    right: str
    shown: tuple[str, ...]  # labels of equations, or "page#Heading"
    notes: tuple[str, ...] = ()  # a few words of each margin note that is about it


def plain(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


@cache
def errata() -> list[Erratum]:
    """The rows, in the order of the slides."""
    rows = concepts.read_yaml(concepts.BOOK / "errata.yml")
    return [Erratum(**concepts.as_tuples(row)) for row in rows]


@cache
def notes() -> list[tuple[str, str]]:
    """The page and the text of every margin note about a slide."""
    pages = concepts.texts().items()
    return [(page, plain(note)) for page, text in pages for note in NOTE.findall(text)]


def wrong() -> Iterator[str]:
    """Notes that no row is about, rows about notes that are not there, and rows that point nowhere."""
    phrases = [plain(phrase) for row in errata() for phrase in row.notes]
    for page, note in notes():
        found = [phrase for phrase in phrases if phrase in note]
        if len(found) != 1:
            yield f"{page}: {len(found)} rows are about the note {note[:90]!r}"
    for phrase in phrases:
        if not any(phrase in note for _, note in notes()):
            yield f"no margin note has the words {phrase!r}"
    for row in errata():
        if row.slide not in concepts.slides():
            yield f"no slide {row.slide}"
        yield from (f"nothing is shown at {place}" for place in row.shown if not where(place))


def where(place: str) -> str:
    """A link to an equation or to a heading ("" where there is none)."""
    page, _, heading = place.partition("#")
    if heading:
        there = heading in concepts.HEADING.findall(concepts.texts().get(page, ""))
        return concepts.link(page, heading) if there else ""
    page = concepts.labels(concepts.EQUATION).get(place, "")
    return f"{{eq}}`{place}`, {concepts.link(page)}" if page else ""


HEAD = """\
# Errata of the slides

% Made by `python tools/errata.py --write` from errata.yml: edit that.

Slides are short, and a short text leaves things out. Here is each place in the lecture's first two parts and
in its list of references where what stands there is loose, or wrong; what is right; and where the
course shows it. Most of these places have a note in the margin of their chapter too.
"""


def page() -> str:
    """The page."""
    lines = [HEAD]
    for slide in concepts.slides().values():
        rows = [row for row in errata() if row.slide == slide.id]
        if rows:
            number = slide.number or f"on {slide.stands_on}"
            lines.append(f"## Slide {number} · {slide.title}\n")
        for row in rows:
            shown = "; ".join(map(where, row.shown))
            lines += [f"**On the slide.** {plain(row.says)}\n", f"**Right.** {plain(row.right)}\n"]
            lines += [f"**Shown at** {shown}.\n"] if shown else []
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Print or write; 1 where something is not right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    problems = list(wrong())
    if parser.parse_args().write and not any(p.startswith("nothing is shown") for p in problems):
        PAGE.write_text(page(), encoding="utf-8")
        print(f"{PAGE.name} written")
    print(*problems, f"{len(problems)} wrong", sep="\n")
    return min(len(problems), 1)


if __name__ == "__main__":
    raise SystemExit(main())
