"""MLP: the smallest denoiser, for points in the plane."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.contracts import contract
from ..base.inputs import batch_of_labels, batch_of_times, check_input
from ..base.model import Denoiser, seeded_weights
from .embeddings import ConditionEmbedding


@contract(
    """channels and classes and depth: count, width: multiple of 2 (half sines, half cosines of t),
    time_scale: number in [0, inf]"""
)
class MLP(Denoiser):
    r"""Residual layers of the form :math:`h \leftarrow h + W\,\mathrm{SiLU}(\mathrm{LN}(h) + Vc)`.

    The condition c holds the time (and the label), as in :class:`~minidiff.nn.TinyUNet`. Call it as
    ``net(x, t)`` or ``net(x, t, y)`` with ``x`` of shape (B, channels); it returns the same shape.

    Args:
        channels: Coordinates of a point, 2 for the toy sets.
        classes: Number of labels, or ``None`` for a network without labels.
        width: Length of the hidden vectors, even.
        depth: Number of residual layers.
        time_scale: Multiplies t before the sinusoids; 1000 for times in [0, 1].
        seed: The initial weights are drawn from it; torch's global generator is left alone.
        generator: Where given, it draws that seed.

    Raises:
        ValueError: In a call, for points with another number of coordinates.
        TypeError: In a call, for integers in ``x`` or labels that are not int64.
        IndexError: In a call, for a label out of range.
    """

    def __init__(
        self,
        channels: int = 2,
        classes: int | None = None,
        *,
        width: int = 128,
        depth: int = 4,
        time_scale: float = 1.0,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.channels, self.classes = channels, classes
        with seeded_weights(seed, generator):
            self.condition = ConditionEmbedding(width, width, classes, time_scale)
            self.stem = nn.Linear(channels, width)
            self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
            self.conds = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
            self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
            self.head = nn.Linear(width, channels)
        self.to(torch.get_default_device())

    def forward(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """x: (B, D), t: () or (B,), y: () or (B,) → (B, D)."""
        check_input(x, "(B, D)", self.channels)
        t = batch_of_times(t, len(x), x.device)
        y = batch_of_labels(y, self.classes, len(x), x.device)
        c = F.silu(self.condition(t, y))  # (B, width)
        h = self.stem(x.to(self.dtype))  # (B, width)
        for norm, cond, layer in zip(self.norms, self.conds, self.layers, strict=True):
            h = h + layer(F.silu(norm(h) + cond(c)))
        out: Tensor = self.head(h)  # (B, D)
        return out.to(x.dtype)
