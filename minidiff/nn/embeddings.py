"""How a time and a label enter a network: sinusoids, an embedding table, a small MLP."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..base.contracts import contract, unchecked
from ..base.rules.shapes import one_t_each, t_is_a_tensor


@contract(
    "scale and max_period: number, dim: multiple of 2 (half sines, half cosines)",
    t_is_a_tensor,
    one_t_each,
)
def sinusoidal_embedding(
    t: Tensor, dim: int, *, scale: float = 1.0, max_period: float = 10_000.0
) -> Tensor:
    r"""Encode a time as sines and cosines of falling frequency, so that a linear layer can read it.

    .. math::
        \mathrm{emb}(t) = \bigl[\sin(\omega_0 t), \dots, \sin(\omega_{d/2-1} t),
            \cos(\omega_0 t), \dots, \cos(\omega_{d/2-1} t)\bigr],
        \qquad \omega_i = 10000^{-2i/d}

    The frequencies suit times from 0 to about 1000. A time in [0, 1], as in flow matching, would
    give an almost constant encoding: set ``scale=1000``.

    Args:
        t: (B,), integer or real, usually 0..T.
        dim: d, the length of the encoding, even and at least 2.
        scale: Multiplies t first.
        max_period: The 10000 of the equation.

    Returns:
        (B, d), float64 if ``t`` is, else float32.

    Source:
        Vaswani et al. 2017, section 3.5 (there sines and cosines alternate); Ho et al. 2020,
        appendix B. Slide "The model".
    """
    # A 16-bit float cannot tell t = 999 from t = 1000.
    t = t if t.dtype == torch.float64 else t.float()
    i = torch.arange(dim // 2, device=t.device, dtype=t.dtype)
    omega = torch.exp(-math.log(max_period) * 2 * i / dim)  # (d/2,)
    angle = scale * t[:, None] * omega  # (B, d/2)
    return torch.cat([angle.sin(), angle.cos()], dim=1)  # (B, d)


@contract("""dim: multiple of 2 (half sines, half cosines), out and classes: count,
    time_scale: number in [0, inf]""")
class ConditionEmbedding(nn.Module):
    r"""One vector that tells every block the time and, where there is one, the label.

    .. math::
        c = W_2\,\mathrm{SiLU}(W_1\,\mathrm{emb}(t) + b_1) + b_2 + E_y

    Args:
        dim: Length of the sinusoidal encoding.
        out: Length of c.
        classes: Number of labels; the table E has one row more, for "no label". ``None``: no table.
        time_scale: See ``scale`` of :func:`sinusoidal_embedding`.

    Source:
        Ho et al. 2020, appendix B; the null label as in Ho and Salimans 2022, algorithm 1.
    """

    def __init__(self, dim: int, out: int, classes: int | None = None, time_scale: float = 1.0):
        super().__init__()
        self.dim = dim
        self.time_scale = time_scale
        self.mlp = nn.Sequential(nn.Linear(dim, out), nn.SiLU(), nn.Linear(out, out))
        self.label = None if classes is None else nn.Embedding(classes + 1, out)

    def forward(self, t: Tensor, y: Tensor | None) -> Tensor:
        """t: (B,), y: (B,) or None → (B, out)."""
        emb = unchecked(sinusoidal_embedding)(t, self.dim, scale=self.time_scale)  # (B, dim)
        c: Tensor = self.mlp(emb.to(next(self.parameters()).dtype))  # (B, out)
        return c if self.label is None else c + self.label(y)
