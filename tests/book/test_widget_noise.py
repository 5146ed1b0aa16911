"""The explorer of the forward process in a real browser: every control by keyboard, all against Python."""

from collections.abc import Callable

import numpy as np
import pytest
from controls import assert_agrees, choose, drive, pixels, press, slider
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
        drawn = pixels(root.locator(f'canvas[aria-label="x at t = 330{ending}"]:visible'))
        wanted = widget.state_at(view, 0, schedule, 330).clamp(-1, 1).numpy()
        np.testing.assert_allclose(drawn[..., 0], (wanted + 1) * 127.5, atol=0.51)


def test_both_films_run_from_the_picture_to_noise(open_figure: Callable) -> None:
    widget = md.viz.noise_explorer(view="compare", T=300)
    root = open_figure(widget)
    for schedule in ("linear", "cosine"):
        for t in (0, 100, 300):
            drawn = pixels(root.locator(f'canvas[aria-label="x at t = {t}, {schedule} schedule"]'))
            wanted = widget.state_at("compare", 0, schedule, t).clamp(-1, 1).numpy()
            np.testing.assert_allclose(drawn[..., 0], (wanted + 1) * 127.5, atol=0.51)
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
