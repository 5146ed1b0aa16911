r"""More noise schedules: latent diffusion's, the two that are called "sigmoid", and zero terminal SNR."""

from __future__ import annotations

import math

import numpy as np
import torch

from ..base.contracts import contract
from ..base.rules.schedules import falls, stays_where_it_is_steep, two_steps, variances_stay_below_1
from .schedule import NoiseSchedule, scale_of_beta, warn_of_short_chain

#: How far to both sides of its middle the sigmoid of β is followed
SIGMOID_REACH = 6.0


@contract("T: count, beta_1 and beta_T: number in (0, 1)", variances_stay_below_1)
def scaled_linear_schedule(
    T: int = 1000, beta_1: float = 8.5e-4, beta_T: float = 0.012, *, rescale: bool = False
) -> NoiseSchedule:
    r"""Latent diffusion's schedule: it is :math:`\sqrt{\beta_t}` that grows in a straight line.

    .. math::
        \beta_t = \left( \sqrt{\beta_1} + \frac{t - 1}{T - 1}
            \left( \sqrt{\beta_T} - \sqrt{\beta_1} \right) \right)^2

    The default ends are those of Stable Diffusion. They leave :math:`\sqrt{\bar\alpha_T} = 0.068` of the
    latent's signal at T = 1000, on purpose or not; see :func:`rescale_zero_terminal_snr`.

    Args:
        T: Number of steps, at least 1 (with T = 1 the only step has :math:`\beta_1`).
        beta_1: First variance, in (0, 1).
        beta_T: Last variance, in (0, 1).
        rescale: Multiply both ends by 1000 / T, so that every T reaches about the same noise.

    Warns:
        UserWarning: If the default ends are used with a T for which :math:`\bar\alpha_T > 0.01`.

    Source:
        Rombach et al. 2022, in their code, where it is called linear; ``"scaled_linear"`` in diffusers.
    """
    beta = scale_of_beta(T, rescale) * np.linspace(math.sqrt(beta_1), math.sqrt(beta_T), T) ** 2
    schedule = NoiseSchedule(beta, name="scaled linear")
    if not rescale and (beta_1, beta_T) == (8.5e-4, 0.012):
        warn_of_short_chain("scaled_linear_schedule", schedule, "from 8.5e-4 to 0.012")
    return schedule


@contract("T: count, beta_1 and beta_T: number in (0, 1)", variances_stay_below_1)
def sigmoid_beta_schedule(
    T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02, *, rescale: bool = False
) -> NoiseSchedule:
    r"""The first thing called "sigmoid": the *variance of a step* follows a sigmoid.

    .. math::
        \beta_t = \beta_1 + (\beta_T - \beta_1)\, \operatorname{sigmoid}(u_t), \qquad
        u_t = -6 + 12\, \frac{t - 1}{T - 1}

    The two ends are come close to and not met: sigmoid(-6) = 0.0025. The other meaning of the word,
    in which :math:`\bar\alpha_t` follows a sigmoid, is :func:`sigmoid_schedule`.

    Args:
        T: Number of steps, at least 1.
        beta_1: The variance from which it starts, in (0, 1).
        beta_T: The variance to which it goes, in (0, 1).
        rescale: Multiply both ends by 1000 / T, so that every T reaches about the same noise.

    Warns:
        UserWarning: If the default ends are used with a T for which :math:`\bar\alpha_T > 0.01`.

    Source:
        Xu et al. 2022 (GeoDiff); ``"sigmoid"`` in diffusers.
    """
    sigmoid = 1 / (1 + np.exp(-np.linspace(-SIGMOID_REACH, SIGMOID_REACH, T)))
    beta = scale_of_beta(T, rescale) * (beta_1 + (beta_T - beta_1) * sigmoid)
    schedule = NoiseSchedule(beta, name="sigmoid beta")
    if not rescale and (beta_1, beta_T) == (1e-4, 0.02):
        warn_of_short_chain("sigmoid_beta_schedule", schedule, "from 1e-4 to 0.02")
    return schedule


@contract(
    "T: count, start and end: number, tau: number in (0, inf)", falls, stays_where_it_is_steep
)
def sigmoid_schedule(
    T: int = 1000, start: float = -3.0, end: float = 3.0, tau: float = 1.0
) -> NoiseSchedule:
    r"""The second thing called "sigmoid": *what is left of the data* falls along a sigmoid.

    .. math::
        \bar\alpha_t &= \frac{g(1) - g(t/T)}{g(1) - g(0)} \\
        g(u) &= \operatorname{sigmoid}\!\left(
            \frac{\text{start} + u\,(\text{end} - \text{start})}{\tau} \right) \\
        \beta_t &= \min\!\left( 1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}},\; 0.999 \right)

    A smaller τ makes it steeper in the middle. Starting at 0 instead of -3 uses only the falling half of
    the sigmoid, which puts in noise sooner, as large pictures need. The other meaning of the word, in
    which :math:`\beta_t` follows a sigmoid, is :func:`sigmoid_beta_schedule`.

    Args:
        T: Number of steps, at least 1.
        start: Where on the sigmoid t = 0 is.
        end: Where on the sigmoid t = T is, above ``start``.
        tau: Temperature τ > 0 by which both are divided.

    Source:
        Jabri et al. 2022, appendix; Chen 2023, algorithm 1.
    """
    g = torch.sigmoid(torch.linspace(start / tau, end / tau, T + 1, dtype=torch.float64))
    left = g[-1] - g
    # Only the last beta reaches the limit: nothing is left at T, which would make it 1.
    beta = (1 - left[1:] / left[:-1]).clamp(max=0.999)
    return NoiseSchedule(beta, name="sigmoid")


@contract("", two_steps)
def rescale_zero_terminal_snr(schedule: NoiseSchedule) -> NoiseSchedule:
    r"""The same schedule, shifted and scaled until nothing of the data is left at T.

    .. math::
        \sqrt{\bar\alpha'_t} = \left( \sqrt{\bar\alpha_t} - \sqrt{\bar\alpha_T} \right)
            \frac{\sqrt{\bar\alpha_1}}{\sqrt{\bar\alpha_1} - \sqrt{\bar\alpha_T}}

    So :math:`\bar\alpha'_1 = \bar\alpha_1` and :math:`\bar\alpha'_T = 0`. A network that is trained with a
    little signal at T learns to read the mean brightness off it, and a sampler that starts from pure
    noise then gives pictures of medium brightness only. From :math:`\bar\alpha_T = 0` a prediction of
    the noise says nothing of the data: predict v or x_0.

    Args:
        schedule: The noise schedule, of at least 2 steps.

    Returns:
        A new schedule, with :math:`\beta_T = 1`.

    Source:
        Lin et al. 2024, algorithm 1.
    """
    signal = schedule.alpha_bar[1:].sqrt()
    shifted = signal - signal[-1]
    # The factor is the same for all t and cancels in the ratios; the first step stays what it was.
    beta = torch.cat([schedule.beta[1:2], 1 - (shifted[1:] / shifted[:-1]) ** 2])
    return NoiseSchedule(beta, name=f"{schedule.name}, zero terminal SNR", zero_terminal_snr=True)
