"""Exercise: the exact way back over several steps at once, for those who know x_0."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise, pictures

Gaussian = tuple[Tensor, float | Tensor]

EXERCISE = Exercise(
    name="posterior_between",
    statement=r"""
Mean and variance of $q(\mathbf{x}_s \mid \mathbf{x}_t, \mathbf{x}_0)$ for any $s < t$. For $s = t - 1$ they
are

$$\tilde{\boldsymbol\mu}_t = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\,\mathbf{x}_0
  + \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}\,\mathbf{x}_t,
\qquad \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t$$

Find out what takes the place of $\bar\alpha_{t-1}$, $\alpha_t$ and $\beta_t$ when the step is longer. `x_t`
and `x_0` have the same shape; `t` and `s` are ints, $0 \le s < t \le T$. Give back the pair (mean, variance),
the mean in the shape of `x_t`, the variance a number.
""",
    signature="posterior_between(x_t, x_0, t, s, schedule)",
    see="ex-c-between",
    hints=(
        "You need no new derivation. Which distribution takes the place of the step q(x_t | x_{t-1})?",
        "The jump from s to t keeps ᾱ_t / ᾱ_s of the variance: that stands for α_t, and 1 minus it for β_t.",
        "keep = a_t / a_s and share = (1 - a_s) / (1 - a_t), with a = ᾱ. The variance is share * (1 - keep), "
        "the weight of x_t is sqrt(keep) * share.",
    ),
    out_of_reach=(
        "minidiff.q_posterior",
        "minidiff.step_variances",
        "minidiff.posterior_weights",
        "minidiff.sample_step",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """One step, long steps, and the step into 0."""
    schedule = linear_schedule()
    steps = {
        "t = 500, s = 100": (500, 100),
        "t = 300, s = t - 1": (300, 299),
        "t = 40, s = 0": (40, 0),
        "t = T, s = 600": (1000, 600),
        "t = 2, s = 1": (2, 1),
        "t = 3, s = 1": (3, 1),
        "t = 1, s = 0": (1, 0),
    }
    shape = (3, 2, 4, 5)
    return [
        Case(name, (noise(generator, *shape), pictures(generator, *shape), t, s, schedule))
        for name, (t, s) in steps.items()
    ]


def _levels(s: int, t: int, schedule: NoiseSchedule) -> tuple[float, float]:
    return float(schedule.alpha_bar[s]), float(schedule.alpha_bar[t])


def _formula(
    x_t: Tensor, x_0: Tensor, a_s: float, a_t: float, *, alpha: float, beta: float
) -> Gaussian:
    """The formulas of one step, with whatever one takes for ᾱ_{t-1}, ᾱ_t, α_t and β_t."""
    mean = math.sqrt(a_s) * beta * x_0 + math.sqrt(alpha) * (1 - a_s) * x_t
    return mean / (1 - a_t), (1 - a_s) / (1 - a_t) * beta


@EXERCISE.reference
def posterior_between(
    x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule
) -> Gaussian:
    """The formulas of one step, with what the jump from s to t keeps."""
    a_s, a_t = schedule.alpha_bar[s], schedule.alpha_bar[t]
    keep = a_t / a_s
    mean = a_s.sqrt() * (1 - keep) * x_0 + keep.sqrt() * (1 - a_s) * x_t
    return mean / (1 - a_t), (1 - a_s) * (1 - keep) / (1 - a_t)


@EXERCISE.correct
def by_shares(x: Tensor, clean: Tensor, late: int, early: int, table: NoiseSchedule) -> Gaussian:
    """As the book writes it, with plain numbers."""
    a_s, a_t = _levels(early, late, table)
    keep, share = a_t / a_s, (1 - a_s) / (1 - a_t)
    mean = math.sqrt(a_s) * (1 - keep) / (1 - a_t) * clean
    return mean + math.sqrt(keep) * share * x, share * (1 - keep)


@EXERCISE.correct
def by_regression(
    x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule
) -> list[object]:
    """x_s given x_0, corrected by how far x_t is from where it was expected; in float64."""
    a_s, a_t = _levels(s, t, schedule)
    slope = math.sqrt(a_t / a_s) * (1 - a_s) / (1 - a_t)
    mean = math.sqrt(a_s) * x_0.double() + slope * (x_t - math.sqrt(a_t) * x_0)
    return [mean, 1 - a_s - slope**2 * (1 - a_t)]


@EXERCISE.correct
def by_ddim(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    """As DDIM writes it with η = 1, through the noise."""
    a_s, a_t = _levels(s, t, schedule)
    variance = (1 - a_s) / (1 - a_t) * (1 - a_t / a_s)
    eps = (x_t - math.sqrt(a_t) * x_0) / math.sqrt(1 - a_t)
    return math.sqrt(a_s) * x_0 + math.sqrt(max(1 - a_s - variance, 0)) * eps, variance


@EXERCISE.correct
def by_precisions(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    """The product of two densities; where s = 0 one of them is a point."""
    a_s, a_t = _levels(s, t, schedule)
    if s == 0:
        return x_0, 0.0
    keep = a_t / a_s
    variance = 1 / (keep / (1 - keep) + 1 / (1 - a_s))
    return variance * (
        math.sqrt(keep) / (1 - keep) * x_t + math.sqrt(a_s) / (1 - a_s) * x_0
    ), variance


@EXERCISE.correct
def with_betas(x: Tensor, clean: Tensor, t: int, s: int, table: NoiseSchedule) -> Gaussian:
    """What stands for β_t first; the common denominator last; in float64."""
    a = table.alpha_bar.double()
    jump = 1 - a[t] / a[s]
    left = a[s] ** 0.5 * jump * clean.double()
    right = (1 - jump) ** 0.5 * (1 - a[s]) * x.double()
    return (left + right).div(1 - a[t]), jump * (1 - a[s]).div(1 - a[t])


@EXERCISE.mistake(
    "You used the formulas for one step, and never looked at s.",
    "They lead to t - 1. For a longer step ᾱ_{t-1} becomes ᾱ_s, α_t becomes ᾱ_t / ᾱ_s, and β_t 1 minus that.",
)
def one_step(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    a_s, a_t = _levels(t - 1, t, schedule)
    return _formula(x_t, x_0, a_s, a_t, alpha=a_t / a_s, beta=1 - a_t / a_s)


@EXERCISE.mistake(
    "You put ᾱ_s in the place of ᾱ_{t-1}, but left α_t and β_t as they were.",
    "They belong to the single step from t - 1 to t. Those of the jump from s to t are ᾱ_t / ᾱ_s and 1 minus "
    "it.",
)
def step_of_one(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    a_s, a_t = _levels(s, t, schedule)
    alpha, beta = float(schedule.alpha[t]), float(schedule.beta[t])
    return _formula(x_t, x_0, a_s, a_t, alpha=alpha, beta=beta)


@EXERCISE.mistake(
    "You took ᾱ_s - ᾱ_t for the variance of the jump from s to t.",
    "The jump also shrinks what is there. Its variance is 1 - ᾱ_t / ᾱ_s.",
    "ex-nice-between",
)
def difference(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    a_s, a_t = _levels(s, t, schedule)
    return _formula(x_t, x_0, a_s, a_t, alpha=a_t / a_s, beta=a_s - a_t)


@EXERCISE.mistake(
    "Your mean is right, but you gave the variance of the jump forwards, 1 - ᾱ_t / ᾱ_s.",
    "Who knows x_0 as well is less uncertain: multiply by (1 - ᾱ_s) / (1 - ᾱ_t).",
    "eq-c-variance",
)
def forward_variance(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    a_s, a_t = _levels(s, t, schedule)
    return posterior_between(x_t, x_0, t, s, schedule)[0], 1 - a_t / a_s


@EXERCISE.mistake(
    "You gave the standard deviation.",
    "The second number is the variance: leave the square root away.",
)
def standard_deviation(
    x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule
) -> Gaussian:
    mean, variance = posterior_between(x_t, x_0, t, s, schedule)
    return mean, variance**0.5


@EXERCISE.mistake(
    "You swapped x_0 and x_t in the mean.",
    "For a small s the mean must be near x_0: its weight is the one with β in it.",
    "eq-c-mean",
)
def swapped(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    mean, variance = posterior_between(x_0, x_t, t, s, schedule)
    return mean, variance


@EXERCISE.mistake(
    "You left out the square roots in the mean.",
    "The weight of x_0 has sqrt(ᾱ_s) in it, that of x_t sqrt(ᾱ_t / ᾱ_s).",
    "eq-c-mean",
)
def no_roots(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    a_s, a_t = _levels(s, t, schedule)
    mean = a_s * (1 - a_t / a_s) * x_0 + a_t / a_s * (1 - a_s) * x_t
    return mean / (1 - a_t), posterior_between(x_t, x_0, t, s, schedule)[1]


@EXERCISE.mistake(
    "You gave q(x_s | x_0), and never looked at x_t.",
    "x_t tells more about x_s: where it lies, x_s was not far. Both are known here.",
)
def without_x_t(x_t: Tensor, x_0: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Gaussian:
    a_s = float(schedule.alpha_bar[s])
    return math.sqrt(a_s) * x_0, 1 - a_s
