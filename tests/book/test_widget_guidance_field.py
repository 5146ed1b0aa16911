"""The guidance field in a real browser: every control by keyboard, every number against Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from controls import (
    arrows,
    assert_agrees,
    assert_arrows,
    assert_shaded,
    choose,
    drive,
    log_mixture,
    press,
    reset,
    slider,
    spot,
    state,
)
from interactives import CENTRES, CLASSES, figure

import minidiff as md


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 12."""
    return figure("guidance_field")


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with three clouds and a short chain."""
    return md.viz.guidance_field(CENTRES, 0.3, CLASSES, 50, y=1, s=3, t=15)


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    for y in ("1", "2", "0"):
        choose(root, "y", y)
        assert_agrees(widget, root)
        for name in ("s", "t", "x1", "x2"):
            drive(widget, root, name, ["Home"], ["ArrowRight"] * 2, ["PageUp"] * 2, ["End"])
    reset(widget, root)


def test_each_readout_depends_on_its_controls(small: Any) -> None:
    first = small.readout()
    moved = {"y": "0", "s": 5, "t": 40, "x1": -1.0, "x2": 1.0}
    changed = {
        name: {key for key, text in small.readout(**{name: value}).items() if text != first[key]}
        for name, value in moved.items()
    }
    assert changed["s"] == {"guided", "sentence"}
    assert changed["y"] == {"probability", "gradient", "guided", "sentence"}
    assert changed["t"] == set(first)
    assert changed["x1"] == changed["x2"] == set(first) - {"alpha_bar_t"}


@pytest.mark.parametrize("show", ["guided", "score", "gradient"])
def test_the_arrows_are_the_field_that_is_chosen(
    open_figure: Callable, small: Any, show: str
) -> None:
    root = open_figure(small)
    choose(root, "show", show)
    a_bar = float(small.schedule.alpha_bar[15])
    assert_arrows(root, "field", lambda x: small.field(x)[show], a_bar)


def test_at_the_probe_two_arrows_add_up_to_the_third(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    press(slider(root, "x1"), *["ArrowRight"] * 4)
    at = state(small, root)
    ends = {}
    for part in ("score", "push", "sum"):
        start, along = arrows(root, part)
        np.testing.assert_allclose(start, [[at["x1"], at["x2"]]], atol=0.01)
        ends[part] = along[0]
    np.testing.assert_allclose(ends["score"] + ends["push"], ends["sum"], atol=0.03)
    field = small.field(torch.tensor([[at["x1"], at["x2"]]], dtype=torch.float64))
    guided = field["guided"][0].numpy()
    assert ends["sum"] @ guided > 0.99 * np.linalg.norm(ends["sum"]) * np.linalg.norm(guided)
    assert np.linalg.norm(ends["push"]) > 0.1
    # One scale for all three: they are as long as the noise, or shorter where they would stick out.
    noise = (1 - float(small.schedule.alpha_bar[15])) ** 0.5
    wanted = {"score": field["score"], "push": 3 * field["gradient"], "sum": field["guided"]}
    scales = [np.linalg.norm(ends[part]) / float(wanted[part].norm()) for part in ends]
    assert scales == pytest.approx([scales[0]] * 3, rel=0.03)
    assert scales[0] < 0.9 * noise
    press(slider(root, "s"), "Home")
    start, along = arrows(root, "score")
    np.testing.assert_allclose(along[0], noise * field["score"][0], atol=0.02)


def test_the_numbers_stand_at_the_clouds(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    found = root.locator("svg text[aria-hidden]")
    assert found.all_text_contents() == [str(k) for k in CLASSES.tolist()]
    shrunk = small.schedule.alpha_bar[15].sqrt() * CENTRES
    boxes = [text.bounding_box() for text in found.all()]
    middles = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in boxes]
    np.testing.assert_allclose(middles, [spot(root, *m) for m in shrunk.tolist()], atol=4)


def test_the_shading_is_the_density_of_the_guided_score(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    a_bar = small.schedule.alpha_bar[15]
    var = a_bar * 0.3**2 + 1 - a_bar

    def log_density(x: torch.Tensor) -> torch.Tensor:
        everything, own = (
            log_mixture(x, a_bar.sqrt() * means, var) for means in (CENTRES, CENTRES[CLASSES == 1])
        )
        return everything + 3 * (own - everything)

    assert_shaded(root, log_density)


def test_pressing_in_the_picture_moves_the_probe(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    mouse = root.page.mouse

    def probe() -> tuple[float, float]:
        now = assert_agrees(small, root)
        # What is drawn there has moved too.
        start, _ = arrows(root, "sum")
        dot = root.locator("svg circle").bounding_box()
        middle = (dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
        np.testing.assert_allclose(start, [[now["x1"], now["x2"]]], atol=0.01)
        assert middle == pytest.approx(spot(root, now["x1"], now["x2"]), abs=1)
        return now["x1"], now["x2"]

    for place in ((-1.7, 1.2), (2.4, -2.9), (0.0, 0.5)):
        mouse.click(*spot(root, *place))
        assert probe() == place
    mouse.move(*spot(root, 1.5, 1.5))  # not pressed: it stays
    assert probe() == (0.0, 0.5)
    mouse.down()
    mouse.move(*spot(root, -0.8, 2.2))  # dragged
    assert probe() == (-0.8, 2.2)
    mouse.move(*spot(root, 3.15, -3.15))  # as far as the probe goes
    assert probe() == (3.0, -3.0)
    mouse.up()
    root.evaluate("(root) => { root.style.zoom = 0.7; root.style.transform = 'scale(1.1)'; }")
    mouse.click(*spot(root, -1.7, 1.2))
    assert probe() == (-1.7, 1.2)


@pytest.mark.parametrize(
    "width", [320, 344, 1280]
)  # 344 is a phone of 360 within the book's margins
def test_vectors_of_large_numbers_fit_in_their_tiles(
    open_html: Callable, widget: Any, width: int
) -> None:
    head = "<meta name=viewport content='width=device-width'>"
    root = open_html(head + widget._repr_html_(), width=width).page.locator(".mdw")
    for name, key in (("s", "End"), ("t", "Home"), ("x1", "Home"), ("x2", "Home")):
        press(slider(root, name), key)
        wide = root.locator("output").evaluate_all(
            "(all) => all.filter((o) => o.scrollWidth > o.clientWidth).map((o) => o.textContent)"
        )
        assert wide == [], name
    rows = root.locator(".mdw-tile").evaluate_all(
        "(all) => [...new Set(all.map((e) => e.offsetTop))].length"
    )
    assert rows == (2 if width == 1280 else 4)
