"""The house: rooms, floors and arrows, made from the imports, and the limits that keep its functions small.

    python tools/house.py             print them
    python tools/house.py --picture   draw the rooms anew, book/_static/house.svg

A *room* is a module or a package directly in minidiff/. An *arrow* leads from a room to one that it imports,
anywhere in it. A room stands one *floor* above the highest one that it imports.

A *check line* is a line of the core (:data:`CORE`) that refuses an argument. It belongs to one of these:

- a decorator ``@contract(...)``;
- a rule: a function whose docstring begins with ``ValueError:``, ``TypeError:`` or ``IndexError:``;
- an ``if`` under which nothing is done but ``raise``;
- a statement that is a call of a function named ``check_...``, whether or not its answer is kept.

They are counted against all lines of the core, text and blank lines among them. The functions that do the
refusing, kinds and rules of contracts, lie in ``base``, once for all; their lines are printed, too.

*Lines of code* of a function are those of its body below the docstring that are neither blank nor a comment
alone; a function inside counts with the one around it. *Parameters* are all of a function's, without self.
*Public* is what a package has in its ``__all__``, and the methods of such a class whose names do not begin
with an underscore.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import math
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "minidiff"
PICTURE = ROOT / "book" / "_static" / "house.svg"
CORE = ("chain", "nn", "losses", "sampling", "flow")

MOST_ENTRIES = 16  # at the top of minidiff/
MOST_CHECKS = 0.04  # of the core's lines
MOST_PARAMETERS = 8
MOST_LINES = 60
#: Functions that may have more parameters or lines, each with the reason.
EXCEPTIONS: dict[str, str] = {}


# ---- rooms, floors, arrows -------------------------------------------------------------------


@cache
def arrows() -> dict[str, set[str]]:
    """For each room the rooms that it imports."""
    graph = grimp.build_graph("minidiff", cache_dir=None)
    rooms = graph.find_children("minidiff")
    for room in rooms:
        if graph.find_children(room):
            graph.squash_module(room)
    return {
        room.partition(".")[2]: {
            other.partition(".")[2]
            for other in graph.find_modules_directly_imported_by(room)
            if other in rooms and other != room
        }
        for room in sorted(rooms)
    }


def floors() -> dict[str, int]:
    """The floor of each room, from 1; there is no circle, which import-linter sees to."""
    leads = arrows()

    @cache
    def floor(room: str) -> int:
        return 1 + max((floor(other) for other in leads[room]), default=0)

    return {room: floor(room) for room in leads}


def plan() -> list[list[str]]:
    """The rooms of each floor, the lowest first."""
    on = floors()
    return [sorted(r for r in on if on[r] == n) for n in range(1, max(on.values()) + 1)]


def needed(room: str) -> set[str]:
    """Its arrows without those that lead to where other arrows lead anyway."""
    leads = arrows()

    def below(start: str) -> set[str]:
        return leads[start].union(*(below(other) for other in leads[start]))

    implied = set().union(*(below(other) for other in leads[room]))
    return leads[room] - implied


# ---- functions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Function:
    """A function as it is written down.

    Attributes:
        name: Dotted, from the package's name on.
        parameters: How many, without self.
        lines: Of code.
        public: Whether readers call it by name.
    """

    name: str
    parameters: int
    lines: int
    public: bool


def module_name(file: Path) -> str:
    """``minidiff.chain.forward`` for its file."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(HOUSE.rglob("*.py"))


@cache
def public_names() -> set[str]:
    """Full names of the functions and classes that a package has in its ``__all__``."""
    found = set()
    for file in HOUSE.rglob("__init__.py"):
        package = importlib.import_module(module_name(file))
        for name in getattr(package, "__all__", ()):
            thing = inspect.unwrap(getattr(package, name))
            found.add(f"{thing.__module__}.{thing.__qualname__}" if callable(thing) else name)
    return found


def functions() -> list[Function]:
    """All functions and methods of the package."""
    return [f for file in files() for f in _functions(file)]


def _functions(file: Path) -> Iterator[Function]:
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()

    def walk(node: ast.AST, above: str, known: bool, method: bool) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                name = f"{above}.{child.name}"
                yield from walk(child, name, name in public_names(), True)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{above}.{child.name}"
                inside = known and (not child.name.startswith("_") or child.name == "__init__")
                public = inside if method else name in public_names()
                yield Function(name, _parameters(child, method), _code(child, lines), public)
                yield from walk(child, f"{name}.<locals>", False, False)
            else:
                yield from walk(child, above, known, method)

    yield from walk(ast.parse(text), module_name(file), False, False)


