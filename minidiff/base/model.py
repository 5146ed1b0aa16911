"""What a network is: how it is called, where it computes, how it is made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .rng import Generator, rand
from .validate import check_labels, shown

Net = Callable[..., Tensor]
"""A network, called as ``net(x_t, t)`` or ``net(x_t, t, y)``."""

EpsModel = Callable[[Tensor, Tensor], Any]
"""What a sampler wants, ``eps_model(x_t, t)`` with t a LongTensor (B,), giving a tensor like x_t."""


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


def model_device(model: object) -> torch.device | str:
    """Where a model computes: its ``.device``, else where its parameters are, else the CPU."""
    if (device := getattr(model, "device", None)) is not None:
        return device  # type: ignore[no-any-return]
    if isinstance(model, torch.nn.Module):
        for parameter in model.parameters():
            return parameter.device
    return "cpu"


def default_device() -> torch.device:
    """A GPU where there is one (CUDA, then Apple's), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pair(answer: Any) -> tuple[Tensor, Tensor]:
    """What a model says that also predicts its variance."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(
            f"with variance='learned', eps_model must return the pair (prediction, v); "
            f"got {type(answer).__name__}"
        )
    return answer


def drop_labels(
    net: Net, y: Tensor, probability: float, generator: Generator | None, batch: int
) -> Tensor:
    """Replace each label by the network's null label with the given probability.

    Raises:
        TypeError: If y is no LongTensor.
        ValueError: If the network has no classes, or y is not of shape (B,).
        IndexError: If a label is outside 0..classes.
    """
    bare: Any = getattr(net, "module", net)  # DistributedDataParallel keeps the network in .module
    null_label = getattr(bare, "null_label", None)
    if null_label is None:
        raise ValueError(
            "labels y were given, but the network has no classes (no null_label); "
            "build it with classes=..., or leave y out"
        )
    if not isinstance(y, Tensor):
        raise TypeError(f"y must be a LongTensor (B,), one label for each example, got {shown(y)}")
    check_labels(y, null_label, batch, look_inside=y.device.type == "cpu")
    dropped = rand((batch,), generator, y.device) < probability
    return torch.where(dropped, null_label, y)
