"""The ELBO's interactive figure without a browser: its HTML, and its numbers against formulas."""

import math

import numpy as np
import pytest

import minidiff as md
from minidiff.viz.widget import number

explorer = md.viz.elbo_explorer


def by_hand(schedule: md.NoiseSchedule, s: float, variance: str) -> dict[str, np.ndarray]:
    """Everything the figure shows, for data N(0, s²), from the two tables β and ᾱ alone."""
    beta, a = schedule.beta.numpy(), schedule.alpha_bar.numpy()
    t = np.arange(1, schedule.T + 1)
    posterior = np.zeros(schedule.T + 1)
    posterior[t] = beta[t] * (1 - a[t - 1]) / (1 - a[t])
    sigma_2 = beta.copy() if variance == "large" else posterior.copy()
    if variance == "small":
        sigma_2[1] = posterior[2]
    left = np.zeros(schedule.T + 1)  # what x_t leaves open of x_0: precisions add
    left[t] = 1 / (1 / s**2 + a[t] / (1 - a[t]))
    terms = np.zeros(schedule.T + 1)
    terms[1] = 0.5 * np.log(2 * np.pi * sigma_2[1]) + left[1] / (2 * sigma_2[1])
    u = t[1:]
    w = np.sqrt(a[u - 1]) * beta[u] / (1 - a[u])
    ratio = posterior[u] / sigma_2[u]
    terms[u] = 0.5 * (ratio - 1 - np.log(ratio)) + w**2 * left[u] / (2 * sigma_2[u])
    weights = np.zeros(schedule.T + 1)
    weights[t] = beta[t] ** 2 / (2 * sigma_2[t] * (1 - beta[t]) * (1 - a[t]))
    errors = np.zeros(schedule.T + 1)
    errors[t] = left[t] * a[t] / (1 - a[t])
    last = 0.5 * (a[-1] * s**2 - a[-1] - np.log(1 - a[-1]))
    total = (terms.sum() + last) / math.log(2)
    entropy = 0.5 * math.log2(2 * math.pi * math.e * s**2)
    weighted = weights * errors
    return {
        "terms": terms / math.log(2),
        "weights": weights,
        "elbo": weighted.cumsum() / weighted.sum(),
        "simple": errors.cumsum() / errors.sum(),
        "total": np.array([total, total - entropy]),
    }


@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize(("kind", "T", "s"), [("linear", 200, 0.3), ("cosine", 100, 1.5)])
@pytest.mark.parametrize("t", [1, 2, 37, 100])
def test_readout_is_the_closed_form(kind, T, s, variance, t):
    schedule = md.cosine_schedule(T) if kind == "cosine" else md.linear_schedule(T, rescale=True)
    wanted = by_hand(schedule, s, variance)
    out = explorer(T=T, std=s, schedule=kind, variance=variance).readout(t=t)
    assert out["term_t"] == number(wanted["terms"][t])
    assert out["lambda_t"] == number(wanted["weights"][t])
    assert out["share_elbo"] == f"{100 * wanted['elbo'][t]:.1f} %"
    assert out["share_simple"] == f"{100 * wanted['simple'][t]:.1f} %"
    assert out["negative_elbo"] == number(wanted["total"][0])
    assert out["gap"] == f"{wanted['total'][1]:.5f}"


def test_the_gap_falls_as_1_over_t_for_large_and_levels_off_for_small():
    widget = explorer()
    gap = {
        (variance, T): float(widget.readout(variance=variance, T=T)["gap"])
        for variance in ("small", "large")
        for T in (100, 1000, 2000)
    }
    assert gap["large", 100] == pytest.approx(10 * gap["large", 1000], rel=0.02)
    limit = (np.euler_gamma + 1 - math.log(2)) / 2 / math.log(2)
    assert limit < gap["small", 2000] < gap["small", 1000] < 1.4 * limit


def test_large_variance_loses_nothing_where_the_data_are_standard_normal():
    assert explorer(std=1.0, variance="large").readout()["gap"] == "0.00000"


def test_t_1_is_the_reconstruction_term():
    said = explorer().readout(t=1)["sentence"]
    assert said.startswith("The last step to the data, L₀,")
    assert explorer().readout(t=2)["sentence"].startswith("The step from t = 2 to 1 costs")


def test_axes_change_no_number_and_are_named():
    log, linear = (explorer().readout(axes=axes) for axes in ("log", "linear"))
    assert log.pop("sentence").replace("logarithmic", "linear") == linear.pop("sentence")
    assert log == linear
