"""Exercise: back to the clean picture, for those who are told the noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise, pictures

EXERCISE = Exercise(
    name="clean_from_noise",
    statement=r"""
Somebody made $\mathbf{x}_t$ in one jump, and tells you which noise was used:

$$\mathbf{x}_t = \sqrt{\bar\alpha_t}\,\mathbf{x}_0 + \sqrt{1 - \bar\alpha_t}\,\boldsymbol\epsilon$$

Give back $\mathbf{x}_0$. `x_t` and `eps` have the same shape, `t` is an int.
""",
    signature="clean_from_noise(x_t, eps, t, schedule)",
    see="ex-nice-back",
    hints=(
        "Solve the equation for x_0: in two moves.",
        "First subtract what was added last; then divide by what the picture was multiplied with.",
        "a = schedule.alpha_bar[t]; subtract (1 - a).sqrt() * eps, divide by a.sqrt().",
    ),
    out_of_reach=(
        "minidiff.x0_from_eps",
        "minidiff.convert",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Pictures that were really made so, in double precision: each time leads back to [-1, 1]."""
    schedule = linear_schedule()

    def case(name: str, t: int) -> Case:
        x_0, eps = (draw(generator, 3, 2, 4, 5).double() for draw in (pictures, noise))
        a = schedule.alpha_bar[t]
        return Case(name, (a.sqrt() * x_0 + (1 - a).sqrt() * eps, eps, t, schedule))

    times = {"t = 300": 300, "t = 1": 1, "t = 700": 700, "t = T": 1000, "t = 2": 2, "t = 3": 3}
    return [case(name, t) for name, t in times.items()]


def _weights(t: int, schedule: NoiseSchedule) -> tuple[float, float]:
    left = float(schedule.alpha_bar[t])
    return math.sqrt(left), math.sqrt(1 - left)


@EXERCISE.reference
def clean_from_noise(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """Subtract the noise, give the picture its size again."""
    a = schedule.alpha_bar[t]
    x_0: Tensor = (x_t - (1 - a).sqrt() * eps) / a.sqrt()
    return x_0


@EXERCISE.correct
def from_floats(x: Tensor, e: Tensor, time: int, table: NoiseSchedule) -> Tensor:
    """With plain numbers and other names."""
    signal, spread = _weights(time, table)
    return x / signal - spread / signal * e


@EXERCISE.correct
def in_place(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """Overwrites its argument."""
    signal, spread = _weights(t, schedule)
    return x_t.sub_(eps, alpha=spread).div_(signal)


@EXERCISE.correct
def step_by_step(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """Takes the noise away, then goes back through the steps, each of which shrank the picture."""
    x = x_t - (1 - schedule.alpha_bar[t]).sqrt() * eps
    for s in range(t, 0, -1):
        x = x / schedule.alpha[s].sqrt()
    return x


@EXERCISE.correct
def by_the_ratio(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """Each term divided by itself."""
    a = float(schedule.alpha_bar[t])
    return x_t / math.sqrt(a) - eps * math.sqrt(1 / a - 1)


@EXERCISE.correct
def by_numpy(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """In arrays."""
    a = schedule.alpha_bar.numpy()[t]
    x_0: Tensor = torch.from_numpy((x_t.numpy() - (1 - a) ** 0.5 * eps.numpy()) / a**0.5)
    return x_0


@EXERCISE.mistake(
    "You subtracted the noise and stopped there.",
    "That leaves sqrt(ᾱ_t) x_0, which gets darker and darker with t. Divide by sqrt(ᾱ_t).",
)
def still_shrunk(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    return x_t - _weights(t, schedule)[1] * eps


@EXERCISE.mistake(
    "You subtracted ε with no factor.",
    "x_t does not hold all of ε, but sqrt(1 - ᾱ_t) times it. Only that can be taken out.",
)
def bare_noise(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    return (x_t - eps) / _weights(t, schedule)[0]


@EXERCISE.mistake(
    "You subtracted (1 - ᾱ_t) ε, without the square root.",
    "The jump multiplied ε by a standard deviation, sqrt(1 - ᾱ_t). Subtract the same.",
)
def variance_of_the_noise(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(t, schedule)
    return (x_t - spread**2 * eps) / signal


@EXERCISE.mistake(
    "You divided by ᾱ_t, without the square root.",
    "The jump multiplied the picture by sqrt(ᾱ_t). Divide by just that.",
)
def divided_without_root(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(t, schedule)
    return (x_t - spread * eps) / signal**2


@EXERCISE.mistake(
    "You multiplied by sqrt(ᾱ_t) instead of dividing.",
    "The jump has multiplied by it already. To undo that, divide.",
)
def multiplied(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(t, schedule)
    return (x_t - spread * eps) * signal


@EXERCISE.mistake(
    "You added the noise a second time.",
    "It is in x_t with a plus, so it goes out with a minus.",
)
def added(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(t, schedule)
    return (x_t + spread * eps) / signal


@EXERCISE.mistake(
    "You divided before you subtracted: x_t / sqrt(ᾱ_t) - sqrt(1 - ᾱ_t) ε.",
    "The noise has to be divided with the rest. Put the difference in brackets.",
)
def divided_first(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(t, schedule)
    return x_t / signal - spread * eps


@EXERCISE.mistake(
    "You undid one step, with α_t.",
    "x_t was made by a jump over t steps. What undoes it is their product, ᾱ_t.",
    "eq-alpha-bar",
)
def one_step_back(x_t: Tensor, eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    left = float(schedule.alpha[t])
    return (x_t - math.sqrt(1 - left) * eps) / math.sqrt(left)
