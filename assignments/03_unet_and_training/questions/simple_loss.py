"""Exercise: the loss that a network is trained with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minidiff.chain.forward import q_sample
from minidiff.chain.schedule import NoiseSchedule, linear_schedule
from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise, pictures
from minidiff.check.standin import StandIn

EpsModel = Callable[[Tensor, Tensor], Tensor]


class Guess(StandIn):
    """Stands in for a network with two weights: its answer depends on x and on t."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(2, generator=generator))

    def answer(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Shape (B, C, H, W), as x."""
        return self.weights[0] * x + torch.sin(t + self.weights[1])


EXERCISE = Exercise(
    name="simple_loss",
    statement=r"""
How well does the network guess the noise? Jump to $\mathbf{x}_t$, ask the network, compare:

$$L_\text{simple} = \mathbb{E} \bigl\| \boldsymbol\epsilon
    - \boldsymbol\epsilon_\theta(\mathbf{x}_t, t) \bigr\|^2, \qquad
\mathbf{x}_t = \sqrt{\bar\alpha_t}\,\mathbf{x}_0 + \sqrt{1 - \bar\alpha_t}\,\boldsymbol\epsilon$$

As usual in code, take the mean of the squares over all entries of the batch, so that the size of the
pictures does not matter.

`eps_model(x_t, t)` is the network; `x_0` and `noise` ($\boldsymbol\epsilon$) have shape (B, C, H, W), and `t`
is a LongTensor (B,). You may use `md.q_sample(x_0, t, schedule, noise=noise)`. Give back one number: a
tensor that the network can be trained with, so its gradient must not be lost.
""",
    signature="simple_loss(eps_model, x_0, t, noise, schedule)",
    see="eq-training-loss",
    hints=(
        "Three lines: the noisy pictures, the network's guess, the mean of the squares.",
        "The network sees x_t and t. It is held against the noise that is in x_t.",
        "Train in your thoughts: the optimizer needs a tensor with a gradient. Which calls make a plain "
        "number of it?",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.simple_loss",
        "minidiff.hybrid_loss",  # with vlb_weight = 0 it is the same
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Few times and many, small pictures and larger ones."""
    schedule = linear_schedule()

    def case(name: str, shape: tuple[int, ...], t: list[int]) -> Case:
        x_0, eps = pictures(generator, *shape), noise(generator, *shape)
        return Case(name, (Guess(generator), x_0, torch.tensor(t), eps, schedule))

    return [
        case("one picture, t = 300", (1, 1, 2, 3), [300]),
        case("three pictures, each with its t", (3, 2, 4, 5), [2, 150, 1000]),
        case("four pictures of 4×4", (4, 1, 4, 4), [20, 400, 600, 999]),
        case("two pictures, t = 1 and 3", (2, 1, 3, 3), [1, 3]),
    ]


@EXERCISE.observed
def with_gradient(result: Any, args: tuple[Any, ...]) -> Any:
    """The loss, and its gradient with respect to the network's weights; 0 where there is none."""
    weights = args[0].weights
    gradient = torch.zeros_like(weights)
    if isinstance(result, Tensor) and result.requires_grad and result.numel() == 1:
        try:
            (gradient,) = torch.autograd.grad(result.sum(), weights)
        except RuntimeError as error:
            raise RuntimeError(
                "the gradient was used up: leave backward() to the caller"
            ) from error
    return None if result is None else {"loss": result, "gradient": gradient}


@EXERCISE.reference
def simple_loss(
    eps_model: nn.Module, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    """Jump, ask, compare."""
    alpha_bar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * noise
    loss: Tensor = ((noise - eps_model(x_t.to(x_0.dtype), t)) ** 2).mean()
    return loss


@EXERCISE.correct
def with_the_library(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    """The jump and the mean square by functions that exist."""
    return F.mse_loss(eps_model(q_sample(x_0, t, schedule, noise=noise), t), noise)


@EXERCISE.correct
def in_float64(net: EpsModel, x: Tensor, times: Tensor, eps: Tensor, s: NoiseSchedule) -> Tensor:
    """Other names, the table's own precision."""
    a = s.alpha_bar[times][:, None, None, None]
    difference = net(a.sqrt() * x + torch.sqrt(1 - a) * eps, times) - eps
    return difference.square().sum() / difference.numel()


@EXERCISE.correct
def one_by_one(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    """A loop over the pictures, and the mean of their losses."""
    rows = []
    for i in range(len(x_0)):
        part = slice(i, i + 1)
        rows.append(with_the_library(eps_model, x_0[part], t[part], noise[part], schedule))
    return torch.stack(rows).mean()


@EXERCISE.correct
def by_pictures(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    """Picture by picture, the time as a number."""
    x_t = q_sample(x_0, t, schedule, noise=noise)
    rows = [eps_model(x_t[i : i + 1], n) for i, n in enumerate(t.tolist())]
    return F.mse_loss(torch.cat(rows), noise)


def _error(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return eps_model(q_sample(x_0, t, schedule, noise=noise), t) - noise


@EXERCISE.correct
def by_torch(
    eps_model: nn.Module, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    """The jump by einsum, the comparison by torch's own function."""
    a = schedule.alpha_bar[t].float()
    x_t = torch.einsum("b,bchw->bchw", a**0.5, x_0)
    x_t = x_t + torch.einsum("b,bchw->bchw", (1 - a) ** 0.5, noise)
    return F.mse_loss(eps_model(x_t, t), noise)


@EXERCISE.correct
def by_the_length(
    net: nn.Module, clean: Tensor, times: Tensor, eps: Tensor, table: NoiseSchedule
) -> Tensor:
    """The squared length of the error, divided by the number of entries."""
    a = table.alpha_bar[times][:, None, None, None]
    error = net(torch.sqrt(a) * clean + torch.sqrt(1 - a) * eps, times) - eps
    return torch.linalg.vector_norm(error) ** 2 / error.numel()


@EXERCISE.mistake(
    "You summed the squares over the whole batch.",
    "Then the loss, and with it the learning rate that fits, depends on the size of the batch. Take the "
    "mean.",
)
def summed(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return (_error(eps_model, x_0, t, noise, schedule) ** 2).sum()


@EXERCISE.mistake(
    "You summed the squares of each picture, and took the mean over the pictures only.",
    "That is ‖ε - ε_θ‖² to the letter. But then larger pictures have a larger loss; here the mean is taken "
    "over pixels and channels too.",
)
def summed_per_picture(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return (_error(eps_model, x_0, t, noise, schedule) ** 2).sum(dim=(1, 2, 3)).mean()


@EXERCISE.mistake(
    "You took the mean of the absolute differences.",
    "The equation has squares. With them the best guess is the mean of what the noise could be; absolute "
    "values ask for its median.",
)
def absolute(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return _error(eps_model, x_0, t, noise, schedule).abs().mean()


@EXERCISE.mistake(
    "You took the square root of the mean square.",
    "The loss is the squared distance, with no root over it.",
)
def root(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return (_error(eps_model, x_0, t, noise, schedule) ** 2).mean().sqrt()


@EXERCISE.mistake(
    "You showed the network the clean picture.",
    "There is no noise in x_0 to be guessed. The network sees x_t: jump there first.",
    "ex-training-break",
)
def sees_x_0(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return ((noise - eps_model(x_0, t)) ** 2).mean()


@EXERCISE.mistake(
    "You held the network's answer against x_0.",
    "This network guesses the noise, not the picture: compare with the noise that went into x_t.",
)
def against_x_0(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return ((x_0 - eps_model(q_sample(x_0, t, schedule, noise=noise), t)) ** 2).mean()


@EXERCISE.mistake(
    "You told the network the time t - 1.",
    "Other libraries count from 0; here t runs from 1 to T, and the network gets the t that "
    "x_t was made with.",
)
def one_less(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> Tensor:
    return ((noise - eps_model(q_sample(x_0, t, schedule, noise=noise), t - 1)) ** 2).mean()


@EXERCISE.mistake(
    "The number is right, but it has lost its gradient.",
    "No network can be trained with it. The gradient is lost by .item(), float(...), .detach(), "
    ".data, .numpy(), and under torch.no_grad().",
)
def no_gradient(
    eps_model: EpsModel, x_0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule
) -> float:
    return (_error(eps_model, x_0, t, noise, schedule) ** 2).mean().item()
