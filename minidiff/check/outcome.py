"""What a function did when it was called: gave numbers, or raised an error."""

from __future__ import annotations

import copy
import linecache
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..chain.schedule import NoiseSchedule
from .exercise import Case, Function, NotAsAskedError


@dataclass(frozen=True)
class Outcome:
    """The result of one call.

    Attributes:
        values: What came back, each part a tensor with a name ("" when there is only one).
        odd: What came back that is no number, in words: ``"None where numbers are expected"``.
        error: The error's type and words, or None.
        line: Where in the function it happened: the number of the line and its text.
    """

    values: Mapping[str, Tensor]
    odd: str | None = None
    error: str | None = None
    line: tuple[int, str] | None = None


def call(function: Function, case: Case, observe: Callable[[Any, tuple[Any, ...]], Any]) -> Outcome:
    """Call a function with a copy of the arguments, and say what happened.

    Whatever the function raises is caught, but for the interrupt key and the end of the program.
    """
    args = copied(case.args)
    try:
        seen = observe(function(*args), args)
    except NotAsAskedError as error:
        return Outcome({}, odd=str(error))
    except Exception as error:
        return Outcome({}, error=_words(error), line=_place(error, function))
    return _sorted_out(seen)


def copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A deep copy; a plain tensor that has its memory to itself takes the short way."""
    parts = [
        part
        for x in args
        for part in (vars(x).values() if isinstance(x, NoiseSchedule) else (x,))
        if type(part) is Tensor and not part.requires_grad and not vars(part)
    ]
    made: dict[int, Any] = {
        id(x): x.clone()
        for x in parts
        if x.is_contiguous() and x.untyped_storage().nbytes() == x.nbytes
    }
    return copy.deepcopy(args, made)


def _sorted_out(seen: Any) -> Outcome:
    parts = seen if isinstance(seen, (tuple, list, dict)) else {"": seen}
    if not isinstance(parts, dict):
        parts = {f"[{i}]": part for i, part in enumerate(parts)}
    values = {}
    for name, part in parts.items():
        numbers = _numbers(part)
        if isinstance(numbers, str):
            where = f" at {name}" if name else ""
            return Outcome({}, odd=f"{numbers}{where} where numbers are expected")
        values[str(name)] = numbers
    return Outcome(values)


def _numbers(part: Any) -> Tensor | str:
    """The part as a plain tensor; in words what it is, if it cannot be one."""
    if isinstance(part, (bool, int, float, np.number, np.ndarray)):
        try:
            # A copy, for torch takes no array that runs backwards.
            return torch.as_tensor(np.array(part))
        except (TypeError, ValueError, RuntimeError, OverflowError):
            return f"an array of {np.asarray(part).dtype}"
    if not isinstance(part, Tensor):
        return _NAMED.get(type(part), f"a {type(part).__name__}")
    if part.layout != torch.strided:
        return "a sparse tensor"
    if part.is_meta:
        return "a tensor without memory (device='meta')"
    with torch._C.DisableTorchFunctionSubclass():  # a subclass could compare as it likes
        return part.detach().as_subclass(Tensor)


_NAMED = {type(None): "None", type(...): "..."}


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return type(error).__name__ + (f": {lines[0]}" if lines else "")


def _place(error: Exception, function: Function) -> tuple[int, str] | None:
    """The last line of the function's own file on the way to the error."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return None
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
    if not own:
        return None
    number = own[-1].lineno or 0
    text = (own[-1].line or linecache.getline(code.co_filename, number)).strip()
    return number, text


def same(a: Outcome, b: Outcome, rtol: float) -> bool:
    """Whether two outcomes cannot be told apart: the same error, or equal numbers in equal shapes."""
    if a.error is not None or b.error is not None:
        return error_kind(a.error) == error_kind(b.error)
    if a.odd is not None or b.odd is not None:
        return a.odd == b.odd
    if a.values.keys() != b.values.keys():
        return False
    return all(equal(a.values[name], b.values[name], rtol) for name in a.values)


def equal(got: Tensor, expected: Tensor, rtol: float) -> bool:
    """Whether shapes agree, and all entries within rtol of the largest one expected; NaN equals NaN."""
    if got.shape != expected.shape:
        return False
    return not bool(differs(got, expected, rtol).any())


def differs(got: Tensor, expected: Tensor, rtol: float) -> Tensor:
    """Which entries are off; the shapes agree."""
    a, b = got.cpu().double(), expected.cpu().double()
    finite = b[torch.isfinite(b)]
    scale = float(finite.abs().max()) if finite.numel() else 1.0
    # Where only zeros are expected, what rounding leaves of a difference of ones is no mistake.
    scale = 1e-3 if scale == 0 else max(scale, 1e-12)
    close = torch.isclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True)
    return ~close


def error_kind(error: str | None) -> str | None:
    """The error's type: its words depend on the order of the factors in a line."""
    return None if error is None else error.partition(":")[0]
