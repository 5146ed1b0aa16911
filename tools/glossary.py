"""The glossary's words, where each chapter first uses them, and the links from there.

    python tools/glossary.py [FILE …]           what chapters do not link at first use
    python tools/glossary.py --write [FILE …]   link it, in the text cells; nothing has to be run again

What counts as use: the running text of the chapter, after its head. Headings, code, formulas, links and
roles do not count, nor do words that mean other things too ("a fair score"): those are linked by hand.
Of two words of which one holds the other, such as "guidance" and "classifier-free
guidance", the longer one is used.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import notebook_file
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "book" / "glossary.md"

BLOCK = re.compile(r"^```\{glossary\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINKED = re.compile(r"\{term\}`([^`<]*?)(?:\s*<([^`]*)>)?`")
BY_HAND = {
    "score",
    "prior",
    "posterior mean",
    "channel",
}  # words that have other meanings in the course, too
# What is no running text, in the order in which it is taken out.
NOT_TEXT = (
    re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL),  # fenced code
    re.compile(r"\$\$.*?\$\$(?: *\([\w-]+\))?", re.DOTALL),
    re.compile(r"\$[^$\n]+(?:\n[^$\n]+)?\$"),  # a formula in the line may run over its end
    re.compile(r"^#+ .*$", re.MULTILINE),
    re.compile(
        r"^:::.*$|^:[\w-]+:.*$", re.MULTILINE
    ),  # a directive's first line, which may be a title, and options
    re.compile(r"\{[\w:]+\}`[^`]*`"),
    re.compile(r"!?\[[^\]]*\]\([^)]*\)"),
    re.compile(r"`[^`]*`"),
    re.compile(r"\*\*Slides\*\*.*?(?=\n\n|\Z)", re.DOTALL),  # titles, in the lecture's words
    re.compile(r'"[^"\n]{3,60}"'),  # titles of chapters and words of the slides
)


@dataclass(frozen=True)
class Use:
    """A word in the running text: the cell, its place there, as it stands, and its entry."""

    cell: int
    start: int
    text: str
    entry: str


@cache
def entries() -> dict[str, str]:
    """Each word of the glossary, in small letters, and the first word of its entry."""
    found: dict[str, str] = {}
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        first = ""
        for line in block.splitlines():
            if not line or line.startswith(" "):
                first = ""
            else:
                first = first or line
                found[line.casefold()] = first
    return found


@cache
def words() -> re.Pattern[str]:
    """Any word of the glossary, the longest first, also in the plural and across a line's end."""
    longest = sorted(entries().keys() - BY_HAND, key=len, reverse=True)
    forms = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest)
    return re.compile(rf"(?<![\w-])({forms})(s?)(?![\w-])", re.IGNORECASE)


def blank(match: re.Match[str]) -> str:
    return "\0" * len(match[0])


def running(source: str) -> str:
    """The text with all that is no running text blanked, each letter at its old place."""
    for pattern in NOT_TEXT:
        source = pattern.sub(blank, source)
    return source


def uses(notebook: NotebookNode) -> Iterator[Use]:
    """Every use in the running text, in order."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and index:  # the first cell is the chapter's head
            for match in words().finditer(running(cell.source)):
                entry = entries()[" ".join(match[1].split()).casefold()]
                yield Use(index, match.start(), match[0], entry)


def links(notebook: NotebookNode) -> Iterator[Use]:
    """Every link to the glossary, in order; one to no word of it has the entry ""."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for match in LINKED.finditer(cell.source):
                target = " ".join((match[2] or match[1]).split()).casefold()
                yield Use(index, match.start(), match[1], entries().get(target, ""))


def unlinked(notebook: NotebookNode) -> list[Use]:
    """The first use of each entry that no link stands before."""
    linked: dict[str, tuple[int, int]] = {}
    for link in links(notebook):
        linked.setdefault(link.entry, (link.cell, link.start))
    found: dict[str, Use] = {}
    for use in uses(notebook):
        if use.entry not in linked or (use.cell, use.start) < linked[use.entry]:
            found.setdefault(use.entry, use)
    return list(found.values())


def role(use: Use) -> str:
    """The link for a use, in the form in which the word stands there."""
    text = " ".join(use.text.split())
    if text.casefold() in entries():
        return f"{{term}}`{text}`"
    return f"{{term}}`{text} <{text[:-1]}>`"  # a plural


def link(notebook: NotebookNode) -> int:
    """Link every first use; how many there were."""
    found = unlinked(notebook)
    for use in sorted(found, key=lambda use: (use.cell, use.start), reverse=True):
        cell = notebook.cells[use.cell]
        end = use.start + len(use.text)
        cell.source = cell.source[: use.start] + role(use) + cell.source[end:]
    return len(found)


def main() -> int:
    """Print or link; 1 where something is left to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("files", nargs="*", type=Path, default=notebook_file.all_notebooks())
    asked = parser.parse_args()
    left = 0
    for path in asked.files:
        notebook = notebook_file.read(path)
        if asked.write:
            if made := link(notebook):
                print(f"{path.name}: {made} links made")
                notebook_file.write(path, notebook)
            continue
        for use in unlinked(notebook):
            left += 1
            source = " ".join(
                notebook.cells[use.cell].source[max(0, use.start - 40) :][:100].split()
            )
            print(f"{path.name}: {use.entry}: … {source} …")
    return min(left, 1)


if __name__ == "__main__":
    raise SystemExit(main())
