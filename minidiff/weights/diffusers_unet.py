r"""TinyUNet in diffusers: the same layers in a ``UNet2DModel``, and any model behind a UNet's face.

Diffusers counts times from 0, so its index is our t minus one. That shift is written down once, as
``SHIFT``, and is made once in each direction: in the weights that leave, in the question that comes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ..base.model import model_device
from ..chain.posterior import apart
from ..data._torchvision import import_torchvision
from ..nn import TinyUNet, sinusoidal_embedding
from ..nn.attention import SelfAttention
from ..nn.blocks import ResBlock, Stage

SHIFT = 1  # our t minus diffusers' timestep


def their_time(t: Tensor) -> Tensor:
    """Diffusers' timestep, 0..T-1, at our t, 1..T."""
    return t - SHIFT


def our_time(timestep: Tensor) -> Tensor:
    """Our t, 1..T, at diffusers' timestep, 0..T-1."""
    return timestep + SHIFT


def import_diffusers() -> Any:
    """Import diffusers, which imports torchvision where that is installed.

    Raises:
        ImportError: If it is missing or cannot be imported; the message says what to install.
    """
    with suppress(ImportError):
        import_torchvision()  # beside a CPU torch it needs a little help
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise ImportError(
            f"md.interop talks to diffusers, which cannot be imported here ({error}); install it with "
            "`pip install diffusers`"
        ) from error


def tiny_unet_as_theirs(
    net: TinyUNet, size: Sequence[int], *, y: int | None = None, labels: bool = False
) -> Any:
    r"""A ``UNet2DModel`` that computes at its timestep t - 1 what TinyUNet computes at t.

    The layers are the same ones, and their weights are copied. Two things are folded into weights. The
    shift of time: one step turns each pair of sinusoids by its own frequency,

    .. math::
        \begin{pmatrix} \sin \omega t \\ \cos \omega t \end{pmatrix} =
        \begin{pmatrix} \cos \omega & \sin \omega \\ -\sin \omega & \cos \omega \end{pmatrix}
        \begin{pmatrix} \sin \omega (t - 1) \\ \cos \omega (t - 1) \end{pmatrix},

    and the first layer that sees them takes the turn in. And a label: its row of the table is added to the
    last bias of the time embedding, for that is where it is added anyway.

    Args:
        net: The network.
        size: Height and width of its pictures.
        y: The label that is folded in; None for the null label.
        labels: Keep the table of labels, for calls with ``class_labels=``, and fold nothing in.

    Raises:
        ValueError: As :func:`their_config`.
        ImportError: If diffusers cannot be imported.

    Source:
        Vaswani et al. 2017, section 3.5, which chose sinusoids because a shift is linear in them.
    """
    config = their_config(net, labels)
    unet = import_diffusers().UNet2DModel(sample_size=list(size), **config)
    copy_weights(net, unet)
    shift_time(unet.time_embedding.linear_1)
    if net.condition.label is not None and not labels:
        row = net.null_label if y is None else y
        with torch.no_grad():
            unet.time_embedding.linear_2.bias += net.condition.label.weight[row]
    unet.to(net.device)
    if net.dtype != unet.dtype:  # diffusers warns of each change of type, even of none
        unet.to(net.dtype)
    return unet.eval()


