"""Exercise: one step of the forward process, from x_{t-1} to x_t."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise, pictures

EXERCISE = Exercise(
    name="q_step",
    statement=r"""
Draw $\mathbf{x}_t$ from $q(\mathbf{x}_t \mid \mathbf{x}_{t-1})$, one step of the chain:

$$\mathbf{x}_t = \sqrt{1 - \beta_t}\,\mathbf{x}_{t-1} + \sqrt{\beta_t}\,\mathbf{z}$$

`x` is $\mathbf{x}_{t-1}$ and `noise` is $\mathbf{z}$, both of shape (B, C, H, W). `t` is an int from 1 to T,
the same for all pictures, and `schedule.beta[t]` is $\beta_t$. Give back $\mathbf{x}_t$.
""",
    signature="q_step(x, t, schedule, noise)",
    see="eq-forward-draw",
    hints=(
        "The slide's four lines: take the picture, generate noise, scale the picture, add the noise. "
        "Here the noise is given.",
        "β_t is the variance of what is added. A noise of variance 1 gets it by the factor √β_t.",
        "Look up beta = schedule.beta[t] once. It makes both factors: 1 - beta for the picture and beta for "
        "the noise, each under a root.",
    ),
    practice=False,
    out_of_reach=("minidiff.q_step",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Both ends and the middle of a long chain, and a short chain with large steps in no order."""
    long = linear_schedule()
    short = NoiseSchedule(0.05 + 0.5 * torch.rand(8, generator=generator))

    def case(name: str, t: int, schedule: NoiseSchedule) -> Case:
        shape = (2, 1, 3, 4)
        return Case(name, (pictures(generator, *shape), t, schedule, noise(generator, *shape)))

    return [
        case("t = 500", 500, long),
        case("t = 1", 1, long),
        case("t = T", long.T, long),
        case("8 large steps, t = 4", 4, short),
        case("8 large steps, t = T", 8, short),
        case("t = 2", 2, long),
        case("t = 3", 3, long),
    ]


@EXERCISE.reference
def q_step(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Shrink the picture, add the noise."""
    beta = schedule.beta[t]
    return (1 - beta).sqrt() * x + beta.sqrt() * noise


@EXERCISE.correct
def with_alpha(x_prev: Tensor, t: int, s: NoiseSchedule, z: Tensor) -> Tensor:
    """With α_t out of its table, and plain numbers."""
    alpha = s.alpha[t].item()
    return math.sqrt(alpha) * x_prev + math.sqrt(1 - alpha) * z


@EXERCISE.correct
def in_place(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Overwrites the picture."""
    beta = float(schedule.beta[t])
    return x.mul_((1 - beta) ** 0.5).add_(noise, alpha=beta**0.5)


@EXERCISE.correct
def in_float64(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """As mean and standard deviation, in double precision."""
    beta = schedule.beta[t].reshape(1, 1, 1, 1)
    mean, std = torch.sqrt(1 - beta) * x.double(), torch.sqrt(beta)
    return torch.addcmul(mean, std, noise.double())


@EXERCISE.correct
def picture_by_picture(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """A loop over the batch."""
    weights = schedule.alpha.sqrt()[t], schedule.beta.sqrt()[t]
    pairs = zip(x, noise, strict=True)
    return torch.stack([weights[0] * picture + weights[1] * z for picture, z in pairs])


def _mixed(x: Tensor, noise: Tensor, of_x: float, of_noise: float) -> Tensor:
    return of_x * x + of_noise * noise


@EXERCISE.correct
def by_the_ratio(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """α_t as the ratio of two neighbouring ᾱ."""
    alpha = float(schedule.alpha_bar[t] / schedule.alpha_bar[t - 1])
    return alpha**0.5 * x + (1 - alpha) ** 0.5 * noise


@EXERCISE.correct
def as_a_weighted_sum(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Both in one tensor, summed with their weights."""
    beta = schedule.beta[t]
    weights = torch.stack([1 - beta, beta]).sqrt().to(x.dtype)
    return (weights.view(2, 1, 1, 1, 1) * torch.stack([x, noise])).sum(0)


@EXERCISE.mistake(
    "You scaled the noise by β_t.",
    "β_t is the variance of the noise. Multiply by its standard deviation, √β_t.",
    "eq-forward-step",
)
def noise_by_its_variance(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t])
    return _mixed(x, noise, math.sqrt(1 - beta), beta)


@EXERCISE.mistake(
    "You scaled the picture by 1 - β_t, without the root.",
    "Its variance should shrink by 1 - β_t, so the picture itself shrinks by the square root of that.",
    "eq-forward-variance",
)
def picture_without_root(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t])
    return _mixed(x, noise, 1 - beta, math.sqrt(beta))


@EXERCISE.mistake(
    "You used 1 - β_t and β_t without their square roots.",
    "The two are shares of the variance. Pictures and noise are multiplied by the roots of both.",
    "eq-forward-variance",
)
def no_roots(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t])
    return _mixed(x, noise, 1 - beta, beta)


@EXERCISE.mistake(
    "You scaled the picture by 1 - √β_t.",
    "The root goes over the whole difference: √(1 - β_t). Then the two squared weights sum to 1.",
    "eq-forward-variance",
)
def root_inside(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t])
    return _mixed(x, noise, 1 - math.sqrt(beta), math.sqrt(beta))


@EXERCISE.mistake(
    "You added the noise without shrinking the picture.",
    "The variance would then grow with each step. The factor √(1 - β_t) makes room for the noise.",
    "eq-forward-variance",
)
def not_shrunk(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    return _mixed(x, noise, 1.0, math.sqrt(schedule.beta[t]))


@EXERCISE.mistake(
    "You swapped the two weights: the picture got √β_t, the noise √(1 - β_t).",
    "One step changes little. β_t is small, and its root multiplies the noise.",
)
def weights_swapped(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t])
    return _mixed(x, noise, math.sqrt(beta), math.sqrt(1 - beta))


@EXERCISE.mistake(
    "You used ᾱ_t: that is the jump from the clean picture to x_t.",
    "Here x is x_{t-1}, and one step is missing. The numbers of a single step are 1 - β_t and β_t.",
    "eq-nice",
)
def jump(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = float(schedule.alpha_bar[t])
    return _mixed(x, noise, math.sqrt(a), math.sqrt(1 - a))


@EXERCISE.mistake(
    "You looked up β at t - 1.",
    "The step into x_t has the number t, and the table is indexed by t itself: schedule.beta[t].",
)
def off_by_one(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t - 1])
    return _mixed(x, noise, math.sqrt(1 - beta), math.sqrt(beta))


@EXERCISE.mistake(
    "You subtracted the noise from the picture.",
    "The equation has a plus. As a random draw it would do as well, but here x_t is held against the noise "
    "that was given.",
)
def minus_noise(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    beta = float(schedule.beta[t])
    return _mixed(x, noise, math.sqrt(1 - beta), -math.sqrt(beta))
