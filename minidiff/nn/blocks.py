"""The parts of the U-Net: ResNet block, halving and doubling, and the stages that are made of them."""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..base.contracts import contract
from .attention import SelfAttention
from .layers import Dropout, silu_of_new, zero_init


@contract("c_in and c_out and c_cond and groups: count, dropout: number in [0, 1]")
class ResBlock(nn.Module):
    r"""Two convolutions beside a shortcut; the condition c (time, label) is added in between.

    .. math::
        h = \mathrm{Conv}(\mathrm{SiLU}(\mathrm{GN}(x))) + W\,\mathrm{SiLU}(c), \qquad
        \mathrm{out} = \mathrm{skip}(x) + \mathrm{Conv}(\mathrm{SiLU}(\mathrm{GN}(h)))

    Args:
        c_in: Channels that come in.
        c_out: Channels that go out; skip is a 1×1 convolution where they differ, else x itself.
        c_cond: Length of the condition vector.
        groups: Of GroupNorm. It takes away what all pixels of a group share, so with one channel a
            group it would take away W SiLU(c) again: the block would not know the time.
        dropout: Probability, before the second convolution.

    Source:
        Ho et al. 2020, appendix B. Slide "The model".
    """

    def __init__(self, c_in: int, c_out: int, c_cond: int, *, groups: int, dropout: float = 0.0):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.cond = nn.Linear(c_cond, c_out)
        self.norm2 = nn.GroupNorm(groups, c_out)
        self.dropout = Dropout(dropout)
        self.conv2 = zero_init(nn.Conv2d(c_out, c_out, 3, padding=1))
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x: (B, c_in, H, W), c: (B, c_cond) → (B, c_out, H, W)."""
        h: Tensor = self.conv1(silu_of_new(self.norm1(x)))
        h = h + rearrange(self.cond(F.silu(c)), "b c -> b c 1 1")
        h = self.conv2(self.dropout(silu_of_new(self.norm2(h))))
        h += self.skip(x)
        return h


class Downsample(nn.Module):
    """(B, C, H, W) → (B, C, H/2, W/2) by a 3×3 convolution with stride 2."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Halve height and width; the condition ``c`` plays no part."""
        out: Tensor = self.conv(x)
        return out


class Upsample(nn.Module):
    """(B, C, H, W) → (B, C, 2H, 2W): each pixel becomes 2×2, then a 3×3 convolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Double height and width; the condition ``c`` plays no part."""
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return out


class Stage(nn.Module):
    """A ResNet block and, at the resolutions that have it, self-attention after it."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        c_cond: int,
        *,
        attention: bool,
        groups: int,
        heads: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.res = ResBlock(c_in, c_out, c_cond, groups=groups, dropout=dropout)
        self.attention = (
            SelfAttention(c_out, groups=groups, heads=heads) if attention else nn.Identity()
        )

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x: (B, c_in, H, W), c: (B, c_cond) → (B, c_out, H, W)."""
        out: Tensor = self.attention(self.res(x, c))
        return out
