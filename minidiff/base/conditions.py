"""Conditions of a network, by name: a label, a text, an image, … and what stands for none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .contracts import contract
from .model import bare
from .rng import Generator, rand
from .shapes import beside
from .validate import check_labels, shown


def given(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Those conditions that are there; None means none."""
    return {name: value for name, value in conditions.items() if value is not None}


def check_conditions(net: Any, conditions: Mapping[str, Any], batch: int) -> None:
    """Refuse conditions that the network does not take, or that have another batch.

    Raises:
        TypeError: If a condition is no tensor.
        ValueError: If the network does not take it, or its first axis is not the batch.
        IndexError: If a label is outside 0..classes.
    """
    takes = getattr(bare(net), "takes", None)
    for name, value in conditions.items():
        if name == "y":
            null_label = getattr(bare(net), "null_label", None)
            if null_label is None:
                raise ValueError(
                    "labels y were given, but the network has no classes (no null_label); "
                    "build it with classes=..., or leave y out"
                )
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"y must be a LongTensor (B,), one label for each example, got {shown(value)}"
                )
            check_labels(value, null_label, batch, look_inside=value.device.type == "cpu")
            continue
        if takes is not None and name not in takes:
            raise ValueError(
                f"{name} was given, but the network takes {', '.join(takes) or 'no conditions'}"
            )
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor (B, ...), got {shown(value)}")
        if value.dim() == 0 or len(value) != batch:
            raise ValueError(
                f"{name} must have {batch} rows, one for each example; got shape {tuple(value.shape)}"
            )


def nones(net: Any, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """For each condition what tells the network that there is none, same shape.

    Raises:
        ValueError: If the network does not say what stands for none of it.
    """
    network = bare(net)
    say = getattr(network, "none_of", None)
    found = {}
    for name, value in conditions.items():
        if say is not None:
            found[name] = say(name, value)
        elif name == "y" and getattr(network, "null_label", None) is not None:
            found[name] = torch.full_like(value, network.null_label)
        else:
            raise ValueError(
                f"the network does not say what stands for none of {name}: give it a method "
                f"none_of(name, value), or derive it from minidiff.nn.Denoiser"
            )
    return found


def taken_by_the_network(net: Any, conditions: Mapping[str, Any], batch: int) -> None:
    """ValueError: If the network takes no such condition, or one has another batch."""
    check_conditions(net, given(conditions), batch)


@contract("probability: number in [0, 1], batch: count", taken_by_the_network)
def drop_conditions(
    net: Any,
    conditions: Mapping[str, Any],
    probability: float,
    generator: Generator | None,
    batch: int,
) -> dict[str, Tensor]:
    """Conditions for a training step: with the given probability an example has none of them.

    One coin an example decides for all of its conditions together, so that the network also meets the
    case "nothing is known", which guidance compares with.

    Args:
        net: The network, which says what stands for none of each (``net.none_of``, ``net.null_label``).
        conditions: By name, tensors (B, ...), such as ``{"y": labels}``; None counts as not there.
        probability: In [0, 1].
        generator: Where to draw from.
        batch: B.

    Returns:
        Those that are there, same shapes.

    Raises:
        TypeError: If a condition is no tensor.
        IndexError: If a label is outside 0..classes.

    Source:
        Ho and Salimans 2022, algorithm 1.
    """
    there = given(conditions)
    if not there:
        return {}
    device = next(iter(there.values())).device
    coin = rand((batch,), generator, device) < probability
    none = nones(net, there)
    return {n: torch.where(beside(coin, x), none[n], x) for n, x in there.items()}


def for_batch(conditions: Mapping[str, Any], x: Tensor) -> dict[str, Tensor]:
    """Conditions for each example of x, where x is: one label for all is told to each of them.

    Raises:
        ValueError: If a condition has another batch than x.
    """
    found = {}
    for name, value in given(conditions).items():
        if not isinstance(value, Tensor):
            found[name] = torch.full((len(x),), value, device=x.device)
        elif len(value) != len(x):
            what = "labels" if name == "y" else "rows"
            raise ValueError(f"{name} has {len(value)} {what}, but the batch has {len(x)} examples")
        else:
            found[name] = value.to(x.device)
    return found


def ask(net: Any, x: Tensor, t: Tensor | float, conditions: Mapping[str, Tensor]) -> Any:
    """What a network says of x at t under conditions: the label in its place, the others by name."""
    others = dict(conditions)
    y = others.pop("y", None)
    return net(x, t, **others) if y is None else net(x, t, y, **others)
