r"""Velocities known in closed form: no network, no training, the best possible answer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..base.validate import as_numbers, check_floats
from ..chain.exact import widest
from .paths import Path, check_flow_time, checked_path, weights_beside

Velocity = Callable[[Tensor, Tensor], Tensor]
"""A velocity field, called ``velocity(x, t)`` with t of shape (B,), giving a tensor like x."""


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

    Raises:
        TypeError: If ``means`` does not hold floating-point numbers, or std or weights no numbers.
        ValueError: If shapes do not fit, a std is negative or a weight not positive.

    Source:
        Lipman et al. 2023, theorem 1 with equation 15; conditional means of Gaussians.
    """
    path = checked_path(path)
    check_floats("means", means)
    if means.dim() < 2:
        raise ValueError(
            f"means must be a batch of examples, shape (K, ...); got {tuple(means.shape)}"
        )
    count, example = len(means), means.shape[1:]
    s = as_numbers("std", std, low=0)
    if s.shape not in ((), (count,), means.shape):
        raise ValueError(
            f"std must be one number, have shape ({count},), one a component, or the shape of means, "
            f"{tuple(means.shape)}; got {tuple(s.shape)}"
        )
    s = s.flatten(1) if s.shape == means.shape else s.reshape(-1, 1)  # (K, D), (K, 1) or (1, 1)
    w = torch.ones(count) if weights is None else as_numbers("weights", weights)
    if w.shape != (count,) or (w <= 0).any():
        raise ValueError(
            f"weights must be {count} positive numbers, one a component; got {weights!r}"
        )
    log_w = w.double().log()

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

    return velocity
