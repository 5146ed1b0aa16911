"""Exercise: a network predicts v, and a sampler wants the noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, cosine_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import beside, noise

EXERCISE = Exercise(
    name="eps_from_v",
    statement=r"""
A network was trained to predict the velocity $\mathbf{v}$, but the sampler wants the noise
$\boldsymbol\epsilon$. Solve these two equations for $\boldsymbol\epsilon$:

$$\mathbf{x}_t = \sqrt{\bar\alpha_t}\,\mathbf{x}_0 + \sqrt{1 - \bar\alpha_t}\,\boldsymbol\epsilon,
\qquad \mathbf{v} = \sqrt{\bar\alpha_t}\,\boldsymbol\epsilon - \sqrt{1 - \bar\alpha_t}\,\mathbf{x}_0$$

`x_t` and `v` have shape (B, C, H, W), `t` is a LongTensor (B,), one time for each picture. Give back ε. It
takes no division, and so it works where ᾱ_t = 0 as well.
""",
    signature="eps_from_v(x_t, v, t, schedule)",
    see="eq-schedules-v",
    hints=(
        "Get rid of x_0: multiply each equation by a number, so that the terms with x_0 cancel in the sum.",
        "Multiply the first by sqrt(1 - ᾱ_t) and the second by sqrt(ᾱ_t), and add. What stands before ε?",
        "ε = sqrt(1 - ᾱ_t) x_t + sqrt(ᾱ_t) v, with ᾱ_t in the shape (B, 1, 1, 1).",
    ),
    out_of_reach=(
        "minidiff.eps_from_v",
        "minidiff.x0_from_v",
        "minidiff.eps_from_x0",
        "minidiff.convert",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Each picture with its time; and a schedule whose last picture is noise alone."""
    cosine = cosine_schedule(200)
    zero = NoiseSchedule([0.1, 0.3, 0.5, 1.0], zero_terminal_snr=True)

    def case(name: str, t: list[int], schedule: NoiseSchedule) -> Case:
        shape = (len(t), 2, 4, 5)
        drawn = noise(generator, *shape), noise(generator, *shape)
        return Case(name, (*drawn, torch.tensor(t), schedule))

    return [
        case("one picture, t = 60", [60], cosine),
        case("three pictures, each with its t", [150, 90, 20], cosine),
        case("t = 1", [1], cosine),
        case("ᾱ_T = 0, t = T", [4], zero),
        case("two pictures, t = 2 and 3", [2, 3], cosine),
    ]


def _weights(x: Tensor, t: Tensor, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """What multiplies the picture and the noise in x_t."""
    left = beside(schedule.alpha_bar[t], x)
    return left.sqrt(), (1 - left).sqrt()


@EXERCISE.reference
def eps_from_v(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The sum of the two equations in which x_0 cancels."""
    a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    eps: Tensor = (1 - a).sqrt() * x_t + a.sqrt() * v
    return eps


@EXERCISE.correct
def as_an_angle(x: Tensor, velocity: Tensor, times: Tensor, table: NoiseSchedule) -> Tensor:
    """A rotation, by the angle whose cosine is sqrt(ᾱ); in float64."""
    angle = torch.acos(table.alpha_bar[times].sqrt())[:, None, None, None]
    return angle.sin() * x.double() + angle.cos() * velocity.double()


@EXERCISE.correct
def by_way_of_x0(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """First the clean picture, then the noise that goes with it."""
    signal, spread = _weights(x_t.double(), t, schedule)
    x_0 = signal * x_t - spread * v
    return (x_t - signal * x_0) / spread


@EXERCISE.correct
def one_by_one(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """A loop over the pictures."""
    rows = []
    for x, u, time in zip(x_t, v, t.tolist(), strict=True):
        a = float(schedule.alpha_bar[time])
        rows.append(math.sqrt(1 - a) * x + math.sqrt(a) * u)
    return torch.stack(rows)


@EXERCISE.correct
def by_einsum(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Weights of shape (B,), and no reshape."""
    a = schedule.alpha_bar[t].to(x_t.dtype)
    return torch.einsum("b,bchw->bchw", (1 - a).sqrt(), x_t) + torch.einsum(
        "b,bchw->bchw", a.sqrt(), v
    )


@EXERCISE.correct
def turned_round(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The batch as the last axis, where weights of shape (B,) fit."""
    a = schedule.alpha_bar.float()[t]
    return (x_t.movedim(0, -1) * (1 - a) ** 0.5 + v.movedim(0, -1) * a**0.5).movedim(-1, 0)


@EXERCISE.mistake(
    "You swapped the weights: sqrt(ᾱ_t) x_t + sqrt(1 - ᾱ_t) v.",
    "At t = T, x_t is nearly all noise, so it should have the weight near 1 there: sqrt(1 - ᾱ_t).",
)
def weights_swapped(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return signal * x_t + spread * v


@EXERCISE.mistake(
    "You gave the clean picture, sqrt(ᾱ_t) x_t - sqrt(1 - ᾱ_t) v.",
    "That is the other unknown, x_0. The noise is asked for.",
)
def the_picture(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return signal * x_t - spread * v


@EXERCISE.mistake(
    "You subtracted the term with v.",
    "In v the noise has a plus, so its term is added. With a v of the other sign yours would be right.",
)
def minus_v(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return spread * x_t - signal * v


@EXERCISE.mistake(
    "You solved the second equation alone, with x_t in the place of x_0.",
    "The x_0 in it is the clean picture. Use the first equation to get rid of it.",
)
def noisy_for_clean(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return (v + spread * x_t) / signal


@EXERCISE.mistake(
    "You left out the square roots: (1 - ᾱ_t) x_t + ᾱ_t v.",
    "The equations are multiplied by sqrt(1 - ᾱ_t) and sqrt(ᾱ_t), so that the squares, which sum to 1, stand "
    "before ε.",
)
def no_roots(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    left = beside(schedule.alpha_bar[t], x_t)
    return (1 - left) * x_t + left * v


@EXERCISE.mistake(
    "You took α_t for ᾱ_t.",
    "How much picture is in x_t is told by the product of all α's up to t: schedule.alpha_bar[t].",
    "eq-alpha-bar",
)
def alpha_of_one_step(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    left = beside(schedule.alpha[t], x_t)
    return (1 - left).sqrt() * x_t + left.sqrt() * v


@EXERCISE.mistake(
    "You added x_t in full.",
    "Both terms have a weight; that of x_t is sqrt(1 - ᾱ_t).",
)
def all_of_x(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    return x_t + _weights(x_t, t, schedule)[0] * v


@EXERCISE.mistake(
    "You multiplied x_t and v by weights of shape (B,).",
    "Shapes are lined up from the right, so a weight meets a column, or nothing at all. Make its shape "
    "(B, 1, 1, 1).",
)
def not_broadcast(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    left = schedule.alpha_bar[t]
    return (1 - left).sqrt() * x_t + left.sqrt() * v


@EXERCISE.mistake(
    "You looked up ᾱ for the first picture only.",
    "t has an entry for each picture of the batch: schedule.alpha_bar[t] gives all of them at once.",
)
def first_t_for_all(x_t: Tensor, v: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    left = schedule.alpha_bar[t[0]].to(x_t.dtype)
    return (1 - left).sqrt() * x_t + left.sqrt() * v
