"""What a network does, one operation after the other: the form in which a page can carry it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

Shape = tuple[int, ...]


class Value(NamedTuple):
    """What an operation takes, by name, in the shape that it has there; no shape changes the numbers' order.

    Inputs are i0, i1, …, weights w0, w1, …, other constants c0, c1, …, and results r0, r1, ….
    """

    name: str
    shape: Shape


@dataclass(frozen=True)
class Operation:
    """One step of a program.

    Attributes:
        does: Its name, one of those in engine.js.
        takes: The values that it needs.
        how: Its settings, such as a stride.
        shape: Of its result.
    """

    does: str
    takes: tuple[Value, ...]
    how: dict[str, Any]
    shape: Shape


@dataclass
class Program:
    """A network, ready to be carried out on one picture.

    Attributes:
        weights: What was learned.
        constants: Other numbers that no input changes, such as the frequencies of the time's sinusoids.
        operations: In their order.
        answer: Name of the value that the network gives.
    """

    weights: list[Tensor] = field(default_factory=list)
    constants: list[Tensor] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    answer: str = ""
