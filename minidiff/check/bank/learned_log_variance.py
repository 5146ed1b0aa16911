"""Exercise: the learned variance, between the two fixed ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="learned_log_variance",
    statement=r"""
The logarithm of the learned variance at one time $t \ge 2$ (an int), from the network's second output
$o$, a tensor whose entries lie near $[-1, 1]$:

$$v = \frac{o + 1}{2}, \qquad \log\Sigma = v \log\beta_t + (1 - v) \log\tilde\beta_t$$

Give back $\log\Sigma$, in the shape of `output`.
""",
    signature="learned_log_variance(output, t, schedule)",
    see="eq-learned-sigma",
    hints=(
        "First v: an output of -1 is v = 0, an output of 1 is v = 1.",
        "v = 1 must give log β_t, v = 0 must give log β̃_t.",
        "v * schedule.beta[t].log() + (1 - v) * schedule.beta_tilde[t].log()",
    ),
    out_of_reach=("minidiff.log_interpolation", "minidiff.split_variance"),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Where the ends differ much and little."""
    schedule = linear_schedule()
    return [
        Case(f"t = {t}", (noise(generator, 2, 1, 3, 3), t, schedule)) for t in (2, 10, 300, 1000, 3)
    ]


def _ends(t: int, schedule: NoiseSchedule) -> tuple[float, float]:
    return float(schedule.beta[t]), float(schedule.beta_tilde[t])


@EXERCISE.reference
def learned_log_variance(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """Interpolation of logarithms."""
    v = (output + 1) / 2
    return v * schedule.beta[t].log() + (1 - v) * schedule.beta_tilde[t].log()


@EXERCISE.correct
def from_the_small_end(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """The lower end, and a part of the way up, in float64."""
    large, small = _ends(t, schedule)
    return math.log(small) + (output.double() + 1) / 2 * math.log(large / small)


@EXERCISE.correct
def by_lerp(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """With torch.lerp."""
    large, small = (torch.full_like(output, math.log(x)) for x in _ends(t, schedule))
    return torch.lerp(small, large, output / 2 + 0.5)


@EXERCISE.correct
def as_a_product(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """The logarithm of a product of powers; in float64."""
    large, small = _ends(t, schedule)
    v = 0.5 * (output.double() + 1)
    return torch.log(large**v * small ** (1 - v))


@EXERCISE.correct
def from_the_middle(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """Half of the sum, and o times half of the difference."""
    high, low = schedule.beta[t].log(), schedule.beta_tilde[t].log()
    return (high + low) / 2 + output * (high - low) / 2


@EXERCISE.mistake(
    "You used the output as v, without (o + 1) / 2.",
    "An untrained network says 0; that should mean half-way, not the lower end.",
)
def output_as_v(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    large, small = _ends(t, schedule)
    return output * math.log(large) + (1 - output) * math.log(small)


@EXERCISE.mistake(
    "You swapped the two ends.",
    "v = 1 is the large variance β_t, v = 0 the small one β̃_t.",
)
def swapped(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    large, small = _ends(t, schedule)
    v = (output + 1) / 2
    return v * math.log(small) + (1 - v) * math.log(large)


@EXERCISE.mistake(
    "You mixed the variances and took the logarithm after it.",
    "The logarithms are mixed. Where one end is far smaller than the other that makes all the difference.",
)
def mixed_variances(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    large, small = _ends(t, schedule)
    v = (output + 1) / 2
    return torch.log(v * large + (1 - v) * small)


@EXERCISE.mistake(
    "You gave the variance itself.",
    "Its logarithm is asked for: leave the exp away.",
)
def variance_itself(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    return learned_log_variance(output, t, schedule).exp()


@EXERCISE.mistake(
    "You gave the logarithm of the standard deviation.",
    "No factor 1/2 here: the variance is asked for.",
)
def of_the_std(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    return learned_log_variance(output, t, schedule) / 2


@EXERCISE.mistake(
    "You squeezed the output through a sigmoid.",
    "It would work with a network trained so, but the paper's v is linear in the output: (o + 1) / 2.",
)
def by_sigmoid(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    large, small = _ends(t, schedule)
    v = output.sigmoid()
    return v * math.log(large) + (1 - v) * math.log(small)


@EXERCISE.mistake(
    "You took ᾱ_t for β_t.",
    "Both ends are variances of one step: schedule.beta[t] and schedule.beta_tilde[t].",
)
def alpha_bar(output: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    v = (output + 1) / 2
    return v * schedule.alpha_bar[t].log() + (1 - v) * schedule.beta_tilde[t].log()
