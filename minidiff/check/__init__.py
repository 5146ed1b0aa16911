"""The exercise checker: it tells a student which mistake was made.

>>> md.check(q_sample)            # a function that you wrote  # doctest: +SKIP
✗ q_sample: You scaled the noise by 1 - ᾱ_t.
  That is the variance of the noise; what multiplies it is the standard deviation, its square root.
  In the book: chapter 3, “The equation” (notebooks/03_nice_property.html#equation-eq-nice)
>>> md.check.hint()               # the first hint; hint(2) says more  # doctest: +SKIP
>>> md.check.solution()           # of a practice exercise  # doctest: +SKIP
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

from .bank import exercises, find, use
from .calls import own_error
from .exercise import Case, Exercise, Mistake
from .feedback import Feedback, Hint
from .graded.handin import Receipt, hand_in
from .ladder import climb

__all__ = [
    "Case",
    "Exercise",
    "Feedback",
    "Hint",
    "Mistake",
    "Receipt",
    "check",
    "exercises",
    "hand_in",
    "hint",
    "ready",
    "solution",
    "use",
]

_last: list[str] = []  # the name of the exercise that was checked last


def check(function: Any, exercise: str | None = None, *, traceback: bool = False) -> Feedback:
    """Check a function that a student wrote, and say what is wrong with it.

    Args:
        function: What was written.
        exercise: Which exercise it answers; None takes the function's own name.
        traceback: Whether to show the whole of the function's own error, call by call, not its line alone.

    Returns:
        What the student is told, as a panel in notebooks and as text elsewhere. A wrong function is no error.

    Raises:
        ValueError: If there is no exercise of that name.
    """
    name = getattr(function, "__name__", None) if exercise is None else exercise
    if name is None:
        raise ValueError(
            f"which exercise is this? Give its name: md.check(..., exercise=one of "
            f"{', '.join(exercises())})"
        )
    wanted = find(name)
    _last[:] = [wanted.name]
    feedback = climb(wanted, function)
    if feedback.rung != "runs" or feedback.mistake is not None:
        return feedback
    asked = f"md.check({wanted.name}, traceback=True) shows the whole error"
    more = own_error(wanted, function) if traceback else asked
    return replace(feedback, details=(*feedback.details, more))


def hint(number: int = 1, exercise: str | None = None) -> Hint:
    """Give a hint for the exercise that was checked last; the higher the number, the more it says.

    Args:
        number: Which one, from 1. A number beyond the last gives the last.
        exercise: Of another exercise.

    Raises:
        TypeError, ValueError: If there is no such hint or exercise, or none was checked yet.
    """
    wanted = _wanted(exercise)
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"number must be 1, 2, ..., got {number!r}")
    if number < 1:
        raise ValueError(f"{wanted.name} has hints 1 to {len(wanted.hints)}, not {number}")
    number = min(number, len(wanted.hints))
    left = len(wanted.hints) - number
    after = f"md.check.hint({number + 1}) says more." if left else "This is the last one."
    return Hint(wanted.name, wanted.hints[number - 1], after)


def solution(exercise: str | None = None) -> Hint:
    """Show how the exercise that was checked last can be solved.

    Args:
        exercise: Another exercise.

    Raises:
        ValueError: If it is graded, or there is no such exercise, or none was checked yet.
    """
    wanted = _wanted(exercise)
    return Hint(wanted.name, wanted.shown_solution(), "One way of several.", code=True)


def ready(*functions: Any) -> bool:
    """Whether functions that a cell is going to use pass their visible checks; prints which do not.

    Args:
        *functions: What was written; each answers the exercise of its own name.
    """
    feedback = [climb(find(function.__name__), function) for function in functions]
    waiting = [f"{one.exercise} ({one.status})" for one in feedback if not one.passed]
    if waiting:
        print(f"This cell waits for {', '.join(waiting)}. Then run it again.")
    return not waiting


def _wanted(exercise: str | None) -> Exercise:
    if exercise is None and not _last:
        raise ValueError(
            "nothing was checked yet: name an exercise, one of " + ", ".join(exercises())
        )
    return find(_last[0] if exercise is None else exercise)


class _Callable(ModuleType):
    """The module itself can be called: ``md.check(f)`` beside ``md.check.hint()``."""

    def __call__(
        self, function: Any, exercise: str | None = None, *, traceback: bool = False
    ) -> Feedback:
        return check(function, exercise, traceback=traceback)


sys.modules[__name__].__class__ = _Callable
