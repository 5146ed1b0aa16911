"""What otter-grader does before it runs a submission: it keeps only what defines something.

An assignment names it in its configuration; otter-grader itself is needed only where work is graded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from otter.plugins import AbstractOtterPlugin

from .cells import LeftOut
from .script import as_cells
from .submission import is_import, read

LIMIT = '__import__("minidiff.check.graded.grading", fromlist=["limit"]).limit({})'


class DefinitionsOnly(AbstractOtterPlugin):  # type: ignore[misc]  # otter has no types
    """Each definition of what was handed in becomes a cell of its own, so that one that fails harms no other.

    What is left out of it is told with the results.
    """

    left: tuple[LeftOut, ...] = ()

    def before_execution(self, submission: Any) -> Any:
        """The notebook that is run in place of the submitted one."""
        sources = [cell.source for cell in submission.cells if cell.cell_type == "code"]
        script = Path(self.submission_path).suffix == ".py"
        if script:  # otter-grader makes one cell of it
            sources = as_cells("\n".join(sources))
        # They are copied beside the submission; without them, all that a function uses is asked for.
        asked = [file.stem for file in Path("questions").glob("[!_]*.py")]
        reading = read(sources, asked or None, script=script)
        self.left = reading.left
        kept = []
        for text in (one.text for one in reading.kept):
            limited = [LIMIT.format(True), text, LIMIT.format(False)]
            kept += [text] if is_import(text) else limited
        cells = [nbformat.v4.new_code_cell(text) for text in kept]
        # Its kernel may be named after an environment that only its author has.
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})

    def after_grading(self, results: Any) -> None:
        """Say what was left out, in the words that belong to the whole submission."""
        if self.left:
            results.set_output("\n".join(f"left out: {one}" for one in self.left))
