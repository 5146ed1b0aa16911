r"""Rules of noise schedules: what their numbers must be, and where their curve can be asked."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..validate import shown


def as_steps(beta: Any) -> Tensor:
    """A list, an array or a tensor as a tensor on the CPU, Python's floats in double precision."""
    # By way of numpy, whose floats are double: torch would round Python's floats to float32.
    steps = beta if isinstance(beta, Tensor) else torch.as_tensor(np.asarray(beta))
    return steps.detach().cpu()


def real_numbers(beta: Any) -> None:
    """TypeError: If beta is not a sequence of real numbers."""
    try:
        steps = as_steps(beta)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"beta must be a sequence of numbers beta_1..beta_T, got {shown(beta)}"
        ) from error
    if steps.is_complex() or steps.dtype == torch.bool:
        raise TypeError(f"beta must hold real numbers, got dtype {steps.dtype}")


def variances(beta: Any, zero_terminal_snr: bool) -> None:
    """ValueError: If beta is empty, not one-dimensional, NaN or outside (0, 1)."""
    steps = as_steps(beta).double()
    if steps.dim() != 1 or len(steps) == 0:
        raise ValueError(f"beta must be beta_1..beta_T, shape (T,); got shape {tuple(steps.shape)}")
    if zero_terminal_snr and steps[-1] == 1:
        steps = steps[:-1]
    wrong = torch.nonzero(~((steps > 0) & (steps < 1))).flatten()
    if len(wrong):
        t = int(wrong[0]) + 1
        hint = ""
        if t == len(steps) and steps[-1] == 1:
            hint = "; beta_T = 1 is allowed only with zero_terminal_snr=True"
        raise ValueError(f"beta_{t} = {float(steps[t - 1])} is outside (0, 1){hint}")


def variances_stay_below_1(T: int, beta_1: float, beta_T: float, rescale: bool) -> None:
    """ValueError: If a variance is not below 1 once it is rescaled."""
    for name, value in (("beta_1", beta_1), ("beta_T", beta_T)):
        if rescale and 1000 / T * value >= 1:
            raise ValueError(
                f"rescale=True with T = {T} makes {name} = {1000 / T * value:g}, and a variance must "
                f"stay below 1; take T > {1000 * value:g}, or cosine_schedule({T})"
            )


def falls(start: float, end: float) -> None:
    """ValueError: If ``end`` is not above ``start``."""
    if not start < end:
        raise ValueError(f"start must be below end, got start = {start:g}, end = {end:g}")


def stays_where_it_is_steep(start: float, end: float, tau: float) -> None:
    """ValueError: If an end divided by τ is beyond ±20, where neighbouring steps are all alike."""
    if max(abs(start), abs(end)) / tau > 20:
        raise ValueError(
            f"start / tau and end / tau must lie in [-20, 20], beyond which the sigmoid is flat; got "
            f"start = {start:g}, end = {end:g}, tau = {tau:g}"
        )


def two_steps(schedule: Any) -> None:
    """ValueError: If it has one step only, which cannot both be kept and leave nothing."""
    if schedule.T < 2:
        raise ValueError(
            "schedule has T = 1, so its first step, which is kept, is also the last one, which is to "
            "leave nothing; it takes T >= 2"
        )


def real_log_snr(log_snr: Any) -> None:
    """TypeError: If it is neither a number nor a tensor of real numbers."""
    if isinstance(log_snr, Tensor):
        if log_snr.is_complex() or log_snr.dtype == torch.bool:
            raise TypeError(f"log_snr must hold real numbers, got {log_snr.dtype}")
    elif isinstance(log_snr, bool) or not isinstance(log_snr, Real):
        raise TypeError(f"log_snr must be a number or a tensor, got {shown(log_snr)}")


def reached(self: Any, log_snr: float | Tensor) -> None:
    """ValueError: If a value is below the log-SNR at T, where the schedule ends, or NaN."""
    wanted = torch.as_tensor(log_snr, dtype=torch.float64).detach().cpu()
    least = self.log_snr(float(self.T))
    # A value that was computed as the end's may miss it by a rounding.
    too_low = ~(wanted >= least - 1e-9 * max(1.0, abs(least)))
    if bool(too_low.any()):
        raise ValueError(
            f"log_snr = {float(wanted[too_low].flatten()[0]):g} is below {least:.6g}, the log-SNR at "
            f"t = T = {self.T}; the schedule reaches no noisier place"
        )


def falls_within_the_schedule(self: Any, start: float, end: float) -> None:
    """ValueError: If times do not fall from start to end within (0, T]."""
    if not 0 < end < start <= self.T:
        raise ValueError(
            f"times fall from start to end within (0, T = {self.T}] (at 0 the log-SNR is infinite); "
            f"got start = {start:g}, end = {end:g}"
        )


def starts_with_some_signal(self: Any, start: float) -> None:
    """ValueError: If the log-SNR at ``start`` is -infinity."""
    if math.isinf(self.log_snr(float(start))):
        raise ValueError(
            f"the log-SNR at start = {start:g} is -infinity (zero terminal SNR), so no times are "
            f"evenly spread from there; take start = {self.T - 1} or below"
        )
