"""Exercise: from nats of a picture to bits per dimension."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="bits_per_dim",
    statement=r"""
The unit in which the bounds of models are compared. From the nats $\ell$ of a whole picture to bits per
dimension:

$$b = \frac{\ell}{D \ln 2}$$

`nats` has shape (B,), one number for each picture of a batch. `shape` is the shape of that batch,
(B, C, H, W), as `x_0.shape` gives it; $D$ is the number of entries of *one* picture. Give back $b$, shape
(B,).
""",
    signature="bits_per_dim(nats, shape)",
    see="eq-loss-terms",
    hints=(
        "Two divisions: one changes the unit, the other shares the cost among the entries of a picture.",
        "A bit is ln 2 ≈ 0.693 nats, so there are more bits than nats. math.log is the natural logarithm.",
        "shape[1:] leaves the batch out. math.prod multiplies what is left.",
    ),
    practice=False,
    out_of_reach=("minidiff.Elbo.bits_per_dim",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Grey and colour, several pictures and one."""

    def case(name: str, *shape: int) -> Case:
        nats = 100 + 900 * torch.rand(shape[0], generator=generator)
        return Case(name, (nats, torch.Size(shape)))

    return [
        case("three grey pictures", 3, 1, 16, 12),
        case("five pictures in colour", 5, 3, 8, 4),
        case("one picture in colour", 1, 3, 6, 10),
    ]


@EXERCISE.reference
def bits_per_dim(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Nats to bits, a picture to an entry."""
    D = math.prod(shape[1:])
    return nats / (D * math.log(2))


@EXERCISE.correct
def by_log2_of_e(cost: Tensor, shape: torch.Size) -> Tensor:
    """Times the bits of a nat, in float64."""
    return cost.double() * math.log2(math.e) / shape[1:].numel()


@EXERCISE.correct
def in_place(nats: Tensor, shape: torch.Size) -> Tensor:
    """Overwrites its argument; D by way of the whole batch."""
    B, C, H, W = shape
    return nats.div_(torch.tensor(2.0).log()).mul_(B / (B * C * H * W))


@EXERCISE.correct
def one_by_one(nats: Tensor, shape: torch.Size) -> Tensor:
    """A loop with plain numbers."""
    D = 1
    for n in list(shape)[1:]:
        D *= n
    return torch.tensor([x / D / math.log(2) for x in nats.tolist()])


def _entries(shape: tuple[int, ...]) -> int:
    return math.prod(shape[1:])


@EXERCISE.correct
def divided_twice(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Divided twice, and the entries counted in a loop."""
    entries = 1
    for length in list(shape)[1:]:
        entries *= length
    return nats.double() / entries / torch.log(torch.tensor(2.0, dtype=torch.float64))


@EXERCISE.correct
def from_the_whole_batch(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The entries of all pictures, divided by how many there are."""
    return nats * shape[0] / (torch.empty(shape).numel() * math.log(2))


@EXERCISE.mistake(
    "You multiplied by ln 2.",
    "That goes from bits to nats. One nat is 1.44 bits, so divide by ln 2.",
)
def multiplied(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats / _entries(shape) * math.log(2)


@EXERCISE.mistake(
    "You forgot ln 2: these are nats per dimension.",
    "A nat is measured with the natural logarithm, a bit with the one to base 2. Divide by ln 2 as well.",
)
def still_nats(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats / _entries(shape)


@EXERCISE.mistake(
    "You forgot D: these are the bits of a whole picture.",
    "Per dimension means for each entry of the picture, each pixel of each channel: divide by C·H·W as well.",
)
def whole_picture(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats / math.log(2)


@EXERCISE.mistake(
    "You divided by the number of entries of the whole batch.",
    "Each entry of nats belongs to one picture, however many there are in the batch: D = C·H·W, without B.",
)
def batch_counted(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats / (math.prod(shape) * math.log(2))


@EXERCISE.mistake(
    "You took D = H·W and left out the channels.",
    "Red, green and blue are three numbers to be sent, not one: D = C·H·W.",
)
def no_channels(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats / (math.prod(shape[2:]) * math.log(2))


@EXERCISE.mistake(
    "You took the logarithm of the nats to base 2.",
    "The nats are logarithms already. Only their unit changes: divide them by ln 2.",
)
def logarithm_again(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats.log2() / _entries(shape)


@EXERCISE.mistake(
    "You averaged over the batch.",
    "One number for each picture is asked for, shape (B,): an error bar needs them all.",
)
def batch_mean(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    return nats.mean() / (_entries(shape) * math.log(2))