def _parameters(made: ast.FunctionDef | ast.AsyncFunctionDef, method: bool) -> int:
    a = made.args
    count = len(a.posonlyargs) + len(a.args) + len(a.kwonlyargs)
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in made.decorator_list)
    return count + bool(a.vararg) + bool(a.kwarg) - (method and not static)


def _code(made: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    body = made.body[1:] if ast.get_docstring(made) is not None else made.body
    if not body:
        return 0
    there = lines[body[0].lineno - 1 : body[-1].end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in there)


def too_many_parameters() -> dict[str, int]:
    """Functions that are not public and have more than :data:`MOST_PARAMETERS`."""
    over = {
        f.name: f.parameters for f in functions() if f.parameters > MOST_PARAMETERS and not f.public
    }
    return {name: n for name, n in over.items() if name not in EXCEPTIONS}


def too_many_lines() -> dict[str, int]:
    """Functions with more than :data:`MOST_LINES` lines of code."""
    over = {f.name: f.lines for f in functions() if f.lines > MOST_LINES}
    return {name: n for name, n in over.items() if name not in EXCEPTIONS}


def entries() -> list[str]:
    """What stands at the top of minidiff/."""
    return sorted(
        p.name for p in HOUSE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    )


# ---- check lines -----------------------------------------------------------------------------


def check_lines(text: str) -> dict[int, str]:
    """The numbers of the lines that refuse an argument, each with what it belongs to; see above."""
    found: dict[int, str] = {}
    for node in ast.walk(ast.parse(text)):  # from the outside in: what is in a rule is a rule's
        for what, part in _checks(node):
            for number in range(part.lineno, (part.end_lineno or part.lineno) + 1):
                found.setdefault(number, what)
    return found


KINDS_OF_CHECKS = ("contract", "rule", "raise", "call")


def _checks(node: ast.AST) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    if isinstance(node, ast.FunctionDef):
        for one in node.decorator_list:
            if isinstance(one, ast.Call) and _called(one) == "contract":
                yield "contract", one
        said = (ast.get_docstring(node) or "").partition(":")[0]
        if said in ("ValueError", "TypeError", "IndexError"):
            yield "rule", node
    elif isinstance(node, ast.If):
        if _only_raises(node):
            yield "raise", node
    elif isinstance(node, ast.Expr | ast.Assign) and _called(node.value).startswith("check_"):
        yield "call", node


def _only_raises(node: ast.If) -> bool:
    return all(
        isinstance(one, ast.Raise) or (isinstance(one, ast.If) and _only_raises(one))
        for one in (*node.body, *node.orelse)
    )


def _called(call: ast.expr) -> str:
    """The name of what is called, without the underscore of what a module keeps to itself."""
    function = call.func if isinstance(call, ast.Call) else None
    return str(getattr(function, "id", getattr(function, "attr", ""))).lstrip("_")


def share_of_checks(room: str) -> tuple[Counter[str], int]:
    """Check lines of a room by what they belong to, and the number of all of its lines."""
    texts = [file.read_text(encoding="utf-8") for file in (HOUSE / room).rglob("*.py")]
    kinds = Counter(what for text in texts for what in check_lines(text).values())
    return kinds, sum(len(text.splitlines()) for text in texts)


def refusing_files() -> list[Path]:
    """The files of ``base`` whose only work is to refuse wrong arguments."""
    base = HOUSE / "base"
    names = ("contracts", "kinds", "time_kinds", "validate", "times", "walks", "inputs")
    return [*(base / f"{name}.py" for name in names), *sorted((base / "rules").glob("*.py"))]


def share_of_the_core() -> float:
    """Check lines over all lines of the core."""
    rooms = [share_of_checks(room) for room in CORE]
    return sum(kinds.total() for kinds, _ in rooms) / sum(lines for _, lines in rooms)


# ---- the picture -----------------------------------------------------------------------------

WIDTH, BOX, HIGH, GAP = 1000, 168, 88, 44  # of the picture, of a room, of a room, between floors


def picture() -> str:
    """The rooms on their floors, as an SVG that can be read on white and on black."""
    place = _places()
    height = len(plan()) * (HIGH + GAP) + GAP // 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="sans-serif" text-anchor="middle">',
        "<title>The rooms of minidiff: each stands above those that it imports</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#7d8590"/></marker></defs>',
        '<g stroke="#7d8590" stroke-width="1.4" fill="none" marker-end="url(#tip)">',
        *_drawn_arrows(place),
        "</g>",
    ]
    for room, (x, y) in place.items():
        left, name = x - BOX // 2, y + 21
        lines += [
            f'<rect x="{left}" y="{y}" width="{BOX}" height="{HIGH}" rx="8" fill="#1f4e79"/>',
            f'<text x="{x}" y="{name}" font-size="16" font-weight="bold" fill="#fff">{escape(room)}</text>',
        ]
        for i, line in enumerate(_inside(room)):
            below = name + 17 + 13 * i
            lines.append(
                f'<text x="{x}" y="{below}" font-size="11" fill="#dbe9f6">{escape(line)}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


def _places() -> dict[str, tuple[int, int]]:
    """Where each room stands: the middle of its upper edge. Rooms stand near those that they need."""
    levels = plan()
    joined = {room: needed(room) | {r for r in arrows() if room in needed(r)} for room in arrows()}
    x = {room: (i + 0.5) / len(rooms) for rooms in levels for i, room in enumerate(rooms)}
    for _ in range(8):
        for rooms in (*levels, *reversed(levels)):
            # A plain sum would depend on a set's order in its last bit, and that on the run.
            mean = {r: math.fsum(x[o] for o in joined[r]) / max(len(joined[r]), 1) for r in rooms}
            rooms.sort(key=lambda room: (mean[room], room))
            x |= {room: (i + 0.5) / len(rooms) for i, room in enumerate(rooms)}
    top = {
        r: (len(levels) - n - 1) * (HIGH + GAP) + GAP // 2
        for n, rs in enumerate(levels)
        for r in rs
    }
    return {room: (round(WIDTH * x[room]), top[room]) for rooms in levels for room in rooms}


def _drawn_arrows(place: dict[str, tuple[int, int]]) -> Iterator[str]:
    """One path an arrow; those of a room begin, and end, side by side."""
    pairs = [(room, other) for room in place for other in needed(room)]

    def beside(room: str, others: list[str], other: str) -> int:
        row = sorted(others, key=lambda one: place[one])
        return place[room][0] - BOX // 2 + round(BOX * (row.index(other) + 1) / (len(row) + 1))

    for room, other in sorted(pairs):
        x = beside(room, [b for a, b in pairs if a == room], other)
        x_2 = beside(other, [a for a, b in pairs if b == other], room)
        y, y_2 = place[room][1] + HIGH, place[other][1]
        bend = (y_2 - y) // 2
        yield f'<path d="M{x} {y}C{x} {y + bend} {x_2} {y_2 - bend} {x_2} {y_2 - 2}"/>'


def _inside(room: str) -> list[str]:
    """What is in a room, in at most four lines."""
    if not (HOUSE / room).is_dir():
        return textwrap.wrap((ast.get_docstring(_tree(room)) or "").partition(":")[0], 26)[:3]
    inside = sorted(
        p.stem
        for p in (HOUSE / room).iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    )
    words = " ".join(name for name in inside if not name.startswith("_"))
    return textwrap.wrap(words, 27, max_lines=4, placeholder=" …")


def _tree(room: str) -> ast.Module:
    return ast.parse((HOUSE / f"{room}.py").read_text(encoding="utf-8"))


# ---- by hand ---------------------------------------------------------------------------------


def report() -> Iterator[str]:
    """The lines to print."""
    levels, leads = plan(), arrows()
    between = sum(map(len, leads.values()))
    yield f"{len(leads)} rooms on {len(levels)} floors, {between} arrows"
    for n in range(len(levels), 0, -1):
        for room in levels[n - 1]:
            yield f"  {n}  {room:10s} → {' '.join(sorted(leads[room])) or '-'}"
    yield f"{len(entries())} entries at the top of minidiff/ (at most {MOST_ENTRIES})"
    for room in CORE:
        kinds, lines = share_of_checks(room)
        apart = ", ".join(f"{kinds[what]} {what}" for what in KINDS_OF_CHECKS)
        count = kinds.total()
        yield f"  {room:10s}{count:5d} check lines of {lines:5d}{count / lines:8.1%}   {apart}"
    refusing = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in refusing_files())
    yield f"  base      {refusing:5d} lines of contracts, their kinds, rules and checks"
    yield f"  the core: {share_of_the_core():.1%} (at most {MOST_CHECKS:.1%})"
    for what, over in (
        (f"more than {MOST_PARAMETERS} parameters, not public", too_many_parameters()),
        (f"more than {MOST_LINES} lines of code", too_many_lines()),
    ):
        yield f"{what}: {'none' if not over else ''}"
        yield from (f"  {n:4d}  {name}" for name, n in sorted(over.items(), key=lambda i: -i[1]))


def main() -> None:
    """Print, or draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--picture", action="store_true", help="draw the rooms anew")
    if parser.parse_args().picture:
        PICTURE.write_text(picture(), encoding="utf-8")
        print(f"wrote {PICTURE.relative_to(ROOT)}")
    else:
        print("\n".join(report()))


if __name__ == "__main__":
    main()
