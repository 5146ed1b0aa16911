"""Exercise: line 4 of Algorithm 2, one step of DDPM from x_t to x_{t-1}."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="ddpm_step",
    statement=r"""
One step of Algorithm 2, from $\mathbf{x}_t$ to $\mathbf{x}_{t-1}$, with $\sigma_t^2 = \tilde\beta_t$:

$$\mathbf{x}_{t-1} = \frac{1}{\sqrt{\alpha_t}} \left( \mathbf{x}_t
  - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\,\boldsymbol\epsilon_\theta(\mathbf{x}_t, t) \right)
    + \sigma_t\,\mathbf{z}$$

`eps` is what the network said, `z` is fresh noise, `t` an int. At t = 1 no noise is added.
""",
    signature="ddpm_step(eps, x_t, t, schedule, z)",
    see="eq-sampling-step",
    hints=(
        "First the mean, then the noise. schedule.beta_tilde[t] is a variance.",
        "β̃_1 is 0, so the formula by itself adds nothing at t = 1.",
        "Each of beta, alpha, alpha_bar and beta_tilde is needed once, all at t. The bracket is divided by "
        "sqrt(α_t); the noise stands outside it.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.sample_step",
        "minidiff.sampling_steps",
        "minidiff.ddpm_sample",
        "minidiff.ddim_sample",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """The middle, the first and the last step."""
    schedule = linear_schedule()
    shape = (2, 1, 3, 3)
    return [
        Case(
            f"t = {'T' if t == schedule.T else t}",
            (
                noise(generator, *shape),
                noise(generator, *shape),
                t,
                schedule,
                noise(generator, *shape),
            ),
        )
        for t in (500, 40, 2, 1, schedule.T, 3)
    ]


def _mean(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    beta, alpha_bar = float(schedule.beta[t]), float(schedule.alpha_bar[t])
    return (x_t - beta / math.sqrt(1 - alpha_bar) * eps) / math.sqrt(1 - beta)


def _std(t: int, schedule: NoiseSchedule) -> float:
    return math.sqrt(schedule.beta_tilde[t])


@EXERCISE.reference
def ddpm_step(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    """The mean, and noise on top."""
    beta, alpha, alpha_bar = schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t]
    mean = (x_t - beta / (1 - alpha_bar).sqrt() * eps) / alpha.sqrt()
    return mean + schedule.beta_tilde[t].sqrt() * z


@EXERCISE.correct
def with_an_if(eps: Tensor, x_t: Tensor, t: int, s: NoiseSchedule, z: Tensor) -> Tensor:
    """As Algorithm 2 writes it: z = 0 at t = 1."""
    mean = _mean(eps, x_t, t, s)
    if t == 1:
        return mean
    return mean + _std(t, s) * z


@EXERCISE.correct
def through_the_posterior(
    eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor
) -> Tensor:
    """Guess x_0, then the posterior's mean, in float64."""
    now, before = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[t - 1])
    beta = float(schedule.beta[t])
    x0_hat = (x_t.double() - math.sqrt(1 - now) * eps) / math.sqrt(now)
    of_x_t = math.sqrt(1 - beta) * (1 - before) / (1 - now)
    mean = of_x_t * x_t + math.sqrt(before) * beta / (1 - now) * x0_hat
    return mean + _std(t, schedule) * z


@EXERCISE.correct
def in_two_terms(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    """Each term with its own factor; no noise once t is 1; in float64."""
    alpha, left = float(schedule.alpha[t]), float(schedule.alpha_bar[t])
    mean = x_t.double() / math.sqrt(alpha)
    mean -= (1 - alpha) / math.sqrt(alpha * (1 - left)) * eps.double()
    return mean if t <= 1 else mean + _std(t, schedule) * z


@EXERCISE.correct
def variance_from_the_levels(
    eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor
) -> Tensor:
    """β̃_t from ᾱ alone."""
    now, before = (float(a) for a in (schedule.alpha_bar[t], schedule.alpha_bar[t - 1]))
    step = 1 - now / before
    mean = (x_t - step * (1 - now) ** -0.5 * eps) * (1 - step) ** -0.5
    return torch.add(mean, z, alpha=math.sqrt(step * (1 - before) / (1 - now)))


@EXERCISE.mistake(
    "You added β̃_t times the noise.",
    "β̃_t is the variance of the noise; what multiplies z is the standard deviation, sqrt(β̃_t).",
)
def variance_for_std(
    eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor
) -> Tensor:
    return _mean(eps, x_t, t, schedule) + float(schedule.beta_tilde[t]) * z


@EXERCISE.mistake(
    "You added noise at t = 1 as well, with variance β_1.",
    "The last step ends in the picture: noise added there stays in it. β̃_1 is 0.",
)
def noise_at_the_end(
    eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor
) -> Tensor:
    std = math.sqrt(schedule.beta[1]) if t == 1 else _std(t, schedule)
    return _mean(eps, x_t, t, schedule) + std * z


@EXERCISE.mistake(
    "Your noise has the variance β_t.",
    'That is the other choice of Ho et al. ("large"). Here σ_t² = β̃_t is asked for.',
)
def large_variance(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    return _mean(eps, x_t, t, schedule) + (math.sqrt(schedule.beta[t]) if t > 1 else 0.0) * z


@EXERCISE.mistake(
    "Your noise has the variance β_t, and at t = 1 too.",
    "Here σ_t² = β̃_t is asked for, schedule.beta_tilde[t]. It is 0 at t = 1, so that the picture at the end "
    "stays clean.",
)
def large_to_the_end(
    eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor
) -> Tensor:
    return _mean(eps, x_t, t, schedule) + math.sqrt(schedule.beta[t]) * z


@EXERCISE.mistake(
    "You gave back the mean alone.",
    "Without fresh noise the chain does not draw from q: all pictures drift to a blurred middle.",
)
def mean_only(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    return _mean(eps, x_t, t, schedule)


@EXERCISE.mistake(
    "You forgot to divide by sqrt(α_t).",
    "The step forwards shrank the picture by sqrt(α_t); the way back enlarges it again.",
)
def not_enlarged(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    mean = math.sqrt(schedule.alpha[t]) * _mean(eps, x_t, t, schedule)
    return mean + _std(t, schedule) * z


@EXERCISE.mistake(
    "You took all the noise away: sqrt(1 - ᾱ_t) ε.",
    "That would lead to x̂_0 at once. One step takes only the share β_t / sqrt(1 - ᾱ_t).",
)
def all_noise_away(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    away = math.sqrt(1 - schedule.alpha_bar[t]) * eps
    return (x_t - away) / math.sqrt(schedule.alpha[t]) + _std(t, schedule) * z


@EXERCISE.mistake(
    "You left out the square root of 1 - ᾱ_t.",
    "β_t is divided by the standard deviation of the noise in x_t, not by its variance.",
)
def no_root(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    beta, alpha_bar = float(schedule.beta[t]), float(schedule.alpha_bar[t])
    mean = (x_t - beta / (1 - alpha_bar) * eps) / math.sqrt(1 - beta)
    return mean + _std(t, schedule) * z


@EXERCISE.mistake(
    "You added the network's noise instead of taking it away.",
    "The way back removes noise: there is a minus before β_t.",
)
def plus(eps: Tensor, x_t: Tensor, t: int, schedule: NoiseSchedule, z: Tensor) -> Tensor:
    return _mean(-eps, x_t, t, schedule) + _std(t, schedule) * z
