"""An interactive figure of a noise schedule: its curves, and their values at t."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from ...base.times import check_t
from ...base.validate import check_choice
from ...chain.schedule import NoiseSchedule
from ..kernel.box import LiveBox, answers_of, explorer_box
from ..kernel.controls import Control, Slider, among
from ..kernel.own import Own, check_own, own_schedule
from ..schedules import LITTLE, SCHEDULES, check_settings, make_schedule, values_at
from ..still import curve_panel, figure
from ..widget import Widget, chosen, nice_values, number


class BetaExplorer(Widget):
    """The figure that :func:`beta_explorer` makes."""

    name = "beta_explorer"
    scripts = ("schedules.js",)

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.own: dict[str, Own] = {}  # schedules of the reader, where a kernel runs
        self.values: dict[str, Sequence[float]] = {
            "T": [int(v) for v in nice_values(10, 4000, state["T"])],
            "beta_1": nice_values(1e-6, 1e-2, state["beta_1"]),
            "beta_T": nice_values(1e-3, 0.5, state["beta_T"]),
            "s": nice_values(1e-3, 0.2, state["s"]),
        }
        super().__init__(
            {"state": state, "values": self.values, "little": LITTLE},
            self.still(),
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
        schedule = self.schedule(state)
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

    def still(self, **controls: Any) -> str:
        """Its curves for a state of its controls, as a still picture."""
        return _picture(self.schedule(chosen(self.state, controls)))

    def schedule(self, state: Mapping[str, Any]) -> NoiseSchedule:
        """The schedule of a state: the library's, or a reader's own."""
        name = state["schedule"]
        if name in self.own:
            return own_schedule(name, self.own[name], state["T"])
        return make_schedule({**state})

    def live(self, **schedules: Own) -> LiveBox:
        r"""The same in a kernel, with schedules of one's own in the menu.

        >>> def quadratic(T):  # doctest: +SKIP
        ...     return torch.linspace(0.01, 0.14, T) ** 2
        >>> md.viz.beta_explorer().live(quadratic=quadratic)  # doctest: +SKIP

        Args:
            **schedules: Functions of T by name; each gives :math:`\beta_1, \dots, \beta_T`, shape (T,), or a
                :class:`~minidiff.NoiseSchedule`. The first one is shown first.

        Returns:
            Controls of ipywidgets where a kernel runs; elsewhere the figure without them.

        Raises:
            TypeError: If one is no function, or gives no numbers.
            ValueError: If its name is taken, or the first one gives no T values in (0, 1).
        """
        check_own(schedules, SCHEDULES)
        own = copy(self)
        own.own = schedules
        first = next(iter(schedules), self.state["schedule"])
        controls: dict[str, Control] = {
            "schedule": among([*SCHEDULES, *schedules], first, slides=False),
            **{name: among(values, self.state[name]) for name, values in self.values.items()},
            "t": Slider(0, "T", first=self.state["t"]),
        }
        labels = {"beta_1": "β_1", "beta_T": "β_T"}
        return explorer_box(self, answers_of(own), controls, labels)


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
