"""The explorer of the forward process in a real browser: every control by keyboard, all against Python."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from controls import (
    assert_agrees,
    assert_picture,
    choose,
    curve,
    drive,
    press,
    slider,
    ticks,
    top_of,
)
from interactives import figure

import minidiff as md

VIEWS = ("chain", "straight", "compare")


@pytest.mark.parametrize("view", VIEWS)
def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, view: str) -> None:
    widget = figure("noise_explorer")
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    choose(root, "view", view)
    for kind in ("linear", "cosine"):
        if view == "compare":
            assert root.locator("input[data-control=schedule]").first.is_disabled()
        else:
            choose(root, "schedule", kind)
        # Forwards, back over kept states, and both ends.
        there, back = (["ArrowRight"] * 2, ["PageUp"] * 3), (["ArrowLeft"], ["PageDown"])
        drive(widget, root, "t", *there, *back, ["End"], ["Home"])
    seen = set()
    press(slider(root, "t"), "PageUp")
    for _ in range(10):
        root.locator("input[data-control=picture]:checked").press("ArrowRight")
        seen.add(assert_agrees(widget, root)["picture"])
    assert seen == set(range(10))


@pytest.mark.parametrize("view", VIEWS)
def test_it_draws_the_picture_that_python_computes(open_figure: Callable, view: str) -> None:
    widget = md.viz.noise_explorer(view=view, t=330)
    root = open_figure(widget)
    for schedule in ("linear", "cosine") if view == "compare" else ("linear",):
        ending = f" under the {schedule} schedule" if view == "compare" else ""
        drawn = root.locator(f'canvas[aria-label="x at t = 330{ending}"]:visible')
        assert_picture(drawn, widget.state_at(view, 0, schedule, 330))


@pytest.mark.parametrize("view", VIEWS[:2])
def test_it_draws_what_the_picture_is_a_sum_of(open_figure: Callable, view: str) -> None:
    widget = md.viz.noise_explorer(view=view, t=20)
    root = open_figure(widget)
    shown = {
        canvas.get_attribute("aria-label"): canvas
        for canvas in root.locator(".mdw-equation canvas:visible").all()
    }
    if view == "chain":
        before, step = widget.state_at("chain", 0, "linear", 19), 20
        names = ["x at t = 19", "the noise of step 20", "x at t = 20"]
    else:
        before, step = widget.pictures[0], 0
        names = ["the clean picture x 0", "the noise epsilon", "x at t = 20"]
    assert list(shown) == names
    z = torch.from_numpy(md.viz.chain_noise(0, step, before.numel())).reshape(before.shape)
    assert_picture(shown[names[0]], before)
    assert_picture(shown[names[1]], z)


def test_the_choice_of_pictures_shows_them(open_figure: Callable) -> None:
    widget = figure("noise_explorer")
    thumbs = open_figure(widget).locator(".mdw-thumb canvas").all()
    for canvas, x in zip(thumbs, widget.pictures, strict=True):
        assert_picture(canvas, x)


@pytest.mark.parametrize("t", [0, 150, 1000])
def test_the_histogram_counts_the_pixels(open_figure: Callable, t: int) -> None:
    widget = md.viz.noise_explorer(view="straight", t=t)
    root = open_figure(widget)
    plot = root.locator(".mdw-plot > svg:visible")
    bars = plot.locator("rect").evaluate_all(
        "(all) => all.map((r) => ['x', 'y', 'width', 'height'].map((k) => Number(r.getAttribute(k))))"
    )
    x, y, wide, tall = np.array(bars).T
    width = float(plot.get_attribute("viewBox").split()[2]) - 54
    pixels = widget.state_at("straight", 0, "linear", t).flatten()
    density, edges = np.histogram(pixels, 28, (-3.5, 3.5))
    density = density / (len(pixels) * (edges[1] - edges[0]))
    seen = density > 0
    left = 44 + (edges[:-1] + 3.5) / 7 * width
    np.testing.assert_allclose(x, left[seen] + 0.5, atol=0.01)
    np.testing.assert_allclose(wide, width / 28 - 1, atol=0.01)
    np.testing.assert_allclose(tall, 148 * density[seen] / top_of(plot), atol=0.01)
    np.testing.assert_allclose(y + tall, 156, atol=0.01)
    along, height = curve(plot, "mdw-ghost")
    value = -3.5 + 7 * along
    normal = np.exp(-(value**2) / 2) / (2 * np.pi) ** 0.5
    assert len(value) == 71
    np.testing.assert_allclose(height * top_of(plot), normal, atol=0.005 * top_of(plot))
    words, at = ticks(plot)
    np.testing.assert_allclose(at, (np.array(words, float) + 3.5) / 7, atol=0.005)


def test_both_films_run_from_the_picture_to_noise(open_figure: Callable) -> None:
    widget = md.viz.noise_explorer(view="compare", T=300)
    root = open_figure(widget)
    for schedule in ("linear", "cosine"):
        for t in (0, 100, 300):
            drawn = root.locator(f'canvas[aria-label="x at t = {t}, {schedule} schedule"]')
            assert_picture(drawn, widget.state_at("compare", 0, schedule, t))
    captions = root.locator(".mdw-film .mdw-cap").all_text_contents()
    assert captions == [str(50 * k) for k in range(7)] * 2


def test_it_steps_and_plays(open_figure: Callable) -> None:
    widget = md.viz.noise_explorer(T=20, t=0)
    root = open_figure(widget)
    step, back = (root.get_by_role("button", name=n, exact=True) for n in ("Step", "Step back"))
    assert back.is_disabled()
    press(step, "Enter", "Space")
    assert assert_agrees(widget, root)["t"] == 2
    press(back, "Enter")
    assert assert_agrees(widget, root)["t"] == 1
    press(root.get_by_role("button", name="Play"), "Enter")
    pause = root.get_by_role("button", name="Pause")
    pause.wait_for()
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "off"
    pause.wait_for(state="detached")  # it stops by itself
    assert assert_agrees(widget, root)["t"] == 20
    assert step.is_disabled()
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "polite"
