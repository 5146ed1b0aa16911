"""What the course teaches, one row a concept: its slides, equations, functions, tests and exercises.

The rows are book/concepts.yml, the slides are book/slides.yml. By hand:

    python tools/concepts.py --missing   what has no row yet, and rows that name what is not there
    python tools/concepts.py --count     how many equations have a function, a test, a slide, an exercise
    python tools/concepts.py --write     make book/slide_map.md anew
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import notebook_file
import notebook_rules
import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
MAP = BOOK / "slide_map.md"
TAUGHT = ("Intro", "Denoising Diffusion Probabilistic Models")  # the parts that have to be complete

EQUATION = re.compile(r"^\$\$\s*\((eq-[\w-]+)\)|^:label: (eq-[\w-]+)", re.MULTILINE)
EXERCISE = re.compile(r"^:label: (ex-[\w-]+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Slide:
    """A slide, or a pointer to an appendix that stands on one."""

    id: str
    title: str
    about: str
    part: str
    number: int | None = None
    stands_on: int | None = None
    formulas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Concept:
    """A row: the first equation states the concept, further ones are lines on the way to it."""

    id: str
    name: str
    slides: tuple[str, ...]
    called: tuple[str, ...] = ()  # names that the search knows for the first equation
    equations: tuple[str, ...] = ()
    section: str = ""  # "page#Heading", where no equation says where it is
    functions: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()
    due: str = ""  # the chapter that will teach it


def read_yaml(path: Path) -> list[dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def as_tuples(row: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


@cache
def slides() -> dict[str, Slide]:
    """The slides by their ids, in the lecture's order."""
    parts = read_yaml(BOOK / "slides.yml")
    found = [Slide(part=p["part"], **as_tuples(row)) for p in parts for row in p["slides"]]
    return {slide.id: slide for slide in found}


@cache
def concepts() -> dict[str, Concept]:
    """The rows by their ids."""
    rows = [Concept(**as_tuples(row)) for row in read_yaml(BOOK / "concepts.yml")]
    return {row.id: row for row in rows}


@cache
def texts() -> dict[str, str]:
    """The text of every page that can be pointed to, by its name without suffix."""
    pages = {f"notebooks/{p.stem}": notebook_file.read(p) for p in notebook_file.all_notebooks()}
    found = {page: notebook_rules.markdown(notebook) for page, notebook in pages.items()}
    for page in ("intro", "references"):
        found[f"book/{page}"] = (BOOK / f"{page}.md").read_text(encoding="utf-8")
    return found


@cache
def labels(pattern: re.Pattern[str]) -> dict[str, str]:
    """Each label of that kind and the page that it is on, in the order of the book."""
    return {
        next(filter(None, match.groups())): page
        for page, text in texts().items()
        for match in pattern.finditer(text)
    }


def function(name: str) -> object | None:
    """What a dotted name stands for, or None."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        owner = function(module) if "." in module else None
        return getattr(owner, attribute, None)


@cache
def parsed(path: str) -> tuple[str, list[ast.stmt]]:
    """The text of a file of tests, and its statements."""
    source = (ROOT / path).read_text(encoding="utf-8")
    return source, ast.parse(source).body


def test_problem(test: str, functions: tuple[str, ...]) -> str:
    """What is wrong with a test's name ("" for nothing): it has to exist and to use the function."""
    path, *names = test.split("::")
    if not (ROOT / path).is_file():
        return f"there is no file {path}"
    source, body = parsed(path)
    for name in names:
        found = [node for node in body if getattr(node, "name", None) == name]
        if not found:
            return f"there is no {name} in {path}"
        body = getattr(found[0], "body", [])
    short = {name.rpartition(".")[2] for name in functions}
    if functions and not any(re.search(rf"\b{name}\b", source) for name in short):
        return f"{path} never names {', '.join(sorted(short))}"
    return ""


def broken(row: Concept) -> Iterator[str]:
    """What a row names that is not there, and what it leaves out."""
    yield from (f"no slide {s}" for s in row.slides if s not in slides())
    if not row.slides:
        yield "it names no slide"
    if row.due:
        if list((ROOT / "notebooks").glob(f"{row.due}_*.ipynb")):
            yield f"chapter {row.due} is there: say where it teaches this"
        return
    yield from (f"no equation {e}" for e in row.equations if e not in labels(EQUATION))
    yield from (f"no exercise {e}" for e in row.exercises if e not in labels(EXERCISE))
    yield from (f"no function {name}" for name in row.functions if function(name) is None)
    yield from filter(None, (test_problem(test, row.functions) for test in row.tests))
    page, _, heading = row.section.partition("#")
    if row.section and heading not in HEADING.findall(texts().get(page, "")):
        yield f"no heading {heading!r} in {page}"
    if not row.equations and not row.section:
        yield "it names neither an equation nor a section"
    if row.equations:
        yield from (f"it names no {kind}" for kind in LINKS[:3] if not getattr(row, kind))
        if not row.called:
            yield "it has no name that a reader would search for"


LINKS = ("functions", "tests", "exercises", "slides")


def missing() -> Iterator[str]:
    """What should have a row and has none, and every row that is not right."""
    rows = concepts().values()
    named = {
        kind: {name for row in rows for name in getattr(row, kind)}
        for kind in ("equations", "exercises", "slides")
    }
    for kind, pattern in (("equations", EQUATION), ("exercises", EXERCISE)):
        for label, page in labels(pattern).items():
            if label not in named[kind]:
                yield f"{page}: {label} is in no row"
    yield from (f"slide {s} is in no row" for s in slides() if s not in named["slides"])
    for slide in slides().values():
        for formula in slide.formulas:
            row = concepts().get(formula)
            if row is None or slide.id not in row.slides or not row.equations:
                yield f"slide {slide.id}: its formula {formula} needs a row with that slide and an equation"
    yield from (f"row {row.id}: {problem}" for row in rows for problem in broken(row))


