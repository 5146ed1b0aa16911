"""Look for garbage less often while the book is built.

A build makes tens of millions of small objects, trees of pages above all, which stay. Python goes through all
of them again and again to see whether some could go, which took much of the time.
"""

from __future__ import annotations

import gc

from sphinx.application import Sphinx

THRESHOLDS = (
    200_000,
    50,
    1000,
)  # new objects, and rounds of the younger kinds; Python's own: 700, 10, 10


def setup(app: Sphinx) -> dict[str, bool]:
    """Hold from the start to the end of the build."""
    gc.set_threshold(*THRESHOLDS)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
