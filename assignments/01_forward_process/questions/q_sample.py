"""Exercise: the Nice property, from a clean picture to x_t in one jump."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import beside, noise, pictures

EXERCISE = Exercise(
    name="q_sample",
    statement=r"""
Draw $\mathbf{x}_t$ from $q(\mathbf{x}_t \mid \mathbf{x}_0)$ in one jump:

$$\mathbf{x}_t = \sqrt{\bar\alpha_t}\,\mathbf{x}_0 + \sqrt{1 - \bar\alpha_t}\,\boldsymbol\epsilon$$

`x_0` and `noise` have shape (B, C, H, W); `t` is a LongTensor (B,), one time for each picture;
`schedule.alpha_bar[t]` is float64. Give back x_t in the dtype of `x_0`.
""",
    signature="q_sample(x_0, t, schedule, noise)",
    see="eq-nice",
    hints=(
        "Look up ᾱ_t for each picture. What multiplies the picture, what the noise?",
        "ᾱ_t has shape (B,); beside a picture it needs shape (B, 1, 1, 1).",
        "Start with a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1); the equation is then one line.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.q_sample",
        # these hand x_t to the network that they are given
        "minidiff.simple_loss",
        "minidiff.hybrid_loss",
        "minidiff.vlb_loss",
        "minidiff.noisy_classifier_loss",
        "minidiff.elbo",
        "minidiff.chain.schedule.signal_and_noise",  # both factors, in the shape that is asked for
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Pictures of several shapes; the batch differs from height and width, so nothing broadcasts by luck."""
    schedule = linear_schedule()

    def case(name: str, shape: tuple[int, ...], t: list[int]) -> Case:
        x_0, eps = pictures(generator, *shape), noise(generator, *shape)
        return Case(name, (x_0, torch.tensor(t), schedule, eps))

    return [
        case("one picture, t = 500", (1, 1, 2, 2), [500]),
        case("one picture, t = 1", (1, 1, 2, 2), [1]),
        case("one picture, t = T", (1, 1, 2, 2), [1000]),
        case("three pictures, each with its t", (3, 1, 4, 5), [1, 300, 1000]),
        case("four pictures of 4×4", (4, 2, 4, 4), [20, 400, 600, 999]),
        case("two pictures, t = 2 and 3", (2, 1, 3, 3), [2, 3]),
    ]


@EXERCISE.reference
def q_sample(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """The jump."""
    alpha_bar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * noise
    return x_t.to(x_0.dtype)


@EXERCISE.correct
def in_place(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Overwrites its arguments."""
    alpha_bar = beside(schedule.alpha_bar[t], x_0)
    return x_0.mul_(alpha_bar.sqrt()).add_(noise.mul_((1 - alpha_bar).sqrt()))


@EXERCISE.correct
def one_by_one(pictures: Tensor, times: Tensor, s: NoiseSchedule, eps: Tensor) -> Tensor:
    """A loop over the pictures, with other names, in float64."""
    rows = []
    for x, t, e in zip(pictures.double(), times.tolist(), eps.double(), strict=True):
        rows.append(s.alpha_bar[t] ** 0.5 * x + (1 - s.alpha_bar[t]) ** 0.5 * e)
    return torch.stack(rows)


@EXERCISE.correct
def by_einops_shapes(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Broadcast with None, table moved to float32 first."""
    table = schedule.alpha_bar.float()
    a = table[t][:, None, None, None]
    return torch.sqrt(a) * x_0 + torch.sqrt(1 - a) * noise


@EXERCISE.correct
def by_einsum(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Weights of shape (B,), and no reshape."""
    a = schedule.alpha_bar.gather(0, t).to(x_0.dtype)
    signal = torch.einsum("b,bchw->bchw", a.sqrt(), x_0)
    return signal + torch.einsum("b,bchw->bchw", (1 - a).sqrt(), noise)


@EXERCISE.correct
def turned_round(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """The batch as the last axis, where weights of shape (B,) fit."""
    a = schedule.alpha_bar[t]
    mixed = x_0.movedim(0, -1) * a**0.5 + noise.movedim(0, -1) * (1 - a) ** 0.5
    return mixed.movedim(-1, 0).float()


@EXERCISE.correct
def as_an_angle(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """The two weights are a cosine and a sine."""
    angle = torch.acos(schedule.alpha_bar[t].sqrt()).view(len(t), *[1] * (x_0.dim() - 1))
    return torch.cos(angle) * x_0 + torch.sin(angle) * noise


@EXERCISE.mistake(
    "You scaled the noise by 1 - ᾱ_t.",
    "That is the variance of the noise. What multiplies the noise is its standard deviation: the square "
    "root belongs there.",
)
def noise_by_its_variance(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha_bar[t], x_0)
    return a.sqrt() * x_0 + (1 - a) * noise


@EXERCISE.mistake(
    "You scaled the picture by ᾱ_t.",
    "The picture shrinks by a factor sqrt(α) in every step, so after t steps by the square root of ᾱ_t.",
)
def picture_without_root(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha_bar[t], x_0)
    return a * x_0 + (1 - a).sqrt() * noise


@EXERCISE.mistake(
    "You used ᾱ_t and 1 - ᾱ_t without their square roots.",
    "They are the shares of the variance. Pictures and noise are multiplied by standard deviations, "
    "the square roots of both.",
)
def no_roots(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha_bar[t], x_0)
    return a * x_0 + (1 - a) * noise


@EXERCISE.mistake(
    "You used α_t, which belongs to one step from t-1 to t.",
    "For the jump from 0 to t take the product of all of them, ᾱ_t: schedule.alpha_bar[t].",
)
def alpha_of_one_step(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha[t], x_0)
    return a.sqrt() * x_0 + (1 - a).sqrt() * noise


@EXERCISE.mistake(
    "You swapped the two weights: the picture got sqrt(1 - ᾱ_t), the noise sqrt(ᾱ_t).",
    "At small t almost all should be picture: ᾱ_t is near 1 there, and its root multiplies x_0.",
)
def weights_swapped(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha_bar[t], x_0)
    return (1 - a).sqrt() * x_0 + a.sqrt() * noise


@EXERCISE.mistake(
    "You looked up ᾱ at t - 1.",
    "Here t runs from 1 to T and the tables are indexed by t itself: schedule.alpha_bar[t], no shift.",
    "eq-nice",
)
def off_by_one(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha_bar[t - 1], x_0)
    return a.sqrt() * x_0 + (1 - a).sqrt() * noise


@EXERCISE.mistake(
    "You multiplied ᾱ_t of shape (B,) with pictures of shape (B, C, H, W).",
    "Torch lines shapes up from the right, so the times met the columns of the pictures. Give ᾱ_t the "
    "shape (B, 1, 1, 1) first: .reshape(-1, 1, 1, 1).",
)
def not_broadcast(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = schedule.alpha_bar[t].to(x_0.dtype)
    return a.sqrt() * x_0 + (1 - a).sqrt() * noise


@EXERCISE.mistake(
    "You used the first picture's t for all pictures.",
    "Each picture of the batch has a time of its own: t has shape (B,).",
)
def first_t_for_all(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = schedule.alpha_bar[t[0]].to(x_0.dtype)
    return a.sqrt() * x_0 + (1 - a).sqrt() * noise


@EXERCISE.mistake(
    "You subtracted the noise.",
    "The sum has a plus. With random noise the distribution is the same, but the noise that the network "
    "is asked for would have the wrong sign.",
)
def minus_noise(x_0: Tensor, t: Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    a = beside(schedule.alpha_bar[t], x_0)
    return a.sqrt() * x_0 - (1 - a).sqrt() * noise
