"""The four parts of the U-Net: ResNet block, self-attention, halving and doubling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


def zero_init(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """Set weight and bias to 0: the branch that ends in this layer starts as "add nothing"."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Dropout(nn.Dropout):
    r"""Set each entry to 0 with probability p while training, and divide the others by 1 − p.

    What ``nn.Dropout`` does, with p rounded to a multiple of :math:`2^{-16}`. On a CPU that draws a
    number for each entry, which takes a twelfth of a training step in bfloat16; here each random
    64-bit number decides about four entries.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape → the same shape."""
        keep = round((1 - self.p) * 2**16)  # of 2¹⁶ equally likely numbers
        if not self.training or x.device.type != "cpu" or keep in (0, 2**16):
            return super().forward(x)
        numbers = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        quarters = numbers.view(torch.int16)[: x.numel()].view(x.shape)  # -2¹⁵ to 2¹⁵ - 1
        return x * (quarters < keep - 2**15) * (2**16 / keep)


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
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + rearrange(self.cond(F.silu(c)), "b c -> b c 1 1")
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        out: Tensor = self.skip(x) + h
        return out


class SelfAttention(nn.Module):
    r"""Every pixel looks at every other pixel: pixels are the tokens.

    .. math::
        \mathrm{out} = x + W_o\,\mathrm{softmax}\!\left(\frac{q k^\top}{\sqrt{d}}\right) v,
        \qquad (q, k, v) = W_{qkv}\,\mathrm{GN}(x)

    Args:
        channels: C of x.
        groups: Of GroupNorm.
        heads: C is split among them, d = C / heads.

    Source:
        Ho et al. 2020, appendix B; Vaswani et al. 2017, equation 1. Slide "The model".
    """

    def __init__(self, channels: int, *, groups: int, heads: int = 1):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = zero_init(nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W) → (B, C, H, W)."""
        tokens = rearrange(self.norm(x), "b c h w -> b (h w) c")
        qkv = rearrange(self.qkv(tokens), "b n (qkv a d) -> qkv b a n d", qkv=3, a=self.heads)
        q, k, v = qkv.unbind()  # (B, heads, H·W, d) each
        # Written out and not F.scaled_dot_product_attention: at a few dozen tokens this is faster
        # on a CPU, in bfloat16 several times, because that function's gradient is slow there.
        weights = (q * q.shape[-1] ** -0.5 @ k.mT).softmax(dim=-1)  # (B, heads, H·W, H·W)
        h = self.out(rearrange(weights @ v, "b a n d -> b n (a d)"))
        out: Tensor = x + rearrange(h, "b (h w) c -> b c h w", h=x.shape[2])
        return out


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
        heads: int,
        dropout: float,
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
