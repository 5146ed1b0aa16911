"""Exercise: how far a pixel is spread at each time of the forward process, with nothing drawn."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, cosine_schedule, linear_schedule
from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="spread_after",
    statement=r"""
A pixel has the standard deviation `std_0` at $t = 0$, taken over many pictures. Each step of the forward
process changes its variance $v$:

$$v \;\to\; (1 - \beta_t)\,v + \beta_t$$

Give back its **standard deviation** at $t = 0, 1, \dots, T$: T + 1 numbers, as a tensor or a list. Nothing is
drawn at random. `std_0` is a number; `schedule.beta[t]` is $\beta_t$ for t = 1, ..., T.
""",
    signature="spread_after(std_0, schedule)",
    see="ex-forward-spread",
    hints=(
        "Variances follow a simple rule; standard deviations do not. Take the square root at the very end.",
        "Start a list with std_0**2, and append one number for each of β_1, ..., β_T.",
        "Loop over schedule.beta[1:].tolist(): variance.append((1 - beta_t) * variance[-1] + beta_t).",
    ),
    out_of_reach=(
        "minidiff.q_step",
        "minidiff.q_sample",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Narrow, wide, and as wide as the noise; two schedules."""
    drawn = float(torch.rand((), generator=generator))
    linear, cosine = linear_schedule(60, rescale=True), cosine_schedule(25)
    return [
        Case("a narrow start, T = 60", (0.1 + 0.2 * drawn, linear)),
        Case("a wide start, T = 25", (2 + drawn, cosine)),
        Case("std_0 = 1", (1.0, linear)),
        Case("no spread at all", (0.0, cosine)),
    ]


@EXERCISE.observed
def as_tensor(result: Any, args: tuple[Any, ...]) -> Any:
    """One tensor, also from a list or an array."""
    if isinstance(result, (list, tuple, np.ndarray)):
        return torch.tensor([float(x) for x in result], dtype=torch.float64)
    return result


def _walk(start: float, schedule: NoiseSchedule) -> list[float]:
    """The values that the rule leads through."""
    values = [start]
    for beta in schedule.beta[1:].tolist():
        values.append((1 - beta) * values[-1] + beta)
    return values


@EXERCISE.reference
def spread_after(std_0: float, schedule: NoiseSchedule) -> Tensor:
    """Variances step by step, the root at the end."""
    variance = [std_0**2]
    for beta_t in schedule.beta[1:].tolist():
        variance.append((1 - beta_t) * variance[-1] + beta_t)
    return torch.tensor(variance).sqrt()


@EXERCISE.correct
def in_one_line(std_0: float, schedule: NoiseSchedule) -> Tensor:
    """By the Nice property: what is left of the start, and the rest noise."""
    return (schedule.alpha_bar * std_0**2 + 1 - schedule.alpha_bar).sqrt()


@EXERCISE.correct
def standard_deviations_in_a_list(start: float, s: NoiseSchedule) -> list[float]:
    """Squared and rooted again in each step."""
    stds = [start]
    for t in range(1, s.T + 1):
        stds.append(math.sqrt(float(s.alpha[t]) * stds[-1] ** 2 + float(s.beta[t])))
    return stds


@EXERCISE.correct
def an_array(std_0: float, schedule: NoiseSchedule) -> np.ndarray:
    """Filled in place, as an array of NumPy."""
    variance = np.full(schedule.T + 1, float(std_0) ** 2)
    for before, t in pairwise(range(schedule.T + 1)):
        variance[t] = schedule.alpha[t].item() * variance[before] + schedule.beta[t].item()
    return variance**0.5


@EXERCISE.correct
def by_alpha_bars(std_0: float, schedule: NoiseSchedule) -> Tensor:
    """The closed form, from the table that the schedule has; its entry 0 is 1."""
    left = schedule.alpha_bar
    return (std_0**2 * left + 1 - left) ** 0.5


@EXERCISE.correct
def distance_from_one(std_0: float, schedule: NoiseSchedule) -> Tensor:
    """What the variance has more than 1 shrinks in every step."""
    more = [std_0 * std_0 - 1]
    for alpha in schedule.alpha[1:].tolist():
        more.append(alpha * more[-1])
    return (1 + torch.tensor(more, dtype=torch.float64)).clamp(min=0).sqrt()


@EXERCISE.mistake(
    "You gave the variances.",
    "The standard deviation is asked for, the square root of each.",
)
def variances(std_0: float, schedule: NoiseSchedule) -> Tensor:
    return torch.tensor(_walk(std_0**2, schedule))


@EXERCISE.mistake(
    "You applied the rule to the standard deviation itself.",
    "Variances of independent numbers add up; standard deviations do not. Square std_0 first, and take the "
    "root at the end.",
    "eq-forward-variance",
)
def rule_for_std(std_0: float, schedule: NoiseSchedule) -> Tensor:
    return torch.tensor(_walk(std_0, schedule))


@EXERCISE.mistake(
    "You started with std_0, and took the root at the end.",
    "The rule is about the variance, so it starts with std_0 squared.",
    "eq-forward-variance",
)
def not_squared(std_0: float, schedule: NoiseSchedule) -> Tensor:
    return torch.tensor(_walk(std_0, schedule)).sqrt()


@EXERCISE.mistake(
    "You multiplied the variance by sqrt(1 - β_t).",
    "That is the factor of the pixel. Its variance gets the factor squared: 1 - β_t.",
    "eq-forward-draw",
)
def factor_of_the_pixel(std_0: float, schedule: NoiseSchedule) -> Tensor:
    variance = [std_0**2]
    for beta in schedule.beta[1:].tolist():
        variance.append(math.sqrt(1 - beta) * variance[-1] + beta)
    return torch.tensor(variance).sqrt()


@EXERCISE.mistake(
    "You added β_t squared.",
    "The noise has the factor sqrt(β_t), so its variance is β_t already.",
    "eq-forward-draw",
)
def beta_squared(std_0: float, schedule: NoiseSchedule) -> Tensor:
    variance = [std_0**2]
    for beta in schedule.beta[1:].tolist():
        variance.append((1 - beta) * variance[-1] + beta**2)
    return torch.tensor(variance).sqrt()


@EXERCISE.mistake(
    "You added noise and did not shrink the pixel.",
    "Then the spread grows for ever. Each step first multiplies the variance by 1 - β_t.",
    "eq-forward-variance",
)
def not_shrunk(std_0: float, schedule: NoiseSchedule) -> Tensor:
    return (std_0**2 + schedule.beta.cumsum(dim=0)).sqrt()


@EXERCISE.mistake(
    "You shrank the pixel and added no noise.",
    "Then all that is left at the end is grey. Each step adds the variance β_t.",
    "eq-forward-variance",
)
def no_noise(std_0: float, schedule: NoiseSchedule) -> Tensor:
    return schedule.alpha_bar.sqrt() * std_0


@EXERCISE.mistake(
    "Your numbers come one step late: you went over β_0, ..., β_{T-1}.",
    "β_0 is 0 and belongs to no step. Go over schedule.beta[1:].",
)
def one_late(std_0: float, schedule: NoiseSchedule) -> Tensor:
    spread = spread_after(std_0, schedule)
    return torch.cat([spread[:1], spread[:-1]])


@EXERCISE.mistake(
    "You left out t = 0.",
    "The list starts with std_0 itself: T + 1 numbers.",
)
def start_missing(std_0: float, schedule: NoiseSchedule) -> Tensor:
    return spread_after(std_0, schedule)[1:]
