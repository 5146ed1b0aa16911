"""The schedule explorer in a real browser: every control by keyboard, every number against Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from controls import assert_agrees, assert_picture, curve, drive, menu, press, slider
from interactives import figure

import minidiff as md
from minidiff.viz.explorers.schedule_explorer import MENU


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 9."""
    return figure("schedule_explorer")


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    # Down both menus at two speeds, so that many pairs meet.
    seen = set()
    for round_ in range(2 * len(MENU)):
        press(menu(root, "top"), "ArrowDown" if round_ < len(MENU) else "ArrowUp")
        if round_ % 2:
            press(menu(root, "bottom"), "ArrowDown" if round_ < len(MENU) else "Home")
        for keys in (["End"], ["PageDown"] * 3, ["Home"], ["ArrowRight"], ["PageUp"] * 4):
            press(slider(root, "t"), *keys)
            now = assert_agrees(widget, root)
            seen |= {now["top"], now["bottom"]}
    assert seen == set(MENU)
    press(menu(root, "bottom"), "Home", "ArrowDown")
    for name in ("T", "s"):
        assert assert_agrees(widget, root)["bottom"] == "cosine"
        drive(widget, root, name, ["ArrowRight"], ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"])


@pytest.mark.parametrize("name", MENU)
def test_every_schedule_agrees_at_every_length(
    open_figure: Callable, widget: Any, name: str
) -> None:
    root = open_figure(widget)
    menu(root, "top").select_option(name)
    for keys in (["Home"], ["PageUp"], ["End"]):
        press(slider(root, "T"), *keys)
        for move in (["End"], ["ArrowLeft"], ["PageDown"] * 2, ["Home"], ["ArrowRight"]):
            press(slider(root, "t"), *move)
            assert assert_agrees(widget, root)["top"] == name


def test_s_moves_the_cosine_schedule_only(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert slider(root, "s").is_enabled()
    menu(root, "bottom").select_option("sigmoid")
    assert slider(root, "s").is_disabled()
    menu(root, "top").select_option("cosine")
    assert slider(root, "s").is_enabled()


def test_it_draws_the_pictures_that_python_computes(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    menu(root, "top").select_option("zero_snr")
    root.locator("input[data-control=picture]:checked").press("ArrowRight")
    press(slider(root, "t"), "PageDown")
    now = assert_agrees(widget, root)
    assert now["picture"] == 1
    for row in ("top", "bottom"):
        words = MENU[now[row]][0]
        frames = {t: f"x at t = {t}, {words}" for t in (0, 143, 571, 1000)}
        for t, label in {**frames, now["t"]: f"x at the chosen t = {now['t']}, {words}"}.items():
            wanted = widget.state_at(row, t, top=now["top"], picture=1)
            assert_picture(root.locator(f'canvas[aria-label="{label}"]'), wanted)


def test_it_draws_both_curves(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    plots = root.locator(".mdw-plot > svg")
    for kind, schedule in (("a", md.linear_schedule()), ("b", md.cosine_schedule())):
        log_snr = schedule.snr[1:].log().numpy()
        for place, (low, high, values, first) in enumerate(
            ((0, 1, schedule.alpha_bar.numpy(), 0), (-12, 12, log_snr, 1))
        ):
            along, height = curve(plots.nth(place), f"mdw-{kind}")
            t, y = (along * 1000).round(), 148 * height  # in pixels
            wanted = 148 * (values[t.astype(int) - first] - low) / (high - low)
            assert len(t) > 200
            steep = np.abs(np.gradient(wanted, t)) > 1  # a pixel of x is more than a step of t
            np.testing.assert_allclose(y[~steep], wanted[~steep], atol=0.5)
            assert steep.mean() < 0.1
