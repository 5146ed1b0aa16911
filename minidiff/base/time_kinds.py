"""Kinds of what a walk is given, further words of a contract: times, of a chain or a flow, steps, a start."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .kinds import NO_FLOATS, Clause, Given, Kind, choices, look
from .times import check_any_t, check_real_t, check_t, check_whole_t
from .validate import check_probabilities, shown
from .walks import (
    check_falling_times,
    check_flow_time,
    check_flow_times,
    check_no_schedule,
    check_pairs,
    check_path,
    check_real_times,
    check_shape_unless,
    check_solver,
    check_steps,
    check_velocity,
)

NO_TIME = {
    IndexError: "is outside 1..T",
    TypeError: "is neither an int nor a LongTensor (B,)",
    ValueError: "is a tensor of another shape than (B,)",
}

OF = r"of (?P<of>schedule|self)"  # whose T it is; an object has one, or has a schedule


def _flow_time(name: str, t: Any, given: Given, clause: Clause) -> None:
    if clause.words["each"] and not isinstance(t, Tensor):
        raise TypeError(f"{name} must be floats (B,), one time for each example, got {shown(t)}")
    end = getattr(given.get("path"), "end", 1.0)
    check_flow_time(t, clause.length(given), end, look_inside=look(t))


def _real_time_of_each(name: str, t: Any, given: Given, clause: Clause) -> None:
    if isinstance(t, Tensor) and t.shape != (clause.length(given),):
        raise ValueError(
            f"{name} must have shape ({clause.length(given)},), one time for each example; got "
            f"{tuple(t.shape)}"
        )
    check_real_t(t, clause.T(given), look_inside=look(t))


def _whole(name: str, t: Any, low: int, high: int) -> None:
    if (
        type(t) is not int or not low <= t <= high
    ):  # nearly always it is right, and needs no longer look
        check_whole_t(t, high, name=name, low=low)


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


#: Kinds of times, and of what else belongs to a walk.
TIME_KINDS = (
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
        lambda name, t, given, c: check_real_t(t, c.T(given), look_inside=look(t)),
        {IndexError: "is outside [0, T]", TypeError: "is no real number, or tensor of them"},
    ),
    Kind(
        f"real time of each {OF}",
        _real_time_of_each,
        {
            IndexError: "is outside [0, T]",
            TypeError: "is no real number, or tensor of them",
            ValueError: "is a tensor of another shape than (B,)",
        },
    ),
    Kind(
        f"one time {OF}",
        lambda name, t, given, c: _whole(name, t, 1, c.T(given)),
        {IndexError: "is outside 1..T", TypeError: "is not one int"},
    ),
    Kind(
        r"time below (?P<other>\w+)",
        lambda name, s, given, c: _whole(name, s, 0, given[c.words["other"]] - 1),
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
        f"probabilities {OF}",
        lambda name, p, given, c: check_probabilities(name, p, c.T(given)),
        {
            TypeError: NO_FLOATS[TypeError],
            ValueError: "is not of shape (T+1,), at least 0, and of sum 1",
        },
    ),
    Kind(
        "steps up to T",
        _steps,
        {TypeError: "is no integer", ValueError: "is outside 1..T"},
    ),
    Kind(
        r"shape unless (?P<unless>\w+)",
        lambda name, shape, given, c: check_shape_unless(
            shape, c.words["unless"], given[c.words["unless"]]
        ),
        {
            TypeError: "is no sequence of integers",
            ValueError: "is not (B, ...) with positive entries, or is neither given nor that of {unless}",
        },
    ),
    Kind(
        r"solver of (?P<words>\(.*\))",
        lambda name, solver, given, c: check_solver(name, solver, choices(c.words["words"])),
        {
            ImportError: 'is "dopri5" and torchdiffeq is not installed',
            ValueError: "is an unknown word",
        },
    ),
    Kind(
        "velocity",
        lambda name, velocity, given, c: check_velocity(name, velocity),
        {ValueError: "is a network that says it predicts something else (``net.predicts``)"},
    ),
    Kind(
        "pairs",
        lambda name, pairs, given, c: check_pairs(name, pairs, look_inside=look(pairs)),
        {
            TypeError: NO_FLOATS[TypeError],
            ValueError: "is empty, not finite, or not of shape (B, 2, ...)",
        },
    ),
    Kind(
        "no schedule",
        lambda name, value, given, c: check_no_schedule(name, value),
        {ValueError: "is given"},
    ),
    Kind("path", lambda name, value, given, c: check_path(name, value), {TypeError: "is no Path"}),
)
