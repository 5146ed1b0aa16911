r"""DDIM as a map: from data to its noise and back, and the ways between two noises.

With η = 0 each noise :math:`x_T` belongs to one picture :math:`x_0`. So a picture has a noise, which is
found by walking the same way back, and pictures can be mixed by mixing their noises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ..base.contracts import unchecked
from ..base.model import EpsModel
from ..base.validate import (
    check_choice,
    check_floats,
    check_number,
    check_same_shape,
    check_schedule,
)
from ..chain.convert import KINDS, convert
from ..chain.schedule import NoiseSchedule
from .step import sample_step
from .walk import asked, checked_times, with_bar


def invert(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    x_0: Tensor,
    *,
    steps: int | None = 50,
    times: Sequence[int] | Tensor | None = None,
    kind: str = "eps",
    progress: bool = False,
) -> Tensor:
    r"""DDIM inversion: the noise :math:`x_T` from which DDIM comes (nearly) to the given data.

    The times of the sampler are walked upwards, from t to the next noisier u:

    .. math::
        x_u = \sqrt{\bar\alpha_u}\,\hat x_0 + \sqrt{1 - \bar\alpha_u}\,\hat\epsilon, \qquad
        \hat\epsilon = \epsilon_\theta(x_t, \max(t, 1))

    The way down goes by the noise seen at u, the way up by the one seen at t, so the two undo each
    other only in the limit of many steps. At t = 0 the network, which was never shown clean data, is
    asked at t = 1.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        x_0: Clean data, shape (B, ...).
        steps: Number of steps, 1..T.
        times: The times of the sampler instead, strictly decreasing and ending in 0 (then ``steps``
            must be None).
        kind: What the model predicts: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        progress: Show a progress bar.

    Returns:
        x at the first of the times, T by default, shape (B, ...).

    Raises:
        IndexError: If a time is out of range.
        TypeError: If an argument is of the wrong type.
        ValueError: If x_0 is empty or not finite, an option is unknown, or the model's answer has
            another shape than its input.

    Source:
        Song et al. 2020 (DDIM), sections 4.3 and 5.4.
    """
    check_schedule(schedule)
    check_floats("x_0", x_0)
    check_choice("kind", kind, KINDS)
    upwards = checked_times(schedule, steps, times)[::-1]
    x = x_0
    for t, u in with_bar(list(pairwise(upwards)), progress):
        seen_at = max(t, 1)
        with torch.no_grad():
            said = asked(eps_model, x, seen_at)
            check_same_shape("what eps_model returned", said, "x_t", x)
            eps = unchecked(convert)(said, x, seen_at, schedule, source=kind, target="eps")
            x, _ = unchecked(sample_step)(eps, x, t, u, schedule, eta=0.0)
    return x


def slerp(x_a: Tensor, x_b: Tensor, weight: float | Tensor) -> Tensor:
    r"""Spherical interpolation: from one noise to another along the arc between them.

    .. math::
        \frac{\sin((1 - w)\,\theta)}{\sin\theta}\, x_a + \frac{\sin(w\,\theta)}{\sin\theta}\, x_b, \qquad
        \cos\theta = \frac{\langle x_a, x_b \rangle}{\|x_a\| \|x_b\|}

    Noise of many dimensions lies close to a sphere. The straight way between two points of a sphere cuts
    through it: the half-way point of two independent noises has :math:`1/\sqrt 2` of their length, and a
    network has never seen noise like that. The arc stays on the sphere.

    Args:
        x_a: Where w = 0 is, shape (B, ...).
        x_b: Where w = 1 is, same shape.
        weight: w in [0, 1], one number or one for each example, shape (B,).

    Returns:
        Shape (B, ...); each example has its own angle.

    Raises:
        TypeError: If a tensor does not hold floating-point numbers.
        ValueError: If shapes differ, a weight is outside [0, 1], or an example is 0 or the exact
            opposite of its partner, between which no arc is singled out.

    Source:
        Shoemake 1985; Song et al. 2020 (DDIM), section 5.3.
    """
    check_floats("x_a", x_a)
    check_floats("x_b", x_b)
    check_same_shape("x_b", x_b, "x_a", x_a)
    wide = x_a.dtype if x_a.device.type == "mps" else torch.float64
    w = _weights(weight, x_a, wide)[:, None]
    a, b = x_a.flatten(1).to(wide), x_b.flatten(1).to(wide)
    lengths = [side.norm(dim=1, keepdim=True) for side in (a, b)]
    if not bool((lengths[0] * lengths[1] > 0).all()):
        raise ValueError("x_a or x_b is 0 in an example, and 0 has no direction to turn from")
    cosine = (a * b).sum(dim=1, keepdim=True) / (lengths[0] * lengths[1])
    theta = cosine.clamp(-1, 1).acos()  # (B, 1)
    if bool((theta > math.pi - 1e-6).any()):
        raise ValueError(
            "x_a and x_b are opposite in an example: every half circle joins them, and none is singled out"
        )
    shares = [
        # where the two coincide, the limit: a straight way
        torch.where(theta > 0, torch.sin(share * theta) / torch.sin(theta), share)
        for share in (1 - w, w)
    ]
    return (shares[0] * a + shares[1] * b).to(x_a.dtype).reshape(x_a.shape)


def _weights(weight: float | Tensor, x: Tensor, dtype: torch.dtype) -> Tensor:
    """One weight for each example, (B,), where the examples are."""
    if not isinstance(weight, Tensor):
        check_number("weight", weight, 0, 1)
        return torch.full((len(x),), float(weight), dtype=dtype, device=x.device)
    check_floats("weight", weight)
    if weight.shape != (len(x),):
        raise ValueError(
            f"weight must be one number or have shape ({len(x)},), one for each example; got "
            f"{tuple(weight.shape)}"
        )
    if bool((weight < 0).any()) or bool((weight > 1).any()):
        raise ValueError(
            f"weight must lie in [0, 1], got {float(weight.min()):g}..{float(weight.max()):g}"
        )
    return weight.to(device=x.device, dtype=dtype)
