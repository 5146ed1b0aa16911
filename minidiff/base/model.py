"""What all our networks share: a config to rebuild them from, a device, seeded initial weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A module that remembers how it was made: ``type(net)(**net.config)`` has the same layers.

    Attributes:
        config: The arguments of the constructor that shape the network (not the seed: weights are
            restored from a state dict).
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.config = config

    @property
    def device(self) -> torch.device:
        """The device that the weights are on."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the weights."""
        return next(self.parameters()).dtype


class Denoiser(Network):
    """A network that is called ``net(x_t, t)`` or ``net(x_t, t, y)``.

    Attributes:
        channels: Channels of an image, or coordinates of a point.
        classes: Number of labels, or ``None`` for a network that takes none.
    """

    def __init__(self, config: dict[str, Any], channels: int, classes: int | None):
        super().__init__(config)
        self.channels = channels
        self.classes = classes

    @property
    def null_label(self) -> int | None:
        """The row after the last real label, ``classes``, which says "no label"."""
        return self.classes

    def __call__(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """Predict from ``x`` at time ``t`` (and label ``y``); see the class for shapes."""
        out: Tensor = super().__call__(x, t, y)
        return out


@contextmanager
def seeded_weights(seed: int, generator: torch.Generator | None = None) -> Iterator[None]:
    """Inside, layers draw their initial weights from ``seed``; torch's global state is put back.

    The weights are drawn on the CPU, so that a seed means the same network on every device.

    Args:
        seed: Any integer from 0 to 2⁶³ − 1.
        generator: Where given, it draws the seed instead.
    """
    if generator is not None:
        seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # not torch.manual_seed: that would reseed the generators of the GPUs as well
        torch.default_generator.manual_seed(seed)
        yield
