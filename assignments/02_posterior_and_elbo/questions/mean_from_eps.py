"""Exercise: the mean of the posterior, written with the noise in place of the clean picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import beside, noise

EXERCISE = Exercise(
    name="mean_from_eps",
    statement=r"""
The mean of $q(\mathbf{x}_{t-1} \mid \mathbf{x}_t, \mathbf{x}_0)$, with $\boldsymbol\epsilon$, the noise in
$\mathbf{x}_t$, in place of $\mathbf{x}_0$:

$$\tilde{\boldsymbol\mu}_t = \frac{1}{\sqrt{\alpha_t}} \left( \mathbf{x}_t
  - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\,\boldsymbol\epsilon \right)$$

With the network's guess of $\boldsymbol\epsilon$ this is the model's mean $\boldsymbol\mu_\theta$; the two
means are compared in $L_{t-1}$. `x_t` and `eps` have shape (B, C, H, W); `t` is a LongTensor (B,), one
time from 1 to T for each picture. Give back the mean in the dtype of `x_t`.
""",
    signature="mean_from_eps(x_t, t, schedule, eps)",
    see="eq-d-mean-eps",
    hints=(
        "Three tables of the schedule are needed: beta, alpha and alpha_bar, all at t.",
        "Each looked-up number has shape (B,); beside a picture it needs shape (B, 1, 1, 1).",
        "Go from the inside out: the factor of the noise, the difference from x_t, and at last the division "
        "of all of it by √α_t.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.q_posterior",
        "minidiff.posterior_weights",
        "minidiff.sample_step",
        "minidiff.sampling_steps",
        "minidiff.ddpm_sample",
        "minidiff.ddim_sample",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """One picture and several, on a long chain and on a short one with large steps in no order."""
    long = linear_schedule()
    short = NoiseSchedule(0.05 + 0.5 * torch.rand(8, generator=generator))

    def case(name: str, shape: tuple[int, ...], t: list[int], schedule: NoiseSchedule) -> Case:
        x_t, eps = noise(generator, *shape), noise(generator, *shape)
        return Case(name, (x_t, torch.tensor(t), schedule, eps))

    return [
        case("one picture, t = 1", (1, 1, 2, 2), [1], long),
        case("one picture, t = T", (1, 1, 2, 2), [1000], long),
        case("three pictures, each with its t", (3, 1, 4, 5), [700, 2, 40], long),
        case("8 large steps, five pictures", (5, 2, 3, 4), [4, 8, 1, 2, 6], short),
        case("8 large steps, four pictures of 4×4", (4, 2, 4, 4), [7, 3, 5, 1], short),
        case("two pictures, t = 2 and 3", (2, 1, 3, 3), [2, 3], long),
    ]


def _numbers(t: Tensor, schedule: NoiseSchedule, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """β_t, α_t and ᾱ_t, each ready to multiply x."""
    beta, alpha, alpha_bar = schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t]
    return beside(beta, x), beside(alpha, x), beside(alpha_bar, x)


@EXERCISE.reference
def mean_from_eps(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    """The formula, from the inside out."""
    beta = schedule.beta[t].reshape(-1, 1, 1, 1)
    alpha = schedule.alpha[t].reshape(-1, 1, 1, 1)
    alpha_bar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    mean = (x_t - beta / (1 - alpha_bar).sqrt() * eps) / alpha.sqrt()
    return mean.to(x_t.dtype)


@EXERCISE.correct
def by_the_clean_picture(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    """First the picture that the noise stands for, then the posterior's mean; in float64."""
    x_t, eps = x_t.double(), eps.double()
    beta, alpha, now = _numbers(t, schedule, x_t)
    before = beside(schedule.alpha_bar[t - 1], x_t)
    x_0 = (x_t - (1 - now).sqrt() * eps) / now.sqrt()
    return (alpha.sqrt() * (1 - before) * x_t + before.sqrt() * beta * x_0) / (1 - now)


@EXERCISE.correct
def one_by_one(noisy: Tensor, times: Tensor, s: NoiseSchedule, guess: Tensor) -> Tensor:
    """A loop over the pictures with plain numbers."""
    rows = []
    for x, t, e in zip(noisy, times.tolist(), guess, strict=True):
        beta, left = float(s.beta[t]), float(s.alpha_bar[t])
        rows.append((x - beta / math.sqrt(1 - left) * e) / math.sqrt(1 - beta))
    return torch.stack(rows)


