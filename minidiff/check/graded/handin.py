"""Handing in: what the saved notebook holds, question by question, and the file to upload."""

from __future__ import annotations

import hashlib
import html
import json
import linecache
import time
import zipfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bank import load, use
from ..feedback import WRONG, Feedback
from ..ladder import climb
from .grading import ALL_DEFINITIONS, limited
from .submission import definitions, is_import


@dataclass(frozen=True)
class Receipt:
    """What a saved notebook holds.

    Attributes:
        file: What to upload.
        feedback: Of each question.
        problems: Statements of the notebook that raised an error, with the error.
    """

    file: Path
    feedback: tuple[Feedback, ...]
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        width = max(len(one.exercise) for one in self.feedback)
        rows = [f"{one.exercise:{width}}  {_state(one)}" for one in self.feedback]
        problems = [f"not run: {problem}" for problem in self.problems]
        return "\n".join([*rows, *problems, self._after()])

    __repr__ = __str__

    def _after(self) -> str:
        return (
            f"Upload {self.file.name}. It holds the notebook as it was last saved; the visible checks "
            f"are not all that it is graded by."
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(one.exercise)}</code></td><td>{html.escape(_state(one))}</td></tr>"
            for one in self.feedback
        )
        problems = "".join(f"<div>not run: {html.escape(p)}</div>" for p in self.problems)
        return f"<table>{rows}</table>{problems}<p>{html.escape(self._after())}</p>"


def _state(one: Feedback) -> str:
    """Passed or not; what is wrong here may have passed in the notebook, where more names are known."""
    return f"{one.status}: {one.message}" if one.status == WRONG else one.status


def hand_in(notebook: str | Path, questions: str | Path = "questions") -> Receipt:
    """Check a notebook as it was last saved, and pack it for handing in.

    Args:
        notebook: The file.
        questions: The folder that came with it.

    Returns:
        The receipt; the packed file lies beside the notebook.

    Raises:
        FileNotFoundError: If there is no such notebook or folder.
        ValueError: If the file is no notebook.
    """
    path = Path(notebook)
    names = use(questions)
    found, problems = defined_in(path)
    feedback = tuple(climb(load(Path(questions) / f"{name}.py"), found.get(name)) for name in names)
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, path.name)
    return Receipt(packed, feedback, problems)


def defined_in(notebook: str | Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Run what a notebook defines, and nothing else of it, in the time that grading gives it.

    Args:
        notebook: The file.

    Returns:
        What the names mean, and each statement that raised an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no notebook.
    """
    path = Path(notebook)
    if not path.exists():
        raise FileNotFoundError(
            f"there is no notebook {str(notebook)!r}: give the name under which it is saved"
        )
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.name} is no notebook, or a damaged one: {type(error).__name__}: {error}"
        ) from error
    space: dict[str, Any] = {"__name__": "submission"}
    problems = []
    deadline = time.monotonic() + ALL_DEFINITIONS
    for text in definitions(sources):
        name = f"<{path.name} {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
        # So that an error can be shown with its line.
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        try:
            with nullcontext() if is_import(text) else limited(deadline):
                exec(compile(text, name, "exec"), space)
        except Exception as error:
            first = text.partition("\n")[0]
            problems.append(f"{first} ({type(error).__name__}: {error})")
    return space, tuple(problems)