def their_config(net: TinyUNet, labels: bool = True) -> dict[str, Any]:
    """Arguments of a ``UNet2DModel`` with TinyUNet's layers.

    Args:
        net: The network.
        labels: With a table of labels, if the network has one; its last row is the null label.

    Raises:
        ValueError: If that class has no such layers; the message names the argument of TinyUNet.
    """
    config = net.config
    channels = [m * config["width"] for m in config["multipliers"]]
    attends = config["attention"]
    # Theirs is told channels a head, once for all levels; the middle has attention, too.
    head_dims = {c // config["heads"] for c, a in zip(channels, attends, strict=True) if a} | {
        channels[-1] // config["heads"]
    }
    if config["heads"] > 1 and len(head_dims) > 1:
        raise ValueError(
            f"heads={config['heads']} means heads of {sorted(head_dims)} channels at this network's levels, "
            "and a UNet2DModel has the same number of channels a head everywhere; make the network with "
            "heads=1, or with attention at levels that have as many channels as the last"
        )
    if config["multipliers"][0] != 1:
        raise ValueError(
            f"multipliers must begin with 1, for a UNet2DModel has as many channels after its first layer "
            f"as at level 0; got {list(config['multipliers'])}"
        )
    if config["time_scale"] != 1:
        raise ValueError(
            f"time_scale must be 1, for a UNet2DModel does not scale its times; got {config['time_scale']}"
        )
    if net.patch != 1:
        raise ValueError(f"patch must be 1, for a UNet2DModel takes pixels; got {net.patch}")
    return {
        "in_channels": config["channels"],
        "out_channels": config["out_channels"],
        "block_out_channels": channels,
        "layers_per_block": config["blocks"],
        "down_block_types": ["AttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        # None is one head, whatever the level
        "attention_head_dim": None if config["heads"] == 1 else head_dims.pop(),
        "norm_num_groups": net.norm.num_groups,
        "dropout": config["dropout"],
        "flip_sin_to_cos": False,
        "num_class_embeds": net.classes + 1 if labels and net.classes is not None else None,
    }


@torch.no_grad()
def copy_weights(ours: TinyUNet, unet: Any) -> None:
    """Copy all weights into a ``UNet2DModel`` of :func:`their_config`: equal at equal times.

    Args:
        ours: The network.
        unet: What they are copied into; the table of labels only where it has one.
    """
    _copy(ours.condition.mlp[0], unet.time_embedding.linear_1)
    _copy(ours.condition.mlp[2], unet.time_embedding.linear_2)
    if ours.condition.label is not None and unet.class_embedding is not None:
        _copy(ours.condition.label, unet.class_embedding)
    _copy(ours.stem, unet.conv_in)
    _copy(ours.norm, unet.conv_norm_out)
    _copy(ours.head, unet.conv_out)
    parts = chain(ours.down, ours.middle, ours.up)
    for part, (res, attention, resample) in zip(parts, _their_parts(unet), strict=True):
        if isinstance(part, Stage):
            copy_resblock(part.res, res)
            if isinstance(part.attention, SelfAttention):
                copy_attention(part.attention, attention)
        else:
            _copy(part.conv, resample.conv)


@torch.no_grad()
def shift_time(first: nn.Linear) -> None:
    """Let the first layer of a time embedding see the sinusoids of t where it is given those of t - 1."""
    one = torch.full((1,), float(SHIFT), dtype=torch.float64)
    sin, cos = sinusoidal_embedding(one, first.in_features).chunk(2, dim=1)  # (1, d/2) each
    a, b = first.weight.double().chunk(2, dim=1)  # the sines' columns, and the cosines'
    first.weight.copy_(torch.cat([a * cos - b * sin, a * sin + b * cos], dim=1))


def _their_parts(unet: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Their layers in the order of our parts: (ResNet block, attention, halving or doubling)."""
    for block in chain(unet.down_blocks, [unet.mid_block], unet.up_blocks):
        attentions = getattr(block, "attentions", None) or []
        for res, attention in zip_longest(block.resnets, attentions):
            yield res, attention, None
        name = "downsamplers" if hasattr(block, "downsamplers") else "upsamplers"
        for resample in getattr(block, name, None) or []:
            yield None, None, resample


def _copy(ours: Any, theirs: Any) -> None:
    """Copy weight and bias of one layer."""
    theirs.weight.copy_(ours.weight)
    if getattr(ours, "bias", None) is not None:
        theirs.bias.copy_(ours.bias)


@torch.no_grad()
def copy_resblock(ours: ResBlock, theirs: Any) -> None:
    """Copy a ResNet block into diffusers' ResnetBlock2D."""
    _copy(ours.norm1, theirs.norm1)
    _copy(ours.conv1, theirs.conv1)
    _copy(ours.cond, theirs.time_emb_proj)
    _copy(ours.norm2, theirs.norm2)
    _copy(ours.conv2, theirs.conv2)
    if not isinstance(ours.skip, nn.Identity):
        _copy(ours.skip, theirs.conv_shortcut)


@torch.no_grad()
def copy_attention(ours: SelfAttention, theirs: Any) -> None:
    """Copy self-attention into diffusers' Attention, which keeps q, k and v apart."""
    _copy(ours.norm, theirs.group_norm)
    weights, biases = ours.qkv.weight.chunk(3), ours.qkv.bias.chunk(3)
    for layer, weight, bias in zip(
        (theirs.to_q, theirs.to_k, theirs.to_v), weights, biases, strict=True
    ):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    _copy(ours.out, theirs.to_out[0])


class ModelAsUNet(nn.Module):
    """Any ``eps_model(x_t, t)``, called as diffusers' pipelines call a UNet. It is not saved with them.

    Args:
        model: Asked with t in 1..T, a LongTensor (B,); a tensor of floats where a time is not whole.
        shape: Of one example, (C, H, W).
        outputs: Channels of its answer; twice C where it predicts its variance, too.
    """

    def __init__(self, model: Callable[..., Any], shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.model = model
        channels, *size = shape
        self.config = SimpleNamespace(
            in_channels=channels, out_channels=outputs, sample_size=list(size)
        )

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return torch.device(model_device(self.model))

    @property
    def dtype(self) -> torch.dtype:
        """The type of its weights, float32 where it has none; noise is drawn in it."""
        return next((p.dtype for p in self.parameters()), torch.float32)

    def forward(
        self, sample: Tensor, timestep: Tensor | float, return_dict: bool = True
    ) -> tuple[Tensor] | SimpleNamespace:
        """sample: (B, C, H, W), timestep: () or (B,), 0..T-1 → ``.sample``, (B, outputs, H, W)."""
        t = our_time(torch.as_tensor(timestep, device=sample.device))
        if t.is_floating_point() and bool((t == t.round()).all()):
            t = t.long()
        prediction, v = apart(self.model(sample, t.expand(len(sample))), sample)
        out = prediction if v is None else torch.cat([prediction, 2 * v - 1], dim=1)
        return SimpleNamespace(sample=out) if return_dict else (out,)
