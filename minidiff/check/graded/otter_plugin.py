"""What otter-grader does before it runs a submission: it keeps only what defines something.

An assignment names it in its configuration; otter-grader itself is needed only where work is graded.
"""

from __future__ import annotations

from typing import Any

import nbformat
from otter.plugins import AbstractOtterPlugin

from .submission import definitions, is_import

LIMIT = '__import__("minidiff.check.graded.grading", fromlist=["limit"]).limit({})'


class DefinitionsOnly(AbstractOtterPlugin):  # type: ignore[misc]  # otter has no types
    """Each definition of the notebook becomes a cell of its own, so that one that fails harms no other."""

    def before_execution(self, submission: Any) -> Any:
        """The notebook that is run in place of the submitted one."""
        sources = [cell.source for cell in submission.cells if cell.cell_type == "code"]
        kept = []
        for text in definitions(sources):
            limited = [LIMIT.format(True), text, LIMIT.format(False)]
            kept += [text] if is_import(text) else limited
        cells = [nbformat.v4.new_code_cell(text) for text in kept]
        # Its kernel may be named after an environment that only its author has.
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
