r"""The forward process: a picture turns into noise, one step at a time or in one jump."""

from __future__ import annotations

from torch import Tensor

from ..base.rng import Generator, randn
from ..base.validate import check_floats, check_same_shape, check_schedule, check_t
from .schedule import NoiseSchedule, gathered, signal_and_noise


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

    Raises:
        IndexError: If t is outside 1..T.
        TypeError: If a tensor does not hold floating-point numbers.
        ValueError: If shapes differ, or a tensor is empty or not finite.

    Source:
        Ho et al. 2020, equation 2; slide "The forward process".
    """
    noise = _checked_noise("x_prev", x_prev, t, schedule, noise, generator)
    keep = gathered(schedule.alpha.sqrt(), t, x_prev)
    return keep * x_prev + gathered(schedule.beta.sqrt(), t, x_prev) * noise


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

    Raises:
        IndexError: If t is outside 1..T.
        TypeError: If a tensor does not hold floating-point numbers.
        ValueError: If shapes differ, or a tensor is empty or not finite.

    Source:
        Ho et al. 2020, equation 4; slide "The Nice™ property".
    """
    return noised(x_0, t, schedule, _checked_noise("x_0", x_0, t, schedule, noise, generator))


def noised(x_0: Tensor, t: int | Tensor, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """The equation of :func:`q_sample` alone: no checks, for inner loops that made t themselves."""
    a, b = signal_and_noise(t, schedule, x_0)
    return a * x_0 + b * noise


def _checked_noise(
    name: str,
    x: Tensor,
    t: int | Tensor,
    schedule: NoiseSchedule,
    noise: Tensor | None,
    generator: Generator | None,
) -> Tensor:
    check_schedule(schedule)
    check_floats(name, x)
    check_t(t, schedule.T, len(x))
    if noise is None:
        return randn(x.shape, generator, x.device, x.dtype)
    check_floats("noise", noise)
    check_same_shape("noise", noise, name, x)
    return noise
