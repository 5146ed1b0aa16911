"""The reverse explorer without a browser: its HTML, and the numbers that Python gives for it."""

import math
import re

import numpy as np
import pytest
import torch
from interactives import CENTRES, figure

import minidiff as md
from minidiff.viz.widget import number


@pytest.fixture(scope="module")
def widget():
    return figure("reverse_explorer")


@pytest.fixture(scope="module")
def small():
    """A figure whose walk is short enough to be done again by hand."""
    return md.viz.reverse_explorer(CENTRES, 0.2, 25, points=10)


def mean_noise(x, means, std, a_bar):
    """E[eps | x_t] for a mixture of equal normal distributions, one point at a time."""
    var = a_bar * std**2 + 1 - a_bar
    out = []
    for point in x:
        gaps = [point - math.sqrt(a_bar) * mean for mean in means]
        weights = [math.exp(-(gap @ gap) / (2 * var)) for gap in gaps]
        mixed = sum(w * gap for w, gap in zip(weights, gaps, strict=True)) / sum(weights)
        out.append(math.sqrt(1 - a_bar) / var * mixed)
    return np.array(out)


@pytest.mark.parametrize("noise", ["2", "none"])
def test_walk_is_algorithm_2_with_the_exact_denoiser(small, noise):
    means = CENTRES.double().numpy()
    beta = [40 * (1e-4 + i / 24 * (0.02 - 1e-4)) for i in range(25)]
    a_bar = [math.prod(1 - b for b in beta[:t]) for t in range(26)]
    x = md.viz.chain_noise(3, 0, 20).reshape(10, 2)
    states = small.walk("centres", 3, noise)
    np.testing.assert_allclose(states[25], x, atol=1e-12)
    for t in range(25, 0, -1):
        eps = mean_noise(x, means, 0.2, a_bar[t])
        x = (x - beta[t - 1] / math.sqrt(1 - a_bar[t]) * eps) / math.sqrt(1 - beta[t - 1])
        if noise != "none" and t > 1:
            variance = (1 - a_bar[t - 1]) / (1 - a_bar[t]) * beta[t - 1]
            x = x + math.sqrt(variance) * md.viz.chain_noise(2, t, 20).reshape(10, 2)
        np.testing.assert_allclose(states[t - 1], x, atol=1e-8)


def test_readout_measures_the_points_of_the_walk(widget):
    t = 130
    x = widget.walk("two_moons", 2, "3")[t]
    means = widget.sets["two_moons"].means
    away = torch.cdist(x, means).amin(1)
    a_bar = widget.schedule.alpha_bar[t]
    eps = widget.eps_model("two_moons")(x, t)
    guess = (x - (1 - a_bar).sqrt() * eps) / a_bar.sqrt()
    out = widget.readout(data="two_moons", start=2, noise="3", t=t)
    assert out["alpha_bar_t"] == number(float(a_bar))
    assert out["distance"] == f"{away.mean():.3f}"
    assert out["guess"] == f"{torch.cdist(guess, means).amin(1).mean():.3f}" != out["distance"]
    assert out["near"] == f"{int((away <= 0.2).sum())} of 200"
    assert out["near"] in out["sentence"]
    assert out["guess"] in out["sentence"]


def test_sentence_names_both_ends_and_the_missing_noise(widget):
    assert widget.readout(t=1000)["sentence"].startswith("t = 1000: pure noise")
    assert "fresh noise" not in widget.readout(t=0)["sentence"]
    assert "no step added fresh noise" in widget.readout(t=0, noise="none")["sentence"]


def test_sentence_says_what_is_drawn_besides_the_points(widget):
    assert "arrows" in widget.readout(t=500)["sentence"]
    assert "lines" in widget.readout(t=500, show="guess")["sentence"]
    assert widget.readout(t=0) == widget.readout(t=0, show="guess")  # nothing is left to take out


@pytest.mark.parametrize("data", ["eight_gaussians", "two_moons"])
def test_the_walk_ends_in_the_data(widget, data):
    near = [int(widget.readout(data=data, start=k, t=0)["near"].split()[0]) for k in (1, 2, 3, 4)]
    # Among eight clouds that lie apart, 1 - e^-2 of a normal distribution; small clouds in a row
    # overlap, so that a point near none of them is rarer.
    expected, low = 1 - math.exp(-2), sum(near) / 800
    error = math.sqrt(expected * (1 - expected) / 800)
    assert low > expected - 4 * error
    assert data == "two_moons" or low < expected + 4 * error
    noise_near = int(widget.readout(data=data, t=1000)["near"].split()[0])
    assert noise_near < 0.5 * min(near)


def test_without_fresh_noise_the_points_crowd_together(widget):
    reached = {}
    for noise in ("1", "none"):
        x = widget.walk("two_moons", 1, noise)[0]
        reached[noise] = torch.cdist(x, widget.sets["two_moons"].means).argmin(1).unique()
    assert len(reached["1"]) > 40  # of 48 small clouds
    assert len(reached["none"]) < 10


def test_bundled_sets_are_those_of_the_library(widget):
    eight, moons = widget.sets["eight_gaussians"], widget.sets["two_moons"]
    assert torch.allclose(eight.means, md.data.eight_means().double(), atol=1e-5)
    assert eight.std == md.data.EIGHT_STD
    drawn = md.data.toy("two_moons", 2000, generator=torch.Generator().manual_seed(0)).double()
    # A drawn point is a place on the half circles plus noise of std 0.1; so is one of the figure.
    assert torch.cdist(drawn, moons.means).amin(1).mean() < 0.13
    assert torch.cdist(moons.means, drawn).amin(1).max() < 0.13


def test_still_picture_shows_the_walk(widget):
    paths = re.findall(r'<path d="(M[^"]+)"', widget._picture)
    assert len(paths) == 6
    last = np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", paths[-1]), float)
    x = widget.walk("eight_gaussians", 1, "1")[0].numpy()
    assert len(last) == len(x) == 200
    limit = widget._data["limit"]
    np.testing.assert_allclose(last[:, 0], 556 + (x[:, 0] / limit + 1) * 50, atol=0.051)
    np.testing.assert_allclose(last[:, 1], 6 + (1 - x[:, 1] / limit) * 50, atol=0.051)
