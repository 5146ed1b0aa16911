r"""To diffusers and back: noise schedules, networks, and whatever is called ``eps_model(x_t, t)``.

Called from ``md.interop``, which needs diffusers (``pip install diffusers``). Its timestep is our t minus
one, in 0..T-1; inside these functions, and nowhere else, one becomes the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..base.inputs import batch_of_labels, batch_of_times, check_input
from ..base.model import Denoiser, EpsModel, bare, prediction_of, tell
from ..base.validate import check_labels, shown
from ..chain.schedule import NoiseSchedule
from ..nn import TinyUNet
from .diffusers_schedule import (
    kind_from_diffusers,
    schedule_from_diffusers,
    schedule_to_diffusers,
)
from .diffusers_unet import (
    ModelAsUNet,
    import_diffusers,
    their_time,
    tiny_unet_as_theirs,
)

__all__ = [
    "DiffusersNet",
    "eps_model_to_diffusers",
    "from_diffusers",
    "kind_from_diffusers",
    "schedule_from_diffusers",
    "schedule_to_diffusers",
    "to_diffusers",
]

NO_NULL = "null=True tells md.interop.from_diffusers that the last row of its table says so"


def to_diffusers(
    net: TinyUNet,
    schedule: NoiseSchedule,
    path: str | Path | None = None,
    *,
    shape: Sequence[int],
    y: int | None = None,
    labels: bool = False,
    clip: bool = False,
) -> Any:
    """A pipeline of diffusers with our network and schedule, and a folder that keeps it.

    The folder holds nothing but classes of diffusers: ``DDPMPipeline.from_pretrained(path)`` walks as
    :func:`~minidiff.ddpm_sample`, ``DDIMPipeline.from_pretrained(path)`` as :func:`~minidiff.ddim_sample`,
    where minidiff is not installed, too. From the same noise they draw the same pictures, which diffusers
    moves from [-1, 1] to [0, 1].

    Args:
        net: A TinyUNet; its weights are copied into a ``UNet2DModel``. Whatever else is called
            ``net(x_t, t)`` goes by :func:`eps_model_to_diffusers`, without a folder.
        schedule: Its noise schedule.
        path: A folder, made where there is none; None writes nothing.
        shape: Of one example, such as (1, 16, 16).
        y: The label that is drawn; None for "no label", as in any call.
        labels: Keep the table of labels instead. The network wants ``class_labels=`` then, which neither of
            the two pipelines passes on.
        clip: Limit each guess of the clean picture to [-1, 1]; see :func:`schedule_to_diffusers`.

    Returns:
        A ``DDPMPipeline``. A network that predicts its variance, too, walks in DDPM only.

    Raises:
        ImportError: If diffusers cannot be imported.
        TypeError: If ``net`` is no TinyUNet.
        ValueError: As :func:`schedule_to_diffusers`; for a label where the network has none, or with
            ``labels=True``; for a shape that is not the network's; for arguments of TinyUNet that a
            ``UNet2DModel`` has no layers for.
        IndexError: If ``y`` is out of range.
    """
    net = bare(net)
    if type(net) is not TinyUNet:
        raise TypeError(
            f"net must be a TinyUNet, whose layers diffusers has, too; got {type(net).__name__}: "
            "md.interop.eps_model_to_diffusers lets a pipeline ask any model, without a folder"
        )
    channels, *size = _picture(shape)
    if channels != net.channels:
        raise ValueError(f"shape must have the network's {net.channels} channel(s); got {shape}")
    _check_label(net, y, labels)
    learned = net.out_channels == 2 * net.channels
    scheduler = schedule_to_diffusers(
        schedule,
        kind=prediction_of(net),
        variance="learned" if learned else "small",
        clip=clip,
    )
    unet = tiny_unet_as_theirs(net, size, y=y, labels=labels)
    pipeline = import_diffusers().DDPMPipeline(unet=unet, scheduler=scheduler)
    if path is not None:
        pipeline.save_pretrained(path)
    return pipeline


def eps_model_to_diffusers(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    *,
    shape: Sequence[int],
    kind: str | None = None,
    variance: str = "small",
    clip: bool = False,
) -> Any:
    """A pipeline of diffusers that asks a model of ours, such as a guided one. It cannot be saved.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,), 1..T; where its variance is learned,
            it answers as in :func:`~minidiff.sampling_steps`.
        schedule: The noise schedule.
        shape: Of one example, such as (1, 16, 16).
        kind: What the model predicts; None takes what it says itself, or else the noise.
        variance: As in :func:`~minidiff.sample_step`.
        clip: As in :func:`schedule_to_diffusers`.

    Returns:
        A ``DDPMPipeline``; ``DDIMPipeline(pipeline.unet, pipeline.scheduler)`` is the other one.

    Raises:
        ImportError: If diffusers cannot be imported.
        TypeError: If ``eps_model`` cannot be called.
        ValueError: As :func:`schedule_to_diffusers`.
    """
    if not callable(eps_model):
        raise TypeError(f"eps_model must be called eps_model(x_t, t), got {shown(eps_model)}")
    shape = _picture(shape)
    kind = prediction_of(eps_model, kind)
    scheduler = schedule_to_diffusers(schedule, kind=kind, variance=variance, clip=clip)
    outputs = 2 * shape[0] if variance == "learned" else shape[0]
    return import_diffusers().DDPMPipeline(
        unet=ModelAsUNet(eps_model, shape, outputs), scheduler=scheduler
    )


class DiffusersNet(Denoiser):
    """A ``UNet2DModel`` of diffusers, called as our networks are; :func:`from_diffusers` makes it.

    Call it as ``net(x, t)`` or ``net(x, t, y)``:

    - ``x``: (B, channels, H, W), floats;
    - ``t``: one number, or (B,), our t in 1..T: the UNet is asked at t - 1;
    - ``y``: one label, or int64 (B,), where the UNet has a table of labels;
    - returns (B, out_channels, H, W) in the dtype of ``x``.

    Args:
        unet: The network of diffusers.
        null: The last row of its table of labels means "no label".

    Raises:
        ValueError: In a call, for t below 1; if ``y`` is missing and the table has no row for "no label".
        IndexError: In a call, for a label out of range.
    """

    def __init__(self, unet: torch.nn.Module, *, null: bool = False) -> None:
        super().__init__()
        config: Any = unet.config
        rows = config.num_class_embeds
        self.unet, self.null = unet, null
        self.channels, self.out_channels = config.in_channels, config.out_channels
        self.classes = rows - 1 if null and rows is not None else rows

    @property
    def null_label(self) -> int | None:
        """The last row of the table, where it says "no label"; else None."""
        return self.classes if self.null else None

    def none_of(self, name: str, value: Tensor) -> Tensor:
        """The null label in the place of ``value``; ValueError where the table has none."""
        if self.null_label is None:
            raise ValueError(f"this UNet knows no 'no label'; {NO_NULL}")
        return super().none_of(name, value)

    def forward(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """x: (B, C, H, W), t: () or (B,), y: () or (B,) → (B, out_channels, H, W)."""
        check_input(x, "(B, C, H, W)", self.channels)
        t = batch_of_times(t, len(x), x.device)
        if t.device.type == "cpu" and bool((t < 1).any()):  # elsewhere each step would wait for it
            raise ValueError(
                f"t must be at least 1, the first step of the chain; got {float(t.min()):g}"
            )
        y = self._labels(y, x)
        x_t = x.to(self.dtype)
        out: Tensor = self.unet(x_t, their_time(t), class_labels=y, return_dict=False)[0]
        return out.to(x.dtype)

    def _labels(self, y: Tensor | int | None, x: Tensor) -> Tensor | None:
        """Labels (B,), among the rows of their table, which may have none for "no label"."""
        if self.null or self.classes is None:
            return batch_of_labels(y, self.classes, len(x), x.device)
        if y is None:
            raise ValueError(f"this UNet wants a label: pass y=; {NO_NULL}")
        given = batch_of_labels(y, self.classes, len(x), x.device)
        if x.device.type == "cpu" and given is not None and bool((given == self.classes).any()):
            raise IndexError(f"y must lie in 0..{self.classes - 1}, got {self.classes}; {NO_NULL}")
        return given


def from_diffusers(
    unet: Any, scheduler: Any, *, null: bool = False
) -> tuple[DiffusersNet, NoiseSchedule]:
    """A network and a schedule of ours from a UNet and a scheduler of diffusers.

    Args:
        unet: A ``UNet2DModel``, such as ``pipeline.unet``. Its weights are not copied.
        scheduler: What its pipeline walks with, or was trained with.
        null: The last row of its table of labels means "no label", as in our networks. Diffusers does not say
            which rows mean what.

    Returns:
        The network, called ``net(x_t, t)`` with our t in 1..T, and the schedule. A network whose output has
        twice the channels also predicts its variance: ``variance="learned"`` in our samplers.

    Raises:
        ImportError: If diffusers cannot be imported.
        TypeError: If ``unet`` is no ``UNet2DModel``; as :func:`schedule_from_diffusers`.
        ValueError: As :func:`schedule_from_diffusers` and :func:`kind_from_diffusers`; if the UNet is asked
            at σ and not at t, or takes something else than labels; if its output has neither as many channels
            as its input nor twice as many; if its variance is learned in another way than ours.
    """
    if not isinstance(unet, import_diffusers().UNet2DModel):
        raise TypeError(
            f"unet must be a UNet2DModel, called unet(x, timestep), got {type(unet).__name__}"
        )
    config = unet.config
    if config.time_embedding_type == "fourier":
        raise ValueError(
            "the UNet is asked at σ (time_embedding_type='fourier') and not at a time t"
        )
    if config.class_embed_type is not None:
        raise ValueError(
            f"class_embed_type must be None, a table of labels, got {config.class_embed_type!r}"
        )
    if config.out_channels not in (config.in_channels, 2 * config.in_channels):
        raise ValueError(
            f"the UNet must give as many channels as it takes, or twice as many, got "
            f"{config.in_channels} and {config.out_channels}"
        )
    if null and config.num_class_embeds is None:
        raise ValueError("null=True needs a table of labels, and the UNet has no num_class_embeds")
    schedule = schedule_from_diffusers(scheduler)
    if scheduler.config.get("variance_type") == "learned":
        raise ValueError(
            "variance_type 'learned' takes the output itself as a variance; ours mixes two logarithms, which "
            "is 'learned_range'"
        )
    net = DiffusersNet(unet, null=null)
    tell(net, kind_from_diffusers(scheduler))
    return net, schedule


def _check_label(net: TinyUNet, y: int | None, labels: bool) -> None:
    """ValueError, IndexError: If a label is not the network's, or is folded in and kept as well."""
    if net.classes is None and (labels or y is not None):
        raise ValueError("the network takes no labels; leave y and labels out")
    if y is not None and labels:
        raise ValueError("labels=True keeps the whole table; leave y out")
    if y is not None and net.classes is not None:
        check_labels(y, net.classes, 1)


def _picture(shape: Sequence[int]) -> Sequence[int]:
    """ValueError: If a shape is none of a picture."""
    if len(shape) != 3:
        raise ValueError(f"shape must be that of one picture, such as (1, 16, 16), got {shape}")
    return shape
