"""Exercise: pair the noise and the data of a batch by optimal transport."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise as drawn

EXERCISE = Exercise(
    name="ot_pairs",
    statement=r"""
Order the noise of a batch so that each row stands beside its data, with the smallest sum of squared
distances over all ways to pair them:

$$\min_\pi \sum_i \bigl\| \text{noise}_{\pi(i)} - \text{data}_i \bigr\|^2$$

`noise` and `data` have shape (B, D). Give back the noise in its new order, shape (B, D). Each row is used
once. (`scipy.optimize.linear_sum_assignment(cost)` solves it.)
""",
    signature="ot_pairs(noise, data)",
    see="eq-flow-straightness",
    hints=(
        "Make the table of costs first: row i is data i, column j is noise j.",
        "torch.cdist(data, noise) ** 2 is that table.",
        "linear_sum_assignment gives two arrays. The second says for each row of the table which column "
        "belongs to it.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.flow.ot_coupling",
        "minidiff.flow.matching_loss",  # at t = 0 it hands the noise, paired, to the network
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """In one dimension, where sorting is the answer, and in more."""
    sizes = {
        "six pairs in the plane": (6, 2),
        "five pairs on a line": (5, 1),
        "four in 3-D": (4, 3),
    }
    return [
        Case(name, (drawn(generator, *size), drawn(generator, *size) + 1))
        for name, size in sizes.items()
    ]


def _order(cost: Tensor) -> Tensor:
    from scipy.optimize import linear_sum_assignment

    return torch.from_numpy(linear_sum_assignment(cost.numpy())[1])


@EXERCISE.reference
def ot_pairs(noise: Tensor, data: Tensor) -> Tensor:
    """The assignment with the smallest sum."""
    from scipy.optimize import linear_sum_assignment

    cost = torch.cdist(data, noise) ** 2
    _, order = linear_sum_assignment(cost.numpy())
    return noise[torch.from_numpy(order)]


@EXERCISE.correct
def by_products(noise: Tensor, data: Tensor) -> Tensor:
    """Squared lengths are the same in every order, so the largest sum of products will do."""
    return noise[_order(-data @ noise.T)]


@EXERCISE.correct
def by_trying_all(noise: Tensor, data: Tensor) -> Tensor:
    """Every permutation; fine for six."""
    orders = [list(order) for order in itertools.permutations(range(len(data)))]
    costs = [float((noise[order].double() - data.double()).square().sum()) for order in orders]
    return noise[orders[int(np.argmin(costs))]]


@EXERCISE.correct
def by_broadcasting(noise: Tensor, data: Tensor) -> Tensor:
    """The table of squared distances by broadcasting; rows are noises, so the order is inverted."""
    from scipy.optimize import linear_sum_assignment

    cost = (noise[:, None, :] - data[None, :, :]).square().sum(-1)
    rows, columns = linear_sum_assignment(cost.numpy())
    new = torch.empty_like(noise)
    new[torch.as_tensor(columns)] = noise[torch.as_tensor(rows)]
    return new


@EXERCISE.correct
def row_by_row(noise: Tensor, data: Tensor) -> Tensor:
    """The best of all orders, built up row by row with its sum."""
    B = len(data)
    best: dict[frozenset[int], tuple[float, list[int]]] = {frozenset(): (0.0, [])}
    for i in range(B):
        following: dict[frozenset[int], tuple[float, list[int]]] = {}
        for used, (total, order) in best.items():
            for j in set(range(B)) - used:
                new = total + float((noise[j] - data[i]).square().sum())
                if new < following.get(used | {j}, (math.inf, []))[0]:
                    following[used | {j}] = (new, [*order, j])
        best = following
    return noise[best[frozenset(range(B))][1]]


@EXERCISE.mistake(
    "You gave each data point its nearest noise; some noises are used twice, others never.",
    "A pairing uses each once. Otherwise the noise that the network sees is no longer normal.",
)
def nearest(noise: Tensor, data: Tensor) -> Tensor:
    return noise[torch.cdist(data, noise).argmin(dim=1)]


@EXERCISE.mistake(
    "You have the right pairs, but applied their order backwards.",
    "The noise must be indexed by which noise belongs to each data point. With the noise in the rows of the "
    "table you get which data point belongs to each noise: put the data in the rows.",
)
def inverse_order(noise: Tensor, data: Tensor) -> Tensor:
    return noise[_order(torch.cdist(noise, data) ** 2)]


@EXERCISE.mistake(
    "You left the noise in its own order.",
    "That is the random pairing; the lines of such pairs cross.",
)
def untouched(noise: Tensor, data: Tensor) -> Tensor:
    return noise.clone()


@EXERCISE.mistake(
    "You found the pairing with the largest sum.",
    "The cost is to be small; linear_sum_assignment minimises by itself.",
)
def furthest(noise: Tensor, data: Tensor) -> Tensor:
    return noise[_order(-(torch.cdist(data, noise) ** 2))]


@EXERCISE.mistake(
    "You sorted both by their first coordinate.",
    "On a line sorting is optimal; in more dimensions the other coordinates count too.",
)
def sorted_by_first(noise: Tensor, data: Tensor) -> Tensor:
    paired = torch.empty_like(noise)
    paired[data[:, 0].argsort()] = noise[noise[:, 0].argsort()]
    return paired


@EXERCISE.mistake(
    "You gave back the order, not the noise in that order.",
    "Index the noise with it: noise[order].",
)
def order_only(noise: Tensor, data: Tensor) -> Tensor:
    return _order(torch.cdist(data, noise) ** 2)
