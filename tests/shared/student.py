"""What the tests do to a student's notebook: write answers into it, and read what comes back."""

import copy
import re

import nbformat
from nbformat import NotebookNode


def answered(notebook: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """A copy in which the cells that define these functions say something else."""
    new = copy.deepcopy(notebook)
    for name, text in answers.items():
        (cell,) = [c for c in new.cells if re.match(rf"(def|class) {name}\(", c.source)]
        cell.source = text
    return new


# How the assignments write the steps of a training.
TRAINING = re.compile(r'(\bsteps=|"steps": |\bin range\(1, )(\d{4,})\b')


def shortened(notebook: NotebookNode) -> NotebookNode:
    """A copy that trains for a twentieth of the steps: here it has to run through, not to learn."""
    new = copy.deepcopy(notebook)
    for cell in new.cells:
        if cell.cell_type == "code":
            cell.source = TRAINING.sub(lambda m: f"{m[1]}{int(m[2]) // 20}", cell.source)
    return new


def definition(notebook: NotebookNode, name: str) -> str:
    """The cell that defines a function."""
    (cell,) = [c for c in notebook.cells if re.match(rf"(def|class) {name}\(", c.source)]
    return cell.source


def text_of(cell: NotebookNode) -> str:
    """All that a cell has printed and shown, as text."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", ""))
        parts.append(output.get("data", {}).get("text/plain", ""))
    return "".join(parts)


def checks(notebook: NotebookNode) -> dict[str, str]:
    """What each check said, by the function's name."""
    found = {}
    for cell in notebook.cells:
        if match := re.fullmatch(r"md\.check\((\w+)\)", cell.source.strip()):
            found[match[1]] = text_of(cell)
    return found


def save(notebook: NotebookNode, path) -> None:
    """Write a notebook."""
    nbformat.write(notebook, path)
