"""The posterior explorer in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from controls import (
    across,
    assert_agrees,
    choose,
    curve,
    drive,
    press,
    reset,
    slider,
    ticks,
    top_of,
)

import minidiff as md


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable) -> None:
    widget = md.viz.posterior_explorer()
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    for schedule in ("linear", "cosine"):
        choose(root, "schedule", schedule)
        for T in ("25", "100", "1000"):
            choose(root, "T", T)
            assert_agrees(widget, root)
            for name in ("t", "x_0", "x_t"):
                ways = ["ArrowRight"], ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"] * 4
                drive(widget, root, name, *ways)
    reset(widget, root)


def test_t_follows_T_and_never_reaches_0(open_figure: Callable) -> None:
    widget = md.viz.posterior_explorer(T=100, t=50)
    root = open_figure(widget)
    choose(root, "T", "1000")
    assert assert_agrees(widget, root)["t"] == 500
    choose(root, "T", "25")
    assert assert_agrees(widget, root)["t"] == 13
    choose(root, "T", "1000")
    press(slider(root, "t"), "Home")
    assert assert_agrees(widget, root)["t"] == 1
    choose(root, "T", "25")
    assert assert_agrees(widget, root)["t"] == 1


@pytest.mark.parametrize("t", [2, 12, 25])
def test_it_draws_prior_likelihood_and_their_normalised_product(
    open_figure: Callable, t: int
) -> None:
    widget = md.viz.posterior_explorer(x_0=0.6, x_t=-1.0, t=t)
    root = open_figure(widget)
    s = md.linear_schedule(25, rescale=True)
    before, beta = float(s.alpha_bar[t - 1]), float(s.beta[t])
    grid = np.linspace(-30, 30, 600_001)
    prior = np.exp(-((grid - before**0.5 * 0.6) ** 2) / (2 * (1 - before)))
    likelihood = np.exp(-((-1.0 - (1 - beta) ** 0.5 * grid) ** 2) / (2 * beta))
    curves = {"mdw-c": prior, "mdw-b": likelihood, "mdw-a": prior * likelihood}
    curves = {kind: y / (y.sum() * 1e-4) for kind, y in curves.items()}
    mean = (curves["mdw-a"] * grid).sum() * 1e-4
    spread = ((curves["mdw-a"] * (grid - mean) ** 2).sum() * 1e-4) ** 0.5
    ranges = ((-4, 4), (mean - 5 * spread, mean + 5 * spread))
    for plot, (low, high) in zip(root.locator(".mdw-plot > svg").all(), ranges, strict=True):
        top = top_of(plot)
        words, at = ticks(plot)
        np.testing.assert_allclose(low + at * (high - low), np.array(words, float), atol=0.03)
        inside = [x for x in (0.6, -1.0) if low <= x <= high]
        marks = low + across(plot, "path.mdw-level") * (high - low)
        np.testing.assert_allclose(marks, inside, atol=0.005 * (high - low))
        for kind, wanted in curves.items():
            if not plot.locator(f"path.mdw-curve.{kind}").count():
                # Not within this frame at all, which can happen to the close-up only.
                assert low > -4
                assert wanted[(grid > low) & (grid < high)].max() < 1e-4 * top
                continue
            along, height = curve(plot, kind)
            x, y = low + along * (high - low), height * top
            assert len(x) > 100
            # Half a pixel each way: of height, and of place where the curve is steep.
            pixel = 0.06 * (high - low) / 100
            slope = np.abs(np.gradient(wanted, 1e-4))
            allowed = 0.01 * top + pixel * np.interp(x, grid, slope)
            assert (np.abs(y - np.interp(x, grid, wanted)) < allowed).all(), kind


def test_at_the_first_step_two_curves_become_lines_at_x_0(open_figure: Callable) -> None:
    widget = md.viz.posterior_explorer(x_0=0.5, x_t=0.6, t=1)
    root = open_figure(widget)
    assert_agrees(widget, root)
    plot = root.locator(".mdw-plot > svg").first
    width = float(plot.get_attribute("viewBox").split()[2])
    for kind in ("mdw-a", "mdw-c"):
        d = plot.locator(f"path.mdw-curve.{kind}").get_attribute("d")
        x, bottom, top = (float(v) for v in re.fullmatch(r"M(\S+) (\S+)V(\S+)", d).groups())
        assert -4 + (x - 44) / (width - 54) * 8 == pytest.approx(0.5, abs=1e-6)
        assert (bottom, top) == (156, 8)


def test_a_rare_x_t_is_said_in_the_colours_of_a_warning(open_figure: Callable) -> None:
    root = open_figure(md.viz.posterior_explorer(t=3))
    say = root.locator("output[data-readout=sentence]")
    press(slider(root, "x_t"), "Home")
    assert "rare" in say.text_content()
    assert "mdw-warn" in say.get_attribute("class")
    press(slider(root, "t"), "End")
    press(slider(root, "x_t"), *["PageUp"] * 4)
    assert "rare" not in say.text_content()
    assert "mdw-warn" not in say.get_attribute("class")
