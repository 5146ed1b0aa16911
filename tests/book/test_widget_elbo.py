"""The ELBO's interactive figure in a real browser: every control by keyboard, every number against Python."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from controls import assert_agrees, choose, curve, drive, press, reset, slider, state

import minidiff as md

PIXEL = 1 / 148  # as a share of the height of a plot
CHOICES = {
    "schedule": ("linear", "cosine"),
    "variance": ("small", "large"),
    "axes": ("log", "linear"),
}


@pytest.mark.parametrize("variance", CHOICES["variance"])
@pytest.mark.parametrize("schedule", CHOICES["schedule"])
def test_it_agrees_with_python_wherever_its_controls_go(
    open_figure: Callable, schedule: str, variance: str
) -> None:
    widget = md.viz.elbo_explorer()
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    choose(root, "schedule", schedule)
    choose(root, "variance", variance)
    assert_agrees(widget, root)
    for name in ("T", "std", "t"):
        ways = ["ArrowRight"] * 2, ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"] * 3
        drive(widget, root, name, *ways)
    choose(root, "axes", "linear")
    assert_agrees(widget, root)
    reset(widget, root)


def test_t_ends_at_1_and_at_T(open_figure: Callable) -> None:
    widget = md.viz.elbo_explorer()
    root = open_figure(widget)
    press(slider(root, "t"), "Home")
    assert assert_agrees(widget, root)["t"] == 1
    press(slider(root, "T"), "Home")  # the share of the way is below one step now
    assert assert_agrees(widget, root)["t"] == 1
    press(slider(root, "t"), "End")
    assert assert_agrees(widget, root)["t"] == state(widget, root)["T"] == 50


@pytest.mark.parametrize("axes", CHOICES["axes"])
def test_it_draws_the_curve_of_lambda(open_figure: Callable, axes: str) -> None:
    widget = md.viz.elbo_explorer(T=500, variance="large", axes=axes)
    root = open_figure(widget)
    plot = root.locator(".mdw-plot > svg").nth(1)
    along, drawn = curve(plot, "mdw-a")
    weights = md.loss_weights(md.linear_schedule(500, rescale=True), "large").numpy()
    if axes == "log":
        t, low, high = 500**along, -3, 0  # powers of ten around the weights
        height = np.interp(np.log(t), np.log(np.arange(1, 501)), np.log10(weights[1:]))
    else:
        t, low, high = 1 + along * 499, 0, 1
        height = np.interp(t, np.arange(1, 501), weights[1:])
    assert len(t) > 100
    if axes == "log":
        tick = plot.locator("text[text-anchor=middle]", has_text=re.compile("^100$"))
        width = float(plot.get_attribute("viewBox").split()[2])
        assert float(tick.get_attribute("x")) == pytest.approx(
            44 + (width - 54) * np.log(100) / np.log(500), abs=0.1
        )
    np.testing.assert_allclose((height - low) / (high - low), drawn, atol=PIXEL)


@pytest.mark.parametrize("variance", CHOICES["variance"])
def test_it_draws_what_a_wrong_variance_costs(open_figure: Callable, variance: str) -> None:
    T, s = 100, 0.5
    root = open_figure(md.viz.elbo_explorer(T=T, std=s, variance=variance, axes="linear"))
    plot = root.locator(".mdw-plot > svg").first
    along, drawn = curve(plot, "mdw-b")
    schedule = md.linear_schedule(T, rescale=True)
    spread = schedule.alpha_bar * s**2 + 1 - schedule.alpha_bar
    t = torch.arange(2, T + 1)
    true = schedule.beta[t] * spread[t - 1] / spread[t]
    wasted = md.gaussian_kl(0.0, true, 0.0, md.model_variance(schedule, variance)[t])
    ticks = plot.locator("text[text-anchor=end]").all_text_contents()
    top = float(ticks[-2] if float(ticks[-1]) == T else ticks[-1])  # the last x may end there too
    height = np.interp(1 + along * (T - 1), t, wasted / math.log(2))
    assert len(along) == T - 1
    np.testing.assert_allclose(height / top, drawn, atol=PIXEL)
