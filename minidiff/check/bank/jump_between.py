"""Exercise: from any time of the chain to any later one, in one jump."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise as drawn

EXERCISE = Exercise(
    name="jump_between",
    statement=r"""
Draw $\mathbf{x}_t$ when $\mathbf{x}_s$ is known, for any $s < t$, in one jump:

$$q(\mathbf{x}_t \mid \mathbf{x}_s) = \mathcal{N}\!\left(\mathbf{x}_t;\
    \sqrt{\alpha_{s+1} \cdots \alpha_t}\;\mathbf{x}_s,\
    (1 - \alpha_{s+1} \cdots \alpha_t)\,\mathbf{I}\right)$$

`x_s` and `noise` have the same shape; `s` and `t` are ints, $0 \le s < t \le T$. Give back x_t, made with the
`noise` you are given.
""",
    signature="jump_between(x_s, s, t, schedule, noise)",
    see="ex-nice-between",
    hints=(
        "Nothing in the Nice property needs the first picture to be clean. Which α's are multiplied between "
        "s and t?",
        "The product α_{s+1} ... α_t is a quotient: ᾱ_t / ᾱ_s.",
        "keep = schedule.alpha_bar[t] / schedule.alpha_bar[s] takes the place of ᾱ_t in the Nice property.",
    ),
    out_of_reach=(
        "minidiff.q_sample",
        "minidiff.q_step",
        "minidiff.step_variances",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """From the clean picture, one step, and jumps between."""
    schedule = linear_schedule()
    jumps = {
        "s = 100, t = 400": (100, 400),
        "s = 0, the jump from the clean picture": (0, 300),
        "s = t - 1, one step of the chain": (799, 800),
        "s = 600, t = T": (600, 1000),
        "s = 1, t = 2": (1, 2),
        "s = 1, t = 3": (1, 3),
        "s = 0, t = 1": (0, 1),
    }
    shape = (3, 2, 4, 5)
    return [
        Case(name, (drawn(generator, *shape), s, t, schedule, drawn(generator, *shape)))
        for name, (s, t) in jumps.items()
    ]


def _keep(s: int, t: int, schedule: NoiseSchedule) -> float:
    return float(schedule.alpha_bar[t] / schedule.alpha_bar[s])


@EXERCISE.reference
def jump_between(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """The Nice property, with what is kept between s and t."""
    keep = schedule.alpha_bar[t] / schedule.alpha_bar[s]
    x_t: Tensor = keep.sqrt() * x_s + (1 - keep).sqrt() * noise
    return x_t


@EXERCISE.correct
def by_the_product(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """With the product of the α's, written out."""
    keep = math.prod(schedule.alpha[s + 1 : t + 1].tolist())
    return math.sqrt(keep) * x_s + math.sqrt(1 - keep) * noise


@EXERCISE.correct
def in_float64(x: Tensor, start: int, end: int, table: NoiseSchedule, eps: Tensor) -> Tensor:
    """All in double precision, with other names, from logarithms."""
    log_keep = table.alpha_bar[end].log() - table.alpha_bar[start].log()
    return torch.exp(log_keep / 2) * x.double() + torch.sqrt(-torch.expm1(log_keep)) * eps.double()


@EXERCISE.correct
def in_place(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Overwrites its arguments."""
    keep = _keep(s, t, schedule)
    return x_s.mul_(keep**0.5).add_(noise, alpha=(1 - keep) ** 0.5)


@EXERCISE.correct
def by_logarithms(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """The product as a sum of logarithms."""
    log_keep = schedule.alpha[s + 1 : t + 1].log().sum()
    return (log_keep / 2).exp() * x_s + (-torch.expm1(log_keep)).sqrt() * noise


@EXERCISE.correct
def by_a_loop(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Signal and variance carried step by step."""
    signal, variance = 1.0, 0.0
    for i in range(s + 1, t + 1):
        beta = float(schedule.beta[i])
        signal *= math.sqrt(1 - beta)
        variance = (1 - beta) * variance + beta
    return signal * x_s + math.sqrt(variance) * noise


@EXERCISE.mistake(
    "You jumped as if x_s were the clean picture: with ᾱ_t.",
    "ᾱ_t counts the steps up to s once more. Only those after s are to come: ᾱ_t / ᾱ_s.",
)
def from_the_start(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    keep = float(schedule.alpha_bar[t])
    return math.sqrt(keep) * x_s + math.sqrt(1 - keep) * noise


@EXERCISE.mistake(
    "You shrank x_s rightly, but added as much noise as a jump from 0 needs, sqrt(1 - ᾱ_t).",
    "x_s holds some of that noise already. What is new has the variance 1 - ᾱ_t / ᾱ_s.",
    "eq-two-variances",
)
def all_the_noise(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    return math.sqrt(_keep(s, t, schedule)) * x_s + (1 - schedule.alpha_bar[t]).sqrt() * noise


@EXERCISE.mistake(
    "Your noise has the variance ᾱ_s - ᾱ_t, what x_t has more than x_s.",
    "On the way the old noise shrinks, too, so more than the difference is added: 1 - ᾱ_t / ᾱ_s.",
    "eq-two-variances",
)
def difference(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    more = float(schedule.alpha_bar[s] - schedule.alpha_bar[t])
    return math.sqrt(_keep(s, t, schedule)) * x_s + math.sqrt(more) * noise


@EXERCISE.mistake(
    "You multiplied the noise by the variance, 1 - ᾱ_t / ᾱ_s.",
    "A variance is no factor. Its square root is.",
)
def noise_without_root(
    x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor
) -> Tensor:
    keep = _keep(s, t, schedule)
    return math.sqrt(keep) * x_s + (1 - keep) * noise


@EXERCISE.mistake(
    "You multiplied x_s by ᾱ_t / ᾱ_s.",
    "That is what the variance of x_s is multiplied by. The picture gets the square root of it.",
)
def picture_without_root(
    x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor
) -> Tensor:
    keep = _keep(s, t, schedule)
    return keep * x_s + math.sqrt(1 - keep) * noise


@EXERCISE.mistake(
    "You turned the quotient round: ᾱ_s / ᾱ_t.",
    "It is above 1, and 1 minus it has no root. ᾱ falls with time, so the later one stands on top.",
)
def upside_down(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    keep = schedule.alpha_bar[s] / schedule.alpha_bar[t]
    x_t: Tensor = keep.sqrt() * x_s + (1 - keep).sqrt() * noise
    return x_t


@EXERCISE.mistake(
    "Your product starts at α_s.",
    "Step s is the one that led to x_s; it is over. The first step to come is s + 1.",
)
def from_s(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    keep = _keep(max(s - 1, 0), t, schedule)
    return math.sqrt(keep) * x_s + math.sqrt(1 - keep) * noise


@EXERCISE.mistake(
    "Your product ends at α_{t-1}.",
    "Step t leads to x_t and counts as well. With slices of a table: [s + 1 : t + 1].",
)
def last_step_missing(
    x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor
) -> Tensor:
    keep = _keep(s, t - 1, schedule)
    return math.sqrt(keep) * x_s + math.sqrt(1 - keep) * noise


@EXERCISE.mistake(
    "You took the single step α_t.",
    "It leads from t - 1 to t only. All steps after s are multiplied: α_{s+1} ... α_t.",
)
def one_step(x_s: Tensor, s: int, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    keep = float(schedule.alpha[t])
    return math.sqrt(keep) * x_s + math.sqrt(1 - keep) * noise
