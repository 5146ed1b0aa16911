"""Calls of a student's function, with the library's own version of it out of reach."""

from __future__ import annotations

import io
import traceback
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Any

from .answers import SEEDS
from .exercise import Case, Exercise
from .outcome import Outcome, call, copied
from .reach import out_of_reach


def called(
    exercise: Exercise, function: Any, cases: Sequence[Case]
) -> list[tuple[Outcome, Outcome]]:
    """Call a function twice on each case, the library's own version out of reach."""
    with out_of_reach(() if exercise.practice else exercise.out_of_reach):
        outcomes = []
        for i, case in enumerate(cases):
            # What a student prints to find a mistake is shown once, not for each case and twice.
            with nullcontext() if i == 0 else redirect_stdout(_Nowhere()):
                got = call(function, case, exercise.observe)
            with redirect_stdout(_Nowhere()):
                again = call(function, case, exercise.observe)
            outcomes.append((got, again))
        return outcomes


def own_error(exercise: Exercise, function: Any, seeds: Sequence[int] = SEEDS) -> str:
    """All of the first error that the function raises, from its own lines on; "" if it raises none."""
    cases = [case for seed in seeds for case in exercise.inputs(seed)]
    with out_of_reach(() if exercise.practice else exercise.out_of_reach):
        for case in cases:
            try:
                with redirect_stdout(_Nowhere()):
                    function(*copied(case.args))
            except Exception as error:
                inside = None if error.__traceback__ is None else error.__traceback__.tb_next
                return "".join(traceback.format_exception(type(error), error, inside)).strip()
    return ""


class _Nowhere(io.TextIOBase):
    """Takes text and keeps none of it."""

    def write(self, text: str) -> int:
        """Take a text."""
        return len(text)
