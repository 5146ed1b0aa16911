"""Networks that are asked as those that ship, but have learned nothing, and draw small pictures in no time.

How a figure asks, waits, shows and asks anew does not depend on what its network has learned.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import minidiff as md
from minidiff.viz import live_figure
from minidiff.viz.engine import page_network

SIZES = {"digits16": 8, "digits16_flow": 8, "digits28": 12}


class Small(nn.Module):
    """Says x_t and something more, so that few pixels are cut off; all depends on t and on the label."""

    def __init__(self, like: Any, seed: int):
        super().__init__()
        scale = 1000.0 if like.predicts == "velocity" else 1.0
        self.net = md.nn.TinyUNet(1, 10, width=4, multipliers=(1, 2), time_scale=scale)
        self.null_label, self.predicts = self.net.null_label, like.predicts
        generator = md.seeded(seed)
        with torch.no_grad():  # some of its weights are noughts as it begins
            for weight in self.net.parameters():
                if weight.ndim > 1:
                    weight.normal_(std=1.5 / weight[0].numel() ** 0.5, generator=generator)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        more: Tensor = self.net(x, t, y)
        return x + 0.6 * more


shipped = md.weights.load


@cache
def small(name: str) -> tuple[Small, Any]:
    """What stands for a network that ships, with the schedule of that."""
    net, schedule = shipped(name)
    return Small(net, [*SIZES].index(name)).eval(), schedule


program = cache(page_network)  # of the small ones; to follow a network takes a second


@contextmanager
def small_networks() -> Iterator[None]:
    """They stand for those that ship: in figures that are made meanwhile, and in scripts for pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(md.weights, "load", small)
        patch.setattr(md.weights, "example_shape", lambda name: (1, SIZES[name], SIZES[name]))
        patch.setattr(live_figure, "page_network", program)
        yield
