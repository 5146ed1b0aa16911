"""An interactive figure of the ELBO: what each step costs, and what the simple loss makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ...base.times import check_t
from ...base.validate import check_choice, check_number
from ...chain import exact
from ...chain.posterior import FIXED_VARIANCES
from ...losses.elbo import elbo
from ...losses.simple import loss_weights
from ..schedules import SCHEDULES, rescaled_schedule
from ..still import curve_panel, figure
from ..widget import Widget, check_up_to, chosen, nice_values, number

AXES = ("log", "linear")
LEAST_T, MOST_T = 50, 2000
LEAST_STD, MOST_STD = 0.02, 2.0


class ElboExplorer(Widget):
    """The figure that :func:`elbo_explorer` makes."""

    name = "elbo_explorer"
    scripts = ("schedules.js",)

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        values = {
            "T": [int(v) for v in nice_values(LEAST_T, MOST_T, state["T"])],
            "std": nice_values(LEAST_STD, MOST_STD, state["std"]),
        }
        super().__init__(
            {"state": state, "values": values},
            _picture(state),
            f"ELBO explorer, {state['schedule']}, variance {state['variance']}, T={state['T']}",
        )

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``schedule``, ``variance``, ``T``, ``std``, ``axes``, ``t``. As in the
                figure, another T keeps t at the same share of the way unless t is given too.

        Returns:
            Texts of ``term_t``, ``lambda_t``, ``share_elbo``, ``share_simple``, ``negative_elbo``, ``gap``
            and ``sentence``.
        """
        state = chosen(self.state, controls, least_t=1)
        check_choice("axes", state["axes"], AXES)
        _check(state)
        t = state["t"]
        check_t(t, state["T"])
        found = _computed(state["schedule"], state["variance"], state["T"], state["std"])
        texts = {
            "term_t": number(float(found.terms[t])),
            "lambda_t": number(float(found.weights[t])),
            "share_elbo": _percent(found.share_elbo[t]),
            "share_simple": _percent(found.share_simple[t]),
            "negative_elbo": number(found.negative_elbo),
            "gap": f"{max(found.gap, 0.0):.5f}",
        }
        what = "The last step to the data, L₀," if t == 1 else f"The step from t = {t} to {t - 1}"
        sentence = (
            f"{what} costs {texts['term_t']} bits per entry. Of all squared errors, "
            f"{texts['share_elbo']} lie up to t = {t} with the weights of the ELBO, "
            f"{texts['share_simple']} with those of the simple loss. The whole −ELBO is {texts['gap']} "
            f"bits more than the data’s entropy, the least that is possible. The axes are "
            f"{'logarithmic' if state['axes'] == 'log' else 'linear'}."
        )
        return {**texts, "sentence": sentence}


