"""Exercise: from the noise to v, at the same x_t."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import beside, noise, pictures

EXERCISE = Exercise(
    name="v_from_eps",
    statement=r"""
A network said which noise $\boldsymbol\epsilon$ is in $\mathbf{x}_t$. Turn that into the velocity

$$\mathbf{v} = \sqrt{\bar\alpha_t}\,\boldsymbol\epsilon - \sqrt{1 - \bar\alpha_t}\,\mathbf{x}_0,
\qquad \mathbf{x}_t = \sqrt{\bar\alpha_t}\,\mathbf{x}_0 + \sqrt{1 - \bar\alpha_t}\,\boldsymbol\epsilon$$

$\mathbf{x}_0$ is not given; it follows from the second equation. `x_t` and `eps` have shape (B, C, H, W), `t`
is a LongTensor (B,), one time for each picture. Give back v.
""",
    signature="v_from_eps(x_t, eps, t, schedule)",
    see="eq-schedules-v",
    hints=(
        "You know x_t and ε. Find x_0 first, and put it into the first equation.",
        "It gets shorter with ᾱ_t + (1 - ᾱ_t) = 1: what is left of the two terms with ε?",
        "a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1); then v = (ε - sqrt(1 - a) x_t) / sqrt(a).",
    ),
    out_of_reach=(
        "minidiff.v_from_eps",
        "minidiff.v_from_x0",
        "minidiff.x0_from_eps",
        "minidiff.convert",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Real x_t, in double precision, each picture with its time."""
    schedule = linear_schedule()

    def case(name: str, t: list[int]) -> Case:
        shape = (len(t), 2, 4, 5)
        x_0, eps = pictures(generator, *shape).double(), noise(generator, *shape).double()
        a = beside(schedule.alpha_bar[torch.tensor(t)], x_0)
        return Case(name, (a.sqrt() * x_0 + (1 - a).sqrt() * eps, eps, torch.tensor(t), schedule))

    return [
        case("one picture, t = 400", [400]),
        case("three pictures, each with its t", [600, 250, 30]),
        case("t = 1", [1]),
        case("t = T", [1000]),
        case("two pictures, t = 2 and 3", [2, 3]),
    ]


def _weights(x: Tensor, t: Tensor, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """What multiplies the picture and the noise in x_t."""
    left = beside(schedule.alpha_bar[t], x)
    return left.sqrt(), (1 - left).sqrt()


@EXERCISE.reference
def v_from_eps(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """First the picture that goes with the noise, then v."""
    a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    x_0 = (x_t - (1 - a).sqrt() * eps) / a.sqrt()
    return a.sqrt() * eps - (1 - a).sqrt() * x_0


@EXERCISE.correct
def without_x0(x: Tensor, e: Tensor, times: Tensor, table: NoiseSchedule) -> Tensor:
    """The short form, with other names."""
    signal, spread = _weights(x, times, table)
    return (e - spread * x) / signal


@EXERCISE.correct
def as_an_angle(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """With the angle whose cosine is sqrt(ᾱ)."""
    angle = torch.acos(schedule.alpha_bar[t].sqrt())[:, None, None, None]
    return eps / angle.cos() - angle.tan() * x_t


@EXERCISE.correct
def one_by_one(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """A loop over the pictures."""
    rows = []
    for x, e, time in zip(x_t, eps, t.tolist(), strict=True):
        a = float(schedule.alpha_bar[time])
        rows.append((e - (1 - a) ** 0.5 * x) / a**0.5)
    return torch.stack(rows)


@EXERCISE.correct
def by_einsum(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Weights of shape (B,), and no reshape."""
    a = schedule.alpha_bar[t]
    x_0 = torch.einsum("bchw,b->bchw", x_t, a**-0.5) - torch.einsum(
        "bchw,b->bchw", eps, (1 / a - 1) ** 0.5
    )
    return torch.einsum("b,bchw->bchw", a.sqrt(), eps) - torch.einsum(
        "b,bchw->bchw", (1 - a).sqrt(), x_0
    )


@EXERCISE.correct
def turned_round(x: Tensor, noise: Tensor, times: Tensor, table: NoiseSchedule) -> Tensor:
    """The batch as the last axis, where weights of shape (B,) fit."""
    signal = table.alpha_bar.sqrt()[times]
    spread = (1 - table.alpha_bar).sqrt()[times]
    x, noise = x.permute(1, 2, 3, 0), noise.permute(1, 2, 3, 0)
    return (signal * noise - spread * (x - spread * noise) / signal).permute(3, 0, 1, 2)


@EXERCISE.mistake(
    "You put x_t in the place of x_0.",
    "v has the clean picture in it. Take the noise out of x_t and divide by sqrt(ᾱ_t); that is x_0.",
)
def noisy_for_clean(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return signal * eps - spread * x_t


@EXERCISE.mistake(
    "Your v has the wrong sign.",
    "The noise counts with a plus and the picture with a minus, as in Salimans and Ho's paper.",
)
def wrong_sign(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return (spread * x_t - eps) / signal


@EXERCISE.mistake(
    "You swapped the weights of the noise and the picture in v.",
    "They are the other way round than in x_t: here sqrt(ᾱ_t) goes with the noise.",
)
def weights_swapped(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return spread * eps - signal * (x_t - spread * eps) / signal


@EXERCISE.mistake(
    "You gave x_0 back.",
    "That is half of the way. Put it into v = sqrt(ᾱ_t) ε - sqrt(1 - ᾱ_t) x_0.",
)
def the_picture(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return (x_t - spread * eps) / signal


@EXERCISE.mistake(
    "You gave ε - x_0, without weights.",
    "That is the velocity of a straight line, as in flow matching, with its sign turned. On the curve of "
    "diffusion both terms have a weight.",
)
def straight(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return eps - (x_t - spread * eps) / signal


@EXERCISE.mistake(
    "You did not divide by sqrt(ᾱ_t) when you looked for x_0.",
    "x_t minus its noise is sqrt(ᾱ_t) x_0. Divide to get x_0 itself.",
)
def shrunk_picture(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    signal, spread = _weights(x_t, t, schedule)
    return signal * eps - spread * (x_t - spread * eps)


@EXERCISE.mistake(
    "You used ᾱ_t and 1 - ᾱ_t without their square roots.",
    "The weights in both equations are roots; it is their squares that sum to 1.",
)
def no_roots(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = beside(schedule.alpha_bar[t], x_t)
    return a * eps - (1 - a) * (x_t - (1 - a) * eps) / a


@EXERCISE.mistake(
    "You multiplied weights of shape (B,) with tensors of shape (B, C, H, W).",
    "Torch lines shapes up from the right, so a weight meets a column of the picture, or nothing at all. "
    "Give ᾱ_t the shape (B, 1, 1, 1).",
)
def not_broadcast(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t]
    return (eps - (1 - a).sqrt() * x_t) / a.sqrt()


@EXERCISE.mistake(
    "You used the time of the first picture for all of them.",
    "t holds one time for each picture; each needs its own ᾱ_t.",
)
def first_t_for_all(x_t: Tensor, eps: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    a = schedule.alpha_bar[t[0]]
    return (eps - (1 - a).sqrt() * x_t) / a.sqrt()
