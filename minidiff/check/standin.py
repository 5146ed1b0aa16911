"""What stands in a question for a trained network: it takes every call that networks of the library take.

A student may leave the label out, name it, or give one for the whole batch, as the course shows; a question
must not refuse what works elsewhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..base.inputs import batch_of_times
from ..base.model import Denoiser
from .inputs import beside


class StandIn(Denoiser):
    """A network whose answer is a formula, :meth:`answer`, instead of layers.

    Labels that do not exist are left to the formula: what a network does with them is part of a question.

    Args:
        classes: Number of labels, or None for a network that takes none.

    Raises:
        TypeError: In a call, for a time or a label that is no number and no tensor of them.
        ValueError: In a call, for a time or a label of another shape than () or (B,), and for a label where
            the network takes none.
    """

    def __init__(self, classes: int | None = None) -> None:
        super().__init__()
        self.classes = classes
        # Whoever asks for the device or the type of the weights hears an answer.
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """x: (B, ...), t: () or (B,), y: () or (B,), None for no label → the shape of x."""
        t = batch_of_times(t, len(x), x.device)
        if self.classes is None and y is not None:
            raise ValueError("y was given, but this network takes no labels; leave y out")
        label = torch.as_tensor(self.classes or 0 if y is None else y, device=x.device)
        if label.dtype != torch.int64:
            raise TypeError(f"y must be an int or a LongTensor ({len(x)},), got {label.dtype}")
        if label.shape not in ((), (len(x),)):
            raise ValueError(
                f"y must be one label or have shape ({len(x)},), one for each example; "
                f"got {tuple(label.shape)}"
            )
        return self.answer(x, beside(t, x), beside(label.expand(len(x)), x))

    def answer(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """The formula.

        Args:
            x: What the network is shown, (B, ...).
            t: Its times, (B, 1, ...), in the type of x.
            y: Its labels in the same shape and type; ``classes`` where there is none, 0 if it takes none.

        Returns:
            The shape of x.
        """
        raise NotImplementedError("say what the network answers: def answer(self, x, t, y)")
