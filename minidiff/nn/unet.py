"""TinyUNet, the network of the slides: down, middle, up, with copies carried across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.inputs import batch_of_labels, batch_of_times, check_input
from ..base.model import Denoiser, seeded_weights
from ..base.validate import check_number, check_positive_int
from .blocks import Downsample, Stage, Upsample, zero_init
from .embeddings import ConditionEmbedding

CHANNELS_A_GROUP = 4  # of GroupNorm, at level 0: Ho et al. have 32 groups at width 128


class TinyUNet(Denoiser):
    r"""Predicts, from a noisy image x_t and its time t, an image of the same size: the noise ε.

    ::

        x_t ─ stem ─▶ level 0 ──────────────────── copies ──────────────────▶ level 0 ─ head ─▶ ε_θ
                         └─ halve ─▶ level 1 ───── copies ─────▶ level 1 ─ double ─┘
                                        └─ halve ─▶ level 2 ─▶ middle ─▶ level 2 ─ double ─┘
        t, y ─ condition ─▶ c, added inside every ResNet block

    A level on the way down is ``blocks`` ResNet blocks (GroupNorm, SiLU, convolution, twice), on
    the way up one more, each of which also gets the copy of what the way down had at that place.
    Self-attention follows each block at the levels that ask for it, and sits in the middle.

    Call it as ``net(x, t)`` or ``net(x, t, y)``:

    - ``x``: (B, channels, H, W), floats; H and W multiples of ``2 ** (levels - 1)``;
    - ``t``: one number, or (B,), integer or real;
    - ``y``: one label, or int64 (B,), in 0..classes; the label ``classes`` means "no label"
      (``net.null_label``), and so does leaving ``y`` out;
    - returns (B, out_channels, H, W) in the dtype of ``x``.

    Args:
        channels: Of the image.
        classes: Number of labels, or ``None`` for a network without labels.
        width: Channels at level 0, a multiple of 4.
        multipliers: Channels of each level, in widths; their number is the depth.
        blocks: ResNet blocks at each level on the way down.
        attention: For each level, whether it has self-attention; ``None`` for all levels but the
            first, whose pixels are many.
        heads: Attention heads.
        dropout: Probability inside the ResNet blocks.
        out_channels: Of the output, by default ``channels``.
        time_scale: Multiplies t before the sinusoids; 1000 for times in [0, 1].
        seed: The initial weights are drawn from it; torch's global generator is left alone.
        generator: Where given, it draws that seed.

    Raises:
        ValueError: If an argument is outside what is described above; the message names it.
        TypeError: In a call, for an image of integers or labels that are not int64.
        IndexError: In a call, for a label out of range.

    Source:
        Ronneberger et al. 2015, figure 1; Ho et al. 2020, appendix B. Slide "The model".
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int | None = None,
        *,
        width: int = 16,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 1,
        attention: Sequence[bool] | None = None,
        heads: int = 1,
        dropout: float = 0.0,
        out_channels: int | None = None,
        time_scale: float = 1.0,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ):
        if attention is None:
            attention = [level > 0 for level, _ in enumerate(multipliers)]
        layers: dict[str, Any] = {
            "channels": channels,
            "classes": classes,
            "width": width,
            "multipliers": list(multipliers),
            "blocks": blocks,
            "attention": list(attention),
            "heads": heads,
            "dropout": dropout,
            "out_channels": channels if out_channels is None else out_channels,
            "time_scale": time_scale,
        }
        _check_config(layers)
        super().__init__()
        self.channels, self.classes = channels, classes
        self.attention, self.out_channels = layers["attention"], layers["out_channels"]
        with seeded_weights(seed, generator):
            self._build(**layers)
        self.to(torch.get_default_device())

    def _build(
        self,
        *,
        channels: int,
        classes: int | None,
        width: int,
        multipliers: list[int],
        blocks: int,
        attention: list[bool],
        out_channels: int,
        heads: int,
        dropout: float,
        time_scale: float,
    ) -> None:
        c_cond = 4 * width
        groups = width // CHANNELS_A_GROUP

        def stage(c_in: int, multiplier: int, attention: bool) -> Stage:
            options = {"groups": groups, "heads": heads}
            c_out = multiplier * width
            return Stage(c_in, c_out, c_cond, attention=attention, dropout=dropout, **options)

        self.condition = ConditionEmbedding(width, c_cond, classes, time_scale)
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        c, kept = width, [width]  # channels now, and of each copy that will be carried across

        self.down = nn.ModuleList()
        for level, multiplier in enumerate(multipliers):
            for _ in range(blocks):
                self.down.append(stage(c, multiplier, attention[level]))
                c = multiplier * width
                kept.append(c)
            if level < len(multipliers) - 1:
                self.down.append(Downsample(c))
                kept.append(c)

        self.middle = nn.ModuleList(
            [stage(c, multipliers[-1], True), stage(c, multipliers[-1], False)]
        )

        self.up = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for _ in range(blocks + 1):
                c_in = c + kept.pop()
                self.up.append(stage(c_in, multiplier, attention[level]))
                c = multiplier * width
            if level > 0:
                self.up.append(Upsample(c))

        self.norm = nn.GroupNorm(groups, c)
        self.head = zero_init(nn.Conv2d(c, out_channels, 3, padding=1))

    def forward(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """x: (B, C, H, W), t: () or (B,), y: () or (B,) → (B, out_channels, H, W)."""
        self._check_size(x)
        t = batch_of_times(t, len(x), x.device)
        y = batch_of_labels(y, self.classes, len(x), x.device)
        c = self.condition(t, y)  # (B, 4·width)

        h = self.stem(x.to(self.dtype))  # (B, width, H, W)
        copies = [h]
        for part in self.down:
            h = part(h, c)  # a Stage keeps H and W, Downsample halves them
            copies.append(h)
        for part in self.middle:
            h = part(h, c)  # (B, multipliers[-1]·width, H / 2^(levels-1), W / 2^(levels-1))
        for part in self.up:
            if isinstance(part, Stage):
                h = torch.cat([h, copies.pop()], dim=1)  # the copy from the same place going down
            h = part(h, c)  # Upsample doubles H and W
        out: Tensor = self.head(F.silu(self.norm(h)))
        return out.to(x.dtype)

    def _check_size(self, x: Tensor) -> None:
        check_input(x, "(B, C, H, W)", self.channels)
        halvings = len(self.config["multipliers"]) - 1
        multiple = 2**halvings
        if x.shape[2] % multiple or x.shape[3] % multiple:
            raise ValueError(
                f"x is {x.shape[2]}×{x.shape[3]} pixels, but this network halves height and width "
                f"{halvings} time(s), so both must be multiples of {multiple}; pad or resize the "
                "images, or make the network with fewer multipliers"
            )


def _check_config(config: dict[str, Any]) -> None:
    for name in ("channels", "width", "blocks", "heads", "out_channels"):
        check_positive_int(name, config[name])
    if config["classes"] is not None:
        check_positive_int("classes", config["classes"])
    check_number("dropout", config["dropout"], 0, 1)
    check_number("time_scale", config["time_scale"], 0, math.inf)
    width, heads = config["width"], config["heads"]
    if width % CHANNELS_A_GROUP:
        raise ValueError(
            f"width must be a multiple of {CHANNELS_A_GROUP}, the channels in a group of GroupNorm; "
            f"got {width}"
        )
    if width % heads:
        raise ValueError(f"heads must divide width = {width}, got {heads}")
    multipliers, attention = config["multipliers"], config["attention"]
    if not multipliers:
        raise ValueError("multipliers must name at least one level, such as (1, 2, 2); got none")
    for level, multiplier in enumerate(multipliers):
        check_positive_int(f"multipliers[{level}]", multiplier)
    if len(attention) != len(multipliers):
        raise ValueError(
            f"attention must say yes or no for each of the {len(multipliers)} levels of "
            f"multipliers, got {attention}"
        )
