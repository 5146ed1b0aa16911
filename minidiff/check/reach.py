"""Graded work: while it runs, the library's own version of what is asked for is out of reach.

The library itself goes on working meanwhile: whether a function runs depends on who calls it. A student's
code is refused, under whatever name it took the function, and by whatever way it calls it; code of the
library is served as always.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, FunctionType
from typing import Any

import torch

from ..base import contracts


class OutOfReachError(RuntimeError):
    """Raised when graded work calls the library's version of what it should write itself."""


CHECKS = os.path.dirname(__file__) + os.sep  # it calls the student's functions
LIBRARY = os.path.dirname(os.path.dirname(CHECKS)) + os.sep
#: Files whose functions pass a call on; whoever called them is asked for.
PASS_ON = (
    __file__,
    contracts.__file__,
    os.path.dirname(torch.__file__) + os.sep,  # a module calls its forward by way of torch
)
ITSELF = "the function itself"  # stands in the code of a guard, and is put in for each function

_lock = threading.RLock()
_guarded: dict[FunctionType, int] = {}  # how many stretches of graded work go on that refuse it
_kept: dict[FunctionType, FunctionType] = {}  # the function as it was


@contextmanager
def out_of_reach(names: Sequence[str]) -> Iterator[None]:
    """Make functions of the library refuse whoever is not the library.

    The code inside each function object is exchanged, so a reference that was taken earlier refuses too, and
    so does the function behind a contract. Outside, nothing is slower than without.

    Args:
        names: Dotted public names of functions, methods and properties, such as ``"minidiff.q_sample"`` or
            ``"minidiff.Elbo.bits_per_dim"``.

    Raises:
        ValueError: If a name leads to no Python function.
    """
    functions = [function for name in names for function in _behind(_found(name), name)]
    with _lock:
        for function in functions:
            _guarded[function] = _guarded.get(function, 0) + 1
            if _guarded[function] == 1:
                _guard(function)
    try:
        yield
    finally:
        with _lock:
            for function in functions:
                _guarded[function] -= 1
                if _guarded[function] == 0:
                    _free(function)


def _guard(function: FunctionType) -> None:
    itself = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    itself.__kwdefaults__ = function.__kwdefaults__
    itself.__dict__.update(function.__dict__)
    _kept[function] = itself
    # Whoever asks how the function is called, as networks are asked for their conditions, hears the same.
    function.__dict__.setdefault("__signature__", inspect.signature(function))
    code = _for_the_library_alone.__code__
    function.__code__ = code.replace(
        co_consts=tuple(itself if const == ITSELF else const for const in code.co_consts),
        co_freevars=function.__code__.co_freevars,
        co_name=function.__name__,
    )


def _free(function: FunctionType) -> None:
    itself = _kept.pop(function)
    function.__code__ = itself.__code__
    if "__signature__" not in itself.__dict__:
        del function.__dict__["__signature__"]
    del _guarded[function]


def _for_the_library_alone(*args: Any, **options: Any) -> Any:
    # This code runs inside other modules: it brings along what it needs.
    from minidiff.check.reach import OutOfReachError, called_by_the_library

    itself: Any = "the function itself"
    if not called_by_the_library():
        raise OutOfReachError(
            "this calls the library's own version of what you are asked to write; write it yourself"
        )
    return itself(*args, **options)


def called_by_the_library() -> bool:
    """Whether it is the library's own code that called the function that asks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PASS_ON):
        frame = frame.f_back
    file = "" if frame is None else frame.f_code.co_filename
    return file.startswith(LIBRARY) and not file.startswith(CHECKS)


def _behind(function: Any, name: str) -> Iterator[FunctionType]:
    """The function and those that it wraps: one with a contract has the bare one behind it."""
    if not isinstance(function, FunctionType):
        raise ValueError(f"{name} is no Python function of the library")
    yield function
    if hasattr(function, "__wrapped__"):
        yield from _behind(function.__wrapped__, name)


def _found(name: str) -> Any:
    """What a dotted name leads to; of a property the function that works it out."""
    path = name.split(".")
    for cut in range(len(path) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(path[:cut]))
        except ImportError:
            continue
        for part in path[cut:]:
            found = getattr(found, part, None)
        return found.fget if isinstance(found, property) else found
    raise ValueError(f"{name} is no Python function of the library")
