"""Graded work: while it runs, the library's own version of what is asked for is out of reach."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any


class OutOfReachError(RuntimeError):
    """Raised when graded work calls the library's version of what it should write itself."""


def _refuse(*args: object, **options: object) -> None:
    from minidiff.check.graded.reach import OutOfReachError

    raise OutOfReachError(
        "this calls the library's own version of what you are asked to write; write it yourself"
    )


@contextmanager
def out_of_reach(names: Sequence[str]) -> Iterator[None]:
    """Make functions of the library refuse to run, whatever name they were imported under.

    The code inside each function object is exchanged, so a reference that was taken earlier refuses too.

    Args:
        names: Dotted names, such as ``"minidiff.chain.forward.q_sample"``.

    Raises:
        ValueError: If a name leads to no Python function.
    """
    functions = [_found(name) for name in names]
    codes = [function.__code__ for function in functions]
    defaults = [(function.__defaults__, function.__kwdefaults__) for function in functions]
    try:
        for function in functions:
            function.__code__ = _refuse.__code__.replace(co_freevars=function.__code__.co_freevars)
            function.__defaults__ = function.__kwdefaults__ = None
        yield
    finally:
        for function, code, (positional, named) in zip(functions, codes, defaults, strict=True):
            function.__code__ = code
            function.__defaults__, function.__kwdefaults__ = positional, named


def _found(name: str) -> FunctionType:
    path = name.split(".")
    for cut in range(len(path) - 1, 0, -1):
        try:
            start = importlib.import_module(".".join(path[:cut]))
        except ImportError:
            continue
        found: Any = start
        for part in path[cut:]:
            found = getattr(found, part, None)
        if isinstance(found, FunctionType):
            return found
    raise ValueError(f"{name} is no Python function of the library")
