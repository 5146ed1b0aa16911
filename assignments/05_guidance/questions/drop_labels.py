"""Exercise: labels that get lost in training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.exercise import NotAsAskedError

EXERCISE = Exercise(
    name="drop_labels",
    statement=r"""
So that one network learns both predictions, with a label and without, each label is lost now and then in
training:

$$y \leftarrow \varnothing \quad \text{with probability } p$$

`y` holds the labels, a LongTensor (B,). `u`, of shape (B,), holds numbers drawn uniformly from $[0, 1)$:
the label $y_i$ is lost if $u_i < p$. `null` is the number of the label $\varnothing$, an int. Give back the
new labels, a LongTensor (B,), and leave `y` as it is.
""",
    signature="drop_labels(y, p, u, null)",
    see="eq-cfg-mix",
    hints=(
        "Each label has its own number u_i. Compare them all with p at once.",
        "A comparison gives True or False for each label. Which function chooses between two values by it?",
        "With p = 0 no label is lost, with p = 1 each is, for u is at least 0 and less than 1. Does your "
        "comparison do that?",
    ),
    practice=False,
    out_of_reach=("minidiff.drop_conditions",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """None lost, some, and all; ten classes and three."""

    def case(name: str, p: float, classes: int, u: list[float]) -> Case:
        y = torch.randint(1, classes, (len(u),), generator=generator)
        order = torch.randperm(len(u), generator=generator)
        return Case(name, (y, p, torch.tensor(u)[order], classes))

    return [
        case("p = 0.1, ten classes", 0.1, 10, [0.03, 0.09, 0.2, 0.45, 0.7, 0.95]),
        case("p = 0.5, ten classes", 0.5, 10, [0.05, 0.3, 0.49, 0.51, 0.6, 0.98, 0.8]),
        case("p = 0.25, three classes", 0.25, 3, [0.1, 0.2, 0.3, 0.4, 0.9]),
        case("p = 0: none is lost", 0.0, 10, [0.0, 0.01, 0.5, 0.99]),
        case("p = 1: all are lost", 1.0, 3, [0.0, 0.2, 0.99]),
    ]


@EXERCISE.observed
def labels_and_y(result: Any, args: tuple[Any, ...]) -> Any:
    """The new labels, and y afterwards."""
    if result is None:
        return None
    if not isinstance(result, Tensor):
        raise NotAsAskedError(f"a {type(result).__name__}, not a tensor")
    if result.is_floating_point():
        raise NotAsAskedError(f"{result.dtype}, not whole numbers, which labels are")
    return {"labels": result, "y afterwards": args[0]}


@EXERCISE.reference
def drop_labels(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    """Null where u < p."""
    return torch.where(u < p, null, y)


@EXERCISE.correct
def by_index(labels: Tensor, probability: float, numbers: Tensor, none: int) -> Tensor:
    """A copy, some of whose entries are overwritten; with other names."""
    new = labels.clone()
    new[numbers < probability] = none
    return new


@EXERCISE.correct
def by_mask(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    """By masked_fill."""
    return y.masked_fill(p > u, null)


@EXERCISE.correct
def by_arithmetic(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    """Multiplied with 0 and 1."""
    lost = (u < p).long()
    return (1 - lost) * y + lost * null


@EXERCISE.correct
def one_by_one(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    """A list."""
    pairs = zip(y.tolist(), u.tolist(), strict=True)
    return torch.tensor([null if number < p else label for label, number in pairs])


@EXERCISE.correct
def from_a_list(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    """A list of plain numbers."""
    return torch.tensor(
        [null if x < p else label for label, x in zip(y.tolist(), u.tolist(), strict=True)]
    )


@EXERCISE.correct
def kept_where_not_below(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    """All lost at first; the kept ones are put back."""
    new = torch.full_like(y, null)
    kept = ~(u < p)
    new[kept] = y[kept]
    return new


@EXERCISE.mistake(
    "You dropped the labels that should stay, and kept the others.",
    "u < p happens with probability p: there the label is lost. The library's p is 0.1, one label in ten.",
)
def kept_and_lost_swapped(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return torch.where(u < p, y, null)


@EXERCISE.mistake(
    "You dropped the labels with u > p.",
    "That happens with probability 1 - p: nearly all labels would be lost. Lost are those with u < p.",
)
def lost_above(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return torch.where(u > p, null, y)


@EXERCISE.mistake(
    "You compared with <=.",
    "u can be 0 but never 1. Only with < is no label lost at p = 0.",
)
def not_strict(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return torch.where(u <= p, null, y)


@EXERCISE.mistake(
    "You decided once for the whole batch, by the first number.",
    "Each label is lost or kept by its own u_i. So almost every batch holds examples of both kinds.",
)
def all_or_none(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return torch.where(u[0] < p, null, y)


@EXERCISE.mistake(
    "You put 0 in place of a lost label.",
    "0 is the first class, and the network would learn that anything may be a zero. The label for none is "
    "`null`.",
)
def zero_for_none(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return y * (u >= p)


@EXERCISE.mistake(
    "You wrote 10 for the lost labels, whatever `null` is.",
    "With three classes the label for none is 3. Take it from the argument.",
)
def always_ten(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return torch.where(u < p, 10, y)


@EXERCISE.mistake(
    "You took the examples out of the batch.",
    "Only the label is lost. The picture stays and is learned from without it, so there are B labels as "
    "before.",
)
def taken_out(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    return y[u >= p]


@EXERCISE.mistake(
    "You overwrote y.",
    "The batch may share its memory with the data set: there the label would be lost for ever, and after "
    "some epochs hardly one would be left. Make a new tensor.",
)
def overwritten(y: Tensor, p: float, u: Tensor, null: int) -> Tensor:
    y[u < p] = null
    return y
