"""Exercise: the noises of all steps, merged into the one noise of the jump."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, cosine_schedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise as drawn

EXERCISE = Exercise(
    name="noise_of_the_jump",
    statement=r"""
The chain takes $t$ steps with the noises $\mathbf{z}_1, \dots, \mathbf{z}_t$:

$$\mathbf{x}_i = \sqrt{\alpha_i}\,\mathbf{x}_{i-1} + \sqrt{\beta_i}\,\mathbf{z}_i, \qquad i = 1, \dots, t$$

Which single $\boldsymbol\epsilon$ makes the jump
$\mathbf{x}_t = \sqrt{\bar\alpha_t}\,\mathbf{x}_0 + \sqrt{1 - \bar\alpha_t}\,\boldsymbol\epsilon$ give the
very same $\mathbf{x}_t$, for every $\mathbf{x}_0$? `zs` has shape (t, H, W), and `zs[0]` is $\mathbf{z}_1$.
Give back ε, in shape (H, W).
""",
    signature="noise_of_the_jump(zs, schedule)",
    see="ex-nice-merge",
    hints=(
        "Write x_t = sqrt(ᾱ_t) x_0 + n_t, where n_t is all the noise so far. It starts at n_0 = 0. What does "
        "one step make of it?",
        "Everything shrinks, the old noise too: n_i = sqrt(α_i) n_{i-1} + sqrt(β_i) z_i.",
        "At the end n_t = sqrt(1 - ᾱ_t) ε, with t = len(zs). Solve for ε.",
    ),
    out_of_reach=(
        "minidiff.q_step",
        "minidiff.q_sample",
        "minidiff.eps_from_x0",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """One step, two, and many; part of a chain, and all of it."""
    linear, cosine = linear_schedule(30, rescale=True), cosine_schedule(8)

    def case(name: str, t: int, schedule: NoiseSchedule) -> Case:
        return Case(name, (drawn(generator, t, 4, 5).double(), schedule))

    return [
        case("two steps", 2, linear),
        case("one step", 1, linear),
        case("12 steps of 30", 12, linear),
        case("all 7 steps but one", 7, cosine),
    ]


def _merged(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    """All the noise in x_t, not scaled."""
    merged = torch.zeros_like(zs[0])
    for i, z in enumerate(zs, start=1):
        merged = schedule.alpha[i].sqrt() * merged + schedule.beta[i].sqrt() * z
    return merged


def _spread(t: int, schedule: NoiseSchedule) -> float:
    return math.sqrt(1 - schedule.alpha_bar[t])


@EXERCISE.reference
def noise_of_the_jump(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Carry all the noise along; scale it at the end."""
    merged = torch.zeros_like(zs[0])
    for i, z in enumerate(zs, start=1):
        merged = schedule.alpha[i].sqrt() * merged + schedule.beta[i].sqrt() * z
    eps: Tensor = merged / (1 - schedule.alpha_bar[len(zs)]).sqrt()
    return eps


@EXERCISE.correct
def by_a_walk(noises: Tensor, table: NoiseSchedule) -> Tensor:
    """Walks from a picture that is 0 everywhere: all that is there at the end is noise."""
    x = 0 * noises[0]
    t = 0
    for z in noises:
        t += 1
        x = math.sqrt(table.alpha[t]) * x + math.sqrt(table.beta[t]) * z
    return x / math.sqrt(1 - table.alpha_bar[t])


