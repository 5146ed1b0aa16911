"""What a slip gives, in a few numbers: enough to recognise it, little enough for an answer sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..outcome import Outcome, differs, error_kind

PICKS = 16  # numbers that are kept of each part of a result


@dataclass(frozen=True)
class Sketch:
    """An outcome in few numbers.

    Attributes:
        shapes: Of each part of the result.
        numbers: Of each part some entries, evenly spaced, and behind them the largest one, without its sign.
        failed: The error's type, or in words what came back instead of numbers; None if neither.
    """

    shapes: Mapping[str, tuple[int, ...]]
    numbers: Mapping[str, Tensor]
    failed: str | None = None

    def fits(self, got: Outcome, rtol: float) -> bool:
        """Whether an outcome could be this one."""
        if self.failed is not None or failure(got) is not None:
            return self.failed == failure(got)
        if self.shapes != _shapes(got):
            return False
        return not any(bool(off.any()) for off in self.off(got, rtol).values())

    def off(self, got: Outcome, rtol: float) -> dict[str, Tensor]:
        """Which of the kept numbers of each part another outcome of these shapes does not share."""
        found = {}
        for name, kept in self.numbers.items():
            seen = torch.cat([_entries(got.values[name]), kept[-1:]])
            found[name] = differs(seen, kept, rtol)[:-1]
        return found

    def fits_but_early(self, got: Outcome, right: Sketch, rtol: float, guarded: bool) -> bool:
        """The same, for a slip about times, which divide 0 by 0 where people look out for it.

        Numbers that are infinite or NaN on one side say nothing: another way to write the slip has them
        elsewhere. Where people guard, what is right may stand.

        Args:
            got: The outcome.
            right: What is right.
            rtol: How far off a number may be.
            guarded: Whether one of the times is so early that people guard against it.
        """
        if self.failed is not None or failure(got) is not None:
            return guarded or self.failed == failure(got)
        if self.shapes != _shapes(got):
            return False
        instead = right.off(got, rtol) if guarded and right.shapes == self.shapes else {}
        for name, off in self.off(got, rtol).items():
            silent = ~torch.isfinite(_entries(got.values[name]))
            silent |= ~torch.isfinite(self.numbers[name][:-1])
            if name in instead:
                silent |= ~instead[name]
            if bool((off & ~silent).any()):
                return False
        return True


def sketch(outcome: Outcome) -> Sketch:
    """The few numbers of an outcome."""
    if failure(outcome) is not None:
        return Sketch({}, {}, failure(outcome))
    numbers = {}
    for name, value in outcome.values.items():
        whole = _real(value)
        finite = whole[torch.isfinite(whole)]
        largest = finite.abs().max() if finite.numel() else torch.tensor(1.0, dtype=torch.float64)
        numbers[name] = torch.cat([_entries(value), largest.reshape(1)])
    return Sketch(_shapes(outcome), numbers)


def packed(sketches: Sequence[Sketch], like: Outcome) -> tuple[Tensor, dict[str, object]]:
    """Sketches as one row of numbers, and in words what is not like a result."""
    odd: dict[str, object] = {}
    row = []
    for i, one in enumerate(sketches):
        if one.failed is not None:
            odd[str(i)] = one.failed
        elif one.shapes != _shapes(like):
            odd[str(i)] = {name: list(shape) for name, shape in one.shapes.items()}
        row += list(one.numbers.values())
    return torch.cat([*row, torch.zeros(0, dtype=torch.float64)]), odd


def unpacked(row: Tensor, odd: Mapping[str, object], count: int, like: Outcome) -> list[Sketch]:
    """The sketches that :func:`packed` packed."""
    found, at = [], 0
    for i in range(count):
        said = odd.get(str(i))
        if isinstance(said, str):
            found.append(Sketch({}, {}, said))
            continue
        shapes = _shapes(like) if said is None else {n: tuple(s) for n, s in said.items()}  # type: ignore[attr-defined]
        numbers = {}
        for name, shape in shapes.items():
            size = min(torch.Size(shape).numel(), PICKS) + 1
            numbers[name] = row[at : at + size]
            at += size
        found.append(Sketch(shapes, numbers))
    return found


def _entries(value: Tensor) -> Tensor:
    flat = _real(value)
    if len(flat) <= PICKS:
        return flat
    return flat[torch.linspace(0, len(flat) - 1, PICKS, dtype=torch.float64).round().long()]


def _real(value: Tensor) -> Tensor:
    return value.detach().cpu().flatten().double()


def _shapes(outcome: Outcome) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in outcome.values.items()}


def failure(outcome: Outcome) -> str | None:
    """The error's type, or in words what came back instead of numbers; None if neither."""
    if any(value.is_complex() for value in outcome.values.values()):
        return "complex numbers"  # the root of a negative one
    return error_kind(outcome.error) or outcome.odd
