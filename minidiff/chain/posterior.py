r"""The forward-process posterior: the exact way back, for those who know where it began."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import pair
from ..base.rules.shapes import two_halves
from .schedule import NoiseSchedule, alpha_bar_at, gathered

FIXED_VARIANCES = ("small", "large")  # of p_θ, where no network says it
VARIANCES = (*FIXED_VARIANCES, "learned")


@contract("x_t: floats, x_0: like x_t, t: time of schedule")
def q_posterior(
    x_t: Tensor, x_0: Tensor, t: int | Tensor, schedule: NoiseSchedule
) -> tuple[Tensor, Tensor]:
    r"""Mean and variance of :math:`q(x_{t-1} \mid x_t, x_0) = \mathcal N(\tilde\mu_t, \tilde\beta_t I)`.

    .. math::
        \tilde\mu_t(x_t, x_0) = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\, x_0
            + \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}\, x_t,
        \qquad
        \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t

    Args:
        x_t: The noisy data, shape (B, ...).
        x_0: The clean data it came from, same shape.
        t: 1..T: an int, or a LongTensor (B,).
        schedule: The noise schedule.

    Returns:
        The mean, same shape as ``x_t``, and the variance (not the standard deviation): a number
        without dimensions for an int t, else shape (B, 1, ..., 1). At t = 1 they are x_0 and 0.

    Source:
        Ho et al. 2020, equations 6 and 7; slide "Loss function", appendix C.
    """
    weight_0, weight_t = posterior_weights(schedule)
    mean = gathered(weight_0, t, x_t) * x_0 + gathered(weight_t, t, x_t) * x_t
    return mean, gathered(schedule.beta_tilde, t, x_t)


@contract("")
def posterior_weights(schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    r"""Weights of :math:`x_0` and :math:`x_t` in the posterior mean, for all t at once.

    .. math::
        w^{(0)}_t = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}, \qquad
        w^{(t)}_t = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}

    Args:
        schedule: The noise schedule.

    Returns:
        Two float64 tables of length T+1, indexed by t. At t = 1 they are 1 and 0 (to rounding);
        entry 0 belongs to no step and is 0 in both.

    Source:
        Ho et al. 2020, equation 7.
    """
    n = torch.arange(1, schedule.T + 1)  # at n = 0 both would be 0 / 0
    alpha, alpha_bar, beta = schedule.alpha, schedule.alpha_bar, schedule.beta
    start = torch.zeros(1, dtype=torch.float64)
    weight_0 = alpha_bar[n - 1].sqrt() * beta[n] / (1 - alpha_bar[n])
    weight_t = alpha[n].sqrt() * (1 - alpha_bar[n - 1]) / (1 - alpha_bar[n])
    return torch.cat([start, weight_0]), torch.cat([start, weight_t])


@contract("t: one time of schedule, s: time below t")
def step_variances(t: float, s: float, schedule: NoiseSchedule) -> tuple[float, float]:
    r"""Variances of a step between any two times t > s: :math:`\beta_{t\to s}, \tilde\beta_{t\to s}`.

    .. math::
        \beta_{t \to s} = 1 - \frac{\bar\alpha_t}{\bar\alpha_s}, \qquad
        \tilde\beta_{t \to s} = \frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}\,\beta_{t \to s}

    With s = t - 1 they are :math:`\beta_t` and :math:`\tilde\beta_t`.

    Args:
        t: The noisier time, an int 1..T. (Unchecked, as in the loops, both may be real.)
        s: The time to go to, an int 0..t-1.
        schedule: The noise schedule.

    Returns:
        The forward variance and the posterior variance, in double precision.

    Source:
        Song et al. 2020 (DDIM), equation 16 with η = 1.
    """
    alpha_bar_t, alpha_bar_s = alpha_bar_at(t, schedule), alpha_bar_at(s, schedule)
    beta = 1 - alpha_bar_t / alpha_bar_s
    return beta, (1 - alpha_bar_s) / (1 - alpha_bar_t) * beta


@contract(f"variance: one of {FIXED_VARIANCES}")
def model_variance(schedule: NoiseSchedule, variance: str = "small") -> Tensor:
    r"""The variance :math:`\sigma_t^2` of :math:`p_\theta(x_{t-1} \mid x_t)`, for all t.

    ``"small"`` is :math:`\tilde\beta_t`, ``"large"`` is :math:`\beta_t`. The two are the right ones for
    data that are a single point, and for data from a standard normal. At t = 1 the small one would be
    0, and a Gaussian without width has no likelihood: :math:`\tilde\beta_2` stands there.

    Args:
        schedule: The noise schedule.
        variance: ``"small"`` or ``"large"``.

    Returns:
        Float64, shape (T+1,), indexed by t; entry 0 is 0. (A chain of one step has no
        :math:`\tilde\beta_2`; its only variance is :math:`\beta_1`.)

    Source:
        Ho et al. 2020, section 3.2.
    """
    if variance == "large" or schedule.T == 1:
        return schedule.beta.clone()
    sigma_2 = schedule.beta_tilde.clone()
    sigma_2[1] = sigma_2[2]
    return sigma_2


@contract("v: tensor, large and small: variance")
def log_interpolation(v: Tensor, large: float | Tensor, small: float | Tensor) -> Tensor:
    r"""The learned variance's logarithm, between that of the two fixed ones.

    .. math:: \log \Sigma_\theta(x_t, t) = v \log \beta_t + (1 - v) \log \tilde\beta_t

    Args:
        v: The mixing weight; 0 means "small", 1 "large". A network is free to leave [0, 1].
        large: :math:`\beta_t > 0`, a number, or a tensor that multiplies v.
        small: :math:`\tilde\beta_t > 0`, likewise.

    Returns:
        The logarithm of the variance, same shape as v.

    Source:
        Nichol and Dhariwal 2021, equation 15; slide "Learning the reverse process variance".
    """
    log_large = large.log() if isinstance(large, Tensor) else math.log(large)
    log_small = small.log() if isinstance(small, Tensor) else math.log(small)
    return v * log_large + (1 - v) * log_small


@contract("output: tensor", two_halves)
def split_variance(output: Tensor) -> tuple[Tensor, Tensor]:
    r"""Split what a network with twice the channels says: its prediction, and the mixing weight v.

    .. math:: v = \tfrac12 (o + 1)

    An output o of -1 therefore means the small variance, 1 the large one, and an untrained network,
    whose last layer gives 0, begins half way.

    Args:
        output: Shape (B, 2C, ...).

    Returns:
        The prediction and v, each of shape (B, C, ...).

    Source:
        Nichol and Dhariwal 2021, section 3.1 (a vector v in the range of the output).
    """
    prediction, mixing = output.chunk(2, dim=1)
    return prediction, (mixing + 1) / 2


def apart(answer: Any, x_t: Tensor) -> tuple[Tensor, Tensor | None]:
    """What a model says of x_t: its prediction, and v where it says that, too; checked by nobody.

    A model says it by the pair (prediction, v), a network by twice the channels.
    """
    if isinstance(answer, tuple):
        return pair(answer)
    twice = isinstance(answer, Tensor) and answer.dim() == x_t.dim() > 1
    if twice and answer.shape[1] == 2 * x_t.shape[1]:
        return unchecked(split_variance)(answer)
    return answer, None
