"""A submitted notebook, cut down to what grading needs: imports, definitions and plain constants.

What the rest of it does (training, drawing, trying things out) takes minutes, and could take for ever.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from .cells import NOT_READ, LeftOut, Piece, place, read_cell
from .defining import (
    BLOCKS,
    FUNCTIONS,
    IMPORTS,
    WITHS,
    Names,
    branches,
    commands,
    counts,
    is_command,
    names_set,
    why_not,
)
from .versions import Version


@dataclass(frozen=True)
class Statement:
    """A statement of a notebook that is run for grading.

    Attributes:
        text: The statement, at the margin.
        cell: Which of the code cells it stands in, from 1; 0 in a script.
        line: Where there, from 1.
        names: What it defines.
        inside: Whether it stood in a block, such as ``with``.
    """

    text: str
    cell: int
    line: int
    names: frozenset[str]
    inside: bool = False


@dataclass(frozen=True)
class Reading:
    """What of a notebook is run for grading.

    Attributes:
        kept: The statements that define something, in order.
        left: What is left out though its author may count on it.
        needed: Names of which what is asked for makes use.
    """

    kept: tuple[Statement, ...]
    left: tuple[LeftOut, ...]
    needed: frozenset[str]


def definitions(cells: Sequence[str]) -> list[str]:
    """The statements of a notebook that define something, one by one; see :func:`read`.

    Args:
        cells: The sources of the code cells, in order.

    Returns:
        Each statement as text, in the order of the notebook.
    """
    return [statement.text for statement in read(cells).kept]


def read(
    cells: Sequence[str],
    asked: Collection[str] | None = None,
    *,
    script: bool = False,
    python: Version | None = None,
) -> Reading:
    """Find what a notebook defines, and what gets lost.

    Kept are imports (also those that are tried), functions and classes, and assignments to names whose
    right side calls nothing but what was imported, plain built-ins, and methods. Functions, classes and
    imports count inside ``with``, ``if``, ``for``, ``while``, ``try`` and ``match`` as well: of branches that
    define the same, the first counts. Lines that are the notebook's own (``%matplotlib``, ``!pip``) are left
    out, and so is what is no Python, while the rest of its cell is kept.

    Args:
        cells: The sources of the code cells, in order.
        asked: The functions that are graded; None for all.
        script: Whether they are a script's: its lines are counted from its top.
        python: The version that grades, if it is another than this one: what it cannot read is left out.

    Returns:
        What is kept, and what is left out. Left out is all that is no Python, and each statement that is not
        run though it sets a name which a graded function uses.
    """
    known = Names()
    kept: list[Statement] = []
    left: list[LeftOut] = []
    for number, cell in enumerate(cells, 1):
        number = 0 if script else number
        pieces, unread = read_cell(cell, number, python)
        left += unread
        for piece in pieces:
            for one in _of_piece(piece, cell, number, known):
                if isinstance(one, Statement):
                    kept.append(one)
                else:
                    left.append(one)
    needed = _needed(kept, asked)
    for name in sorted(needed | set(asked or ())):
        left += [*known.inside.get(name, ()), *filter(None, [known.lost.get(name)])]
    left.sort(key=lambda one: (one.cell, one.line))
    return Reading(tuple(kept), tuple(dict.fromkeys(left)), frozenset(needed))


def is_import(statement: str) -> bool:
    """Whether a statement imports. It ends by itself, but the first of a large library takes seconds."""
    return isinstance(ast.parse(statement).body[0], IMPORTS)


def _needed(kept: Sequence[Statement], asked: Collection[str] | None) -> set[str]:
    """The names from outside that graded functions use, and those that these use."""
    uses: dict[str, set[str]] = {}
    for one in kept:
        found = _from_outside(one.text)
        for name in one.names:
            uses[name] = uses.get(name, set()) | found
    waiting = list(uses if asked is None else asked)
    needed = set(waiting)
    while waiting:
        new = uses.get(waiting.pop(), set()) - needed
        needed |= new
        waiting += new
    return needed


def _from_outside(text: str) -> set[str]:
    """The names that a statement, or a function in it, takes from the notebook."""
    try:
        tables = [symtable.symtable(text, "notebook", "exec")]
    except NOT_READ:
        return set()
    found = set()
    for table in tables:  # it grows
        tables += table.get_children()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or top):
                found.add(symbol.get_name())
    return found


def _of_piece(piece: Piece, cell: str, number: int, known: Names) -> Iterator[Statement | LeftOut]:
    there = cell.splitlines()

    def left(statement: ast.stmt, reason: str, names: frozenset[str] = frozenset()) -> LeftOut:
        first = _first(statement)
        text = piece.source.split("\n")[first - 1]
        return LeftOut(number, *place(there, piece.before + first - 1, text), reason, names)

    def walk(statement: ast.stmt, inside: bool, run: bool) -> Iterator[Statement]:
        """Run: whether constants count here; in branches and loops they do not."""
        names = frozenset(names_set(statement))
        if counts(statement, known, inside=inside, run=run):
            without = [left(one, why_not(one, inside, known)) for one in commands(statement)]
            known.keep(names, without)
            at = left(statement, "").line
            yield Statement(_text(piece.source, statement), number, at, names, inside)
            return
        if isinstance(statement, BLOCKS):
            seen: set[str] = set()
            for branch in branches(statement):
                others = [one for one in branch if not _is_second(one, seen)]
                for one in others:
                    yield from walk(one, True, run and isinstance(statement, WITHS))
                seen |= {name for one in others for name in names_set(one)}
        lost = left(statement, why_not(statement, inside, known), names)
        # A command takes away even what was there; of other statements the constant from before counts.
        for name in names if is_command(statement) else names - known.there:
            known.lost.setdefault(name, lost)

    for statement in piece.tree.body:
        try:
            yield from list(walk(statement, False, True))
        except NOT_READ as error:  # nobody writes by hand what is that deep
            yield left(statement, f"it cannot be read: {error}")


def _is_second(statement: ast.stmt, seen: Collection[str]) -> bool:
    """Whether an earlier branch has defined the same."""
    defines = isinstance(statement, (*FUNCTIONS, *IMPORTS))
    return defines and not names_set(statement).isdisjoint(seen)


def _first(statement: ast.stmt) -> int:
    """The line that it begins in, from 1."""
    decorators = getattr(statement, "decorator_list", [])
    return decorators[0].lineno if decorators else statement.lineno


def _text(source: str, statement: ast.stmt) -> str:
    """The statement alone and at the margin, even where others share its line, or it stands in a block.

    What a command gives inside it is None.
    """
    lines = source.encode().split(b"\n")  # columns count bytes
    for one in commands(statement):
        _put_none(lines, one.value)
    first = _first(statement)
    column = 0 if first < statement.lineno else statement.col_offset
    assert statement.end_lineno is not None
    kept = lines[first - 1 : statement.end_lineno]
    kept[-1] = kept[-1][: statement.end_col_offset]
    margin = kept[0][: len(kept[0]) - len(kept[0].lstrip())]
    kept[0] = kept[0][column:].removeprefix(margin if column == 0 else b"")
    in_text = _lines_in_texts(statement)
    for i in range(1, len(kept)):
        if first + i not in in_text:
            kept[i] = kept[i].removeprefix(margin)
    return b"\n".join(kept).decode()


def _put_none(lines: list[bytes], value: ast.expr | None) -> None:
    """Write None in the place of a value; what stands beside and below it stays in its place."""
    assert value is not None
    assert value.end_lineno is not None
    first, last = value.lineno - 1, value.end_lineno - 1
    before, after = lines[first][: value.col_offset], lines[last][value.end_col_offset :]
    if first < last:
        lines[first : last + 1] = [before + b"None"] + [b""] * (last - first - 1) + [after]
    else:
        gone = lines[first][value.col_offset : value.end_col_offset]
        lines[first] = (before + b"None".ljust(len(gone)) + after).rstrip()


def _lines_in_texts(statement: ast.stmt) -> set[int]:
    """The lines that begin inside a text of several lines: their blanks belong to it."""
    texts = [n for n in ast.walk(statement) if isinstance(n, (ast.Constant, ast.JoinedStr))]
    return {i for n in texts for i in range(n.lineno + 1, (n.end_lineno or n.lineno) + 1)}
