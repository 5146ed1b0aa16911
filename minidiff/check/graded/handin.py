"""Handing in: what the saved notebook or script holds, question by question, and the file to upload."""

from __future__ import annotations

import hashlib
import html
import linecache
import os
import sys
import time
import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bank import load, use
from ..feedback import TODO, WRONG, Feedback
from ..ladder import climb
from . import versions
from .cells import LeftOut, where
from .grading import ALL_DEFINITIONS, OutOfTime, limited
from .notebook import code_cells
from .script import as_cells, script_text
from .submission import is_import, read
from .versions import Version

NOTEBOOK, SCRIPT = ".ipynb", ".py"
ALLOWED = "What can be handed in is a notebook (.ipynb) or a script (.py)"


@dataclass(frozen=True)
class Receipt:
    """What a saved notebook or script holds.

    Attributes:
        file: What to upload.
        feedback: Of each question.
        problems: Statements of the notebook that raised an error, with the error.
        left: What of it is left out though its author may count on it, with cell, line and reason.
        source: The notebook or script that is packed.
        python: The version of the Python that grades; None if the assignment does not say.
    """

    file: Path
    feedback: tuple[Feedback, ...]
    problems: tuple[str, ...] = ()
    left: tuple[LeftOut, ...] = ()
    source: Path = Path("notebook.ipynb")
    python: Version | None = None

    def __str__(self) -> str:
        width = max(len(one.exercise) for one in self.feedback)
        rows = [f"{one.exercise:{width}}  {self._state(one)}" for one in self.feedback]
        return "\n".join([*rows, *self._lost(), self._after()])

    __repr__ = __str__

    def _lost(self) -> list[str]:
        """What does not reach the grader, a line for each."""
        return [f"not run: {problem}" for problem in self.problems] + [
            f"left out: {one}" for one in self.left
        ]

    def _state(self, one: Feedback) -> str:
        """Passed or not; what is wrong here may have passed in the notebook, where more names are known."""
        if one.status == TODO and any(one.exercise in left.names for left in self.left):
            return f"{one.status}: it is left out, see below"
        return f"{one.status}: {one.message}" if one.status == WRONG else one.status

    def _after(self) -> str:
        name = self.source.name
        other = SCRIPT if self.source.suffix.lower() == NOTEBOOK else NOTEBOOK
        twin = self.source.with_suffix(other)
        both = ""
        if twin.is_file():
            both = f", not {twin.name} beside it (where both are handed in, the notebook is graded)"
        return (
            f"Upload {self.file.name}. It holds {name} as it was last saved{both}; the visible checks "
            f"are not all that it is graded by.{self._version()}"
        )

    def _version(self) -> str:
        """Which Python grades, and what cannot be seen where another one runs."""
        if self.python is None:
            return ""
        grades, here = versions.named(self.python), versions.named(sys.version_info[:2])
        if self.python >= sys.version_info[:2]:
            return f" It is graded by {grades}."
        return (
            f" It is graded by {grades}, and this is {here}: what the older one cannot read is named above; "
            f"what is missing from its library is not seen here."
        )

    def _repr_html_(self) -> str:
        states = [(one.exercise, self._state(one)) for one in self.feedback]
        rows = "".join(
            f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(state)}</td></tr>"
            for name, state in states
        )
        problems = "".join(f"<div>{html.escape(line)}</div>" for line in self._lost())
        return f"<table>{rows}</table>{problems}<p>{html.escape(self._after())}</p>"


def hand_in(notebook: str | Path, questions: str | Path = "questions") -> Receipt:
    """Check a notebook or script as it was last saved, and pack it for handing in.

    Args:
        notebook: The file: a notebook (.ipynb) or a script (.py).
        questions: The folder that came with it.

    Returns:
        The receipt; the packed file lies beside the notebook, or in the current folder where nothing may be
        written there.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If the file is neither, or the questions are damaged.
    """
    path = Path(notebook)
    names = use(questions)
    python = versions.of_grader(Path(questions))
    found, problems, left = defined_in(path, names, python)
    feedback = tuple(climb(load(Path(questions) / f"{name}.py"), found.get(name)) for name in names)
    writable = os.access(path.parent, os.W_OK)  # what Kaggle shows of uploaded files is not
    packed = (path if writable else Path(path.name)).with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, path.name)
    return Receipt(packed, feedback, problems, left, path, python)


def defined_in(
    notebook: str | Path, asked: Sequence[str] | None = None, python: Version | None = None
) -> tuple[dict[str, Any], tuple[str, ...], tuple[LeftOut, ...]]:
    """Run what a notebook or script defines, and nothing else of it, in the time that grading gives it.

    Args:
        notebook: The file.
        asked: The functions that are graded; None for all.
        python: The version that grades, if it is another than this one: what it cannot read is left out.

    Returns:
        What the names mean; each statement that raised an error; and what of the file is left out though a
        graded function may need it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is neither.
    """
    path = Path(notebook)
    if not path.is_file():
        raise FileNotFoundError(_not_there(path))
    content = path.read_bytes()
    try:
        script = script_text(path.name, content)
        cells = code_cells(content) if script is None else as_cells(script)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}. {ALLOWED}") from error
    reading = read(cells, asked, script=script is not None, python=python)
    space: dict[str, Any] = {"__name__": "submission"}
    problems = []
    deadline = time.monotonic() + ALL_DEFINITIONS
    for one in reading.kept:
        name = f"<{path.name} {hashlib.sha256(one.text.encode()).hexdigest()[:12]}>"
        # So that an error can be shown with its line.
        linecache.cache[name] = (len(one.text), None, one.text.splitlines(keepends=True), name)
        try:
            with nullcontext() if is_import(one.text) else limited(deadline):
                exec(compile(one.text, name, "exec"), space)
        except (Exception, OutOfTime) as error:
            if one.inside and reading.needed.isdisjoint(one.names):
                continue  # "if on_colab: from google.colab import drive" is nobody's loss
            first = one.text.partition("\n")[0]
            place = where(one.cell, one.line)
            problems.append(f"{first} ({place}: {type(error).__name__}: {error})")
    return space, tuple(problems), reading.left


def _not_there(path: Path) -> str:
    """What to do where there is no file of that name."""
    files = path.parent.glob("*")
    there = sorted(file.name for file in files if file.suffix.lower() in (NOTEBOOK, SCRIPT))
    others = f" There {'is' if len(there) == 1 else 'are'} {', '.join(there)}." if there else ""
    return (
        f"there is no file {str(path)!r}: give the name under which your notebook is saved.{others} On Colab "
        f"and Kaggle it lies elsewhere: download it (File, Download), and hand in that file"
    )
