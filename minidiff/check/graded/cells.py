"""A notebook's cells as Python: what Jupyter runs can be read, and what cannot be read is named.

Text is rewritten here and parsed; nothing of it runs.
"""

from __future__ import annotations

import ast
import functools
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import versions
from .versions import Version

# What IPython makes of a command (%matplotlib, !pip) that sets no name. It stands alone in its line.
RUNS = re.compile(r"([ \t]*)get_ipython\(\)\.\w+\((.*)\)")
TIMED = re.compile(r"%time[ \t]+")
# Lines of which IPython may make something else: !ls, files = !ls, q_step?, torch.*rand*?
SPEAKS = re.compile(r"^[ \t]*[%!?,;/]|=[ \t]*[%!]|\?[ \t]*$", re.MULTILINE)
CELL_MAGIC = re.compile(r"%%([\w!]+)")
# Below these stands no code of the notebook: another language, a file, or statements that leave nothing.
NOT_OF_THE_NOTEBOOK = re.compile(
    "!|HTML|R|SVG|bash|bigquery|cmd|cython|file|html|javascript|js|latex|markdown|perl|pypy|python[23]?|ruby|"
    "script|sh|shell|sql|svg|sx|system|timeit|writefile"
)
# What Jupyter takes as magics without a %, where it is all of a cell.
ALONE = re.compile(
    r"\s*(?:cat|cd|conda|cp|ls|ll|mamba|man|mkdir|more|mv|pip|pwd|rm|uv)\b(?!\s*(?:=|\(|\.\w)).*\s*"
)
DEFINES = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
CONTINUES = re.compile(r"(?:else|elif|except|finally)\b|[)\]}]")
FAR = 60  # how many lines that begin at the margin a statement may have: the text of a long string
NOT_READ = (SyntaxError, ValueError, RecursionError, MemoryError)  # ValueError: a null character


@dataclass(frozen=True)
class LeftOut:
    """Something of a notebook that is not run for grading, though its author may count on it.

    Attributes:
        cell: Which of the code cells it stands in, from 1; 0 in a script, whose lines count from its top.
        line: Where there it begins, from 1.
        text: That line.
        reason: Why it is left out.
        names: What it defines.
    """

    cell: int
    line: int
    text: str
    reason: str
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        text = self.text.strip()
        text = text if len(text) <= 80 else f"{text[:79]}…"
        return f"{where(self.cell, self.line)}: {text} ({self.reason})"


def where(cell: int, line: int) -> str:
    """A place in words; a script has no cells that its author counts."""
    return f"code cell {cell}, line {line}" if cell else f"line {line}"


@dataclass(frozen=True)
class Piece:
    """Some lines of a cell that are Python.

    Attributes:
        source: Their text.
        tree: What it says.
        before: How many lines of the cell stand before it.
    """

    source: str
    tree: ast.Module
    before: int


def read_cell(
    cell: str, number: int, python: Version | None = None
) -> tuple[list[Piece], list[LeftOut]]:
    """Read a code cell as Jupyter does; of one that is no Python, the statements that are.

    Args:
        cell: Its source.
        number: Which of the code cells it is, from 1; 0 of a script.
        python: The version that grades, if it is another than this one: it has to be able to read it, too.

    Returns:
        The Python in it, and what is no Python.
    """
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    text, magic = _without_cell_magics(text)
    if magic:
        names = frozenset(DEFINES.findall(text))
        reason = f"what stands below %%{magic} is no code of the notebook"
        first = next((i for i, line in enumerate(text.split("\n")) if DEFINES.match(line)), 0)
        lines = text.split("\n")
        left = [LeftOut(number, first + 1, lines[first], reason, names)] if names else []
        return [], left
    source = _by_ipython(text)
    parse = functools.partial(versions.parse, python=python)
    try:
        return [Piece(source, parse(source), 0)], []
    except NOT_READ:
        pass
    if "\n" not in text.strip() and ALONE.fullmatch(text):
        return [], []
    return _what_is_python(source, number, functools.partial(place, text.split("\n")), parse)


def runs(cell: str) -> bool:
    """Whether Jupyter can make a program of the cell."""
    text, magic = _without_cell_magics(cell)
    return bool(magic) or _is_python(_by_ipython(text))


