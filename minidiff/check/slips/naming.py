"""Which slip gives what a student's function gave, if any does."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..exercise import Case, Exercise, Function, Slip
from ..outcome import Outcome, call, equal
from .edits import WHY
from .sketch import Sketch, sketch

GUARDED = 2  # people who count from 0 guard against the times up to this one


class Answer(Protocol):
    """One input, and what is right there."""

    @property
    def case(self) -> Case:
        """The input."""

    @property
    def expected(self) -> Outcome:
        """What is right."""

    @property
    def sketches(self) -> Sequence[Sketch] | None:
        """What each slip gives, on an answer sheet; None where it can be computed."""

    @property
    def computed(self) -> dict[Function, Sketch]:
        """What was computed already, by the slip's function."""


class Seen(Protocol):
    """One input, and what came of it."""

    @property
    def answer(self) -> Answer:
        """The input, and what is right there."""

    @property
    def got(self) -> Outcome:
        """What the student's function gave."""

    def passes(self, rtol: float) -> bool:
        """Whether that is right."""


def named(exercise: Exercise, slips: Sequence[Slip], seen: Sequence[Seen]) -> list[Slip]:
    """The slips that agree with what was seen, on every input: none, one, or two of different kinds.

    A slip is named only if it explains all that is wrong. Numbers that say nothing, such as zeros or an
    argument that comes back as it is, are named after none.
    """
    rtol = exercise.rtol
    right = [one for one in seen if one.passes(rtol)]
    wrong = [one for one in seen if not one.passes(rtol)]
    if not any(telling(one.got, one.answer.expected, one.answer.case, rtol) for one in wrong):
        return []
    if _one_number(wrong, rtol):
        return []
    # Wrong inputs first: they tell slips apart soonest.
    order = [*wrong, *right]
    found: list[Slip] = []
    for i, slip in enumerate(slips):
        if any(slip.why == other.why for other in found):
            continue
        if all(_agrees(exercise, i, slip, one) for one in order) and (
            not slip.early or _explains(exercise, i, slip, wrong)
        ):
            found.append(slip)
    return found[:2]


def _agrees(exercise: Exercise, i: int, slip: Slip, one: Seen) -> bool:
    case, given = one.answer.case, _given_by(exercise, i, slip, one.answer)
    if not slip.early:
        return given.fits(one.got, exercise.rtol)
    right = sketch(one.answer.expected)
    return given.fits_but_early(one.got, right, exercise.rtol, guarded(case, exercise))


def _explains(exercise: Exercise, i: int, slip: Slip, wrong: Sequence[Seen]) -> bool:
    """Whether one wrong input shows the slip's own numbers, and not only what it lets pass."""
    for one in wrong:
        case, given = one.answer.case, _given_by(exercise, i, slip, one.answer)
        seen = one.answer.expected
        if given.fits(one.got, exercise.rtol) and telling(one.got, seen, case, exercise.rtol):
            return True
    return False


def _given_by(exercise: Exercise, i: int, slip: Slip, answer: Answer) -> Sketch:
    """What a slip gives on an input, from the answer sheet or worked out once."""
    if answer.sketches is not None:
        return answer.sketches[i]
    assert slip.function is not None
    if slip.function not in answer.computed:
        answer.computed[slip.function] = outcome(exercise, slip, answer.case)
    return answer.computed[slip.function]


def outcome(exercise: Exercise, slip: Slip, case: Case) -> Sketch:
    """What a slip gives on an input."""
    assert slip.function is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sketch(call(slip.function, case, exercise.observe))


def guarded(case: Case, exercise: Exercise) -> bool:
    """Whether one of an input's times is so early that people guard against it."""
    given = dict(zip(exercise.arguments, case.args, strict=False))
    for t in (given.get("t"), given.get("s")):
        if isinstance(t, Tensor) and not t.is_floating_point() and bool((t <= GUARDED).any()):
            return True
        if isinstance(t, int) and t <= GUARDED:
            return True
    return False


def words(found: Sequence[Slip]) -> tuple[str, str]:
    """What a student is told: what was done, and why it is wrong."""
    done = ", or when ".join(slip.when for slip in found)
    return f"Your numbers come out when {done}.", " ".join(WHY[slip.why] for slip in found)


def telling(got: Outcome, expected: Outcome, case: Case, rtol: float) -> bool:
    """Whether there is something to recognise: numbers that are wrong, vary, and are no argument's own."""
    return any(
        _varied(value) and not _given(value, case, rtol)
        for name, value in got.values.items()
        if name not in expected.values or not equal(value, expected.values[name], rtol)
    )


def _varied(value: Tensor) -> bool:
    if value.is_complex():
        return False
    numbers = value.double()[torch.isfinite(value.double())]
    if value.numel() == 1:
        return bool((numbers != 0).any())
    return numbers.numel() > 0 and bool((numbers != numbers[0]).any())


def _given(value: Tensor, case: Case, rtol: float) -> bool:
    given = [x for x in case.args if isinstance(x, Tensor)]
    return any(x.shape == value.shape and equal(value, x, rtol) for x in given)


def _one_number(wrong: Sequence[Seen], rtol: float) -> bool:
    """Whether the same single number came back on every input."""
    if len(wrong) < 2:
        return False
    first = wrong[0].got
    return all(_size(one.got) == 1 for one in wrong) and all(
        one.got.values.keys() == first.values.keys()
        and all(equal(one.got.values[n], first.values[n], rtol) for n in first.values)
        for one in wrong
    )


def _size(outcome: Outcome) -> int:
    return max((value.numel() for value in outcome.values.values()), default=0)


def kept(
    exercise: Exercise, slips: Sequence[Slip], inputs: Sequence[Answer]
) -> tuple[list[Slip], list[list[Sketch]]]:
    """The slips that a sheet needs, and what each gives on each input.

    Left out are those that give what is right, nothing to recognise, or the same as an earlier one of
    their kind.
    """
    found: list[Slip] = []
    table: list[list[Sketch]] = []
    for i, slip in enumerate(slips):
        outcomes = [_given_by(exercise, i, slip, one) for one in inputs]
        if all(
            o.fits(one.expected, exercise.rtol) for o, one in zip(outcomes, inputs, strict=True)
        ):
            continue
        if all(o.failed is not None for o in outcomes):
            continue
        if any(
            other.why == slip.why and other.early == slip.early and _alike(outcomes, row)
            for other, row in zip(found, table, strict=True)
        ):
            continue
        found.append(slip)
        table.append(outcomes)
    return found, table


def _alike(a: Sequence[Sketch], b: Sequence[Sketch]) -> bool:
    return all(
        x.failed == y.failed
        and x.shapes == y.shapes
        and all(
            torch.equal(x.numbers[n].nan_to_num(7.0), y.numbers[n].nan_to_num(7.0))
            for n in x.numbers
        )
        for x, y in zip(a, b, strict=True)
    )
