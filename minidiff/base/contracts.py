r"""What arguments must be: declared beside a function, and not written into it.

>>> @contract("x_0: floats, t: time of schedule, noise: like x_0")  # doctest: +SKIP
... def q_sample(x_0, t, schedule, noise=None, generator=None):
...     a, b = signal_and_noise(t, schedule, x_0)
...     return a * x_0 + b * noise_like(x_0, noise, generator)

So the body of a function is its equation. The declaration is read once, when the function is defined. It
makes the checks of each call, the docstring's "Raises", and the rows of the tests of bad input
(``tests/unit/test_bad_input.py``). An argument that may be left out (its default is None) may be None, and
so may one of which it is said: ``"clip: number in (0, inf) or None"``; one that is called ``schedule`` has to
be a noise schedule, without a word. Above a class it speaks of the constructor's arguments, and the class's
docstring says what is raised.

Inner loops call :func:`unchecked`: the function itself, which is as fast as if nothing had been declared.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

from .validate import (
    as_numbers,
    check_any_label,
    check_any_t,
    check_choice,
    check_counts,
    check_each_label,
    check_examples,
    check_floats,
    check_function,
    check_labels,
    check_module,
    check_number,
    check_positive_int,
    check_probabilities,
    check_real_t,
    check_same_shape,
    check_schedule,
    check_shape,
    check_share,
    check_t,
    check_value,
    check_whole_t,
    shown,
)
from .walks import (
    check_falling_times,
    check_flow_time,
    check_flow_times,
    check_no_schedule,
    check_path,
    check_real_times,
    check_steps,
)

F = TypeVar("F", bound=Callable[..., Any])
Given = Mapping[str, Any]
Raises = Mapping[type[Exception], str]

CONTRACTS: dict[str, Contract] = {}
"""Every contract there is, by the full name of its function."""


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

    def check(self, given: Given) -> None:
        """Refuse a wrong value."""
        self.kind.check(self.argument, given[self.argument], given, self)

    def length(self, given: Given) -> int | None:
        """The length of the batch, where an argument says it."""
        x = given.get(self.batch)
        return len(x) if isinstance(x, Tensor) else None

    def T(self, given: Given) -> int:
        """The last time of the schedule that the kind names, or of the object that has one."""
        owner: Any = given[self.words["of"]]
        last: int = getattr(owner, "schedule", owner).T
        return last


@dataclass(frozen=True)
class Contract:
    """All that is declared of a function.

    Attributes:
        function: The function itself, unchecked.
        clauses: What each argument must be, in the order in which they are looked at.
        rules: Functions that refuse what does not go together, each with the names of its arguments.
            The first line of a rule's docstring says what it raises: ``ValueError: If both are given.``
        optional: The arguments that may be None.
    """

    function: Callable[..., Any]
    clauses: tuple[Clause, ...]
    rules: tuple[tuple[Callable[..., object], tuple[str, ...]], ...]
    optional: frozenset[str]

    def check(self, given: Given) -> None:
        """Refuse wrong arguments: each by itself, then what does not go together."""
        for clause in self.clauses:
            if given[clause.argument] is not None or clause.argument not in self.optional:
                clause.check(given)
        for rule, names in self.rules:
            rule(*(given[name] for name in names))

    def raises(self) -> dict[str, str]:
        """For each error, by name, when it is raised."""
        said: dict[str, dict[str, list[str]]] = {}  # error -> ending -> the arguments it is said of
        for clause in self.clauses:
            for error, ending in clause.kind.raises.items():
                ending = ending.format(**clause.words)
                names = said.setdefault(error.__name__, {}).setdefault(ending, [])
                names.append(clause.argument)
        found = {
            error: "; ".join(f"if {_listed(names)} {ending}" for ending, names in endings.items())
            for error, endings in said.items()
        }
        for rule, _ in self.rules:
            name, _, when = (inspect.getdoc(rule) or "").partition("\n")[0].partition(": ")
            found[name] = "; ".join(filter(None, [found.get(name), _lower(when.rstrip("."))]))
        return {error: f"{when[0].upper()}{when[1:]}." for error, when in sorted(found.items())}


def contract(declared: str, *rules: Callable[..., object]) -> Callable[[F], F]:
    """Check a function's arguments on each call, as declared.

    Args:
        declared: ``"x_0: floats, t: time of schedule, noise: like x_0"``; two arguments of one kind as
            ``"x_t: floats, mean and gradient: like x_t"``. The kinds stand in :data:`KINDS`.
        rules: See :class:`Contract`.

    Returns:
        A decorator, of a function or of a class. The function it gives has the same signature;
        ``__wrapped__`` is the one without checks.

    Raises:
        ValueError: If a word is unknown, or an argument.
    """

    def decorate(function: F) -> F:
        if isinstance(function, type):
            made: Any = function
            made.__init__ = init = decorate(made.__init__)
            said = CONTRACTS[f"{init.__module__}.{init.__qualname__}"].raises()
            made.__doc__ = _with_raises(inspect.getdoc(made) or "", said)
            return function
        parameters = inspect.signature(function).parameters
        agreed = _read(declared, rules, function, parameters)
        names = [
            n for n, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        placed = [n for n in names if parameters[n].kind is not inspect.Parameter.KEYWORD_ONLY]
        defaults = {n: parameters[n].default for n in names}
        needed = {n for n in names if defaults[n] is inspect.Parameter.empty}
        others = next((n for n, p in parameters.items() if p.kind is p.VAR_KEYWORD), "")

        @functools.wraps(function)
        def checked(*args: Any, **options: Any) -> Any:
            given = {**defaults, **dict(zip(placed, args, strict=False)), **options}
            if others:
                given[others] = {name: options[name] for name in options if name not in defaults}
            # Where an argument is missing or one too many, Python's own error says it best.
            if len(args) <= len(placed) and needed <= {*placed[: len(args)], *options}:
                agreed.check(given)
            return function(*args, **options)

        checked.__doc__ = _with_raises(inspect.getdoc(function) or "", agreed.raises())
        CONTRACTS[f"{function.__module__}.{function.__qualname__}"] = agreed
        return checked  # type: ignore[return-value]

    return decorate


def unchecked(function: F) -> F:
    """The function behind a contract, for inner loops whose arguments are known to be right."""
    return getattr(function, "__wrapped__", function)


# ---- the kinds -------------------------------------------------------------------------------------

NO_FLOATS = {
    TypeError: "does not hold floating-point numbers",
    ValueError: "is empty or not finite",
}
NO_TIME = {
    IndexError: "is outside 1..T",
    TypeError: "is neither an int nor a LongTensor (B,)",
    ValueError: "is a tensor of another shape than (B,)",
}


def _look(x: Any) -> bool:
    """Whether to look for NaN: on a GPU each look would make a training step wait."""
    return not isinstance(x, Tensor) or x.device.type == "cpu"


def _like(name: str, value: Any, given: Given, clause: Clause) -> None:
    other = clause.words["other"]
    check_floats(name, value, look_inside=_look(value))
    check_same_shape(name, value, other, given[other])


def _number(name: str, value: Any, given: Given, clause: Clause) -> None:
    ends = clause.words
    low, high = float(ends["low"]), float(ends["high"])
    opened = ends["left"] == "("
    check_number(name, value, low, high, open_ends=opened, open_high=ends["right"] == ")")


def _weight(name: str, value: Any, given: Given, clause: Clause) -> None:
    if not callable(value):
        check_number(name, value, float(clause.words["low"]), float("inf"))


def _flow_time(name: str, t: Any, given: Given, clause: Clause) -> None:
    if clause.words["each"] and not isinstance(t, Tensor):
        raise TypeError(f"{name} must be floats (B,), one time for each example, got {shown(t)}")
    end = getattr(given.get("path"), "end", 1.0)
    check_flow_time(t, clause.length(given), end, look_inside=_look(t))


def _steps(name: str, n: Any, given: Given, clause: Clause) -> None:
    check_steps(name, n, given["T"] if "T" in given else given["schedule"].T)


def _falling(name: str, times: Any, given: Given, clause: Clause) -> None:
    if (steps := given["steps"]) is not None:
        raise ValueError(
            f"give either steps= (evenly spread times) or {name}= (your own list); got steps={steps} and "
            f"{name} (ddim_sample and its kin have a number of steps unless they are told steps=None)"
        )
    check_falling_times(name, times, given["schedule"].T)


def _flow_times(name: str, times: Any, given: Given, clause: Clause) -> None:
    if (steps := given["steps"]) is not None:
        raise ValueError(
            f"give either steps= (of equal length) or {name}= (your own list); got steps={steps} and "
            f"{name}"
        )
    check_flow_times(name, times)


def _labels(name: str, value: Any, given: Given, clause: Clause) -> None:
    classes = getattr(given[clause.words["other"]], "null_label", None)
    if classes is not None:
        check_labels(value, classes, clause.length(given), name=name, look_inside=_look(value))


OF = r"of (?P<of>schedule|self)"  # whose T it is; an object has one, or has a schedule

#: Every kind of argument that a declaration may name.
KINDS = (
    Kind("floats", lambda name, x, given, clause: check_floats(name, x), NO_FLOATS),
    # The same in a training step: on a GPU nobody looks for NaN; the loss shows it there.
    Kind(
        "batch",
        lambda name, x, given, clause: check_floats(name, x, look_inside=_look(x)),
        NO_FLOATS,
    ),
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
        f"time {OF}",
        lambda name, t, given, c: check_t(t, c.T(given), c.length(given), name=name),
        NO_TIME,
    ),
    Kind(
        r"index of (?P<other>\w+)",  # a table of length T+1
        lambda name, t, given, c: check_t(
            t, len(given[c.words["other"]]) - 1, c.length(given), name=name, low=0
        ),
        {**NO_TIME, IndexError: "is outside 0..T (a negative index would count from the end)"},
    ),
    Kind(
        f"any time {OF}",
        lambda name, t, given, c: check_any_t(t, c.T(given), c.length(given)),
        {**NO_TIME, IndexError: "is neither in 1..T nor real within (0, T]"},
    ),
    Kind(
        f"real time {OF}",
        lambda name, t, given, c: check_real_t(t, c.T(given), look_inside=_look(t)),
        {IndexError: "is outside [0, T]", TypeError: "is no real number, or tensor of them"},
    ),
    Kind(
        f"one time {OF}",
        lambda name, t, given, c: check_whole_t(t, c.T(given), name=name),
        {IndexError: "is outside 1..T", TypeError: "is not one int"},
    ),
    Kind(
        r"time below (?P<other>\w+)",
        lambda name, s, given, c: check_whole_t(s, given[c.words["other"]] - 1, name=name, low=0),
        {IndexError: "is outside 0..{other}-1", TypeError: "is not one int"},
    ),
    Kind(
        f"real times {OF}",
        lambda name, times, given, c: check_real_times(name, times, c.T(given)),
        {
            TypeError: "is no list of numbers",
            ValueError: "does not fall strictly within [0, T]",
        },
    ),
    Kind(
        "times instead of steps",
        _falling,
        {
            IndexError: "holds a time outside 0..T",
            TypeError: "is no list of ints",
            ValueError: "does not fall strictly to 0, or is given beside steps",
        },
    ),
    Kind(
        "flow times instead of steps",
        _flow_times,
        {
            TypeError: "is no list of numbers",
            ValueError: "is no walk within [0, 1], or is given beside steps",
        },
    ),
    Kind(
        r"flow time(?P<each> of each)?",  # up to the end of ``path``, where that is an argument
        _flow_time,
        {
            TypeError: "is neither a number nor floats (B,)",
            ValueError: "is outside [0, 1], or a tensor of another shape than (B,)",
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
        lambda name, word, given, c: check_choice(name, word, ast.literal_eval(c.words["words"])),
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
        f"probabilities {OF}",
        lambda name, p, given, c: check_probabilities(name, p, c.T(given)),
        {
            TypeError: NO_FLOATS[TypeError],
            ValueError: "is not of shape (T+1,), at least 0, and of sum 1",
        },
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
        "steps up to T",
        _steps,
        {TypeError: "is no integer", ValueError: "is outside 1..T"},
    ),
    Kind(
        r"count(?: from (?P<low>\d+))?",
        lambda name, n, given, c: check_positive_int(name, n, low=int(c.words["low"] or 1)),
        {TypeError: "is no integer", ValueError: "is too small"},
    ),
    Kind(
        "counts",
        lambda name, values, given, c: check_counts(name, values),
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
        "module",
        lambda name, value, given, c: check_module(name, value),
        {TypeError: "is no torch.nn.Module"},
    ),
    Kind(
        "schedule",
        lambda name, value, given, c: check_schedule(value),
        {TypeError: "is no NoiseSchedule"},
    ),
    Kind(
        "no schedule",
        lambda name, value, given, c: check_no_schedule(name, value),
        {ValueError: "is given"},
    ),
    Kind("path", lambda name, value, given, c: check_path(name, value), {TypeError: "is no Path"}),
)
HOLDS_A_BATCH = ("floats", "batch", "tensor")
OR_NONE = " or None"
BETWEEN_CLAUSES = re.compile(r",\s+(?=\w+(?: and \w+)*:)")


def _read(
    declared: str,
    rules: tuple[Callable[..., object], ...],
    function: Any,
    parameters: Mapping[str, Any],
) -> Contract:
    optional = {name for name, p in parameters.items() if p.default is None}
    said: list[tuple[str, str]] = []
    if "schedule" in parameters and not re.search(r"\bschedule\s*:", declared):
        said.append(("schedule", "schedule"))
    for part in BETWEEN_CLAUSES.split(" ".join(declared.split())):
        names, _, words = part.partition(": ")
        listed = names.split(" and ") if names else []
        if words.endswith(OR_NONE):
            optional |= {*listed}
        said += [(name, words.removesuffix(OR_NONE)) for name in listed]
    batch = next((name for name, words in said if words in HOLDS_A_BATCH), "")
    clauses = []
    for name, words in said:
        found = ((kind, re.fullmatch(kind.pattern, words)) for kind in KINDS)
        kind, match = next(((k, m) for k, m in found if m), (None, None))
        if (
            kind is None
            or match is None
            or {name, match.groupdict().get("other", name)} - {*parameters}
        ):
            raise ValueError(f"the contract of {function.__qualname__} says {name!r}: {words!r}")
        groups = match.groupdict()
        clauses.append(Clause(name, kind, groups, "" if name == batch else batch))
    agreed = []
    for rule in rules:
        picked = tuple(inspect.signature(rule).parameters)
        if {*picked} - {*parameters}:
            raise ValueError(
                f"{function.__qualname__} has not all arguments of {rule.__name__}{picked}"
            )
        agreed.append((rule, picked))
    return Contract(function, tuple(clauses), tuple(agreed), frozenset(optional))


# ---- the docstring's "Raises" ----------------------------------------------------------------------


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _with_raises(doc: str, declared: Mapping[str, str]) -> str:
    """The docstring, where what is declared stands in "Raises" before what was written there by hand."""
    sections = re.split(r"\n(?=(?:Args|Returns|Yields|Raises|Warns|Source):\n)", doc)
    at = next((i for i, part in enumerate(sections) if part.startswith("Raises:\n")), None)
    written = {} if at is None else _entries(sections[at])
    merged = dict(declared)
    for error, when in written.items():
        before = f"{declared[error].rstrip('.')}; " if error in declared else ""
        merged[error] = before + (_lower(when) if before else when)
    lines = [
        textwrap.fill(
            f"{error}: {when}",
            100,
            initial_indent="    ",
            subsequent_indent="        ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for error, when in merged.items()
    ]
    section = "\n".join(["Raises:", *lines, ""])
    if at is not None:
        sections[at] = section
    else:
        before_source = [i for i, part in enumerate(sections) if part.startswith("Source:\n")]
        sections.insert(before_source[0] if before_source else len(sections), section)
        if not before_source:
            sections[-2] += "\n"
    return "\n".join(sections).rstrip() + "\n"


def _entries(section: str) -> dict[str, str]:
    """The entries of a "Raises" section: error and when it is raised, lines joined."""
    found: dict[str, str] = {}
    for line in section.splitlines()[1:]:
        start = re.match(r"    (\w[\w, ]*): (.*)", line)
        if start:
            found[start[1]] = start[2]
        elif line.strip():
            found[next(reversed(found))] += " " + line.strip()
    return found
