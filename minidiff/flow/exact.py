r"""Velocities known in closed form: no network, no training, the best possible answer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.rules.shapes import a_weight_a_component, std_fits
from ..base.validate import check_floats
from ..base.walks import check_flow_time
from ..chain.exact import float64, widest
from .paths import Path, ot_path, weights_beside
from .velocity import Velocity


@contract(
    "means: examples (K, ...), std: numbers from 0, weights: numbers, path: path",
    std_fits,
    a_weight_a_component,
)
def exact_velocity(
    means: Tensor,
    std: float | Tensor,
    weights: Tensor | None = None,
    path: Path | None = None,
) -> Velocity:
    r"""The velocity that carries noise to a mixture :math:`\sum_k w_k\,\mathcal N(m_k, s_k^2 I)`.

    It is the mean of the paths' velocities over all pairs (noise, data) whose path runs through x at
    time t: what a network would answer after endless training with random pairs. With
    :math:`V_k = a_t^2 s_k^2 + b_t^2` and the share
    :math:`r_k(x) \propto w_k\,\mathcal N(x; a_t m_k, V_k I)` of component k,

    .. math::
        u(x, t) = \sum_k r_k(x) \left( \dot a_t\, m_k
            + \frac{a_t \dot a_t s_k^2 + b_t \dot b_t}{V_k}\,(x - a_t m_k) \right)

    One Gaussian is a mixture of one: means of shape (1, ...).

    Args:
        means: :math:`m_k`, shape (K, ...) with the shape of one example behind K.
        std: :math:`s_k \ge 0`: one number, shape (K,), or the shape of ``means`` for a width of its own
            in each entry. With 0 the data are points, and no velocity leads *away* from a point: it is
            not finite at t = 1, where the solvers "heun" and "rk4" would ask for it.
        weights: :math:`w_k > 0`, shape (K,), scaled to sum to 1; None means all alike.
        path: The path; None means the straight one, :func:`~minidiff.flow.ot_path`.

    Returns:
        ``velocity(x, t)`` for x of shape (B, ...) and t a number or (B,); it needs memory for B × K
        examples.

    Source:
        Lipman et al. 2023, theorem 1 with equation 15; conditional means of Gaussians.
    """
    path, example = path or ot_path(), means.shape[1:]
    s = float64(std)
    s = s.flatten(1) if s.shape == means.shape else s.reshape(-1, 1)  # (K, D), (K, 1) or (1, 1)
    log_w = float64(torch.ones(len(means)) if weights is None else weights).log()

    def velocity(x: Tensor, t: float | Tensor) -> Tensor:
        check_floats("x", x, look_inside=False)
        if x.shape[1:] != example:
            raise ValueError(
                f"x must have shape (B, {', '.join(map(str, example))}); got {tuple(x.shape)}"
            )
        check_flow_time(t, len(x), look_inside=x.device.type == "cpu")
        wide = x.flatten(1).to(widest(x))[:, None]  # (B, 1, D)
        m = means.flatten(1).to(wide)  # (K, D)
        t = t.clamp(max=path.end) if isinstance(t, Tensor) else min(t, path.end)
        a, b, a_rate, b_rate = weights_beside(t, wide, path)  # numbers, or (B, 1, 1)
        variance = a**2 * s.to(wide) ** 2 + b**2  # V_k
        away = wide - a * m  # (B, K, D)
        per_entry = away.square() / variance + variance.log()
        log_share = log_w.to(wide) - per_entry.sum(2) / 2  # (B, K)
        share = log_share.softmax(dim=1)[..., None]  # r_k
        pull = (a * a_rate * s.to(wide) ** 2 + b * b_rate) / variance
        u = (share * (a_rate * m + pull * away)).sum(1)
        return u.to(x.dtype).reshape(x.shape)

    says: Any = velocity
    says.predicts = "velocity"
    return velocity
