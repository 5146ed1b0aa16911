"""Look for garbage less often while the book is built.

A build makes tens of millions of small objects, trees of pages above all, which stay. Python goes through all
of them again and again to see whether some could go; that took a third of the time.
"""

from __future__ import annotations

import gc

from sphinx.application import Sphinx

OBJECTS = 200_000  # of Python's own 700, and its 10 and 10 below
ROUNDS = 50, 1000


def setup(app: Sphinx) -> dict[str, bool]:
    """Hold from the start to the end of the build."""
    gc.set_threshold(OBJECTS, *ROUNDS)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
