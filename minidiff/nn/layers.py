"""Layers that torch has otherwise: one that begins as nothing, a thrifty SiLU, and a faster dropout."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def zero_init(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """Set weight and bias to 0: the branch that ends in this layer starts as "add nothing"."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def silu_of_new(x: Tensor) -> Tensor:
    """SiLU of what nobody else holds: where nothing is learned, in its place, which saves a copy.

    (Where something is, torch would make that copy for the gradient.)

    Args:
        x: Any shape, floats; its content may be lost.
    """
    return F.silu(x, inplace=not torch.is_grad_enabled())


class Dropout(nn.Dropout):
    r"""Set each entry to 0 with probability p while training, and divide the others by 1 − p.

    What ``nn.Dropout`` does, with p rounded to a multiple of :math:`2^{-16}`. On a CPU that draws a
    number for each entry, which takes a twelfth of a training step in bfloat16; here each random
    64-bit number decides about four entries.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape → the same shape."""
        keep = round((1 - self.p) * 2**16)  # of 2¹⁶ equally likely numbers
        slow = self.training and x.device.type == "cpu" and not torch.compiler.is_compiling()
        if not slow or keep in (0, 2**16):  # a compiler draws its own numbers, and quickly
            return super().forward(x)
        numbers = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        quarters = numbers.view(torch.int16)[: x.numel()].view(x.shape)  # -2¹⁵ to 2¹⁵ - 1
        return x * (quarters < keep - 2**15) * (2**16 / keep)
