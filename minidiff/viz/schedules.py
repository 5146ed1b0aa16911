"""Noise schedules of the figures: their settings, checked, and what is written about one at t."""

from __future__ import annotations

import warnings
from typing import Any

from ..base.validate import check_choice, check_number
from ..chain.schedule import NoiseSchedule, cosine_schedule, linear_schedule
from .widget import check_up_to, number

SCHEDULES = ("linear", "cosine")

# Below this share of the variance a picture counts as gone: linear_schedule warns above it too.
LITTLE = 0.01


def check_settings(
    T: int, beta_1: float, beta_T: float, s: float, *, largest_T: int
) -> dict[str, int | float]:
    """The numbers behind both schedules, checked and as plain Python numbers."""
    return {
        "T": check_up_to("T", T, largest_T, low=2),
        "beta_1": check_number("beta_1", beta_1, 0, 1, open_ends=True),
        "beta_T": check_number("beta_T", beta_T, 0, 1, open_ends=True),
        "s": check_number("s", s, 0, 1, open_ends=True),
    }


def make_schedule(state: dict[str, Any]) -> NoiseSchedule:
    """The library's schedule for a state of the controls, however much it leaves at the end."""
    check_choice("schedule", state["schedule"], SCHEDULES)
    if state["schedule"] == "cosine":
        return cosine_schedule(state["T"], state["s"])
    with warnings.catch_warnings():
        # Exploring a schedule that ends too early is the point here; the figure says so in words.
        warnings.filterwarnings("ignore", message="linear_schedule:")
        return linear_schedule(state["T"], state["beta_1"], state["beta_T"])


def rescaled_schedule(name: str, T: int) -> NoiseSchedule:
    """The library's schedule of that name for any T, the linear one rescaled."""
    check_choice("schedule", name, SCHEDULES)
    return cosine_schedule(T) if name == "cosine" else linear_schedule(T, rescale=True)


def values_at(schedule: NoiseSchedule, t: int) -> dict[str, str]:
    """The texts of what the figures write about a schedule at t."""
    left = schedule.alpha_bar[t]
    return {
        "beta_t": number(float(schedule.beta[t])),
        "alpha_bar_t": number(float(left)),
        "sqrt_alpha_bar_t": number(float(left.sqrt())),
        "sqrt_one_minus_alpha_bar_t": number(float((1 - left).sqrt())),
        "snr_t": number(float(schedule.snr[t])),
    }
