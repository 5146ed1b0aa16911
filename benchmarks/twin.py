"""TinyUNet's twin in diffusers: the same layers, and the weights copied over."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from minidiff.nn import TinyUNet
from minidiff.weights.diffusers_unet import copy_weights, import_diffusers, their_config


class Twin(nn.Module):
    """A diffusers UNet2DModel with TinyUNet's layers, called the way ours is, at our t: ``net(x, t, y)``.

    Args:
        ours: The network to build it after.
    """

    def __init__(self, ours: TinyUNet) -> None:
        super().__init__()
        self.null_label = ours.null_label
        self.unet: Any = import_diffusers().UNet2DModel(**their_config(ours))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """x: (B, C, H, W), t: (B,), y: (B,) → (B, out_channels, H, W)."""
        if y is None and self.null_label is not None:
            y = torch.full((len(x),), self.null_label)
        out: Tensor = self.unet(x, t, class_labels=y, return_dict=False)[0]
        return out

    def copy_weights(self, ours: TinyUNet) -> None:
        """Make this network compute what ``ours`` computes."""
        copy_weights(ours, self.unet)
