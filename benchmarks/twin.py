"""TinyUNet's twin in diffusers: the same layers, and the weights copied over."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from minidiff.data._torchvision import import_torchvision
from minidiff.nn import TinyUNet
from minidiff.nn.attention import SelfAttention
from minidiff.nn.blocks import ResBlock, Stage


def unet_class() -> Any:
    """Import diffusers' UNet2DModel, which imports torchvision where that is installed."""
    with suppress(ImportError):
        import_torchvision()  # beside a CPU torch it needs a little help
    from diffusers import UNet2DModel

    return UNet2DModel


class Twin(nn.Module):
    """A diffusers UNet2DModel with TinyUNet's layers, called the way ours is: ``net(x, t, y)``.

    Args:
        ours: The network to build it after; one attention head.
    """

    def __init__(self, ours: TinyUNet) -> None:
        super().__init__()
        config = ours.config
        if (config["heads"], config["time_scale"], config["multipliers"][0]) != (1, 1, 1):
            raise ValueError(f"heads, time_scale and multipliers[0] must be 1, got {config}")
        attends = config["attention"]
        self.null_label = ours.null_label
        self.unet = unet_class()(
            in_channels=config["channels"],
            out_channels=config["out_channels"],
            block_out_channels=[m * config["width"] for m in config["multipliers"]],
            layers_per_block=config["blocks"],
            down_block_types=["AttnDownBlock2D" if a else "DownBlock2D" for a in attends],
            up_block_types=["AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
            attention_head_dim=None,  # one head
            norm_num_groups=ours.norm.num_groups,
            dropout=config["dropout"],
            flip_sin_to_cos=False,
            num_class_embeds=None if ours.classes is None else ours.classes + 1,
        )

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """x: (B, C, H, W), t: (B,), y: (B,) → (B, out_channels, H, W)."""
        if y is None and self.null_label is not None:
            y = torch.full((len(x),), self.null_label)
        out: Tensor = self.unet(x, t, class_labels=y, return_dict=False)[0]
        return out

    @torch.no_grad()
    def copy_weights(self, ours: TinyUNet) -> None:
        """Make this network compute what ``ours`` computes."""
        unet = self.unet
        copy(ours.condition.mlp[0], unet.time_embedding.linear_1)
        copy(ours.condition.mlp[2], unet.time_embedding.linear_2)
        if ours.condition.label is not None:
            copy(ours.condition.label, unet.class_embedding)
        copy(ours.stem, unet.conv_in)
        copy(ours.norm, unet.conv_norm_out)
        copy(ours.head, unet.conv_out)
        parts = chain(ours.down, ours.middle, ours.up)
        for part, (res, attention, resample) in zip(parts, self._parts(), strict=True):
            if isinstance(part, Stage):
                copy_resblock(part.res, res)
                if attention is not None:
                    copy_attention(part.attention, attention)
            else:
                copy(part.conv, resample.conv)

    def _parts(self) -> list[tuple[Any, Any, Any]]:
        """Their layers in the order of our parts: (ResNet block, attention, halving or doubling)."""
        parts: list[tuple[Any, Any, Any]] = []
        for block in chain(self.unet.down_blocks, [self.unet.mid_block], self.unet.up_blocks):
            attentions = list(getattr(block, "attentions", []))
            for i, res in enumerate(block.resnets):
                parts.append((res, attentions[i] if i < len(attentions) else None, None))
            name = "downsamplers" if hasattr(block, "downsamplers") else "upsamplers"
            for resample in getattr(block, name, None) or []:
                parts.append((None, None, resample))
        return parts


def copy(ours: Any, theirs: Any) -> None:
    """Copy weight and bias of one layer."""
    theirs.weight.copy_(ours.weight)
    if getattr(ours, "bias", None) is not None:
        theirs.bias.copy_(ours.bias)


@torch.no_grad()
def copy_resblock(ours: ResBlock, theirs: Any) -> None:
    """Copy a ResNet block into diffusers' ResnetBlock2D."""
    copy(ours.norm1, theirs.norm1)
    copy(ours.conv1, theirs.conv1)
    copy(ours.cond, theirs.time_emb_proj)
    copy(ours.norm2, theirs.norm2)
    copy(ours.conv2, theirs.conv2)
    if not isinstance(ours.skip, nn.Identity):
        copy(ours.skip, theirs.conv_shortcut)


@torch.no_grad()
def copy_attention(ours: SelfAttention, theirs: Any) -> None:
    """Copy self-attention into diffusers' Attention, which keeps q, k and v apart."""
    copy(ours.norm, theirs.group_norm)
    weights, biases = ours.qkv.weight.chunk(3), ours.qkv.bias.chunk(3)
    for layer, weight, bias in zip(
        (theirs.to_q, theirs.to_k, theirs.to_v), weights, biases, strict=True
    ):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    copy(ours.out, theirs.to_out[0])
