"""An interactive figure of one step back in one dimension: prior, likelihood and their product."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...base.times import check_t
from ...base.validate import check_choice, check_number
from ...chain.posterior import q_posterior
from ..schedules import SCHEDULES, rescaled_schedule
from ..still import curve_panel, figure
from ..widget import Widget, check_up_to, chosen, number, tenths

# Long chains take steps too small to see a product at work in; a short one beside them does.
STEPS = (25, 100, 1000)
FURTHEST = {"x_0": 1, "x_t": 3}  # a pixel, and three standard deviations of noise
RARE = 3  # standard deviations: an x_t further out than this is called rare

Gaussian = tuple[float, float]  # mean and variance


class PosteriorExplorer(Widget):
    """The figure that :func:`posterior_explorer` makes."""

    name = "posterior_explorer"
    scripts = ("schedules.js",)

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        values = {name: tenths(FURTHEST[name], state[name]) for name in FURTHEST}
        data = {
            "state": state,
            "T": sorted({*STEPS, state["T"]}),
            "values": values,
            "rare": RARE,
        }
        summary = f"posterior explorer, {state['schedule']}, T={state['T']}, t={state['t']}"
        super().__init__(data, _picture(state), summary)

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``schedule``, ``T``, ``t``, ``x_0``, ``x_t``. As in the figure, another
                T keeps t at the same share of the way unless t is given too.

        Returns:
            Texts of ``prior_mean``, ``prior_variance``, ``likelihood_mean``,
            ``likelihood_variance``, ``mu_tilde``, ``beta_tilde``, ``eps`` and ``sentence``.
        """
        state = chosen(self.state, controls, least_t=1)
        schedule = rescaled_schedule(state["schedule"], state["T"])
        check_t(state["t"], schedule.T)
        prior, likelihood, posterior = _gaussians(state)
        left = float(schedule.alpha_bar[state["t"]])
        eps = (state["x_t"] - math.sqrt(left) * state["x_0"]) / math.sqrt(1 - left)
        if state["t"] == 1:
            sentence = "t = 1: one step back is x₀ itself, whatever xₜ is. Nothing is left to draw."
        else:
            way = 100 * prior[1] / (prior[1] + likelihood[1])
            sentence = (
                f"The posterior mean lies {way:.1f} % of the way from the prior’s mean to the "
                f"likelihood’s peak: the narrower of the two has more say."
            )
        if abs(eps) > RARE:
            sentence += f" (From this x₀ such an xₜ is rare: it takes noise of ε = {number(eps)}.)"
        return {
            "prior_mean": number(prior[0]),
            "prior_variance": number(prior[1]),
            "likelihood_mean": number(likelihood[0]),
            "likelihood_variance": number(likelihood[1]),
            "mu_tilde": number(posterior[0]),
            "beta_tilde": number(posterior[1]),
            "eps": number(eps),
            "sentence": sentence,
        }


def posterior_explorer(
    x_0: float = 0.8,
    x_t: float = -0.5,
    t: int | None = None,
    *,
    T: int = 25,
    schedule: str = "linear",
) -> PosteriorExplorer:
    r"""Explore the forward-process posterior of one pixel: sliders for t, :math:`x_0`, :math:`x_t`.

    The figure draws, over :math:`x_{t-1}`, the two factors of Bayes' rule and their normalised product:

    .. math::
        \underbrace{q(x_{t-1} \mid x_t, x_0)}_{\text{posterior}} \;\propto\;
        \underbrace{q(x_t \mid x_{t-1})}_{\text{likelihood}}\;
        \underbrace{q(x_{t-1} \mid x_0)}_{\text{prior}}

    The prior is :math:`\mathcal N(\sqrt{\bar\alpha_{t-1}}\,x_0,\, 1-\bar\alpha_{t-1})`. The likelihood
    is a density over :math:`x_t`; as a function of :math:`x_{t-1}` it is no density but has the shape of
    one, :math:`\mathcal N(x_t/\sqrt{\alpha_t},\, \beta_t/\alpha_t)`, and is drawn with that scale. The
    posterior is :math:`\mathcal N(\tilde\mu_t, \tilde\beta_t)`. All three are computed in the page.

    Args:
        x_0: The clean pixel at first, in [-1, 1].
        x_t: The noisy pixel at first, in [-3, 3].
        t: The time at first, 1..T; None is the middle of the chain.
        T: Number of steps at first, 21..10000; 25, 100 and 1000 can be chosen too. The linear schedule
            is rescaled by 1000 / T (see :func:`minidiff.linear_schedule`).
        schedule: What is shown first: ``"linear"`` or ``"cosine"``.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        IndexError: If t is outside 1..T.
        TypeError: If a number is none.
        ValueError: If another argument is out of its range.

    Source:
        Ho et al. 2020, equations 6 and 7; slide "Loss function", appendix C.
    """
    check_choice("schedule", schedule, SCHEDULES)
    # Rescaled to 20 steps, the last variance would be 1.
    T = check_up_to("T", T, 10_000, low=21)
    t = T // 2 if t is None else t
    check_t(t, T)
    values = {"x_0": x_0, "x_t": x_t}
    for name, end in FURTHEST.items():
        values[name] = check_number(name, values[name], -end, end)
    return PosteriorExplorer({"schedule": schedule, "T": T, "t": int(t), **values})


def _gaussians(state: dict[str, Any]) -> tuple[Gaussian, Gaussian, Gaussian]:
    """Prior, likelihood (as a function of x_{t-1}) and posterior: the mean and variance of each."""
    schedule, t = rescaled_schedule(state["schedule"], state["T"]), state["t"]
    before, keep = float(schedule.alpha_bar[t - 1]), float(schedule.alpha[t])
    x_0, x_t = (torch.tensor([state[name]], dtype=torch.float64) for name in ("x_0", "x_t"))
    mean, variance = q_posterior(x_t, x_0, t, schedule)
    return (
        (math.sqrt(before) * state["x_0"], 1 - before),
        (state["x_t"] / math.sqrt(keep), float(schedule.beta[t]) / keep),
        (float(mean), float(variance)),
    )


def _density(mean: float, variance: float, x: list[float]) -> list[float]:
    scale = 1 / math.sqrt(2 * math.pi * variance)
    return [scale * math.exp(-((v - mean) ** 2) / (2 * variance)) for v in x]


def _picture(state: dict[str, Any]) -> str:
    # At t = 1 two of the curves have no width; the picture shows the step before it instead.
    shown = {**state, "t": max(2, state["t"])}
    x = [k / 50 for k in range(-150, 151)]
    curves = [_density(*gaussian, x) for gaussian in _gaussians(shown)]
    top = max(map(max, curves))
    titles = ("prior q(xₜ₋₁ | x₀)", "likelihood q(xₜ | xₜ₋₁)", "posterior q(xₜ₋₁ | xₜ, x₀)")
    panels = [
        curve_panel(place, title, x, y, low=0, high=top, name="xₜ₋₁")
        for place, (title, y) in enumerate(zip(titles, curves, strict=True))
    ]
    alt = (
        f"Three curves over x at t - 1, at t = {shown['t']} of T = {state['T']}: the prior, the "
        f"likelihood, and the posterior, which is their product and narrower than both."
    )
    return figure(alt, 660, 200, panels)
