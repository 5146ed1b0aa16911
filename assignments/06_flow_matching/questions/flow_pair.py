"""Exercise: a point on the straight path from noise to data, and the velocity to learn there."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import beside, pictures
from minidiff.check.inputs import noise as drawn

Pair = tuple[Tensor, Tensor]

EXERCISE = Exercise(
    name="flow_pair",
    statement=r"""
Flow matching on straight lines, with time 0 at the noise and 1 at the data:

$$\mathbf{x}_t = t\,\text{data} + (1 - t)\,\text{noise}, \qquad \mathbf{u} = \text{data} - \text{noise}$$

`noise` and `data` have shape (B, C, H, W), `t` has shape (B,), real numbers in [0, 1].
Give back the pair (x_t, u).
""",
    signature="flow_pair(noise, data, t)",
    see="eq-flow-path",
    hints=(
        "At t = 0 the point is the noise, at t = 1 the data. The velocity is how fast it moves.",
        "A straight line at constant speed: the velocity does not depend on t.",
        "t needs the shape (B, 1, 1, 1) beside pictures: t.reshape(-1, 1, 1, 1).",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.flow.on_path",
        # these hand x_t to the network that they are given
        "minidiff.flow.matching_loss",
        "minidiff.flow.pair_loss",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Both ends and between; where a batch is as large as a picture is wide, shapes fit by luck."""
    times = {
        "t = 0, 0.3 and 1": ((3, 1, 4, 5), [0.0, 0.3, 1.0]),
        "all at t = 0": ((3, 1, 4, 5), [0.0] * 3),
        "all at 0.8": ((3, 1, 4, 5), [0.8] * 3),
        "four pictures of 4×4": ((4, 2, 4, 4), [0.1, 0.4, 0.6, 0.9]),
    }
    return [
        Case(name, (drawn(generator, *shape), pictures(generator, *shape), torch.tensor(t)))
        for name, (shape, t) in times.items()
    ]


@EXERCISE.reference
def flow_pair(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """The line and its speed."""
    share = t.reshape(-1, 1, 1, 1)
    return share * data + (1 - share) * noise, data - noise


@EXERCISE.correct
def by_lerp(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """From the noise, the way so far."""
    velocity = data - noise
    return noise + beside(t, data) * velocity, velocity


@EXERCISE.correct
def in_float64(eps: Tensor, x: Tensor, time: Tensor) -> list[Tensor]:
    """A list instead of a pair, in double precision."""
    share = time[:, None, None, None].double()
    return [torch.lerp(eps.double(), x.double(), share.expand_as(x)), (x - eps).double()]


@EXERCISE.correct
def by_einsum(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    """From the noise, t times the whole way."""
    way = data - noise
    return noise + torch.einsum("b,bchw->bchw", t, way), way


@EXERCISE.correct
def one_by_one(start: Tensor, end: Tensor, times: Tensor) -> list[Tensor]:
    """A loop over the examples."""
    points = [t * b + (1 - t) * a for a, b, t in zip(start, end, times.tolist(), strict=True)]
    return [torch.stack(points), end - start]


@EXERCISE.mistake(
    "Your time runs the other way: noise at 1 and data at 0.",
    "Both ways are in use. Here, as in the paper, 0 is noise and 1 is data.",
)
def time_reversed(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    share = beside(t, data)
    return (1 - share) * data + share * noise, noise - data


@EXERCISE.mistake(
    "Your velocity points from the data to the noise.",
    "We move with growing t from noise to data: data - noise.",
)
def backwards(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    share = beside(t, data)
    return share * data + (1 - share) * noise, noise - data


@EXERCISE.mistake(
    "You swapped the two in x_t, though the velocity is right.",
    "At t = 1 the point must be the data: t multiplies the data.",
)
def point_reversed(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    share = beside(t, data)
    return (1 - share) * data + share * noise, data - noise


@EXERCISE.mistake(
    "Your velocity is data - x_t, the rest of the way.",
    "That is the velocity times the time that is left, 1 - t. The speed itself is constant: data - noise.",
)
def rest_of_the_way(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    share = beside(t, data)
    x_t = share * data + (1 - share) * noise
    return x_t, data - x_t


@EXERCISE.mistake(
    "You used the weights of diffusion, square roots that keep the variance.",
    "That is the variance-preserving path, a curve. The straight line has the weights t and 1 - t.",
)
def curved(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    share = beside(t, data)
    return share.sqrt() * data + (1 - share).sqrt() * noise, data - noise


@EXERCISE.mistake(
    "Your target is the noise.",
    "A diffusion network learns the noise. Here the network learns the velocity, data - noise.",
    "eq-flow-loss",
)
def noise_as_target(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    share = beside(t, data)
    return share * data + (1 - share) * noise, noise


@EXERCISE.mistake(
    "You multiplied t of shape (B,) with pictures of shape (B, C, H, W).",
    "Torch lines shapes up from the right, so times meet columns. Use t.reshape(-1, 1, 1, 1).",
)
def not_broadcast(noise: Tensor, data: Tensor, t: Tensor) -> Pair:
    return t * data + (1 - t) * noise, data - noise
