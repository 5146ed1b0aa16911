"""Attention: what one place says depends on what all the others say."""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..base.contracts import contract
from .layers import zero_init

MANY = 512  # tokens, from which on the table of weights takes more time and memory than it is worth


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    r"""Weighted means of the values: :math:`\mathrm{softmax}(q k^\top / \sqrt{d})\, v`.

    Written out where tokens are few: at a few dozen that is faster on a CPU, in bfloat16 several times,
    because the gradient of torch's own function is slow there. That one does not keep the whole table of
    weights, whose memory grows with the square of the tokens.

    Args:
        q: Queries, shape (..., N, d).
        k: Keys, shape (..., M, d).
        v: Values, shape (..., M, d).

    Returns:
        Shape (..., N, d).
    """
    if k.shape[-2] >= MANY:
        return F.scaled_dot_product_attention(q, k, v)
    weights = (q * q.shape[-1] ** -0.5 @ k.mT).softmax(dim=-1)  # (..., N, M)
    out: Tensor = weights @ v
    return out


@contract("channels and groups: count, heads: count dividing channels")
class SelfAttention(nn.Module):
    r"""Every pixel looks at every other pixel: pixels are the tokens.

    .. math::
        \mathrm{out} = x + \mathrm{softmax}\!\left(\frac{q k^\top}{\sqrt{d}}\right) v\,W_o,
        \qquad (q, k, v) = \mathrm{GN}(x)\,W_{qkv}

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
        h = self.out(rearrange(attention(q, k, v), "b a n d -> b n (a d)"))
        out: Tensor = x + rearrange(h, "b (h w) c -> b c h w", h=x.shape[2])
        return out