def elbo_explorer(
    T: int = 1000,
    std: float = 0.5,
    schedule: str = "linear",
    variance: str = "small",
    *,
    axes: str = "log",
    t: int | None = None,
) -> ElboExplorer:
    r"""Explore where the bits of the ELBO are spent, and what :math:`L_\text{simple}` weighs instead.

    The data are Gaussian, :math:`x_0 \sim \mathcal N(0, s^2)`, and the denoiser is the exact one, so all
    terms are known in closed form, in bits for one entry of :math:`x_0`:

    .. math::
        L_{t-1} = \frac12 \left( \log\frac{\sigma_t^2}{\tilde\beta_t}
        + \frac{\tilde\beta_t}{\sigma_t^2} - 1 \right)
        + \lambda_t\, \mathbb E (\epsilon - \epsilon_\theta)^2

    Three plots over t show :math:`L_{t-1}` with the part of it that no other denoiser, only another variance
    :math:`\sigma_t^2` could avoid; the weight :math:`\lambda_t` beside the 1 of :math:`L_\text{simple}`; and
    which share of all weighted errors lies at t or below. The page computes them itself.

    Args:
        T: Number of steps at first, 50..2000. The linear schedule is rescaled by 1000 / T.
        std: Standard deviation s of the data at first, 0.02..2.
        schedule: What is shown first: ``"linear"`` or ``"cosine"``.
        variance: :math:`\sigma_t^2` at first: ``"small"`` or ``"large"``.
        axes: Of the first two plots at first: ``"log"`` or ``"linear"``; ``"log"`` stretches small t in all.
        t: The time shown first, 1..T; None is T/50.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If T, std or t is not a number of its kind.
        IndexError: If t is outside 1..T.
        ValueError: If another argument is out of its range.

    Source:
        Ho et al. 2020, equations 5, 12 and 14; slides "Loss function".
    """
    check_choice("axes", axes, AXES)
    state = {"schedule": schedule, "variance": variance, "T": T, "std": std}
    _check(state)
    t = max(1, T // 50) if t is None else t
    check_t(t, T)
    return ElboExplorer({**state, "T": int(T), "std": float(std), "axes": axes, "t": int(t)})


@dataclass(frozen=True)
class _Numbers:
    """All that the figure shows for a schedule, in bits for one entry; tables are indexed by t."""

    terms: Tensor  # L_0 at t = 1, L_{t-1} above
    weights: Tensor
    share_elbo: Tensor
    share_simple: Tensor
    negative_elbo: float
    gap: float


@lru_cache(maxsize=32)
def _computed(schedule: str, variance: str, T: int, std: float) -> _Numbers:
    table = rescaled_schedule(schedule, T)
    # Each term is quadratic in x_0, so two points of the data's mean and variance stand for all.
    x_0 = torch.tensor([[-std], [std]], dtype=torch.float64)
    terms = elbo(exact.gaussian(0.0, std, table), x_0, table, variance=variance)
    columns = terms.L_t.mean(0)
    columns[1] = terms.L_0.mean()
    error = terms.x0_error.mean(0)
    error[1:] *= table.snr[1:]  # of the noise, no longer of x_0
    weights = loss_weights(table, variance)
    entropy = math.log(2 * math.pi * math.e * std**2) / 2
    nats = float(terms.negative_elbo.mean())
    return _Numbers(
        columns / math.log(2),
        weights,
        _shares(weights * error),
        _shares(error),
        nats / math.log(2),
        (nats - entropy) / math.log(2),
    )


def _check(state: dict[str, Any]) -> None:
    check_choice("schedule", state["schedule"], SCHEDULES)
    check_choice("variance", state["variance"], FIXED_VARIANCES)
    check_number("std", state["std"], LEAST_STD, MOST_STD)
    check_up_to("T", state["T"], MOST_T, low=LEAST_T)


def _shares(parts: Tensor) -> Tensor:
    return parts.cumsum(0) / parts.sum()


def _percent(share: Tensor) -> str:
    return f"{100 * float(share):.1f} %"


def _picture(state: dict[str, Any]) -> str:
    found = _computed(state["schedule"], state["variance"], state["T"], state["std"])
    t = range(state["T"] + 1)
    terms, weights = found.terms[2:].log10().tolist(), found.weights[1:].log10().tolist()
    panels = [
        _decades(0, "log10 of L_{t-1} in bits", t[2:], terms),
        _decades(1, "log10 of the weight λ_t", t[1:], weights),
        curve_panel(2, "share of the weighted errors", t, found.share_elbo.tolist(), low=0, high=1),
    ]
    return figure(
        f"Curves over t of the ELBO's terms, of their weights and of the share that lies at t or below, "
        f"for the {state['schedule']} schedule with T = {state['T']} and the {state['variance']} "
        f"variance.",
        666,
        200,
        panels,
    )


def _decades(place: int, title: str, t: Sequence[int], values: list[float]) -> str:
    low, high = math.floor(min(values)), math.ceil(max(values))
    return curve_panel(place, title, t, values, low=low, high=high)
