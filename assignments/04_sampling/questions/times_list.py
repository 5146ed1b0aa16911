"""Exercise: which times a sampler visits when it takes fewer steps than T."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="times_list",
    statement=r"""
DDIM may skip times. List the times that it visits in `steps` steps, evenly spread from $T$ down to 0:

$$t_k = \mathrm{round}\!\left(T - k\,\frac{T}{n}\right), \qquad k = 0, 1, \dots, n,$$

where $n$ is `steps`.

`T` and `steps` are ints, $1 \le$ `steps` $\le T$. Give back a list of ints. It starts at $T$, gets strictly
smaller, and ends in 0. For example, `times_list(10, 3)` is `[10, 7, 3, 0]`.
""",
    signature="times_list(T, steps)",
    see="eq-ddim-step",
    hints=(
        "A step goes from one entry to the next. How many entries does a list for n steps have?",
        "T / steps need not be a whole number. Round each time, not the distance between them.",
        "Go through k = 0, ..., steps. For which k is the time T, and for which is it 0?",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.sampling_times",
        # these tell their times to the network that they are given
        "minidiff.sampling_steps",
        "minidiff.ddpm_sample",
        "minidiff.ddim_sample",
        "minidiff.solver_steps",
        "minidiff.sampling.solvers.solve",
        "minidiff.heun_sample",
        "minidiff.dpm_solver_sample",
        "minidiff.invert",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Steps that divide T and steps that do not. Odd numbers of steps, so that no time ends in .5."""

    def drawn(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    short = drawn(6, 15)
    pairs = [
        (7 * drawn(100, 150) + 3, 7),
        (100 * drawn(5, 15), 50),
        (9 * drawn(4, 8) + 5, 9),
        (drawn(100, 1000), 1),
        (short, short),
    ]
    return [Case(f"T = {T}, {n} step{'s' if n > 1 else ''}", (T, n)) for T, n in pairs]


@EXERCISE.observed
def times_and_type(result: Any, args: tuple[Any, ...]) -> Any:
    """The times as one tensor, from a list, an array or a tensor; and whether they are ints."""
    if not isinstance(result, (list, tuple, range, np.ndarray, torch.Tensor)):
        return result
    numbers = [x.item() if isinstance(x, (torch.Tensor, np.generic)) else x for x in result]
    whole = all(isinstance(x, int) for x in numbers)
    return {"times": torch.tensor(numbers, dtype=torch.float64), "type": whole}


def _even(high: float, low: float, entries: int) -> list[int]:
    return [round(x) for x in np.linspace(high, low, entries).tolist()]


@EXERCISE.reference
def times_list(T: int, steps: int) -> list[int]:
    """Evenly spread, rounded."""
    return [round(T - k * T / steps) for k in range(steps + 1)]


@EXERCISE.correct
def by_numpy(T: int, steps: int) -> list[int]:
    """With linspace."""
    return [int(t) for t in np.linspace(T, 0, steps + 1).round()]


@EXERCISE.correct
def by_torch(total: int, n: int) -> torch.Tensor:
    """A tensor of whole numbers."""
    return torch.linspace(total, 0, n + 1).round().long()


@EXERCISE.correct
def upwards_then_turned(T: int, steps: int) -> np.ndarray:
    """From 0 to T, read backwards, as an array of NumPy."""
    return np.round(np.linspace(0, T, steps + 1)).astype(int)[::-1]


@EXERCISE.correct
def with_whole_numbers(T: int, steps: int) -> list[int]:
    """Rounded without fractions, half of a step added before the division."""
    return [(2 * T * k + steps) // (2 * steps) for k in range(steps, -1, -1)]


@EXERCISE.correct
def from_the_end(T: int, steps: int) -> np.ndarray:
    """N - k steps are left; an array of whole numbers."""
    return np.rint(np.arange(steps, -1, -1) * T / steps).astype(int)


@EXERCISE.correct
def in_a_loop(T: int, steps: int) -> list[int]:
    """One entry after the other."""
    times = [T]
    while len(times) <= steps:
        times.append(round(T * (1 - len(times) / steps)))
    return times


@EXERCISE.mistake(
    "Your list does not end in 0.",
    "All else is right, but the walk stops at the last time before 0, where there is still noise in the "
    "picture. Add the step into 0.",
)
def zero_missing(T: int, steps: int) -> list[int]:
    return _even(T, 0, steps + 1)[:-1]


@EXERCISE.mistake(
    "Your list ends in 1.",
    "x_1 is still a noisy picture. The walk ends at 0, where it is clean.",
)
def ends_in_one(T: int, steps: int) -> list[int]:
    return _even(T, 1, steps + 1)


@EXERCISE.mistake(
    "Your list starts at T - 1.",
    "Times run from 1 to T here, and the pure noise that a walk begins with belongs to T.",
)
def starts_late(T: int, steps: int) -> list[int]:
    return _even(T - 1, 0, steps + 1)


@EXERCISE.mistake(
    "You counted up from 1 by T // steps, and put a 0 at the end. The list does not start at T.",
    "Ten steps of 1000 would start at 901: the network is shown pure noise and told that there is some "
    "picture in it. Count down from T.",
)
def leading(T: int, steps: int) -> list[int]:
    return [*(1 + k * (T // steps) for k in range(steps - 1, -1, -1)), 0]


@EXERCISE.mistake(
    "You went down from T by T // steps, again and again.",
    "When steps does not divide T, that distance is too short: the list misses 0, or has too many entries. "
    "Round each time, not the distance.",
)
def fixed_stride(T: int, steps: int) -> list[int]:
    return list(range(T, -1, -(T // steps)))


@EXERCISE.mistake(
    "Your times go up, from 0 to T.",
    "Sampling starts in the noise, at T, and walks down.",
)
def upwards(T: int, steps: int) -> list[int]:
    return _even(T, 0, steps + 1)[::-1]


@EXERCISE.mistake(
    "Your list has as many entries as there should be steps.",
    "A step lies between two entries, so n steps need n + 1 of them.",
)
def one_too_few(T: int, steps: int) -> list[int]:
    return _even(T, 0, steps)


@EXERCISE.mistake(
    "Your list is one for steps - 1 steps, with a second 0 behind it.",
    "A step from 0 to 0 does nothing. Spread all steps + 1 entries; the last of them is 0 by itself.",
)
def two_zeros(T: int, steps: int) -> list[int]:
    return [*_even(T, 0, steps), 0]


@EXERCISE.mistake(
    "You cut the fractions off.",
    "int() and // always round down. Take the nearest whole number: round().",
)
def cut_off(T: int, steps: int) -> list[int]:
    return [(steps - k) * T // steps for k in range(steps + 1)]


@EXERCISE.mistake(
    "Your times are right, but they are floats.",
    "A table is indexed by ints: schedule.alpha_bar[857.0] is an error. Make each an int.",
)
def floats(T: int, steps: int) -> list[float]:
    return [float(t) for t in _even(T, 0, steps + 1)]
