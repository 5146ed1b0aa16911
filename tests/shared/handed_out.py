"""The assignments that there are: their names, questions and points."""

from pathlib import Path

import make_assignments
from make_assignments import SOURCES

NAMES = sorted(path.parent.name for path in SOURCES.glob("*/assignment.md"))
FIRST = NAMES[0]
POINTS = 20


def questions(name: str) -> dict[str, int]:
    """The points of each question."""
    text = (SOURCES / name / "assignment.md").read_text(encoding="utf-8")
    return {q: int(points) for q, points in make_assignments.QUESTION.findall(text)}


def notebook(folder: Path) -> Path:
    """The notebook of a version."""
    (found,) = folder.glob("*.ipynb")
    return found