def counts() -> dict[str, dict[str, int]]:
    """How many of the labelled equations, and of the formulas on the taught slides, have what."""
    rows = concepts().values()
    row_of = {label: row for row in rows for label in row.equations}
    formulas = [f for s in slides().values() if s.part in TAUGHT for f in s.formulas]
    units = {
        "equations in the chapters": [row_of.get(label) for label in labels(EQUATION)],
        "formulas on the slides of parts one and two": [concepts().get(f) for f in formulas],
    }
    table = {}
    for unit, found in units.items():
        table[unit] = {"all": len(found)}
        with_label = [row for row in found if row and row.equations and not [*broken(row)]]
        table[unit]["label"] = len(with_label)
        for kind in LINKS:
            table[unit][kind] = sum(bool(getattr(row, kind)) for row in with_label)
    taught = [s.id for s in slides().values() if s.part in TAUGHT]
    with_row = [s for s in taught if any(s in row.slides and not row.due for row in rows)]
    table["slides and pointers of parts one and two"] = {"all": len(taught), "row": len(with_row)}
    return table


def chapter(page: str) -> str:
    """What a page is called: chapter 2, appendix A."""
    stem = page.rpartition("/")[2]
    if match := re.match(r"(\d+)_", stem):
        return f"chapter {int(match[1])}"
    if match := re.match(r"appendix_([a-z])_", stem):
        return f"appendix {match[1].upper()}"
    return {"intro": "the welcome page", "references": "the references"}[stem]


def link(page: str, heading: str = "") -> str:
    """A link from the slide map to a page, or to a place on it."""
    suffix = ".md" if page.startswith("book/") else ".ipynb"
    target = page.removeprefix("book/") if page.startswith("book/") else f"../{page}"
    if not heading:
        return f"[{chapter(page)}]({target}{suffix})"
    anchor = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
    return f'["{heading}"]({target}{suffix}#{anchor}), {chapter(page)}'


def bullet(row: Concept) -> str:
    """A row as a line of the slide map."""
    if row.due:
        return f"- {row.name}: due in chapter {int(row.due)}"
    where = labels(EQUATION)
    parts = (
        [f"{{eq}}`{row.equations[0]}`, {link(where[row.equations[0]])}"] if row.equations else []
    )
    if row.section:
        parts.append(link(*row.section.split("#")))
    parts += [f"{{py:obj}}`md.{n.removeprefix('minidiff.')} <{n}>`" for n in row.functions]
    parts += [f"{{ref}}`{label}`" for label in row.exercises]
    parts += [f"`{test.rpartition('::')[2]}`" for test in row.tests]
    return f"- **{row.name}**: " + " · ".join(parts)


HEAD = """\
# Slide map

% Made by `python tools/concepts.py --write` from slides.yml and concepts.yml: edit those.

Which slide is explained where. For each concept: its equation and chapter, the function that computes it,
the exercises about it, and the test that checks the function.

The slides are counted without repetition: pages in a row that have the same title, each showing all
that the one before showed, are one slide. Counted so, the lecture's own cross-references fit, such as
"slide 14" for the reverse process.
"""


def about(slide: Slide) -> str:
    return f"{slide.about[0].upper()}{slide.about[1:]}."


def block(slide: Slide, rows: list[Concept]) -> str:
    """A slide's place on the map: a heading and its concepts."""
    on = f" (pointer on slide {slide.stands_on})" if slide.stands_on else ""
    number = f"{slide.number} · " if slide.number else ""
    return "\n".join([f"### {number}{slide.title}{on}\n", about(slide), "", *map(bullet, rows), ""])


def slide_map() -> str:
    """The page: in each part the slides that are taught, then those that are due, a line each."""
    lines = [HEAD]
    for part in dict.fromkeys(slide.part for slide in slides().values()):
        lines.append(f"## {part}\n")
        later: list[str] = []
        for slide in (slide for slide in slides().values() if slide.part == part):
            rows = [row for row in concepts().values() if slide.id in row.slides]
            if any(not row.due for row in rows):
                lines.append(block(slide, rows))
            else:
                due = ", ".join(f"{row.name} (chapter {int(row.due)})" for row in rows)
                later.append(f"- {slide.number} · **{slide.title}** {about(slide)} Due: {due}.")
        lines += ["### Due\n", *later, ""] if later else []
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Print or write what is asked for; the number of problems, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("missing", "count", "write"):
        parser.add_argument(f"--{option}", action="store_true")
    asked = parser.parse_args()
    problems = list(missing())
    if asked.missing:
        print(*problems, f"{len(problems)} missing or wrong", sep="\n")
    if asked.count:
        for unit, row in counts().items():
            print(f"{unit}: {row.pop('all')}")
            for kind, n in row.items():
                name = kind.removesuffix("s")
                print(f"    with {'an' if name[0] in 'aeiou' else 'a'} {name:10s}{n:5d}")
    if asked.write and not any(list(broken(row)) for row in concepts().values()):
        MAP.write_text(slide_map(), encoding="utf-8")
        print(f"{MAP.relative_to(ROOT)} written")
    return min(len(problems), 1)


if __name__ == "__main__":
    raise SystemExit(main())
