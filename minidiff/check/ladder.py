"""The ladder that a student's function goes up: it stops at the first rung that fails."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from . import slips
from .answers import SEEDS, Answer, answers
from .calls import called
from .exercise import Exercise, Mistake
from .feedback import PASSED, TODO, WRONG, Feedback
from .outcome import Outcome, differs, same


@dataclass(frozen=True)
class Tried:
    """What a function gave on the inputs of one answer, and what it gave when it was called again."""

    answer: Answer
    got: Outcome
    again: Outcome

    @property
    def name(self) -> str:
        """What is special about the inputs."""
        return self.answer.case.name

    def passes(self, rtol: float) -> bool:
        """Whether the outcome is the one expected."""
        return same(self.got, self.answer.expected, rtol)


def climb(exercise: Exercise, function: Any, seeds: Sequence[int] = SEEDS) -> Feedback:
    """Check a function.

    Args:
        exercise: What was asked for.
        function: What the student wrote.
        seeds: Which inputs to try.

    Returns:
        The feedback; a wrong function is no error.
    """
    refusal = refused_unseen(exercise, function)
    if refusal is not None:
        return refusal
    known = [answer for seed in seeds for answer in answers(exercise, seed)]
    outcomes = called(exercise, function, [answer.case for answer in known])
    return judged(exercise, [Tried(a, *two) for a, two in zip(known, outcomes, strict=True)])


def refused_unseen(exercise: Exercise, function: Any) -> Feedback | None:
    """What can be said before the function is called: nothing is there, or it takes other arguments."""
    if not attempted(function):
        return Feedback(
            exercise.name, TODO, "attempted", f"not attempted yet. Write {exercise.signature}."
        )
    return _signature(exercise, function)


def judged(exercise: Exercise, tried: Sequence[Tried]) -> Feedback:
    """Turn what happened into words."""
    rtol = exercise.rtol
    if all(one.passes(rtol) for one in tried):
        return Feedback(exercise.name, PASSED, "", "visible checks passed.", see=exercise.see)
    named = [m for m in exercise.mistakes if _made(m, tried, rtol)]
    rung, message, details = _first_failure(exercise, tried)
    if named:
        # The tests see to it that the inputs tell all mistakes of an exercise apart.
        m = named[0]
        return Feedback(
            exercise.name, WRONG, rung, m.done, m.why, details=(), see=m.see, mistake=m.name
        )
    found = slips.named(exercise, _slips_of(exercise), tried)
    if found:
        done, why = slips.words(found)
        name = " | ".join(slip.when for slip in found)
        return Feedback(
            exercise.name, WRONG, rung, done, why, (message,), see=exercise.see, mistake=name
        )
    return Feedback(exercise.name, WRONG, rung, message, details=details, see=exercise.see)


def _slips_of(exercise: Exercise) -> Sequence[slips.Slip]:
    if exercise.slips is None:
        exercise.slips = [] if exercise.solution is None else slips.derived(exercise.solution)
    return exercise.slips


def _made(mistake: Mistake, tried: Sequence[Tried], rtol: float) -> bool:
    """Whether all outcomes are those of a known mistake.

    Of one that stops with an error everywhere the error's type says little: its words have to agree, too.
    """
    pairs = [(one.got, one.answer.wrong[mistake.name]) for one in tried]
    return all(same(got, wrong, rtol) for got, wrong in pairs) and any(
        _words(got) == _words(wrong) for got, wrong in pairs
    )


def _words(outcome: Outcome) -> str:
    """The error without its numbers; "" if there is none."""
    return re.sub(r"\d+", "#", outcome.error or "")


def attempted(function: Any) -> bool:
    """Whether there is more in the function than a docstring, ``pass``, ``...`` or NotImplementedError."""
    if function is None or function is Ellipsis:
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return True  # no source to look at: it will be seen when it runs
    made = tree.body[0]
    if not isinstance(made, (ast.FunctionDef, ast.ClassDef)):
        return True
    return not all(_empty(line) for line in made.body)


def _empty(line: ast.stmt) -> bool:
    if isinstance(line, ast.Pass):
        return True
    if isinstance(line, ast.Expr):  # a docstring, or ...
        return isinstance(line.value, ast.Constant)
    if isinstance(line, ast.Return):
        return line.value is None or (
            isinstance(line.value, ast.Constant) and line.value.value in (None, ...)
        )
    if isinstance(line, ast.Raise) and line.exc is not None:
        raised = line.exc.func if isinstance(line.exc, ast.Call) else line.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return False


def _signature(exercise: Exercise, function: Any) -> Feedback | None:
    if not callable(function):
        return Feedback(
            exercise.name,
            WRONG,
            "signature",
            f"this is a {type(function).__name__}, not a function: write {exercise.signature}.",
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None  # built-in: it will be seen when it runs
    try:
        signature.bind(*exercise.arguments)
    except TypeError:
        return Feedback(
            exercise.name,
            WRONG,
            "signature",
            f"it is called with {len(exercise.arguments)} arguments, {exercise.signature}, but yours "
            f"takes {signature}. The names are yours to choose, the order is not.",
        )
    return None


def _first_failure(exercise: Exercise, tried: Sequence[Tried]) -> tuple[str, str, tuple[str, ...]]:
    """The rung, the message and the details of the lowest rung at which a case fails."""
    rungs = (_runs, _gives_numbers, _shape, _kind, _finite, _repeats, _values)
    for rung in rungs:
        for one in tried:
            found = rung(one, exercise)
            if found is not None:
                details = (*found[1], *_which_pass(tried, exercise.rtol))
                return rung.__name__.strip("_").replace("_", " "), found[0], details
    raise AssertionError("nothing fails")


Found = tuple[str, tuple[str, ...]] | None


def _runs(one: Tried, exercise: Exercise) -> Found:
    if one.got.error is None:
        return None
    where = "" if one.got.line is None else f"line {one.got.line[0]}: {one.got.line[1]}"
    message = f"it stopped with an error ({one.name}): {one.got.error}"
    return message, (where,) if where else ()


def _gives_numbers(one: Tried, exercise: Exercise) -> Found:
    if one.got.odd is not None:
        likely = {"None": " Is a return missing?", "...": " Is a part of the template left?"}
        return f"it gave back {one.got.odd}.{likely.get(one.got.odd.split()[0], '')}", ()
    got, expected = list(one.got.values), list(one.answer.expected.values)
    if got == expected:
        return None
    more = ""
    if expected == [""] and _is_tuple(got):
        more = " torch.tensor(...) makes a tensor of numbers, torch.stack(...) one of tensors."
    elif _is_tuple(expected) and got == [""]:
        more = " Give them back together, with a comma between them."
    return f"it gave back {_parts(got)} where {_parts(expected)} is expected.{more}", ()


def _is_tuple(names: Sequence[str]) -> bool:
    return any(name.startswith("[") for name in names)


def _parts(names: Sequence[str]) -> str:
    """What a result of several parts is called."""
    if not names:
        return "nothing, an empty list or dict,"
    if _is_tuple(names):
        return f"a tuple or list of {len(names)}"
    return "one value" if names == [""] else f"a dict with {', '.join(names)}"


def _shape(one: Tried, exercise: Exercise) -> Found:
    for name, expected in one.answer.expected.values.items():
        got = one.got.values[name]
        if got.shape != expected.shape:
            return (
                f"the shape{_of(name)} is {tuple(got.shape)}, but {tuple(expected.shape)} is expected "
                f"({one.name}).",
                (),
            )
    return None


def _kind(one: Tried, exercise: Exercise) -> Found:
    for name, expected in one.answer.expected.values.items():
        got = one.got.values[name]
        if expected.is_floating_point() and not got.is_floating_point():
            return f"the numbers{_of(name)} are {got.dtype}, but they should have fractions.", ()
        if got.device.type != expected.device.type:
            return (
                f"the result{_of(name)} is on {got.device}; its input is on {expected.device}.",
                (),
            )
    return None


def _finite(one: Tried, exercise: Exercise) -> Found:
    for name, expected in one.answer.expected.values.items():
        bad = ~torch.isfinite(one.got.values[name].double()) & torch.isfinite(expected.double())
        if bad.any():
            return (
                f"{int(bad.sum())} of {bad.numel()} numbers{_of(name)} are NaN or infinite "
                f"({one.name}).",
                (),
            )
    return None


def _repeats(one: Tried, exercise: Exercise) -> Found:
    if same(one.got, one.again, exercise.rtol):
        return None
    return (
        "it gives another answer each time it is called. Take all that is random from the arguments, "
        "and keep nothing from one call to the next.",
        (),
    )


def _values(one: Tried, exercise: Exercise) -> Found:
    for name, expected in one.answer.expected.values.items():
        got = one.got.values[name]
        off = differs(got, expected, exercise.rtol)
        if off.any():
            at = tuple(int(i) for i in off.nonzero()[0])
            place = f" at {list(at)}" if at else ""
            return (
                f"the numbers{_of(name)} are not right ({one.name}).",
                (
                    f"first difference{place}: {_two(float(got[at]), float(expected[at]))}; "
                    f"{int(off.sum())} of {off.numel()} differ",
                ),
            )
    return None


def _two(got: float, expected: float) -> str:
    """Both numbers, with as many digits as it takes to see that they differ."""
    for digits in range(6, 18):
        pair = f"{got:.{digits}g}", f"{expected:.{digits}g}"
        if pair[0] != pair[1]:
            break
    return f"got {pair[0]}, expected {pair[1]}"


def _of(name: str) -> str:
    return f" of the result's part {name}" if name else ""


def _which_pass(tried: Sequence[Tried], rtol: float) -> tuple[str, ...]:
    right = {one.name: True for one in tried}
    for one in tried:
        right[one.name] &= one.passes(rtol)
    passing = [name for name, fine in right.items() if fine]
    failing = [name for name, fine in right.items() if not fine]
    if not passing:
        return ("no input passes",)
    return (f"passes: {'; '.join(passing)}", f"fails: {'; '.join(failing)}")
