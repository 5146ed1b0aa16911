"""The posterior explorer without a browser: its HTML, and the numbers that Python gives for it."""

import base64
import math
import re

import numpy as np
import pytest

import minidiff as md
from minidiff.viz.widget import number

GRID = np.linspace(-12, 12, 480_001)


def moments(weight):
    """Mean and variance of a density that is known up to a factor, by sums on a grid."""
    weight = weight / weight.sum()
    mean = (weight * GRID).sum()
    return mean, (weight * (GRID - mean) ** 2).sum()


def factors(beta, t, x_0, x_t):
    """Prior and likelihood over x at t - 1, as the forward process defines them."""
    before = math.prod(1 - b for b in beta[: t - 1])
    prior = np.exp(-((GRID - math.sqrt(before) * x_0) ** 2) / (2 * (1 - before)))
    step = beta[t - 1]
    return prior, np.exp(-((x_t - math.sqrt(1 - step) * GRID) ** 2) / (2 * step))


def linear(T):
    """The variances of the linear schedule, rescaled to T steps."""
    return [1000 / T * (1e-4 + i / (T - 1) * (0.02 - 1e-4)) for i in range(T)]


def cosine(T):
    """The variances of the cosine schedule."""
    f = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    return [min(1 - f[t] / f[t - 1], 0.999) for t in range(1, T + 1)]


@pytest.mark.parametrize(
    ("schedule", "T", "t", "x_0", "x_t"),
    [
        ("linear", 25, 12, 0.8, -0.5),
        ("linear", 25, 2, -1.0, -0.6),
        ("linear", 100, 37, 0.3, 2.1),
        ("linear", 1000, 500, 1.0, -1.0),
        ("cosine", 25, 20, -0.4, 1.7),
        ("cosine", 100, 64, 0.0, 3.0),
    ],
)
def test_readout_is_bayes_on_a_grid(schedule, T, t, x_0, x_t):
    widget = md.viz.posterior_explorer()
    out = widget.readout(schedule=schedule, T=T, t=t, x_0=x_0, x_t=x_t)
    beta = {"linear": linear, "cosine": cosine}[schedule](T)
    prior, likelihood = factors(beta, t, x_0, x_t)
    for name, weight in (("prior", prior), ("likelihood", likelihood), ("", prior * likelihood)):
        names = (f"{name}_mean", f"{name}_variance") if name else ("mu_tilde", "beta_tilde")
        for key, wanted in zip(names, moments(weight), strict=True):
            assert float(out[key]) == pytest.approx(wanted, rel=6e-4, abs=1e-6), key


def test_eps_leads_from_x_0_to_x_t():
    out = md.viz.posterior_explorer(schedule="cosine", T=100).readout(t=30, x_0=0.5, x_t=-1.2)
    left = math.prod(1 - b for b in cosine(100)[:30])
    there = math.sqrt(left) * 0.5 + math.sqrt(1 - left) * float(out["eps"])
    assert there == pytest.approx(-1.2, abs=1e-3)


def test_sentence_says_where_between_the_two_peaks_the_mean_lies():
    out = md.viz.posterior_explorer().readout()
    start, end, mean = (float(out[k]) for k in ("prior_mean", "likelihood_mean", "mu_tilde"))
    said = float(re.search(r"lies ([\d.]+) % of the way", out["sentence"])[1])
    assert said == pytest.approx(100 * (mean - start) / (end - start), abs=0.1)


def test_sentence_names_an_x_t_that_is_rare():
    widget = md.viz.posterior_explorer(x_0=1.0, T=1000)
    assert "rare" not in widget.readout(t=10, x_t=0.9)["sentence"]
    out = widget.readout(t=10, x_t=-1.0)
    assert out["sentence"].endswith(f"rare: it takes noise of ε = {out['eps']}.)")
    assert float(out["eps"]) < -3


def test_at_the_first_step_all_is_certain():
    out = md.viz.posterior_explorer(x_0=0.3).readout(t=1, x_t=0.4)
    assert out["mu_tilde"] == out["prior_mean"] == number(0.3)
    assert out["beta_tilde"] == out["prior_variance"] == "0"
    assert out["sentence"].startswith("t = 1: one step back is x₀ itself")


def test_it_says_where_another_T_takes_t():
    assert repr(md.viz.posterior_explorer(T=100)) == (
        "<minidiff interactive figure: posterior explorer, linear, T=100, t=50>"
    )


def test_the_still_picture_has_its_three_curves_over_x_t_minus_1():
    address = re.search(r"svg\+xml;base64,([^\"]*)", md.viz.posterior_explorer()._repr_html_())[1]
    picture = base64.b64decode(address).decode()
    assert picture.count('stroke="#0072b2"') == 3
    assert picture.count(">xₜ₋₁<") == 3
    first = md.viz.posterior_explorer(t=1)._repr_html_()  # a prior without width: it has no curve
    assert "at t = 2 of T = 25" in first