def _without_cell_magics(text: str) -> tuple[str, str]:
    """The cell with %%time and the like as empty lines; and the magic below which no code of it stands."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        found = CELL_MAGIC.match(line)
        if found is None:
            break
        if NOT_OF_THE_NOTEBOOK.fullmatch(found[1]):
            return "\n".join([*[""] * (i + 1), *lines[i + 1 :]]), found[1]
        lines[i] = ""
    return "\n".join(lines), ""


def _by_ipython(text: str) -> str:
    """The cell as IPython gives it to Python, but with ``pass`` for what would run a command.

    A command that sets a name stays: ``files = get_ipython().getoutput('ls')`` is never kept, and named where
    the name is missed.
    """
    # here: outside Jupyter it takes its time
    from IPython.core.inputtransformer2 import TransformerManager

    empty = text[: len(text) - len(text.lstrip())].count("\n")  # IPython takes these lines away
    try:
        manager: Any = TransformerManager
        made: str = manager().transform_cell(text)
    except Exception:  # on what it does not expect, it fails in many ways
        return text
    there = set(text.split("\n"))
    lines = [""] * empty + made.removesuffix("\n").split("\n")
    return "\n".join(line if line in there else _harmless(line) for line in lines)


def _harmless(line: str) -> str:
    """A line that IPython made, without its command; what %time runs is code like any other."""
    found = RUNS.fullmatch(line)
    if found is None:
        return line
    try:
        name, *rest = ast.literal_eval(f"({found[2]},)")
    except (ValueError, SyntaxError):
        return line  # its author's own, in a cell that IPython has moved to the margin
    if name == "time" and rest:
        code = _by_ipython(rest[0])
        if code.strip() and _is_python(code):
            return f"{found[1]}{code}"
    return f"{found[1]}pass"


def _is_python(text: str) -> bool:
    try:
        versions.parse(text)
    except NOT_READ:
        return False
    return True


def _what_is_python(
    source: str,
    number: int,
    find: Callable[[int, str], tuple[int, str]],
    parse: Callable[[str], ast.Module],
) -> tuple[list[Piece], list[LeftOut]]:
    """Statement by statement: the ones that can be read, and the others."""
    lines = source.split("\n")
    starts = [*_margins(lines), len(lines)]
    pieces: list[Piece] = []
    left: list[LeftOut] = []
    k, unread = 0, False
    while k < len(starts) - 1:
        read = _longer_and_longer(lines, starts, k, parse)
        if isinstance(read, tuple):
            piece, k = read
            pieces.append(piece)
            unread = False
            continue
        at = starts[k]
        names = frozenset(DEFINES.findall("\n".join(lines[at : starts[k + 1]])))
        if ALONE.fullmatch(lines[at]) and not names:  # in a script, of what was a cell
            k += 1
            continue
        if not unread or names or left[-1].names:  # prose in a cell of code is named once
            left.append(LeftOut(number, *find(at, lines[at]), read, names))
        k, unread = k + 1, True
    return pieces, left


def _margins(lines: Sequence[str]) -> Iterator[int]:
    """Where statements may begin: lines at the margin that do not go on with the one above."""
    decorated = False
    for i, line in enumerate(lines):
        if not line.strip() or line[0] in " \t#" or CONTINUES.match(line):
            continue
        if not decorated:
            yield i
        decorated = line.startswith("@")


def _longer_and_longer(
    lines: Sequence[str], starts: Sequence[int], k: int, parse: Callable[[str], ast.Module]
) -> tuple[Piece, int] | str:
    """The shortest piece from a start on that is Python, and where the next begins; or why there is none."""
    why = ""
    for end in range(k + 1, min(k + 1 + FAR, len(starts))):
        source = "\n".join(lines[starts[k] : starts[end]])
        sources = [source]
        # Below a bracket that is left open, IPython has seen no command.
        if end == k + 1 and SPEAKS.search(source):
            sources.append(_by_ipython(source))
        for text in sources:
            try:
                return Piece(text, parse(text), starts[k]), end
            except NOT_READ as error:
                why = why or _why(error)
    return why


def _why(error: BaseException) -> str:
    """Why text is no Python: a newer version of Python may read what this one does not."""
    said = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
    if isinstance(error, versions.TooNewError):
        return f"{versions.named(error.python)}, which grades your work, cannot read it: {said}"
    return f"Python {platform.python_version()} cannot read it: {said}"


def place(there: Sequence[str], guess: int, text: str) -> tuple[int, str]:
    """Which line of the cell it is, from 1, and what its author wrote: IPython may have joined lines above.

    Args:
        there: The lines of the cell.
        guess: Where it stands in what IPython made, from 0.
        text: What it says there.
    """
    text = text.strip()
    before, made, _ = text.partition("get_ipython().")

    def is_it(line: str) -> bool:
        line = TIMED.sub("", line.strip(), count=1)
        sets = bool(made) and line.startswith(before) and line[len(before) :][:1] in ("!", "%")
        return line == text or sets

    alike = [i for i, line in enumerate(there) if is_it(line)]
    if not alike:
        return guess + 1, text
    at = min(alike, key=lambda i: abs(i - guess))
    return at + 1, there[at]
