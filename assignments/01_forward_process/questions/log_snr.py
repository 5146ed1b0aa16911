"""Exercise: the logarithm of the signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, cosine_schedule, linear_schedule
from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="log_snr",
    statement=r"""
The logarithm of the signal-to-noise ratio, at one time for each example:

$$\lambda_t = \log \frac{\bar\alpha_t}{1 - \bar\alpha_t}$$

`t` is a LongTensor (B,) with times from 1 to T; `schedule.alpha_bar[t]` is float64, and so should the
computation be. Give back $\lambda_t$, shape (B,), with the natural logarithm.
""",
    signature="log_snr(t, schedule)",
    see="eq-schedules-log-snr",
    hints=(
        "A tensor can be an index: schedule.alpha_bar[t] has one entry for each entry of t.",
        "Where picture and noise have the same variance, ᾱ_t = 1/2, the result must be 0.",
        "The log of a ratio is a difference of two logs. Stay in float64 until you have it.",
    ),
    practice=False,
    rtol=1e-6,  # 1 - ᾱ_1 in float32 is off by more
    out_of_reach=(
        "minidiff.NoiseSchedule.snr",
        "minidiff.chain.continuous.ContinuousSchedule.log_snr",  # schedule.continuous
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Times in no order, both ends, a single one, and three schedules."""
    linear, cosine = linear_schedule(), cosine_schedule(200)
    short = NoiseSchedule(0.05 + 0.5 * torch.rand(8, generator=generator))
    anywhere = torch.randint(1, linear.T + 1, (6,), generator=generator)
    return [
        Case("linear, six times", (anywhere, linear)),
        Case("linear, t = 1, 250 and T", (torch.tensor([1, 250, 1000]), linear)),
        Case("linear, one example, t = 500", (torch.tensor([500]), linear)),
        Case("cosine, T = 200", (torch.tensor([120, 200, 1, 7]), cosine)),
        Case("8 large steps, a time twice", (torch.tensor([5, 2, 8, 2, 1]), short)),
        Case("linear, t = 2 and 3", (torch.tensor([2, 3]), linear)),
    ]


@EXERCISE.reference
def log_snr(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The logarithm of the ratio."""
    alpha_bar = schedule.alpha_bar[t]
    return (alpha_bar / (1 - alpha_bar)).log()


@EXERCISE.correct
def by_difference(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Two logarithms, given back in float32."""
    a = schedule.alpha_bar[t]
    return (torch.log(a) - torch.log1p(-a)).float()


@EXERCISE.correct
def by_logit(times: Tensor, s: NoiseSchedule) -> Tensor:
    """The whole table first, by its other name."""
    return torch.logit(s.alpha_bar)[times]


@EXERCISE.correct
def one_by_one(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """A loop with plain numbers."""
    shares = [float(schedule.alpha_bar[i]) for i in t.tolist()]
    return torch.tensor([math.log(a / (1 - a)) for a in shares])


@EXERCISE.correct
def by_standard_deviations(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Twice the log of the ratio of the two weights."""
    a = schedule.alpha_bar[t]
    return 2 * (a.sqrt() / (1 - a).sqrt()).log()


@EXERCISE.correct
def by_numpy(t: Tensor, schedule: NoiseSchedule) -> object:
    """In arrays."""
    a = schedule.alpha_bar.numpy()[t.numpy()]
    return np.log(a) - np.log1p(-a)


@EXERCISE.correct
def by_odds(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Minus the logarithm of noise over signal, gathered from the whole table."""
    a = schedule.alpha_bar.clamp(1e-300, 1 - 1e-16)
    return -torch.gather((1 / a - 1).log(), 0, t)


@EXERCISE.mistake(
    "You gave the ratio itself.",
    "Its logarithm is asked for. The ratio goes from ten thousand to nearly 0; only the logarithm shows both "
    "ends.",
)
def no_logarithm(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t]
    return a / (1 - a)


@EXERCISE.mistake(
    "You turned the ratio upside down.",
    "Signal over noise: λ_t is large and positive at small t, where there is hardly any noise.",
    "eq-snr",
)
def upside_down(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t]
    return ((1 - a) / a).log()


@EXERCISE.mistake(
    "You took the ratio of the standard deviations, √ᾱ_t over √(1 - ᾱ_t).",
    "The ratio is one of variances, so without the roots. Yours is half of λ_t.",
    "eq-snr",
)
def of_standard_deviations(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t]
    return (a.sqrt() / (1 - a).sqrt()).log()


@EXERCISE.mistake(
    "You used α_t, the share that a single step keeps.",
    "x_t has gone through t steps, and what they all keep together is ᾱ_t: schedule.alpha_bar[t].",
    "eq-alpha-bar",
)
def alpha_of_one_step(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha[t]
    return (a / (1 - a)).log()


@EXERCISE.mistake(
    "You looked up ᾱ at t - 1.",
    "The tables are indexed by t itself. At t = 1 you looked at the clean picture, whose ratio is infinite.",
)
def off_by_one(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t - 1]
    return (a / (1 - a)).log()


@EXERCISE.mistake(
    "You forgot to divide by the noise: you gave log ᾱ_t.",
    "ᾱ_t is the variance of the signal; that of the noise is 1 - ᾱ_t.",
    "eq-snr",
)
def signal_only(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    return schedule.alpha_bar[t].log()


@EXERCISE.mistake(
    "You took the logarithm to base 10.",
    "The natural logarithm is meant, torch.log. Yours, times 10, would be decibels.",
)
def base_10(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t]
    return (a / (1 - a)).log10()


@EXERCISE.mistake(
    "You rounded ᾱ_t to float32 before you subtracted it from 1.",
    "At t = 1 it is so near 1 that the difference is wrong in its fourth digit. Compute in float64, and "
    "convert the result if you must.",
)
def in_float32(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t].float()
    return (a / (1 - a)).log()


@EXERCISE.mistake(
    "You gave the first time's λ to all examples.",
    "t has shape (B,), and every example has its own time: index the table with the whole tensor t.",
)
def first_t_for_all(t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t[0]].expand(len(t))
    return (a / (1 - a)).log()
