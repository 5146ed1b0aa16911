"""The ELBO's interactive figure in a real browser: every control by keyboard, every number against Python."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from controls import assert_agrees, choose, press, slider, state

import minidiff as md

CHOICES = {
    "schedule": ("linear", "cosine"),
    "variance": ("small", "large"),
    "axes": ("log", "linear"),
}


@pytest.mark.parametrize("variance", CHOICES["variance"])
@pytest.mark.parametrize("schedule", CHOICES["schedule"])
def test_it_agrees_with_python_wherever_its_controls_go(
    open_html: Callable, schedule: str, variance: str
) -> None:
    widget = md.viz.elbo_explorer()
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-elbo_explorer")
    assert assert_agrees(widget, root) == widget.state
    choose(root, "schedule", schedule)
    choose(root, "variance", variance)
    assert_agrees(widget, root)
    for name in ("T", "std", "t"):
        for keys in (["ArrowRight"] * 2, ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"] * 3):
            before = state(widget, root)
            press(slider(root, name), *keys)
            after = assert_agrees(widget, root)
            assert after[name] != before[name], f"{keys} did not move {name}"
    choose(root, "axes", "linear")
    assert_agrees(widget, root)
    press(root.get_by_role("button", name="Reset"), "Enter")
    assert assert_agrees(widget, root) == widget.state
    visit.assert_clean()


def test_t_ends_at_1_and_at_T(open_html: Callable) -> None:
    widget = md.viz.elbo_explorer()
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    press(slider(root, "t"), "Home")
    assert assert_agrees(widget, root)["t"] == 1
    press(slider(root, "T"), "Home")  # the share of the way is below one step now
    assert assert_agrees(widget, root)["t"] == 1
    press(slider(root, "t"), "End")
    assert assert_agrees(widget, root)["t"] == state(widget, root)["T"] == 50


@pytest.mark.parametrize(("axes", "fraction"), [("log", 0.5), ("linear", 0.25)])
def test_pressing_on_a_curve_moves_t(open_html: Callable, axes: str, fraction: float) -> None:
    widget = md.viz.elbo_explorer(axes=axes)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").first
    box = plot.bounding_box()
    plot.click(position={"x": 44 + fraction * (box["width"] - 54), "y": 60})
    wanted = 1000**fraction if axes == "log" else 1000 * fraction
    assert abs(assert_agrees(widget, root)["t"] - wanted) <= 0.06 * wanted


@pytest.mark.parametrize("axes", CHOICES["axes"])
def test_it_draws_the_curve_of_lambda(open_html: Callable, axes: str) -> None:
    widget = md.viz.elbo_explorer(T=500, variance="large", axes=axes)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").nth(1)
    width = float(plot.get_attribute("viewBox").split()[2])
    d = plot.locator("path.mdw-curve.mdw-a").get_attribute("d")
    x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", d), float).T
    along = (x - 44) / (width - 54)  # the frame's edges stand in Plot.axes
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
        assert float(tick.get_attribute("x")) == pytest.approx(
            44 + (width - 54) * np.log(100) / np.log(500), abs=0.1
        )
    np.testing.assert_allclose(156 - 148 * (height - low) / (high - low), y, atol=1.0)


@pytest.mark.parametrize("variance", CHOICES["variance"])
def test_it_draws_what_a_wrong_variance_costs(open_html: Callable, variance: str) -> None:
    T, s = 100, 0.5
    root = open_html(
        md.viz.elbo_explorer(T=T, std=s, variance=variance, axes="linear")._repr_html_()
    ).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").first
    width = float(plot.get_attribute("viewBox").split()[2])
    d = plot.locator("path.mdw-curve.mdw-b").get_attribute("d")
    x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", d), float).T
    schedule = md.linear_schedule(T, rescale=True)
    spread = schedule.alpha_bar * s**2 + 1 - schedule.alpha_bar
    t = torch.arange(2, T + 1)
    true = schedule.beta[t] * spread[t - 1] / spread[t]
    wasted = md.gaussian_kl(0.0, true, 0.0, md.model_variance(schedule, variance)[t])
    ticks = plot.locator("text[text-anchor=end]").all_text_contents()
    top = float(ticks[-2] if float(ticks[-1]) == T else ticks[-1])  # the last x may end there too
    height = np.interp(1 + (x - 44) / (width - 54) * (T - 1), t, wasted / math.log(2))
    assert len(x) == T - 1
    np.testing.assert_allclose(156 - 148 * height / top, y, atol=1.0)