@EXERCISE.correct
def by_weights(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Each noise by what the steps after it leave of it."""
    i = torch.arange(1, len(zs) + 1)
    left = schedule.alpha_bar[len(zs)] / schedule.alpha_bar[i]
    weights = (left * schedule.beta[i] / (1 - schedule.alpha_bar[len(zs)])).sqrt()
    return torch.einsum("i,ihw->hw", weights.to(zs.dtype), zs)


@EXERCISE.correct
def in_single_precision(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    """In float32."""
    return (_merged(zs.float(), schedule) / _spread(len(zs), schedule)).float()


@EXERCISE.correct
def scaled_at_each_step(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The jump's noise of each time from that of the time before."""
    eps = torch.zeros_like(zs[0])
    for i in range(1, len(zs) + 1):
        old = schedule.alpha[i] * (1 - schedule.alpha_bar[i - 1])
        eps = (old.sqrt() * eps + schedule.beta[i].sqrt() * zs[i - 1]) / (
            1 - schedule.alpha_bar[i]
        ).sqrt()
    return eps


@EXERCISE.correct
def as_a_sum_of_products(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    """What each noise goes through, written out."""
    t = len(zs)
    total = torch.zeros_like(zs[0])
    for i in range(t):
        shrunk = math.prod(schedule.alpha[i + 2 : t + 1].tolist())
        total += zs[i] * math.sqrt(float(schedule.beta[i + 1]) * shrunk)
    return total / math.sqrt(1 - schedule.alpha_bar[t])


@EXERCISE.mistake(
    "You gave all the noise in x_t, not ε.",
    "It has the variance 1 - ᾱ_t, and ε has 1: divide by sqrt(1 - ᾱ_t).",
    "eq-two-variances",
)
def not_scaled(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    return _merged(zs, schedule)


@EXERCISE.mistake(
    "You divided by 1 - ᾱ_t.",
    "The jump multiplies ε by the square root of that. Divide by the root.",
)
def divided_by_the_variance(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    return _merged(zs, schedule) / _spread(len(zs), schedule) ** 2


@EXERCISE.mistake(
    "You summed up the noises sqrt(β_i) z_i, and did not let the old ones shrink.",
    "Each step multiplies all of x by sqrt(α_i), the noise in it included.",
    "eq-two-steps",
)
def not_shrunk(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    added = (schedule.beta[1 : len(zs) + 1].sqrt()[:, None, None] * zs).sum(dim=0)
    return added / _spread(len(zs), schedule)


@EXERCISE.mistake(
    "You multiplied the noises by β_i, without the square root.",
    "β_i is a variance. What multiplies z_i is the standard deviation.",
    "eq-forward-draw",
)
def beta_without_root(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    merged = torch.zeros_like(zs[0])
    for i, z in enumerate(zs, start=1):
        merged = schedule.alpha[i].sqrt() * merged + schedule.beta[i] * z
    return merged / _spread(len(zs), schedule)


@EXERCISE.mistake(
    "You let the old noise shrink by α_i.",
    "The step multiplies by sqrt(α_i); only variances are multiplied by α_i.",
    "eq-forward-draw",
)
def alpha_without_root(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    merged = torch.zeros_like(zs[0])
    for i, z in enumerate(zs, start=1):
        merged = schedule.alpha[i] * merged + schedule.beta[i].sqrt() * z
    return merged / _spread(len(zs), schedule)


@EXERCISE.mistake(
    "You took the tables at 0, 1, ..., t - 1 for the steps.",
    "zs[0] is the noise of step 1, so its entries of the tables are those at 1: enumerate(zs, start=1).",
)
def off_by_one(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    merged = torch.zeros_like(zs[0])
    for i, z in enumerate(zs):
        merged = schedule.alpha[i].sqrt() * merged + schedule.beta[i].sqrt() * z
    return merged / _spread(len(zs), schedule)


@EXERCISE.mistake(
    "You went through the noises backwards.",
    "The first one, zs[0], is added first, and shrinks in all the steps after it.",
    "eq-two-steps",
)
def backwards(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    return _merged(zs.flip(0), schedule) / _spread(len(zs), schedule)


@EXERCISE.mistake(
    "You added up the z_i and divided by sqrt(t), as if all counted the same.",
    "That has the right variance, but is not this ε: a late step adds more, and an early noise has shrunk.",
)
def all_the_same(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    return zs.sum(dim=0) / math.sqrt(len(zs))


@EXERCISE.mistake(
    "You shrank the new noise together with the old one.",
    "The new noise is added after the shrinking: sqrt(α_i) n + sqrt(β_i) z_i, with no bracket round the sum.",
)
def new_one_shrunk(zs: Tensor, schedule: NoiseSchedule) -> Tensor:
    merged = torch.zeros_like(zs[0])
    for i, z in enumerate(zs, start=1):
        merged = schedule.alpha[i].sqrt() * (merged + schedule.beta[i].sqrt() * z)
    return merged / _spread(len(zs), schedule)
