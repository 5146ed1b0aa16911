"""Read and write notebook files in one form, so that a change of content is the only change in git."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def all_notebooks() -> list[Path]:
    """The chapters, in order."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path: Path) -> NotebookNode:
    """The notebook in that file."""
    return nbformat.read(path, as_version=4)


def text(notebook: NotebookNode) -> str:
    """What its file holds."""
    return nbformat.writes(notebook)


def needs_kernel(output: NotebookNode) -> bool:
    """Whether an output is a live widget without an HTML twin, such as a progress bar."""
    kinds = output.get("data", {})
    return "text/html" not in kinds and any("widget-view" in kind for kind in kinds)


def write(path: Path, notebook: NotebookNode) -> None:
    """Write it, less what differs between machines and runs: versions, timings, live widgets."""
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL, language_info={"name": "python", "file_extension": ".py"}
    )
    for cell in notebook.cells:
        for volatile in ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted"):
            cell.metadata.pop(volatile, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not needs_kernel(output)]
            for output in cell.outputs:
                for kind in [kind for kind in output.get("data", {}) if "widget-view" in kind]:
                    del output.data[kind]  # its HTML twin stays
    path.write_text(text(notebook) + "\n", encoding="utf-8")
