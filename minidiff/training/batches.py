"""The data of a training: checked once, kept near, drawn from in each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..base.rng import Generator, randint
from ..base.validate import check_floats, check_labels

KEEP_ON_DEVICE = 2**31  # bytes of data that are moved to the GPU once; more goes batch by batch


class TrainData:
    """Examples :math:`x_0` with or without labels y, from which batches are drawn.

    Args:
        data: A tensor (N, ...) of floats, or a pair of it and labels, int64 (N,).
        net: The network that will learn from them.

    Attributes:
        x_0: All examples.
        y: Their labels, or None.

    Raises:
        TypeError: If the data are neither, or hold no floats.
        ValueError: If they are empty or not finite, or labels and examples, or labels and network,
            do not go together.
        IndexError: If a label is out of range.
    """

    def __init__(self, data: Any, net: nn.Module) -> None:
        self.y: Tensor | None = None
        if isinstance(data, Tensor):
            self.x_0 = check_floats("data", data)
            return
        if not isinstance(data, Sequence) or len(data) != 2:
            raise TypeError(
                f"data must be a tensor x_0 or a pair (x_0, y), got {type(data).__name__}; several "
                "tensors of images are joined by torch.cat"
            )
        self.x_0 = check_floats("data[0] (x_0)", data[0])
        self.y = self._check_y(data[1], net)

    def _check_y(self, y: Any, net: nn.Module) -> Tensor:
        classes = getattr(net, "classes", None)
        if classes is None:
            raise ValueError(
                "data has labels, but the network has no classes: build it with classes=..., or "
                "give data=x_0 alone"
            )
        if not isinstance(y, Tensor):
            raise TypeError(f"data[1] (y) must be a LongTensor (N,), got {type(y).__name__}")
        check_labels(y, classes, len(self.x_0), name="data[1] (y)")
        return y

    def move(self, device: torch.device) -> None:
        """Move the data to the device once, where they take little of its memory."""
        if self.x_0.numel() * self.x_0.element_size() <= KEEP_ON_DEVICE:
            self.x_0 = self.x_0.to(device)

    def draw(
        self, batch: int, generator: Generator, device: torch.device
    ) -> tuple[Tensor, Tensor | None]:
        r"""Draw :math:`x_0 \sim q(x_0)`: examples independently and with equal probability.

        Returns:
            ``x_0`` of shape (batch, ...) and y of shape (batch,) or None, on ``device``.
        """
        row = randint(0, len(self.x_0) - 1, (batch,), generator)
        return _rows(self.x_0, row, device), None if self.y is None else _rows(self.y, row, device)


def _rows(x: Tensor, row: Tensor, device: torch.device) -> Tensor:
    return x[row.to(x.device, non_blocking=True)].to(device, non_blocking=True)
