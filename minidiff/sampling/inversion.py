r"""DDIM as a map: from data to its noise and back, and the ways between two noises.

With η = 0 each noise :math:`x_T` belongs to one picture :math:`x_0`. So a picture has a noise, which is
found by walking the same way back, and pictures can be mixed by mixing their noises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import EpsModel
from ..chain.convert import convert
from ..chain.schedule import NoiseSchedule
from ..flow.convert import for_diffusion
from .step import sample_step
from .walk import WALK, answer, times_of_walk, walk_along


@contract(f"x_0: floats, {WALK}")
def invert(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    x_0: Tensor,
    *,
    steps: int | None = 50,
    times: Sequence[int] | Tensor | None = None,
    kind: str | None = None,
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
        kind: What the model predicts, as in :func:`~minidiff.sampling_steps`; None takes what the model says
            itself.
        progress: Show a progress bar.

    Returns:
        x at the first of the times, T by default, shape (B, ...).

    Raises:
        TypeError: If the model's answer is no tensor.
        ValueError: If the model's answer has another shape than its input.

    Source:
        Song et al. 2020 (DDIM), sections 4.3 and 5.4.
    """
    model, said = for_diffusion(eps_model, schedule, kind)

    def step(x: Tensor, t: float, u: float) -> tuple[Tensor, Tensor]:
        seen_at = max(t, 1)
        prediction, _ = answer(model, x, seen_at)
        eps = unchecked(convert)(prediction, x, seen_at, schedule, source=said, target="eps")
        return unchecked(sample_step)(eps, x, t, u, schedule, eta=0.0)

    upwards = times_of_walk(schedule, steps, times)[::-1]
    *_, last = walk_along(upwards, x_0, step, progress)
    return last.x


def one_arc(x_a: Tensor, x_b: Tensor) -> None:
    """ValueError: If an example is 0 or the exact opposite of its partner, for then no arc is singled out."""
    theta = _angle(x_a, x_b)
    if bool(theta.isnan().any()):
        raise ValueError("x_a or x_b is 0 in an example, and 0 has no direction to turn from")
    if bool((theta > math.pi - 1e-6).any()):
        raise ValueError(
            "x_a and x_b are opposite in an example: every half circle joins them, and none is singled out"
        )


@contract("x_a: floats, x_b: like x_a, weight: share of each", one_arc)
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

    Source:
        Shoemake 1985; Song et al. 2020 (DDIM), section 5.3.
    """
    a, b = _wide(x_a), _wide(x_b)
    theta = _angle(x_a, x_b)
    w = torch.as_tensor(weight, dtype=a.dtype, device=a.device).reshape(-1, 1)  # (B, 1), or (1, 1)
    shares = [
        # where the two coincide, the limit: a straight way
        torch.where(theta > 0, torch.sin(share * theta) / torch.sin(theta), share)
        for share in (1 - w, w)
    ]
    return (shares[0] * a + shares[1] * b).to(x_a.dtype).reshape(x_a.shape)


def _angle(x_a: Tensor, x_b: Tensor) -> Tensor:
    """The angle between the two of each example, (B, 1); NaN where one is 0."""
    a, b = _wide(x_a), _wide(x_b)
    lengths = a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True)
    cosine: Tensor = (a * b).sum(dim=1, keepdim=True) / lengths
    return cosine.clamp(-1, 1).acos()


def _wide(x: Tensor) -> Tensor:
    """Each example as one row of numbers, in the widest type that there is."""
    return x.flatten(1).to(x.dtype if x.device.type == "mps" else torch.float64)
