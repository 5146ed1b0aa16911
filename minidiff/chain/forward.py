r"""The forward process: a picture turns into noise, one step at a time or in one jump."""

from __future__ import annotations

from torch import Tensor

from ..base.contracts import contract
from ..base.rng import Generator, noise_like
from .schedule import NoiseSchedule, gathered, signal_and_noise


@contract("x_prev: floats, t: time of schedule, noise: like x_prev")
def q_step(
    x_prev: Tensor,
    t: int | Tensor,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    r"""One step of the chain: draw :math:`x_t \sim q(x_t \mid x_{t-1})`.

    .. math:: x_t = \sqrt{1 - \beta_t}\, x_{t-1} + \sqrt{\beta_t}\, z, \qquad z \sim \mathcal N(0, I)

    Args:
        x_prev: :math:`x_{t-1}`, shape (B, ...).
        t: The step to take, 1..T: an int, or a LongTensor (B,) with one for each example.
        schedule: The noise schedule.
        noise: :math:`z`, same shape as ``x_prev``; drawn when it is not given.
        generator: Where to draw from.

    Returns:
        :math:`x_t`, same shape as ``x_prev``.

    Source:
        Ho et al. 2020, equation 2; slide "The forward process".
    """
    z = noise_like(x_prev, noise, generator)
    keep, spread = schedule.alpha.sqrt(), schedule.beta.sqrt()
    return gathered(keep, t, x_prev) * x_prev + gathered(spread, t, x_prev) * z


@contract("x_0: floats, t: time of schedule, noise: like x_0")
def q_sample(
    x_0: Tensor,
    t: int | Tensor,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    r"""The Nice™ property: draw :math:`x_t \sim q(x_t \mid x_0)` without the steps in between.

    .. math::
        x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon,
        \qquad \epsilon \sim \mathcal N(0, I)

    Args:
        x_0: Clean data, shape (B, ...); images are (B, C, H, W) in [-1, 1].
        t: How far to go, 1..T: an int, or a LongTensor (B,) with one for each example.
        schedule: The noise schedule.
        noise: :math:`\epsilon`, same shape as ``x_0``; drawn when it is not given.
        generator: Where to draw from.

    Returns:
        :math:`x_t`, same shape as ``x_0``.

    Source:
        Ho et al. 2020, equation 4; slide "The Nice™ property".
    """
    a, b = signal_and_noise(t, schedule, x_0)
    return a * x_0 + b * noise_like(x_0, noise, generator)
