"""An exercise: what is asked for, a reference, the mistakes that are known, and hints."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


class NotAsAskedError(Exception):
    """What came back cannot be looked at; the words say what it is: ``"a Linear, not an nn.Conv2d"``."""


@dataclass(frozen=True)
class Case:
    """Arguments to try a function with.

    Attributes:
        name: What is special about them, for the student to read: ``"t = 1"``.
        args: The arguments, in order. Each call gets a copy of its own.
    """

    name: str
    args: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A wrong way to write the function, and what to tell who wrote it.

    Attributes:
        name: Of the variant.
        function: The wrong function itself.
        done: What was done, in words to the student: ``"You scaled the noise by 1 - ᾱ_t."``
        why: Why it is wrong and what belongs there.
        see: Where the book explains it: the label of an equation or an exercise.
    """

    name: str
    function: Function
    done: str
    why: str
    see: str


@dataclass(frozen=True)
class Slip:
    """A change of the reference, such as people make; :mod:`minidiff.check.slips` derives them.

    Attributes:
        when: What was done, as the rest of "Your numbers come out when ...".
        why: Which advice goes with it, a key of ``minidiff.check.slips.edits.WHY``.
        function: The reference with this change; None on an answer sheet, which holds its outcomes.
        early: Whether it is one about times, against which people guard: at t = 1 and 2 the right numbers
            may stand, if all others are those of the slip.
    """

    when: str
    why: str
    function: Function | None = None
    early: bool = False


@dataclass
class Exercise:
    """What a student is asked to write, and all that is needed to judge it.

    One file makes one exercise: its functions are handed over by the decorators :meth:`reference`,
    :meth:`cases`, :meth:`mistake` and :meth:`correct`.

    Attributes:
        name: Of the function that the student writes.
        statement: What is asked for, in Markdown, with the equation.
        signature: How it is called, ``"q_sample(x_0, t, schedule, noise)"``.
        see: Where the book teaches it.
        hints: From a nudge to nearly the solution.
        out_of_reach: The library's own versions, by their public names, ``"minidiff.q_sample"``; when work
            is graded, a call to one is refused (:mod:`minidiff.check.reach`).
        rtol: How far an entry may be off, relative to the largest entry that is expected.
        practice: Whether the solution may be shown. In graded work (False) what ``out_of_reach`` names
            refuses to run.
    """

    name: str
    statement: str
    signature: str
    see: str
    hints: Sequence[str]
    out_of_reach: Sequence[str] = ()
    rtol: float = 1e-4
    practice: bool = True
    make_cases: Callable[[torch.Generator], Sequence[Case]] | None = field(default=None, init=False)
    solution: Function | None = field(default=None, init=False)
    look: Callable[[Any, tuple[Any, ...]], Any] | None = field(default=None, init=False)
    mistakes: list[Mistake] = field(default_factory=list, init=False)
    variants: list[Function] = field(default_factory=list, init=False)
    # Derived from the reference, or read from an answer sheet; None until they are wanted.
    slips: Sequence[Slip] | None = field(default=None, init=False)
    path: Path | None = field(default=None, init=False)  # of the file that it was loaded from
    # What is expected on the inputs of a seed, once it is worked out (minidiff.check.answers).
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def reference(self, function: F) -> F:
        """Take the function as the solution."""
        self.solution = function
        return function

    def cases(self, make: Callable[[torch.Generator], Sequence[Case]]) -> Callable[..., Any]:
        """Take the function that makes the cases: called with a generator, it gives a list."""
        self.make_cases = make
        return make

    def observed(self, look: Callable[[Any, tuple[Any, ...]], Any]) -> Callable[..., Any]:
        """Take ``look(result, args)`` as what is compared, for a function that changes its arguments."""
        self.look = look
        return look

    def observe(self, result: Any, args: tuple[Any, ...]) -> Any:
        """What is compared: the result itself, unless the file says otherwise."""
        return result if self.look is None else self.look(result, args)

    def mistake(
        self, done: str, why: str, see: str | None = None
    ) -> Callable[[Function], Function]:
        """Take the function as a known mistake."""

        def take(function: F) -> F:
            where = self.see if see is None else see
            self.mistakes.append(Mistake(function.__name__, function, done, why, where))
            return function

        return take

    def correct(self, function: F) -> F:
        """Take the function as another right way to write it; the tests hold the checks to it."""
        self.variants.append(function)
        return function

    def inputs(self, seed: int) -> list[Case]:
        """The cases that a seed makes.

        Raises:
            ValueError: If the file has no ``@EXERCISE.cases``.
        """
        if self.make_cases is None:
            raise ValueError(f"the exercise {self.name} has no cases: mark one function @….cases")
        return list(self.make_cases(torch.Generator().manual_seed(seed)))

    @property
    def arguments(self) -> list[str]:
        """The names in the signature."""
        inside = self.signature[self.signature.index("(") + 1 : self.signature.rindex(")")]
        return [part.split("=")[0].strip() for part in inside.split(",") if part.strip()]

    def shown_solution(self) -> str:
        """The reference as text, without its decorator.

        Raises:
            ValueError: If the work is graded, or there is no reference.
        """
        if not self.practice:
            raise ValueError(f"{self.name} is graded: its solution comes back with the grades")
        if self.solution is None:
            raise ValueError(f"the exercise {self.name} has no reference")
        source = textwrap.dedent(inspect.getsource(self.solution))
        return source[source.index("def ") :]
