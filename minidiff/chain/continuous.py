r"""The continuous face of a noise schedule: signal, noise and their ratio at any real time.

The T steps are a table. Solvers of differential equations, and times chosen by how much noise there is,
want a curve through it.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.kinds import look
from ..base.rules.schedules import (
    falls_within_the_schedule,
    reached,
    real_log_snr,
    starts_with_some_signal,
)
from ..base.times import check_real_t

Time = TypeVar("Time", float, Tensor)
"""A real time or log-SNR, one number or a tensor of them"""


class ContinuousSchedule:
    r"""What a :class:`~minidiff.NoiseSchedule` says between its steps; it is ``schedule.continuous``.

    A natural cubic spline goes through :math:`\log \bar\alpha_0, \dots, \log \bar\alpha_T`. So the curve
    meets the table at whole t, and has two continuous derivatives between. Where the table is rough, the
    spline's slopes are limited until the curve falls everywhere, at the price of the second derivative.

    Times are real numbers in [0, T]. A number gives a number, a tensor gives a float64 tensor of its
    shape; like the tables it stays on the CPU.

    .. note::
        ``alpha`` has two meanings in the field. In the table, ``schedule.alpha[t]`` is the slides'
        :math:`\alpha_t = 1 - \beta_t` of one step. Here, as in the literature on solvers,
        ``alpha(t)`` is the weight of the data after t steps, :math:`\sqrt{\bar\alpha_t}`.

    Args:
        beta: :math:`\beta_0 = 0, \beta_1, \dots, \beta_T`, the table of a schedule.

    Attributes:
        T: The last time.

    Source:
        Lu et al. 2022 (DPM-Solver), section 2 and appendix D; Fritsch and Carlson 1980 (the limit).
    """

    def __init__(self, beta: Tensor) -> None:
        self.T = len(beta) - 1
        # Sums of logarithms: a product of many small factors would come to 0 before its logarithm does.
        table = torch.log1p(-beta).cumsum(0)
        # With zero terminal SNR the last entry is -infinity, and no spline goes there.
        self._knots = table if bool(table[-1].isfinite()) else table[:-1]
        self._cubics = _cubics(self._knots)

    @contract("t: real time of self")
    def alpha(self, t: Time) -> Time:
        r"""Weight of the data in x_t, :math:`\alpha(t) = \sqrt{\bar\alpha(t)}`.

        Args:
            t: Real times in [0, T].
        """
        return _as_given(t, (0.5 * self._log_alpha_bar(_float64(t))).exp())

    @contract("t: real time of self")
    def sigma(self, t: Time) -> Time:
        r"""Weight of the noise in x_t, :math:`\sigma(t) = \sqrt{1 - \bar\alpha(t)}`.

        Args:
            t: Real times in [0, T].
        """
        return _as_given(t, _noise_variance(self._log_alpha_bar(_float64(t))).sqrt())

    def _alpha_and_sigma(self, t: Time) -> tuple[Time, Time]:
        """Both weights for the price of one; t is refused as there."""
        check_real_t(t, self.T, look_inside=look(t))
        log_signal = self._log_alpha_bar(_float64(t))
        signal, noise = (0.5 * log_signal).exp(), _noise_variance(log_signal).sqrt()
        return _as_given(t, signal), _as_given(t, noise)

    @contract("t: real time of self")
    def log_snr(self, t: Time) -> Time:
        r"""Logarithm of the signal-to-noise ratio, :math:`\log \frac{\bar\alpha(t)}{1 - \bar\alpha(t)}`.

        Papers on solvers use half of it, :math:`\lambda = \log(\alpha / \sigma)`. It falls with t, from
        +infinity at t = 0 where there is no noise.

        Args:
            t: Real times in [0, T].
        """
        log_signal = self._log_alpha_bar(_float64(t))
        return _as_given(t, log_signal - _noise_variance(log_signal).log())

    @contract("", real_log_snr, reached)
    def t_of_log_snr(self, log_snr: Time) -> Time:
        r"""The time at which the log-SNR has a given value: the inverse of :meth:`log_snr`.

        Args:
            log_snr: Real numbers, at least ``log_snr(T)``; +infinity is t = 0.
        """
        return _as_given(log_snr, self._t_of_log_alpha_bar(-_softplus(-_float64(log_snr))))

    @contract(
        "start and end: number, steps: count", falls_within_the_schedule, starts_with_some_signal
    )
    def times(self, start: float, end: float, steps: int) -> list[float]:
        r"""Real times that fall from ``start`` to ``end``, evenly spread in log-SNR.

        A second-order multistep solver is at its best on them: all its steps are equally long.

        Args:
            start: The noisier end, in (0, T].
            end: The cleaner end, in (0, start); at 0 the log-SNR is infinite.
            steps: Number of steps, so that there are steps + 1 times.

        Source:
            Lu et al. 2022 (DPM-Solver), section 3.3.
        """
        first, last = self.log_snr(float(start)), self.log_snr(float(end))
        between = torch.linspace(first, last, steps + 1, dtype=torch.float64)[1:-1]
        return [float(start), *self.t_of_log_snr(between).tolist(), float(end)]

    def _log_alpha_bar(self, t: Tensor) -> Tensor:
        last = len(self._knots) - 1
        k = t.long().clamp(max=last)
        value = self._knots[k] + _cubic(self._cubics[:, k], t - k)
        # Beyond the last knot lies zero terminal SNR alone. There the signal falls in a straight line to 0:
        # √ᾱ(t) = √ᾱ(T-1) · (T - t).
        return torch.where(t > last, self._knots[-1] + 2 * (self.T - t).log(), value)

    def _t_of_log_alpha_bar(self, wanted: Tensor) -> Tensor:
        last = len(self._knots) - 1
        # In which piece? The knots fall, and searchsorted wants them to rise.
        k = torch.searchsorted(-self._knots, -wanted.contiguous(), right=True) - 1
        inside = k.clamp(max=max(last - 1, 0))
        t = inside + _root(self._cubics[:, inside], wanted - self._knots[inside])
        if last == self.T:
            return t
        return torch.where(k < last, t, self.T - (0.5 * (wanted - self._knots[-1])).exp())


def _noise_variance(log_alpha_bar: Tensor) -> Tensor:
    """1 - ᾱ without loss where ᾱ is near 1; a magnitude, for minus the exponential of 0 less 1 is -0."""
    return torch.expm1(log_alpha_bar).abs()


def _cubics(y: Tensor) -> Tensor:
    """Coefficients (3, len(y)) of u, u² and u³ on the piece behind each knot; the last has none.

    Args:
        y: Values at 0, 1, 2, …, each below the one before.
    """
    if len(y) == 1:
        return y.new_zeros(3, 1)
    rise = y.diff()
    slope = _spline_slopes(y)
    # Fritsch and Carlson: a piece falls all the way if no slope is more than 3 times its own rise.
    steepest = 3 * torch.maximum(torch.cat([rise[:1], rise]), torch.cat([rise, rise[-1:]]))
    slope = torch.minimum(torch.maximum(slope, steepest), torch.zeros_like(slope))
    left, right = slope[:-1], slope[1:]
    pieces = torch.stack([left, 3 * rise - 2 * left - right, left + right - 2 * rise])
    return torch.cat([pieces, y.new_zeros(3, 1)], dim=1)


def _spline_slopes(y: Tensor) -> Tensor:
    """Slopes at the knots of the natural cubic spline, by elimination in its three diagonals.

    The equations say that second derivatives agree: m[k-1] + 4 m[k] + m[k+1] = 3 (y[k+1] - y[k-1]), and that
    they vanish at the ends: 2 m[0] + m[1] = 3 (y[1] - y[0]), and likewise at the other one.
    """
    values = y.tolist()
    n = len(values) - 1
    weight, slope = [0.0] * (n + 1), [0.0] * (n + 1)
    for k in range(n + 1):
        before, after = max(k - 1, 0), min(k + 1, n)
        diagonal = 2.0 if k in (0, n) else 4.0
        pivot = diagonal - (weight[k - 1] if k else 0.0)
        weight[k] = 1 / pivot
        slope[k] = (3 * (values[after] - values[before]) - (slope[k - 1] if k else 0.0)) / pivot
    for k in range(n - 1, -1, -1):
        slope[k] -= weight[k] * slope[k + 1]
    return y.new_tensor(slope)


def _cubic(coefficients: Tensor, u: Tensor) -> Tensor:
    first, second, third = coefficients.unbind()
    return u * (first + u * (second + u * third))


def _root(coefficients: Tensor, wanted: Tensor) -> Tensor:
    """The u in [0, 1] at which falling cubics have the wanted values: Newton, held in by bisection."""
    first, second, third = coefficients.unbind()
    low, high = torch.zeros_like(wanted), torch.ones_like(wanted)
    u = (wanted / (first + second + third)).nan_to_num().clamp(0, 1)  # where a straight line has it
    for _ in range(60):  # bisection alone would be done by then
        excess = _cubic(coefficients, u) - wanted
        low, high = torch.where(excess > 0, u, low), torch.where(excess > 0, high, u)
        newton = u - excess / (first + u * (2 * second + u * 3 * third))
        moved = torch.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
        if torch.equal(moved, u):
            break
        u = moved
    return u


def _softplus(x: Tensor) -> Tensor:
    """Logarithm of 1 + exp(x), exact to a rounding on both sides."""
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))


def _float64(value: float | Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu().double()
    return torch.tensor(float(value), dtype=torch.float64)


def _as_given(given: Time, values: Tensor) -> Time:
    if isinstance(given, Tensor):
        return values
    return float(values)
