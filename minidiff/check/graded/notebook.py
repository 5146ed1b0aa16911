"""A notebook's file, whoever has saved it: Jupyter of any age, Colab, Kaggle, an editor of Windows."""

from __future__ import annotations

import json
from typing import Any


def code_cells(content: bytes) -> list[str]:
    """The sources of a notebook's code cells.

    Formats 1 to 4 are read, with the source of a cell in one text or in a list of lines, with names of cells
    or without, in UTF-8 or UTF-16, with the mark that Windows puts in front or without.

    Args:
        content: The bytes of the file.

    Returns:
        Each source, in order.

    Raises:
        ValueError: If it is no notebook, or a damaged one.
    """
    try:
        found = json.loads(content)  # it knows UTF-16, and the mark
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no notebook, or a damaged one: {error}") from error
    if not isinstance(found, dict) or not {"cells", "worksheets"} & found.keys():
        raise ValueError("no notebook: the file has no cells")
    try:
        # Before format 4, a notebook had sheets of cells.
        sheets = [found] if "cells" in found else found["worksheets"]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        return [_source(cell) for cell in cells if cell["cell_type"] == "code"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"a damaged notebook: {type(error).__name__}: {error}. Open it in Jupyter or Colab, and save it "
            f"again"
        ) from error


def as_notebook(content: bytes) -> str:
    """The code of a notebook's file in the format of today, as text.

    Args:
        content: The bytes of the file.

    Raises:
        ValueError: If it is no notebook, or a damaged one.
    """
    empty: dict[str, Any] = {"metadata": {}, "outputs": [], "execution_count": None}
    cells = [{"cell_type": "code", "source": source, **empty} for source in code_cells(content)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


def _source(cell: dict[str, Any]) -> str:
    text = cell.get("source", cell.get("input", ""))  # before format 4 it was the input
    return text if isinstance(text, str) else "".join(text)
