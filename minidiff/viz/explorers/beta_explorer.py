"""An interactive figure of a noise schedule: its curves, and their values at t."""

from __future__ import annotations

from typing import Any

from ...base.times import check_t
from ...base.validate import check_choice
from ...chain.schedule import NoiseSchedule
from ..schedules import LITTLE, SCHEDULES, check_settings, make_schedule, values_at
from ..still import curve_panel, figure
from ..widget import Widget, chosen, nice_values, number


class BetaExplorer(Widget):
    """The figure that :func:`beta_explorer` makes."""

    name = "beta_explorer"
    scripts = ("schedules.js",)

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        schedule = make_schedule(state)
        values = {
            "T": [int(v) for v in nice_values(10, 4000, state["T"])],
            "beta_1": nice_values(1e-6, 1e-2, state["beta_1"]),
            "beta_T": nice_values(1e-3, 0.5, state["beta_T"]),
            "s": nice_values(1e-3, 0.2, state["s"]),
        }
        super().__init__(
            {"state": state, "values": values, "little": LITTLE},
            _picture(schedule),
            f"noise schedule explorer, {state['schedule']}, T={state['T']}",
        )

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``schedule``, ``T``, ``beta_1``, ``beta_T``, ``s``, ``t``. As in the
                figure, another T keeps t at the same share of the way unless t is given too.

        Returns:
            Texts of ``beta_t``, ``alpha_bar_t``, ``sqrt_alpha_bar_t``,
            ``sqrt_one_minus_alpha_bar_t``, ``snr_t``, ``alpha_bar_T`` and ``sentence``.
        """
        state = chosen(self.state, controls)
        schedule = make_schedule(state)
        check_t(state["t"], schedule.T, low=0)
        end = number(float(schedule.alpha_bar[-1]))
        gone = (schedule.alpha_bar < LITTLE).nonzero()
        after = f"after all {schedule.T} steps, {end} of the picture’s variance is"
        if len(gone):
            sentence = (
                f"Noise at the end: {after} left. It is below 1 % from t = {int(gone[0])} on."
            )
        else:
            sentence = (
                f"Not yet noise: {after} still there. Sampling starts from pure noise, so take more "
                f"steps or larger variances."
            )
        return {**values_at(schedule, state["t"]), "alpha_bar_T": end, "sentence": sentence}


def beta_explorer(
    T: int = 1000,
    beta_1: float = 1e-4,
    beta_T: float = 0.02,
    schedule: str = "linear",
    *,
    s: float = 0.008,
) -> BetaExplorer:
    r"""Explore a noise schedule: sliders for T, :math:`\beta_1`, :math:`\beta_T`, and its curves.

    The figure draws :math:`\beta_t`, :math:`\bar\alpha_t` (with the two factors of the Nice property)
    and the signal-to-noise ratio :math:`\bar\alpha_t / (1 - \bar\alpha_t)`, writes their values at t,
    and says in words whether the last picture is noise. It computes the formulas of
    :func:`minidiff.linear_schedule` and :func:`minidiff.cosine_schedule` in the page itself, so it
    works without a kernel. The dashed grey curves stay where they were at first, to compare with.

    Args:
        T: Number of steps at first, 2..10000.
        beta_1: First variance at first, in (0, 1); it moves the linear schedule only.
        beta_T: Last variance at first, in (0, 1); it moves the linear schedule only.
        schedule: What is shown first: ``"linear"`` or ``"cosine"``.
        s: Offset of the cosine schedule at first, in (0, 1).

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Slides "The forward process" and "Variance/noise schedulers"; Ho et al. 2020, section 4;
        Nichol and Dhariwal 2021, equation 17.
    """
    check_choice("schedule", schedule, SCHEDULES)
    state = check_settings(T, beta_1, beta_T, s, largest_T=10_000)
    return BetaExplorer({"schedule": schedule, **state, "t": state["T"] // 2})


def _picture(schedule: NoiseSchedule) -> str:
    t = range(schedule.T + 1)
    log_snr = schedule.snr[1:].log10().clamp(min=-12).tolist()
    panels = [
        curve_panel(0, "β_t, noise added in step t", t[1:], schedule.beta[1:].tolist(), low=0),
        curve_panel(
            1, "ᾱ_t, what is left after t steps", t, schedule.alpha_bar.tolist(), low=0, high=1
        ),
        curve_panel(2, "log10 of the signal-to-noise ratio", t[1:], log_snr),
    ]
    return figure(
        f"Curves of the {schedule.name} schedule with T = {schedule.T}: beta t, alpha bar t and "
        f"the logarithm of the signal-to-noise ratio over t.",
        660,
        200,
        panels,
    )