@EXERCISE.correct
def in_place(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    """Tables for all t, cast to float32; overwrites its arguments."""
    of_eps = ((1 - schedule.alpha) / (1 - schedule.alpha_bar).sqrt()).float()
    outer = schedule.alpha.rsqrt().float()
    x_t -= eps.mul_(of_eps[t][:, None, None, None])
    return x_t.mul_(outer[t].view(-1, 1, 1, 1))


@EXERCISE.correct
def by_einsum(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    """Two weights of shape (B,), and no reshape; in float64."""
    a = schedule.alpha[t]
    of_eps = (1 - a) / ((1 - schedule.alpha_bar[t]) * a).sqrt()
    return torch.einsum("b,bchw->bchw", a.rsqrt(), x_t.double()) - torch.einsum(
        "b,bchw->bchw", of_eps, eps.double()
    )


@EXERCISE.correct
def turned_round(x: Tensor, times: Tensor, table: NoiseSchedule, guess: Tensor) -> Tensor:
    """The batch as the last axis, where weights of shape (B,) fit."""
    beta, left = table.beta[times], table.alpha_bar[times]
    x, guess = x.movedim(0, 3), guess.movedim(0, 3)
    return ((x - guess * beta / (1 - left) ** 0.5) * (1 - beta) ** -0.5).movedim(3, 0).float()


@EXERCISE.mistake(
    "You left out the factor 1 / √α_t.",
    "The forward step shrank the picture by √α_t. The way back has to undo that.",
)
def not_scaled_up(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, _, alpha_bar = _numbers(t, schedule, x_t)
    return x_t - beta / (1 - alpha_bar).sqrt() * eps


@EXERCISE.mistake(
    "You divided by α_t, without the root.",
    "A step shrinks the picture by √α_t and its variance by α_t. Pictures are divided by the root.",
)
def outer_root_missing(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, alpha_bar = _numbers(t, schedule, x_t)
    return (x_t - beta / (1 - alpha_bar).sqrt() * eps) / alpha


@EXERCISE.mistake(
    "You divided only x_t by √α_t.",
    "The factor stands before the bracket: it belongs to the noise term as well.",
)
def only_x_t_divided(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, alpha_bar = _numbers(t, schedule, x_t)
    return x_t / alpha.sqrt() - beta / (1 - alpha_bar).sqrt() * eps


@EXERCISE.mistake(
    "You divided β_t by 1 - ᾱ_t, without the root.",
    "The noise in x_t has the standard deviation √(1 - ᾱ_t), and that is what stands below β_t.",
)
def inner_root_missing(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, alpha_bar = _numbers(t, schedule, x_t)
    return (x_t - beta / (1 - alpha_bar) * eps) / alpha.sqrt()


@EXERCISE.mistake(
    "You took away all the noise: what you gave is the guess of the clean picture, x̂_0.",
    "The mean is only one step nearer to it. The factor of the noise is β_t / √(1 - ᾱ_t), and the bracket is "
    "divided by √α_t.",
    "eq-d-solve",
)
def the_clean_picture(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    _, _, alpha_bar = _numbers(t, schedule, x_t)
    return (x_t - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()


@EXERCISE.mistake(
    "You subtracted √β_t times the noise, which is also β_t / √(1 - α_t).",
    "ε is the noise of all t steps together, not that of the last one. Its factor is β_t / √(1 - ᾱ_t).",
)
def last_step_undone(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, _ = _numbers(t, schedule, x_t)
    return (x_t - beta.sqrt() * eps) / alpha.sqrt()


@EXERCISE.mistake(
    "You added the noise term.",
    "Going back means to take noise away: x_t minus its share of ε.",
)
def plus(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, alpha_bar = _numbers(t, schedule, x_t)
    return (x_t + beta / (1 - alpha_bar).sqrt() * eps) / alpha.sqrt()


@EXERCISE.mistake(
    "You looked up all numbers at t - 1.",
    "The step that is undone has the number t, and the tables are indexed by t itself. At t = 1 you divided "
    "0 by 0.",
)
def off_by_one(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, alpha_bar = _numbers(t - 1, schedule, x_t)
    return (x_t - beta / (1 - alpha_bar).sqrt() * eps) / alpha.sqrt()


@EXERCISE.mistake(
    "You multiplied numbers of shape (B,) with pictures of shape (B, C, H, W).",
    "Torch lines shapes up from the right: the times met the columns of the pictures. Reshape what you "
    "look up to (B, 1, 1, 1).",
)
def not_broadcast(x_t: Tensor, t: Tensor, schedule: NoiseSchedule, eps: Tensor) -> Tensor:
    beta, alpha, alpha_bar = schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t]
    return (x_t - beta / (1 - alpha_bar).sqrt() * eps) / alpha.sqrt()
