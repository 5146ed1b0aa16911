"""Kinds of arguments, the words of a contract: what each refuses, and in which words it says so."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor

from .model import bare
from .ranges import warn_of_other_range
from .validate import (
    as_numbers,
    check_any_label,
    check_choice,
    check_counts,
    check_divides,
    check_each_label,
    check_examples,
    check_floats,
    check_function,
    check_generator,
    check_labels,
    check_module,
    check_multiple,
    check_number,
    check_positive_int,
    check_same_shape,
    check_schedule,
    check_shape,
    check_share,
    check_value,
)

Given = Mapping[str, Any]
Raises = Mapping[type[Exception], str]


@dataclass(frozen=True)
class Kind:
    """A kind of argument, one word or a few of a declaration.

    Attributes:
        pattern: What the declaration says. A group ``other`` names another argument.
        check: Called with the argument's name, its value, all arguments, and the clause.
        raises: For each error when it is raised, as the end of "If NAME ..."; ``{groups}`` are filled in.
    """

    pattern: str
    check: Callable[[str, Any, Given, Clause], object]
    raises: Raises


@dataclass(frozen=True)
class Clause:
    """What one argument must be.

    Attributes:
        argument: Its name.
        kind: The kind.
        words: The groups of the kind's pattern.
        batch: The argument whose length is the batch's, or "".
    """

    argument: str
    kind: Kind
    words: Mapping[str, Any]
    batch: str

    def length(self, given: Given) -> int | None:
        """The length of the batch, where an argument says it."""
        x = given.get(self.batch)
        return len(x) if isinstance(x, Tensor) else None

    def T(self, given: Given) -> int:
        """The last time of the schedule that the kind names, or of the object that has one."""
        word = self.words["of"]
        owner: Any = given[word]
        last: int = owner.T if word == "schedule" else getattr(owner, "schedule", owner).T
        return last


NO_FLOATS = {
    TypeError: "does not hold floating-point numbers",
    ValueError: "is empty or not finite",
}


def look(x: Any) -> bool:
    """Whether to look for NaN: on a GPU each look would make a training step wait."""
    return not isinstance(x, Tensor) or x.is_cpu


def _batch(name: str, x: Any, given: Given, clause: Clause) -> None:
    check_floats(name, x, look_inside=look(x))
    if look(x):
        warn_of_other_range(name, x, stacklevel=4)  # the line that called the function


def _like(name: str, value: Any, given: Given, clause: Clause) -> None:
    other = clause.words["other"]
    check_floats(name, value, look_inside=look(value))
    check_same_shape(name, value, other, given[other])


@cache  # a call of a function must not read its declaration again
def choices(words: str) -> tuple[str, ...]:
    """The words that a declaration lists: ``('eps', 'x0')``."""
    listed: tuple[str, ...] = ast.literal_eval(words)
    return listed


@cache
def _float(word: str) -> float | None:
    """The number that a bound is, or None where it is the name of an argument."""
    try:
        return float(word)
    except ValueError:
        return None


def _bound(word: str, given: Given) -> float:
    """A bound that stands in the words: a number, or the argument that has it."""
    number = _float(word)
    return float(given[word]) if number is None else number


def _number(name: str, value: Any, given: Given, clause: Clause) -> None:
    ends = clause.words
    low, high = _bound(ends["low"], given), _bound(ends["high"], given)
    opened = ends["left"] == "("
    if type(value) is float and (low < value < high or (value == low and not opened)):
        return  # as it nearly always is; what follows looks for what is wrong
    check_number(name, value, low, high, open_ends=opened, open_high=ends["right"] == ")")


def _weight(name: str, value: Any, given: Given, clause: Clause) -> None:
    if not callable(value):
        check_number(name, value, float(clause.words["low"]), float("inf"))


def _labels(name: str, value: Any, given: Given, clause: Clause) -> None:
    classes = getattr(bare(given[clause.words["other"]]), "null_label", None)
    if classes is not None:
        check_labels(value, classes, clause.length(given), name=name, look_inside=look(value))


#: Kinds of data, numbers, words and objects.
KINDS = (
    Kind("floats", lambda name, x, given, clause: check_floats(name, x), NO_FLOATS),
    # The same in a training step, where pictures outside [-1, 1] are warned of, too. On a GPU nobody looks.
    Kind("batch", _batch, NO_FLOATS),
    # The same where it is asked again and again, in a model: nobody looks for NaN at all.
    Kind(
        "tensor",
        lambda name, x, given, clause: check_floats(name, x, look_inside=False),
        {TypeError: NO_FLOATS[TypeError], ValueError: "is empty"},
    ),
    Kind(
        r"like (?P<other>\w+)",
        _like,
        {
            TypeError: NO_FLOATS[TypeError],
            ValueError: "has another shape than {other}, or is not finite",
        },
    ),
    Kind(
        r"examples \((?P<count>\w), \.\.\.\)",
        lambda name, x, given, c: check_examples(name, x, c.words["count"]),
        {
            TypeError: NO_FLOATS[TypeError],
            ValueError: "is empty, not finite, or of another shape than ({count}, ...)",
        },
    ),
    Kind(
        r"labels of (?P<other>\w+)",
        _labels,
        {
            IndexError: "is outside 0..classes-1 (or classes, the null label)",
            TypeError: "is neither an int nor a LongTensor (B,)",
            ValueError: "is a tensor of another shape than (B,)",
        },
    ),
    Kind(
        r"label of each of (?P<other>\w+)",
        lambda name, y, given, c: check_each_label(name, y, given[c.words["other"]]),
        {
            IndexError: "is negative",
            TypeError: "is no LongTensor",
            ValueError: "is of another shape than (N,), one for each of {other}",
        },
    ),
    Kind(
        "labels",
        lambda name, y, given, c: check_any_label(y, name=name),
        {
            IndexError: "is negative",
            TypeError: "is neither an int nor a LongTensor (B,)",
            ValueError: "is a tensor of another shape than (B,)",
        },
    ),
    Kind(
        r"one of (?P<words>\(.*\))",  # written f"one of {KINDS}"
        lambda name, word, given, c: check_choice(name, word, choices(c.words["words"])),
        {ValueError: "is an unknown word"},
    ),
    Kind(
        r"number in (?P<left>[\[(])(?P<low>[-\w.]+), (?P<high>[\w.]+)(?P<right>[\])])",
        _number,
        {TypeError: "is no number", ValueError: "is outside {left}{low}, {high}{right}"},
    ),
    Kind(
        "number",
        lambda name, x, given, clause: check_number(name, x, -math.inf, math.inf),
        {TypeError: "is no number", ValueError: "is not finite"},
    ),
    # Numbers in a formula, of the shape that it says: one, or a tensor of floats.
    Kind(
        "value",
        lambda name, x, given, clause: check_value(name, x),
        {TypeError: "is neither a number nor a tensor of floats", ValueError: "is not finite"},
    ),
    Kind(
        "variance",
        lambda name, x, given, clause: check_value(name, x, positive=True),
        {
            TypeError: "is neither a number nor a tensor of floats",
            ValueError: "is not finite and positive",
        },
    ),
    # Numbers of a distribution, which are kept in double precision.
    Kind(
        "numbers",
        lambda name, x, given, c: as_numbers(name, x),
        {TypeError: "is not made of numbers", ValueError: "is not finite"},
    ),
    Kind(
        r"numbers from (?P<low>\d+)",
        lambda name, x, given, c: as_numbers(name, x, low=float(c.words["low"])),
        {TypeError: "is not made of numbers", ValueError: "is not finite, or below {low}"},
    ),
    Kind(
        r"weight from (?P<low>[-\d.]+)",
        _weight,
        {TypeError: "is neither a number nor a function of t", ValueError: "is below {low}"},
    ),
    Kind(
        r"share of each",
        lambda name, share, given, c: check_share(name, share, c.length(given)),
        {
            TypeError: "is no number, or tensor of them",
            ValueError: "is outside [0, 1], or a tensor of another shape than (B,)",
        },
    ),
    Kind(
        r"count(?: from (?P<low>\w+))?",
        lambda name, n, given, c: check_positive_int(
            name, n, low=int(_bound(c.words["low"] or "1", given))
        ),
        {TypeError: "is no integer", ValueError: "is too small"},
    ),
    Kind(
        r"count dividing (?P<other>\w+)",
        lambda name, n, given, c: check_divides(name, n, c.words["other"], given[c.words["other"]]),
        {TypeError: "is no integer", ValueError: "does not divide {other}"},
    ),
    Kind(
        r"multiple of (?P<unit>\d+) \((?P<why>.+)\)",
        lambda name, n, given, c: check_multiple(name, n, int(c.words["unit"]), c.words["why"]),
        {TypeError: "is no integer", ValueError: "is no multiple of {unit} from {unit} up"},
    ),
    Kind(
        r"counts(?: from (?P<low>\d+))?",
        lambda name, values, given, c: check_counts(name, values, low=int(c.words["low"] or 1)),
        {TypeError: "is no sequence of integers", ValueError: "is empty, or one of them too small"},
    ),
    Kind(
        "shape",
        lambda name, shape, given, c: check_shape(shape),
        {
            TypeError: "is no sequence of integers",
            ValueError: "is not (B, ...) with positive entries",
        },
    ),
    Kind(
        "function",
        lambda name, value, given, c: check_function(name, value),
        {TypeError: "cannot be called"},
    ),
    Kind(
        "generator",
        lambda name, value, given, c: check_generator(name, value),
        {TypeError: "is no generator of torch, and no list of them"},
    ),
    Kind(
        "module",
        lambda name, value, given, c: check_module(name, value),
        {TypeError: "is no torch.nn.Module"},
    ),
    Kind(
        "schedule",
        lambda name, value, given, c: check_schedule(value),
        {TypeError: "is no NoiseSchedule"},
    ),
)
