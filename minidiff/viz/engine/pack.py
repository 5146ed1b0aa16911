"""A network as a script that stands beside a page: its program, and its weights in 16 bits."""

from __future__ import annotations

import copy
import json
from typing import TypeVar

import torch
from torch import nn

from ... import weights
from ..widget import encode
from .program import Program
from .trace import trace

Module = TypeVar("Module", bound=nn.Module)


def halved(net: Module) -> Module:
    """A copy of a network whose weights are rounded to 16 bits, as those in a page are."""
    rounded = copy.deepcopy(net)
    with torch.no_grad():
        for weight in rounded.parameters():
            weight.copy_(weight.half())
    return rounded


def page_network(name: str) -> Program:
    """The program of a network that ships, in 16 bits, as a page asks it: one picture, its time, its label.

    Raises:
        ValueError: If no page can carry the network out.
    """
    net, schedule = weights.load(name)
    t = torch.zeros(1) if schedule is None else torch.ones(1, dtype=torch.int64)
    return trace(
        halved(net),
        torch.zeros(1, *weights.example_shape(name)),
        t,
        torch.zeros(1, dtype=torch.int64),
    )


def script_of(name: str, program: Program) -> str:
    """The script that brings a page a network: it calls ``minidiffNetwork(name, program, weights)``.

    A page over ``file://`` may read no other file but by a script element.

    Args:
        name: By which the page asks for it.
        program: What the network does.

    Raises:
        ValueError: If a weight is too large for 16 bits.
    """
    flat = torch.cat([weight.flatten() for weight in program.weights])
    if not flat.half().isfinite().all():
        largest = f"{flat.abs().max():g}"
        raise ValueError(f"{name} has weights that 16 bits cannot hold: the largest is {largest}")
    told = {
        "weights": [list(weight.shape) for weight in program.weights],
        "constants": [
            {"shape": list(constant.shape), "data": constant.flatten().tolist()}
            for constant in program.constants
        ],
        "operations": [
            [step.does, step.takes, step.how, step.shape] for step in program.operations
        ],
        "answer": program.answer,
    }
    words = json.dumps(told, separators=(",", ":"))
    numbers = encode(flat.half().numpy().astype("<f2", copy=False))
    return f'minidiffNetwork({json.dumps(name)},{words},"{numbers}");\n'
