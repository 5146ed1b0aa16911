"""Exercise: the guess of the clean picture that goes with what the network said."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="predict_x0",
    statement=r"""
The network looked at $\mathbf{x}_t$ and said which noise is in it, $\hat{\boldsymbol\epsilon}$. Take all of
that noise away, and give back the clean picture that is left:

$$\hat{\mathbf{x}}_0 = \frac{\mathbf{x}_t - \sqrt{1 - \bar\alpha_t}\,\hat{\boldsymbol\epsilon}}
    {\sqrt{\bar\alpha_t}}$$

`x_t` and `eps` have shape (B, C, H, W); `t` is an int, the same for all. Do not clip: the guess may leave
[-1, 1].
""",
    signature="predict_x0(x_t, t, eps, schedule)",
    see="eq-sampling-x0",
    hints=(
        "Where does x_t come from? Write down the Nice property, and solve it for x_0.",
        "First take the noise away, weighted as it was when it was added. What is left is a picture that "
        "has shrunk.",
        "Both weights come from one number, schedule.alpha_bar[t]. Each is a square root.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.x0_from_eps",
        "minidiff.x0_from_v",
        "minidiff.x0_from_score",
        "minidiff.convert",
        "minidiff.sample_step",
        "minidiff.sampling_steps",
        "minidiff.ddpm_sample",
        "minidiff.ddim_sample",
        "minidiff.solver_steps",
        "minidiff.sampling.solvers.solve",  # chapter 11 walks real times with it
        "minidiff.heun_sample",
        "minidiff.dpm_solver_sample",
        "minidiff.flow.velocity_from_eps_model",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Early, in the middle, and at both ends."""
    schedule = linear_schedule()
    times = {"t = 500": 500, "t = 60": 60, "t = 1": 1, "t = T": schedule.T, "t = 2": 2, "t = 3": 3}
    shape = (3, 2, 4, 5)
    return [
        Case(name, (noise(generator, *shape), t, noise(generator, *shape), schedule))
        for name, t in times.items()
    ]


def _levels(t: int, schedule: NoiseSchedule) -> tuple[float, float]:
    """What multiplies the picture and the noise."""
    left = float(schedule.alpha_bar[t])
    return math.sqrt(left), math.sqrt(1 - left)


@EXERCISE.reference
def predict_x0(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The Nice property, solved for the picture."""
    alpha_bar = schedule.alpha_bar[t]
    x0_hat: Tensor = (x_t - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()
    return x0_hat


@EXERCISE.correct
def by_the_ratio(x: Tensor, time: int, e: Tensor, s: NoiseSchedule) -> Tensor:
    """With the signal-to-noise ratio, in float64."""
    a = float(s.alpha_bar[time])
    return x.double() / math.sqrt(a) - e.double() * math.sqrt(1 / a - 1)


@EXERCISE.correct
def in_place(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Overwrites its arguments."""
    signal, spread = _levels(t, schedule)
    return x_t.sub_(eps.mul_(spread)).div_(signal)


@EXERCISE.correct
def one_by_one(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    """A loop over the pictures, and the product of the α's."""
    left = torch.prod(schedule.alpha[1 : t + 1]).float()
    rows = [(x - torch.sqrt(1 - left) * e) / left.sqrt() for x, e in zip(x_t, eps, strict=True)]
    return torch.stack(rows)


@EXERCISE.correct
def by_two_factors(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Both factors first, both in float64."""
    left = schedule.alpha_bar[t].double()
    return left.rsqrt() * x_t.double() - ((1 - left) / left).sqrt() * eps


@EXERCISE.correct
def by_numpy(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> object:
    """In arrays."""
    of_picture, of_noise = _levels(t, schedule)
    return np.divide(x_t.numpy() - of_noise * eps.numpy(), of_picture)


@EXERCISE.mistake(
    "You took the noise away, and did not divide by sqrt(ᾱ_t).",
    "What is left then is sqrt(ᾱ_t) x_0, a picture that has shrunk. Divide to give it its size again.",
)
def not_divided(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    return x_t - _levels(t, schedule)[1] * eps


@EXERCISE.mistake(
    "You divided by ᾱ_t.",
    "The picture was multiplied by the square root of ᾱ_t; divide by the same.",
)
def divided_by_the_square(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t, schedule)
    return (x_t - spread * eps) / signal**2


@EXERCISE.mistake(
    "You took away (1 - ᾱ_t) ε̂.",
    "1 - ᾱ_t is the variance of the noise in x_t. The noise itself was multiplied by its root.",
)
def noise_by_its_variance(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t, schedule)
    return (x_t - spread**2 * eps) / signal


@EXERCISE.mistake(
    "You added the network's noise.",
    "x_t already holds it with a plus. To get rid of it, subtract.",
)
def plus(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t, schedule)
    return (x_t + spread * eps) / signal


@EXERCISE.mistake(
    "You divided x_t only, and not the noise.",
    "The whole difference is divided by sqrt(ᾱ_t): is a pair of brackets missing?",
)
def brackets_missing(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t, schedule)
    return x_t / signal - spread * eps


@EXERCISE.mistake(
    "You used α_t where ᾱ_t belongs.",
    "α_t undoes one step, to x_{t-1}. All t steps are undone here: take their product, ᾱ_t.",
    "eq-alpha-bar",
)
def alpha_of_one_step(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    left = float(schedule.alpha[t])
    return (x_t - math.sqrt(1 - left) * eps) / math.sqrt(left)


@EXERCISE.mistake(
    "You read ᾱ at t - 1.",
    "The tables have an entry for t = 0, so that schedule.alpha_bar[t] is ᾱ_t. Nothing is shifted.",
)
def off_by_one(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t - 1, schedule)
    return (x_t - spread * eps) / signal


@EXERCISE.mistake(
    "You clipped the guess to [-1, 1].",
    "That can help with pictures, but it is no part of this equation: the guess itself is asked for.",
)
def clipped(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t, schedule)
    return ((x_t - spread * eps) / signal).clamp(-1, 1)


@EXERCISE.mistake(
    "You swapped the two weights: sqrt(ᾱ_t) stands before the noise, and you divided by sqrt(1 - ᾱ_t).",
    "ᾱ_t is the share of the picture. Its root divides; the root of 1 - ᾱ_t multiplies the noise.",
)
def weights_swapped(x_t: Tensor, t: int, eps: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _levels(t, schedule)
    return (x_t - signal * eps) / spread
