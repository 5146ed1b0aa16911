"""Exercise: the posterior of the forward process, mean and variance of q(x_{t-1} | x_t, x_0)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise, pictures

Pair = tuple[Tensor, Tensor | float]

EXERCISE = Exercise(
    name="q_posterior",
    statement=r"""
Mean and variance of $q(\mathbf{x}_{t-1} \mid \mathbf{x}_t, \mathbf{x}_0)$, for one time $t \ge 1$ (an int):

$$\tilde{\boldsymbol\mu}_t = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}\,\mathbf{x}_t
  + \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\,\mathbf{x}_0,
\qquad \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t$$

Give back the pair (mean, variance); the variance is one number.
""",
    signature="q_posterior(x_t, x_0, t, schedule)",
    see="eq-reverse-posterior",
    hints=(
        "Three numbers are needed: β_t, ᾱ_t and ᾱ_{t-1}; α_t is 1 - β_t.",
        "schedule.alpha_bar[t - 1] is right at t = 1 too: alpha_bar[0] is 1.",
        "The weight of x_0 is alpha_bar[t - 1].sqrt() * beta[t] / (1 - alpha_bar[t]).",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.q_posterior",
        "minidiff.posterior_weights",
        "minidiff.step_variances",
        "minidiff.sample_step",
        "minidiff.sampling_steps",
        "minidiff.ddpm_sample",
        "minidiff.ddim_sample",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Both ends of the chain and its middle."""
    schedule = linear_schedule()
    return [
        Case(
            f"t = {'T' if t == schedule.T else t}",
            (noise(generator, 2, 1, 3, 3), pictures(generator, 2, 1, 3, 3), t, schedule),
        )
        for t in (500, 30, 1, schedule.T, 2, 3)
    ]


def _numbers(t: int, schedule: NoiseSchedule) -> tuple[float, float, float]:
    """β_t, ᾱ_t and ᾱ_{t-1}."""
    a = schedule.alpha_bar
    return float(schedule.beta[t]), float(a[t]), float(a[t - 1])


def _mixed(x_t: Tensor, x_0: Tensor, beta: float, now: float, before: float) -> Tensor:
    of_x_t = math.sqrt(1 - beta) * (1 - before) / (1 - now)
    return of_x_t * x_t + math.sqrt(before) * beta / (1 - now) * x_0


@EXERCISE.reference
def q_posterior(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """The two formulas."""
    beta, now, before = schedule.beta[t], schedule.alpha_bar[t], schedule.alpha_bar[t - 1]
    of_x_t = (1 - beta).sqrt() * (1 - before) / (1 - now)
    of_x_0 = before.sqrt() * beta / (1 - now)
    variance = (1 - before) / (1 - now) * beta
    return of_x_t * x_t + of_x_0 * x_0, variance


@EXERCISE.correct
def by_precisions(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    """As the product of two normal densities; at t = 1 there is nothing to multiply."""
    beta, _, before = _numbers(t, schedule)
    if t == 1:
        return x_0.clone(), 0.0
    precision = (1 - beta) / beta + 1 / (1 - before)
    mean = (math.sqrt(1 - beta) / beta * x_t + math.sqrt(before) / (1 - before) * x_0) / precision
    return mean, 1 / precision


@EXERCISE.correct
def with_plain_numbers(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    """Floats instead of tensors."""
    beta, now, before = _numbers(t, schedule)
    return _mixed(x_t, x_0, beta, now, before), (1 - before) / (1 - now) * beta


@EXERCISE.correct
def by_regression(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    """x_{t-1} given x_0, corrected by how far x_t is from where it was expected."""
    beta, now, before = _numbers(t, schedule)
    slope = math.sqrt(1 - beta) * (1 - before) / (1 - now)
    mean = math.sqrt(before) * x_0.double() + slope * (x_t.double() - math.sqrt(now) * x_0)
    return mean, 1 - before - slope**2 * (1 - now)


@EXERCISE.correct
def through_the_noise(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    """The noise in x_t first, and then the mean that the model uses."""
    beta, now, _ = (torch.tensor(x, dtype=torch.float64) for x in _numbers(t, schedule))
    eps = (x_t - now.sqrt() * x_0.double()) / (1 - now).sqrt()
    mean = (x_t - beta / (1 - now).sqrt() * eps) / (1 - beta).sqrt()
    return mean, schedule.beta_tilde[t]


@EXERCISE.mistake(
    "Your variance is β_t, that of the forward step.",
    "Whoever knows x_0 knows more about x_{t-1}: the variance shrinks by (1 - ᾱ_{t-1}) / (1 - ᾱ_t).",
)
def forward_variance(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    numbers = _numbers(t, schedule)
    return _mixed(x_t, x_0, *numbers), numbers[0]


@EXERCISE.mistake(
    "You gave the standard deviation where the variance is asked for.",
    "β̃_t is already a variance; its root is what multiplies the noise later.",
)
def standard_deviation(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    beta, now, before = _numbers(t, schedule)
    return _mixed(x_t, x_0, beta, now, before), math.sqrt((1 - before) / (1 - now) * beta)


@EXERCISE.mistake(
    "You swapped the weights of x_t and x_0.",
    "Near t = 1 the picture x_{t-1} is nearly x_0, so x_0 has the large weight there.",
)
def weights_swapped(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    beta, now, before = _numbers(t, schedule)
    return _mixed(x_0, x_t, beta, now, before), (1 - before) / (1 - now) * beta


@EXERCISE.mistake(
    "You turned the fraction of the variance upside down.",
    "1 - ᾱ_{t-1} is smaller than 1 - ᾱ_t and stands above it: β̃_t is smaller than β_t.",
)
def upside_down(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    beta, now, before = _numbers(t, schedule)
    variance = (1 - now) / (1 - before) * beta if t > 1 else math.inf
    return _mixed(x_t, x_0, beta, now, before), variance


@EXERCISE.mistake(
    "You used ᾱ_t where ᾱ_{t-1} belongs.",
    "The posterior is about x_{t-1}: its own noise level, 1 - ᾱ_{t-1}, must be in it.",
)
def no_step_back(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    beta, now, _ = _numbers(t, schedule)
    return _mixed(x_t, x_0, beta, now, now), beta


@EXERCISE.mistake(
    "At t = 1 you took ᾱ_1 for ᾱ_0.",
    "ᾱ_0 is 1: nothing has been added to a clean picture. With ᾱ_1 there the last step leaves noise in it.",
)
def no_clean_end(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    beta, now, before = _numbers(t, schedule)
    before = now if t == 1 else before
    return _mixed(x_t, x_0, beta, now, before), (1 - before) / (1 - now) * beta


@EXERCISE.mistake(
    "You left the square roots of α_t and ᾱ_{t-1} out of the mean.",
    "Both multiply pictures, and pictures shrink by square roots in this process.",
)
def no_roots(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> Pair:
    beta, now, before = _numbers(t, schedule)
    mean = ((1 - beta) * (1 - before) * x_t + before * beta * x_0) / (1 - now)
    return mean, (1 - before) / (1 - now) * beta


@EXERCISE.mistake(
    "You gave the two back in the other order.",
    "First the mean, then the variance.",
)
def order(x_t: Tensor, x_0: Tensor, t: int, schedule: NoiseSchedule) -> tuple[float, Tensor]:
    beta, now, before = _numbers(t, schedule)
    return (1 - before) / (1 - now) * beta, _mixed(x_t, x_0, beta, now, before)
