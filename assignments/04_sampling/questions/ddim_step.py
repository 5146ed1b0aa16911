"""Exercise: one deterministic step of DDIM, from t to any earlier s."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="ddim_step",
    statement=r"""
Go from $\mathbf{x}_t$ to $\mathbf{x}_s$, $s < t$, by DDIM with $\sigma = 0$:

$$\mathbf{x}_s = \sqrt{\bar\alpha_s}\,\hat{\mathbf{x}}_0 + \sqrt{1 - \bar\alpha_s}\,\hat{\boldsymbol\epsilon},
\qquad \hat{\mathbf{x}}_0 = \frac{1}{\sqrt{\bar\alpha_t}}
    \bigl(\mathbf{x}_t - \sqrt{1 - \bar\alpha_t}\,\hat{\boldsymbol\epsilon}\bigr)$$

`eps` is what the network said at (x_t, t); `t` and `s` are ints. Give back x_s.
""",
    signature="ddim_step(eps, x_t, t, s, schedule)",
    see="eq-ddim-step",
    hints=(
        "Two lines: first the guess of the clean picture, then back to the noise level of s.",
        "The guess undoes the Nice property at t; the way back is the Nice property at s, with the "
        "network's noise in place of a fresh one.",
        "From the schedule you need two numbers, schedule.alpha_bar[t] and schedule.alpha_bar[s]. The first "
        "belongs to the guess, the second to the way back.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.sample_step",
        "minidiff.sampling_steps",
        "minidiff.ddpm_sample",
        "minidiff.ddim_sample",
        "minidiff.solver_steps",
        "minidiff.sampling.solvers.solve",  # chapter 11 walks real times with it
        "minidiff.heun_sample",
        "minidiff.dpm_solver_sample",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Short steps and long ones, and the step into 0."""
    schedule = linear_schedule()
    steps = {"t = 500 to 400": (500, 400), "t = T to 500": (1000, 500), "the step into 0": (20, 0)}
    steps["one step of the chain"] = (300, 299)
    steps |= {"t = 2 to 1": (2, 1), "t = 3 to 1": (3, 1), "t = 1 to 0": (1, 0)}
    shape = (2, 1, 3, 3)
    return [
        Case(name, (noise(generator, *shape), noise(generator, *shape), t, s, schedule))
        for name, (t, s) in steps.items()
    ]


def _guess(eps: Tensor, x_t: Tensor, a_t: float) -> Tensor:
    return (x_t - math.sqrt(1 - a_t) * eps) / math.sqrt(a_t)


def _levels(t: int, s: int, schedule: NoiseSchedule) -> tuple[float, float]:
    return float(schedule.alpha_bar[t]), float(schedule.alpha_bar[s])


@EXERCISE.reference
def ddim_step(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    """The step."""
    a_t, a_s = schedule.alpha_bar[t], schedule.alpha_bar[s]
    x0_hat: Tensor = (x_t - (1 - a_t).sqrt() * eps) / a_t.sqrt()
    return a_s.sqrt() * x0_hat + (1 - a_s).sqrt() * eps


@EXERCISE.correct
def in_one_line(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    """Sorted by x_t and ε."""
    a_t, a_s = _levels(t, s, schedule)
    ratio = math.sqrt(a_s / a_t)
    return ratio * x_t + (math.sqrt(1 - a_s) - ratio * math.sqrt(1 - a_t)) * eps


@EXERCISE.correct
def in_float64(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    """All in double precision."""
    return ddim_step(eps.double(), x_t.double(), t, s, schedule)


@EXERCISE.correct
def by_the_ratio(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    """x_t rescaled, and the noise by how much its weight changes."""
    a_t, a_s = _levels(t, s, schedule)
    scale = math.sqrt(a_s / a_t)
    return scale * x_t + (math.sqrt(1 - a_s) - scale * math.sqrt(1 - a_t)) * eps


@EXERCISE.correct
def by_noise_to_signal(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    """A step of Euler's method in x / sqrt(ᾱ), whose noise has the size sqrt(1 / ᾱ - 1)."""
    a = schedule.alpha_bar
    sigma = (1 / a - 1).sqrt()
    return a[s] ** 0.5 * (x_t / a[t] ** 0.5 + (sigma[s] - sigma[t]) * eps)


@EXERCISE.mistake(
    "You gave the noise the weight sqrt(1 - ᾱ_t) on the way back.",
    "x_s is less noisy than x_t: it needs the noise of its own time, sqrt(1 - ᾱ_s).",
)
def noise_of_t(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t, a_s = _levels(t, s, schedule)
    return math.sqrt(a_s) * _guess(eps, x_t, a_t) + math.sqrt(1 - a_t) * eps


@EXERCISE.mistake(
    "You always went from t to t - 1.",
    "The step goes to the time s that is asked for, however far away: look up ᾱ at s.",
)
def to_the_neighbour(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t, a_s = _levels(t, t - 1, schedule)
    return math.sqrt(a_s) * _guess(eps, x_t, a_t) + math.sqrt(1 - a_s) * eps


@EXERCISE.mistake(
    "You gave back the guess of the clean picture.",
    "It is the first half of the step. Now put it under as much noise as there is at time s.",
)
def only_the_guess(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    return _guess(eps, x_t, _levels(t, s, schedule)[0])


@EXERCISE.mistake(
    "You did not put the noise back.",
    "sqrt(ᾱ_s) x̂_0 alone is the middle of q(x_s | x_0). A picture at time s holds noise too: add "
    "sqrt(1 - ᾱ_s) times the network's guess of it.",
)
def no_noise(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t, a_s = _levels(t, s, schedule)
    return math.sqrt(a_s) * _guess(eps, x_t, a_t)


@EXERCISE.mistake(
    "You forgot to divide the guess by sqrt(ᾱ_t).",
    "x_t minus its noise is the picture shrunk by sqrt(ᾱ_t); divide to get x̂_0 itself.",
)
def guess_not_divided(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t, a_s = _levels(t, s, schedule)
    guess = x_t - math.sqrt(1 - a_t) * eps
    return math.sqrt(a_s) * guess + math.sqrt(1 - a_s) * eps


@EXERCISE.mistake(
    "You left out the square roots of 1 - ᾱ.",
    "1 - ᾱ is the variance of the noise. What multiplies a noise is a standard deviation.",
)
def variances(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t, a_s = _levels(t, s, schedule)
    guess = (x_t - (1 - a_t) * eps) / math.sqrt(a_t)
    return math.sqrt(a_s) * guess + (1 - a_s) * eps


@EXERCISE.mistake(
    "You used α, the factor of a single step.",
    "x_t is t steps away from the clean picture: the product ᾱ says how much of it is left.",
)
def alpha_of_one_step(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t = float(schedule.alpha[t])
    a_s = float(schedule.alpha[s]) if s else 1.0
    return math.sqrt(a_s) * _guess(eps, x_t, a_t) + math.sqrt(1 - a_s) * eps


@EXERCISE.mistake(
    "You added the noise to x_t instead of taking it away.",
    "x_t = sqrt(ᾱ_t) x_0 + sqrt(1 - ᾱ_t) ε, so the picture is found by subtracting.",
)
def guess_with_plus(eps: Tensor, x_t: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    a_t, a_s = _levels(t, s, schedule)
    return math.sqrt(a_s) * _guess(-eps, x_t, a_t) + math.sqrt(1 - a_s) * eps
