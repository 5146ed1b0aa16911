"""The guidance explorer in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from controls import across, assert_agrees, curve, pixels, press, slider
from controls import ticks as marks
from interactives import THIRTY, Thirds, figure, pictures

WEIGHTS = (0.0, 0.25, 1.0, 4.0)


@pytest.fixture(scope="module")
def widget() -> Any:
    return figure("guidance_explorer")


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert assert_agrees(widget, root) == {"w": 1.0, "show": "all"}
    for show in ("one", "all"):
        press(root.locator("input[type=radio]:checked"), "ArrowRight")
        assert assert_agrees(widget, root)["show"] == show
        seen = set()
        press(slider(root, "w"), "Home")
        for _ in WEIGHTS:
            seen.add(assert_agrees(widget, root)["w"])
            press(slider(root, "w"), "ArrowRight")
        assert seen == set(WEIGHTS)


@pytest.mark.parametrize("show", ["all", "one"])
def test_it_draws_the_samples_and_frames_those_that_are_misread(
    open_figure: Callable, widget: Any, show: str
) -> None:
    root = open_figure(widget)
    press(slider(root, "w"), "Home")
    if show == "one":
        press(root.locator("input[type=radio]:checked"), "ArrowRight")
    rgba = pixels(root.locator("canvas"))
    drawn = rgba[..., :3]
    order = [*range(6)] if show == "all" else [*range(2, 30, 3)]  # the first two of each; class 2
    columns, misread = (3, 0) if show == "all" else (10, 0)
    for place, k in enumerate(order):
        y, x = 2 + place // columns * 8, 2 + place % columns * 8
        grey = ((pictures(0.0)[k, 0].clamp(-1, 1) + 1) * 127.5).round().numpy()
        np.testing.assert_array_equal(drawn[y : y + 6, x : x + 6], np.stack([grey] * 3, 2))
        assert (rgba[y : y + 6, x : x + 6, 3] == 255).all()
        read = Thirds()(torch.from_numpy(grey / 127.5 - 1)[None, None])[0].argmax()
        wrong = bool(read != THIRTY[k])
        assert (drawn[y - 1, x + 3] == [224, 123, 32]).all() == wrong
        misread += wrong
    assert 0 < misread < len(order)
    label = root.locator("canvas").get_attribute("aria-label")
    assert f"{misread} of them read as another class" in label


def places(d: str) -> Any:
    """The corners of a path, in pixels."""
    return np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d), float)


def test_its_curves_and_bars_are_the_two_figures(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    for plot, name in ((0, "fidelity"), (1, "diversity")):
        svg = root.locator(".mdw-plot svg[role=img]").nth(plot)
        values, errors = np.array(widget.figures[name]).T
        ticks = svg.evaluate(
            """(svg) => [...svg.querySelectorAll('text[text-anchor=end]')]
            .filter((t) => Number(t.getAttribute('x')) < 44)
            .map((t) => [Number(t.textContent.replace('−', '-')), Number(t.getAttribute('y')) - 4])"""
        )
        (v0, y0), (v1, y1) = ticks[0], ticks[-1]
        slope = (y1 - y0) / (v1 - v0)
        curve_y, level_y, low_y, high_y = (
            y0 + (v - v0) * slope
            for v in (values, widget.figures["real"][plot][0], values - errors, values + errors)
        )
        curves = svg.evaluate(
            """(svg) => [...svg.querySelectorAll('path.mdw-curve:not([data-part])')]
            .map((p) => p.getAttribute('d'))"""
        )
        level, line = (places(d) for d in curves)
        np.testing.assert_allclose(line[:, 1], curve_y, atol=0.1)
        np.testing.assert_allclose(level[:, 1], level_y, atol=0.1)
        bars = svg.evaluate(
            "(svg) => [...svg.querySelectorAll('[data-part=bar]')].map((p) => p.getAttribute('d'))"
        )
        ends = np.array([re.match(r"M\S+ (-?[\d.]+)V(-?[\d.]+)", d).groups() for d in bars], float)
        np.testing.assert_allclose(ends[:, 0], low_y, atol=0.1)
        np.testing.assert_allclose(ends[:, 1], high_y, atol=0.1)
        # The weights stand side by side, from the left edge to the right one.
        for kind in ("mdw-a", "mdw-c")[plot], "mdw-ghost":
            along, _ = curve(svg, kind)
            np.testing.assert_allclose(along, np.linspace(0, 1, 4), atol=0.001)
        np.testing.assert_allclose(across(svg, "[data-part=bar]"), along, atol=0.005)
        words, at = marks(svg)
        assert list(map(float, words)) == list(WEIGHTS)
        np.testing.assert_allclose(at, along, atol=0.005)


def test_one_figure_is_drawn_against_the_other(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    svg = root.locator(".mdw-plot svg[role=img]").nth(2)
    words, at = marks(svg)
    low, high = float(words[0]), float(words[-1])
    wide = (np.array(widget.figures["diversity"])[:, 0] - low) / (high - low)
    np.testing.assert_allclose(at, (np.array(words, float) - low) / (high - low), atol=0.005)
    np.testing.assert_allclose(curve(svg, "mdw-b")[0], wide, atol=0.002)
    np.testing.assert_allclose(across(svg, "circle"), wide, atol=0.005)
    sure = np.array(widget.figures["fidelity"])[:, 0]
    left = svg.locator("text[x='38']").all_text_contents()
    bottom, top = (float(v.replace("−", "-")) for v in (left[0], left[-1]))
    height = (sure - bottom) / (top - bottom)
    np.testing.assert_allclose(curve(svg, "mdw-b")[1], height, atol=0.002)
