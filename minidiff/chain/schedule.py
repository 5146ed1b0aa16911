r"""Noise schedules: how much noise each of the T steps of the forward process adds.

Time here is the slides' :math:`t`: steps run :math:`1, \dots, T` and :math:`t = 0` is clean data.
Every table has length T+1 and is indexed by t itself, so ``schedule.beta[t]`` *is* :math:`\beta_t`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.rules.schedules import as_steps, real_numbers, variances, variances_stay_below_1
from ..base.shapes import beside
from .continuous import ContinuousSchedule


@contract("", real_numbers, variances)
class NoiseSchedule:
    r"""A variance schedule :math:`\beta_1, \dots, \beta_T` and what follows from it.

    .. math::
        \alpha_t = 1 - \beta_t, \qquad
        \bar\alpha_t = \prod_{s=1}^{t} \alpha_s, \qquad
        \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t

    All tables are float64 tensors of length T+1 on the CPU, indexed by t, with
    ``beta[0] = beta_tilde[0] = 0`` and ``alpha[0] = alpha_bar[0] = 1``. They stay in double precision
    until :func:`gather` casts the entries that are needed: in float32, :math:`1 - \bar\alpha_1`
    would already be wrong in its fourth digit.

    Args:
        beta: :math:`\beta_1, \dots, \beta_T`, shape (T,), each in the open interval (0, 1).
        name: What to call the schedule in plots and messages.
        zero_terminal_snr: Allow :math:`\beta_T = 1`, hence :math:`\bar\alpha_T = 0`: the last picture
            is then noise and nothing else, and noise prediction has nothing to divide by at T.

    Attributes:
        T: Number of steps.
        beta: :math:`\beta_t`, the variance added in step t.
        alpha: :math:`\alpha_t`, the share of the variance that step t keeps.
        alpha_bar: :math:`\bar\alpha_t`, the share of the data's variance that is left at t.
        beta_tilde: :math:`\tilde\beta_t`, the variance of the forward-process posterior.

    Source:
        Ho et al. 2020, section 2; slides "The forward process" and "The Nice™ property".
    """

    def __init__(
        self,
        beta: Tensor | Sequence[float] | np.ndarray,
        *,
        name: str = "custom",
        zero_terminal_snr: bool = False,
    ) -> None:
        steps = as_steps(beta).double()
        start = torch.zeros(1, dtype=torch.float64)
        self.name = name
        self.T = len(steps)
        self.beta = torch.cat([start, steps])
        self.alpha = 1 - self.beta
        self.alpha_bar = torch.cumprod(self.alpha, dim=0)
        self.beta_tilde = torch.cat(
            [start, (1 - self.alpha_bar[:-1]) / (1 - self.alpha_bar[1:]) * steps]
        )

    @property
    def snr(self) -> Tensor:
        r"""Signal-to-noise ratio :math:`\bar\alpha_t / (1 - \bar\alpha_t)`, shape (T+1,).

        It is infinite at t = 0, where there is no noise.
        """
        return self.alpha_bar / (1 - self.alpha_bar)

    @cached_property
    def last_signal(self) -> int:
        r"""The last t with :math:`\bar\alpha_t > 0`: T, or T − 1 where the terminal SNR is zero."""
        return int(self.alpha_bar.count_nonzero()) - 1

    @cached_property
    def continuous(self) -> ContinuousSchedule:
        r"""Signal, noise and log-SNR at any real t in [0, T], and t at a given log-SNR."""
        return ContinuousSchedule(self.beta)

    def __repr__(self) -> str:
        return f"NoiseSchedule({self.name!r}, T={self.T}, alpha_bar_T={self.alpha_bar[-1]:.3g})"


@contract("T: count, beta_1 and beta_T: number in (0, 1)", variances_stay_below_1)
def linear_schedule(
    T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02, *, rescale: bool = False
) -> NoiseSchedule:
    r"""The DDPM paper's schedule: :math:`\beta_t` grows in a straight line.

    .. math:: \beta_t = \beta_1 + \frac{t - 1}{T - 1}\,(\beta_T - \beta_1)

    The two default ends were chosen for T = 1000. With fewer steps the same ends add too little
    noise in all: :math:`\bar\alpha_T` is 4e-5 at T = 1000 but 0.36 at T = 100, so a third of the
    picture's variance would survive. ``rescale=True`` multiplies both ends by 1000 / T.

    Args:
        T: Number of steps, at least 1 (with T = 1 the only step has :math:`\beta_1`).
        beta_1: First variance, in (0, 1).
        beta_T: Last variance, in (0, 1).
        rescale: Multiply both ends by 1000 / T, so that every T reaches about the same noise.

    Warns:
        UserWarning: If the default ends are used with a T for which :math:`\bar\alpha_T > 0.01`.

    Source:
        Ho et al. 2020, section 4; slide "The forward process", footnote.
    """
    # numpy's linspace meets both ends exactly; torch's may miss the last one by a rounding.
    beta = scale_of_beta(T, rescale) * np.linspace(beta_1, beta_T, T)
    schedule = NoiseSchedule(beta, name="linear")
    if not rescale and (beta_1, beta_T) == (1e-4, 0.02):
        warn_of_short_chain("linear_schedule", schedule, "from 1e-4 to 0.02")
    return schedule


def scale_of_beta(T: int, rescale: bool) -> float:
    """What all β are multiplied by: ends that were chosen for T = 1000 then fit this T."""
    return 1000 / T if rescale else 1.0


def warn_of_short_chain(maker: str, schedule: NoiseSchedule, ends: str) -> None:
    """Warn where ends that were chosen for T = 1000 leave more than 1 % of the data's variance at T."""
    left = float(schedule.alpha_bar[-1])
    if left > 0.01:
        warnings.warn(
            f"{maker}: beta {ends} is meant for T = 1000; at T = {schedule.T}, "
            f"alpha_bar_T = {left:.2f} of the data's variance is still there at the end. "
            f"Pass rescale=True to scale beta by 1000 / T",
            stacklevel=4,  # past the maker and its contract
        )


