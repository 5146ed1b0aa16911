r"""What arguments must be: declared beside a function, and not written into it.

>>> @contract("x_0: floats, t: time of schedule, noise: like x_0")  # doctest: +SKIP
... def q_sample(x_0, t, schedule, noise=None, generator=None):
...     a, b = signal_and_noise(t, schedule, x_0)
...     return a * x_0 + b * noise_like(x_0, noise, generator)

So the body of a function is its equation. The declaration is read once, when the function is defined. It
makes the checks of each call, the docstring's "Raises", and the rows of the tests of bad input
(``tests/unit/test_contracts.py``). An argument that may be left out (its default is None) may be None, and
so may one of which it is said: ``"clip: number in (0, inf) or None"``; one that is called ``schedule`` has to
be a noise schedule, and ``generator`` one of torch's generators, without a word. Above a class it speaks of
the constructor's arguments, and the class's docstring says what is raised.

Inner loops call :func:`unchecked`: the function itself, which is as fast as if nothing had been declared.
"""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeVar

from .kinds import KINDS as OTHER_KINDS
from .kinds import Clause, Given, Kind
from .time_kinds import TIME_KINDS

F = TypeVar("F", bound=Callable[..., Any])

#: Every kind of argument that a declaration may name.
KINDS = (*OTHER_KINDS, *TIME_KINDS)

CONTRACTS: dict[str, Contract] = {}
"""Every contract there is, by the full name of its function."""


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

    @cached_property
    def _order(self) -> list[tuple[str, Callable[..., object], Clause, bool]]:
        """What :meth:`check` goes through on each call, looked up once."""
        return [(c.argument, c.kind.check, c, c.argument in self.optional) for c in self.clauses]

    def check(self, given: Given) -> None:
        """Refuse wrong arguments: each by itself, then what does not go together."""
        for name, check, clause, may_be_none in self._order:
            value = given[name]
            if value is not None or not may_be_none:
                check(name, value, given, clause)
        for rule, names in self.rules:
            rule(*[given[name] for name in names])

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
        bind = _binder(function, parameters)

        @functools.wraps(function)
        def checked(*args: Any, **options: Any) -> Any:
            agreed.check(bind(*args, **options))
            return function(*args, **options)

        checked.__doc__ = _with_raises(inspect.getdoc(function) or "", agreed.raises())
        CONTRACTS[f"{function.__module__}.{function.__qualname__}"] = agreed
        return checked  # type: ignore[return-value]

    return decorate


def unchecked(function: F) -> F:
    """The function behind a contract, for inner loops whose arguments are known to be right."""
    return getattr(function, "__wrapped__", function)


def _binder(function: Any, parameters: Mapping[str, inspect.Parameter]) -> Callable[..., Given]:
    """A function of the same arguments that gives them back by name, with the defaults filled in.

    Python itself sorts the arguments, so it is Python that says it where one is missing or one too many.
    """
    stars: dict[Any, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    named = inspect.Parameter.KEYWORD_ONLY
    row: list[str] = []
    for name, p in parameters.items():
        if p.kind is named and not any(word.startswith("*") for word in row):
            row.append("*")
        row.append(f"{stars.get(p.kind, '')}{name}" + ("=None" if p.default is not p.empty else ""))
    made: dict[str, Any] = {}
    exec(f"def bind({', '.join(row)}): return locals()", made)
    bind = made["bind"]
    filled = {name: p for name, p in parameters.items() if p.default is not p.empty}
    bind.__defaults__ = tuple(p.default for p in filled.values() if p.kind is not named)
    bind.__kwdefaults__ = {name: p.default for name, p in filled.items() if p.kind is named}
    bind.__name__, bind.__qualname__ = function.__name__, function.__qualname__
    return bind  # type: ignore[no-any-return]


# ---- reading a declaration ---------------------------------------------------------------------------

HOLDS_A_BATCH = ("floats", "batch", "tensor", "pairs")
OR_NONE = " or None"
BETWEEN_CLAUSES = re.compile(r",\s+(?=\w+(?: and \w+)*:)")


@cache  # the same words stand in many declarations, and there are many kinds
def _kind_of(words: str) -> tuple[Kind | None, dict[str, Any]]:
    """The kind that a declaration's words name, and the groups of its pattern."""
    for kind in KINDS:
        if match := re.fullmatch(kind.pattern, words):
            return kind, match.groupdict()
    return None, {}


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
    if "generator" in parameters:
        said.append(("generator", "generator"))
    for part in BETWEEN_CLAUSES.split(" ".join(declared.split())):
        names, _, words = part.partition(": ")
        listed = names.split(" and ") if names else []
        if words.endswith(OR_NONE):
            optional |= {*listed}
        said += [(name, words.removesuffix(OR_NONE)) for name in listed]
    batch = next((name for name, words in said if words in HOLDS_A_BATCH), "")
    clauses = []
    for name, words in said:
        kind, groups = _kind_of(words)
        if kind is None or {name, groups.get("other", name)} - {*parameters}:
            raise ValueError(f"the contract of {function.__qualname__} says {name!r}: {words!r}")
        if "unless" in groups:  # it has to be looked at even where it is None
            optional.discard(name)
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
