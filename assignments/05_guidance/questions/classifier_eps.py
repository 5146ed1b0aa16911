"""Exercise: classifier guidance, the guessed noise corrected by a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import beside, noise

EXERCISE = Exercise(
    name="classifier_eps",
    statement=r"""
Classifier guidance, as the slides write it: correct the guessed noise, so that sampling goes to where a
classifier sees the label $y$,

$$\hat{\boldsymbol\epsilon} = \boldsymbol\epsilon_\theta(\mathbf{x}_t, t)
    - \sqrt{1 - \bar\alpha_t}\; s\, \nabla_{\mathbf{x}_t} \log p_\phi(y \mid \mathbf{x}_t, t)$$

`eps` is what the network said, `gradient` is the classifier's gradient, both of shape (B, C, H, W); `t` is a
LongTensor (B,), one time for each picture; `s` is a number. Give back the corrected noise.
""",
    signature="classifier_eps(eps, gradient, t, schedule, s)",
    see="eq-classifier-eps",
    hints=(
        "Noise is what the sampler takes away. Which sign leads towards the label?",
        "ᾱ_t has shape (B,); beside a picture it needs shape (B, 1, 1, 1).",
        "What multiplies the gradient is the standard deviation of the noise in x_t, times s. "
        "With s = 0 the guess must stay as it is.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.classifier_guidance",
        "minidiff.shifted_mean",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Early times and late ones, with weights 0, 1, and one that is no whole number."""
    schedule = linear_schedule()

    def case(name: str, shape: tuple[int, ...], t: list[int], s: float) -> Case:
        eps, gradient = noise(generator, *shape), noise(generator, *shape)
        return Case(name, (eps, gradient, torch.tensor(t), schedule, s))

    return [
        case("one picture, t = 200, s = 1", (1, 1, 2, 2), [200], 1.0),
        case("one picture, t = 1, s = 3", (1, 1, 2, 2), [1], 3.0),
        case("s = 0", (2, 1, 3, 3), [100, 700], 0.0),
        case("three pictures, each with its t, s = 2.5", (3, 1, 4, 5), [2, 150, 1000], 2.5),
        case("four pictures of 4×4, s = 0.5", (4, 2, 4, 4), [20, 100, 250, 600], 0.5),
        case("two pictures, t = 1 and 3, s = 2", (2, 1, 3, 3), [1, 3], 2.0),
    ]


@EXERCISE.reference
def classifier_eps(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    """Away from the gradient."""
    alpha_bar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    eps_hat = eps - (1 - alpha_bar).sqrt() * s * gradient
    return eps_hat.to(eps.dtype)


@EXERCISE.correct
def in_place(eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float) -> Tensor:
    """Overwrites its arguments."""
    return eps.sub_(gradient.mul_(beside((1 - schedule.alpha_bar[t]).sqrt(), eps)), alpha=s)


@EXERCISE.correct
def one_by_one(noise: Tensor, g: Tensor, times: Tensor, table: NoiseSchedule, w: float) -> Tensor:
    """A loop over the pictures, with other names, in float64."""
    rows = []
    for e, d, t in zip(noise.double(), g.double(), times.tolist(), strict=True):
        rows.append(e - w * (1 - table.alpha_bar[t]) ** 0.5 * d)
    return torch.stack(rows)


@EXERCISE.correct
def through_the_score(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    """The classifier's gradient is added to the score, which becomes noise again."""
    spread = (1 - schedule.alpha_bar).sqrt()[t][:, None, None, None]
    score = -eps / spread + s * gradient
    return -spread * score


def _root(t: Tensor, schedule: NoiseSchedule, x: Tensor) -> Tensor:
    return beside((1 - schedule.alpha_bar[t]).sqrt(), x)


@EXERCISE.correct
def by_einsum(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    """Weights of shape (B,), and no reshape; in float64."""
    spread = s * (1 - schedule.alpha_bar[t]).sqrt()
    return eps - torch.einsum("b,bchw->bchw", spread, gradient.double())


@EXERCISE.correct
def turned_round(
    guess: Tensor, slope: Tensor, times: Tensor, table: NoiseSchedule, weight: float
) -> Tensor:
    """The batch as the last axis, where weights of shape (B,) fit."""
    spread = (1 - table.alpha_bar[times]) ** 0.5
    return guess + (slope.movedim(0, -1) * spread * -weight).movedim(-1, 0).to(guess.dtype)


@EXERCISE.mistake(
    "You added the gradient.",
    "Noise is taken away in sampling. To go towards the label, the guessed noise must point away from it: "
    "subtract.",
)
def plus(eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float) -> Tensor:
    return eps + _root(t, schedule, eps) * s * gradient


@EXERCISE.mistake(
    "You multiplied the gradient by 1 - ᾱ_t.",
    "That is a variance. Between score and noise stands a standard deviation: the root is missing.",
    "eq-reverse-score",
)
def no_root(eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float) -> Tensor:
    return eps - beside(1 - schedule.alpha_bar[t], eps) * s * gradient


@EXERCISE.mistake(
    "You left out sqrt(1 - ᾱ_t).",
    "The gradient adds to a score. A score times -sqrt(1 - ᾱ_t) is a noise, so the gradient needs that "
    "factor too.",
    "eq-reverse-score",
)
def no_factor(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - s * gradient


@EXERCISE.mistake(
    "You multiplied the gradient by sqrt(ᾱ_t), the weight of the picture.",
    "The correction goes to the noise, and its weight in x_t is sqrt(1 - ᾱ_t).",
)
def weight_of_picture(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - beside(schedule.alpha_bar[t].sqrt(), eps) * s * gradient


@EXERCISE.mistake(
    "You used α_t, of one step: sqrt(1 - α_t).",
    "x_t holds the noise of all steps up to t. Take the product of all the α, ᾱ_t.",
)
def alpha_of_one_step(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - beside((1 - schedule.alpha[t]).sqrt(), eps) * s * gradient


@EXERCISE.mistake(
    "You multiplied the gradient by the step's variance, as for the mean of a step.",
    "The paper's other form moves the mean by s Σ times the gradient. Here the noise is corrected, and the "
    "factor is sqrt(1 - ᾱ_t).",
    "eq-classifier-shift",
)
def variance_of_step(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - beside(schedule.beta[t], eps) * s * gradient


@EXERCISE.mistake(
    "You used 1 + s in place of s.",
    "That belongs to guidance without a classifier. Here s = 0 is no guidance, and s = 1 is Bayes' rule.",
)
def one_plus_s(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - _root(t, schedule, eps) * (1 + s) * gradient


@EXERCISE.mistake(
    "You took the first picture's ᾱ_t for the whole batch.",
    "t has shape (B,): each picture has its own time, and so its own factor.",
)
def first_t_for_all(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - _root(t[:1], schedule, eps) * s * gradient


@EXERCISE.mistake(
    "You multiplied factors of shape (B,) with a gradient of shape (B, C, H, W).",
    "From the right, the batch of the one meets the columns of the other. Reshape the factors to "
    "(B, 1, 1, 1).",
)
def not_broadcast(
    eps: Tensor, gradient: Tensor, t: Tensor, schedule: NoiseSchedule, s: float
) -> Tensor:
    return eps - (1 - schedule.alpha_bar[t]).sqrt() * s * gradient