@contract("T: count, s: number in (0, 1)")
def cosine_schedule(T: int = 1000, s: float = 0.008) -> NoiseSchedule:
    r"""The cosine schedule: :math:`\bar\alpha_t` falls along a squared cosine.

    .. math::
        \bar\alpha_t = \frac{f(t)}{f(0)}, \quad
        f(t) = \cos^2\!\left(\frac{t/T + s}{1 + s} \cdot \frac{\pi}{2}\right), \quad
        \beta_t = \min\!\left(1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}},\; 0.999\right)

    Args:
        T: Number of steps, at least 1.
        s: Small positive offset that keeps :math:`\beta_t` from being tiny near t = 0.

    At T hardly any signal is left. A network that predicts the noise needs ``clip=True`` there in sampling,
    for pixels, or predicts v instead; :doc:`/notebooks/09_noise_schedules` shows why.

    Source:
        Nichol and Dhariwal 2021, equation 17; slide "Variance/noise schedulers".
    """
    t = torch.arange(T + 1, dtype=torch.float64)
    f = torch.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2
    # Only the very last beta reaches the limit: f(T) = 0 would make it 1.
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return NoiseSchedule(beta, name="cosine")


@contract("x: tensor, t: index of values")
def gather(values: Tensor, t: int | Tensor, x: Tensor) -> Tensor:
    """Pick ``values[t]`` and shape it so that it multiplies ``x`` example by example.

    This is the one place where the float64 tables meet the data: entries take x's dtype and device.
    The whole (short) table is cast before it moves, for some devices have no float64 at all.

    Args:
        values: A table of length T+1, such as ``schedule.alpha_bar.sqrt()``.
        t: One time for all examples (int), or one for each: LongTensor (B,).
        x: Tensor of shape (B, ...).

    Returns:
        A number without dimensions for an int t, else a tensor of shape (B, 1, ..., 1).
    """
    if not isinstance(t, Tensor):
        return values[t].to(x.dtype)
    picked = values.to(x.dtype).to(x.device, non_blocking=True)[t.to(x.device)]
    return beside(picked, x)


gathered = unchecked(gather)  # for functions whose own contract has looked at t and x


def signal_and_noise(
    t: float | Tensor, schedule: NoiseSchedule, x: Tensor
) -> tuple[float | Tensor, float | Tensor]:
    r"""Weights of data and noise in x_t, :math:`\sqrt{\bar\alpha_t}` and :math:`\sqrt{1 - \bar\alpha_t}`.

    Args:
        t: An int, or a LongTensor (B,): from the table. A float, or a tensor (B,) of floats: from the
            continuous face.
        schedule: The noise schedule.
        x: Tensor of shape (B, ...) that they will multiply.

    Returns:
        Two numbers in double precision for a number t, else two tensors as :func:`gather` gives them.
    """
    if isinstance(t, float):
        return schedule.continuous._alpha_and_sigma(t)
    if not isinstance(t, Tensor):
        alpha_bar = float(schedule.alpha_bar[t])
        return math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if t.is_floating_point():
        signal, noise = schedule.continuous._alpha_and_sigma(t)
        return beside(signal.to(x.dtype), x), beside(noise.to(x.dtype), x)
    signal, noise = schedule.alpha_bar.sqrt(), (1 - schedule.alpha_bar).sqrt()
    return gathered(signal, t, x), gathered(noise, t, x)


def alpha_bar_at(t: float, schedule: NoiseSchedule) -> float:
    r""":math:`\bar\alpha_t` at one time: out of the table for an int, between its entries for a float."""
    if isinstance(t, float):
        return schedule.continuous.alpha(t) ** 2
    return float(schedule.alpha_bar[t])
