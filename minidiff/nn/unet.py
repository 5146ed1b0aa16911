"""TinyUNet, the network of the slides: down, middle, up, with copies carried across."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from einops import rearrange
from torch import Tensor, nn

from ..base.contracts import contract
from ..base.inputs import batch_of_labels, batch_of_times, check_halvings, check_input
from ..base.model import Denoiser, seeded_weights
from ..base.rules.shapes import attention_at_each_level
from .blocks import Stage
from .embeddings import ConditionEmbedding
from .layers import silu_of_new, zero_init
from .levels import CHANNELS_A_GROUP, WHOLE_GROUPS, Level, way_down, way_up


@contract(
    f"""channels and classes and blocks and out_channels and patch: count, width: {WHOLE_GROUPS},
    multipliers: counts, heads: count dividing width, dropout: number in [0, 1],
    time_scale: number in [0, inf]""",
    attention_at_each_level,
)
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

    - ``x``: (B, channels, H, W), floats; H and W multiples of ``patch * 2 ** (levels - 1)``;
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
        patch: p, for large pictures: the stem sees each p×p pixels as one place with p² times the channels,
            and what the head says is laid out as pixels again. All between costs what it costs for a picture
            of 1/p the height and width.
        seed: The initial weights are drawn from it; torch's global generator is left alone.
        generator: Where given, it draws that seed.

    Raises:
        ValueError: In a call, for an image that cannot be halved once for each level below the first.
        TypeError: In a call, for an image of integers or labels that are not int64.
        IndexError: In a call, for a label out of range.

    Source:
        Ronneberger et al. 2015, figure 1; Ho et al. 2020, appendix B. Slide "The model".
    """

    later = ("patch",)

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
        patch: int = 1,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.channels, self.classes, self.patch = channels, classes, patch
        self.out_channels = channels if out_channels is None else out_channels
        below_the_first = [level > 0 for level, _ in enumerate(multipliers)]
        self.attention = below_the_first if attention is None else list(attention)
        self.halvings = len(multipliers) - 1
        groups = width // CHANNELS_A_GROUP
        levels = [Level(m * width, a) for m, a in zip(multipliers, self.attention, strict=True)]
        top, bottom = levels[0].channels, levels[-1].channels
        make = partial(Stage, c_cond=4 * width, groups=groups, heads=heads, dropout=dropout)
        with seeded_weights(seed, generator):
            self.condition = ConditionEmbedding(width, 4 * width, classes, time_scale)
            self.stem = nn.Conv2d(channels * patch**2, width, 3, padding=1)
            self.down, copies = way_down(make, width, levels, blocks)
            self.middle = nn.ModuleList(make(bottom, bottom, attention=a) for a in (True, False))
            self.up = way_up(make, copies, levels, blocks + 1)
            self.norm = nn.GroupNorm(groups, top)
            self.head = zero_init(nn.Conv2d(top, self.out_channels * patch**2, 3, padding=1))
        self.to(torch.get_default_device())

    def forward(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """x: (B, C, H, W), t: () or (B,), y: () or (B,) → (B, out_channels, H, W)."""
        check_input(x, "(B, C, H, W)", self.channels)
        check_halvings(x, self.halvings, self.patch)
        t = batch_of_times(t, len(x), x.device)
        y = batch_of_labels(y, self.classes, len(x), x.device)
        c = self.condition(t, y)  # (B, 4·width)

        p = self.patch
        h = rearrange(x.to(self.dtype), "b c (h p) (w q) -> b (c p q) h w", p=p, q=p)
        h = self.stem(h)  # (B, width, H, W); from here on H and W count patches
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
        h = self.head(silu_of_new(self.norm(h)))
        out: Tensor = rearrange(h, "b (c p q) h w -> b c (h p) (w q)", p=p, q=p)
        return out.to(x.dtype)
