"""A script as the cells of the notebook that it was: as Jupyter, Colab, Kaggle and editors write one.

Text is taken apart here; nothing of it runs.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from contextlib import suppress

from .cells import runs
from .notebook import code_cells

# Where cells begin: editors, jupytext and Kaggle write # %%, # %% [markdown], Jupyter writes # In[3]:
PERCENT = re.compile(r"#[ \t]*%%+(?:[ \t].*)?")
MARK = re.compile(rf"{PERCENT.pattern}|#[ \t]*In ?\[[\d ]*\]:?[ \t]*")
COLAB = "# Commented out IPython magic to ensure Python compatibility."
NEAR = 20  # in so many parts a statement may be cut
JUPYTEXT = "#   jupytext:"
# A magic that Colab or jupytext made a comment: "# %matplotlib inline", "#   %cd a", "    # files = !ls"
COMMENTED = re.compile(
    r"^([ \t]*)# ([ \t]*(?:[^\W\d]\w*[ \t]*=[ \t]*)?(?:%%?[A-Za-z]|![\w.~$/{]))", re.M
)
# A command as Jupyter writes it into a script
BY_JUPYTER = re.compile(r"([ \t]*(?:[^=]+=[ \t]*)?)get_ipython\(\)\.(\w+)\((.*)\)[ \t]*")
WRITTEN = {  # its method, and how the command was written in the notebook
    "system": "!{}",
    "getoutput": "!{}",
    "run_line_magic": "%{} {}",
    "run_cell_magic": "%%{} {}\n{}",
}


def script_text(name: str, content: bytes) -> str | None:
    """The text of a script; None for what is a notebook, or should be one.

    Args:
        name: Of the file.
        content: Its bytes.

    Raises:
        ValueError: If it cannot be read as text.
    """
    if not name.lower().endswith(".py"):
        return None
    with suppress(ValueError):
        code_cells(content)
        return None  # a notebook, whatever its name
    try:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return content.decode("utf-16")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"no script, or a damaged one: {error}. Save it as UTF-8") from error


def as_cells(text: str) -> list[str]:
    """The cells of a script: they begin at the marks of an editor or of Jupyter, and around Colab's texts.

    A script without any is one cell. What only a notebook can run is again what it was there.

    Args:
        text: Of the script.

    Returns:
        The source of each, below so many empty lines that its lines have the numbers of the script's (of a
        %%time cell, which Jupyter writes into one line, the first has).
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    comments = COLAB in lines or JUPYTEXT in lines or any(map(PERCENT.fullmatch, lines))
    cells = []
    for first, part in _joined(lines, list(_parts(lines))):
        for begin, one in _uncommented(first, part):
            cells.append("\n" * begin + _as_it_was("\n".join(one), comments=comments))
    return cells


def _joined(
    lines: Sequence[str], parts: Sequence[tuple[int, list[str]]]
) -> Iterator[tuple[int, Sequence[str]]]:
    """The parts; what is Python only with the ones below it is one: a mark may stand in a text."""
    ends = [first + len(part) for first, part in parts]
    i = 0
    while i < len(parts):
        first, last = parts[i][0], i
        if len(parts) > 1 and not runs("\n".join(parts[i][1])):
            more = range(i + 1, min(i + NEAR, len(parts)))
            last = next((k for k in more if runs("\n".join(lines[first : ends[k]]))), i)
        yield first, lines[first : ends[last]]
        i = last + 1


def _parts(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The lines from mark to mark, and where they begin; a text at the margin is a part of its own."""
    begin, i = 0, 0
    while i < len(lines):
        end = i
        if MARK.fullmatch(lines[i]):
            yield begin, list(lines[begin:i])
            begin = i + 1
        elif lines[i].startswith('"""'):
            alone = len(lines[i].rstrip()) >= 6 and lines[i].rstrip().endswith('"""')
            rest = range(i + 1, len(lines))
            ends = (j for j in rest if lines[j].rstrip().endswith('"""'))
            end = i if alone else next(ends, len(lines) - 1)
            yield begin, list(lines[begin:i])
            yield i, list(lines[i : end + 1])
            begin = end + 1
        i = end + 1
    yield begin, list(lines[begin:])


def _uncommented(first: int, lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """A cell below %%time and the like, of which Colab makes comments, again; and what is around it."""
    begin = i = 0
    while i < len(lines):
        end = i + 1
        if lines[i] == COLAB:
            while end < len(lines) and lines[end].startswith("#"):
                end += 1
            cell = [re.sub("^# ?", "", line) for line in lines[i + 1 : end]]
            magic = next((k for k, line in enumerate(cell) if line.startswith("%%")), None)
            if magic is not None:
                yield first + begin, list(lines[begin:i])
                yield first + i + 1 + magic, cell[magic:]
                begin = end
        i = end
    yield first + begin, list(lines[begin:])


def _as_it_was(cell: str, *, comments: bool) -> str:
    """The cell with its commands as a notebook has them, if Jupyter can run it then.

    Args:
        cell: Its source.
        comments: Whether they may have become comments.
    """
    made = "\n".join(map(_by_hand, cell.split("\n")))
    if comments:
        made = COMMENTED.sub(r"\1\2", made)
    if cell.startswith('"""'):  # Colab leaves the backslashes of a formula alone
        made = f"r{made}"
    return made if made == cell or runs(made) or not runs(cell) else cell


def _by_hand(line: str) -> str:
    """The command as its author wrote it, of one that Jupyter wrote."""
    found = BY_JUPYTER.fullmatch(line)
    if found is None or found[2] not in WRITTEN:
        return line
    try:
        written = WRITTEN[found[2]].format(*ast.literal_eval(f"({found[3]},)"))
    except (ValueError, SyntaxError, IndexError):
        return line
    return "\n".join(one.rstrip() for one in f"{found[1]}{written}".split("\n", 1))
