"""A network that draws in a page: from Play to the digit, against Python, in the book and in a notebook."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from controls import assert_agrees, choose, press, slider
from controls import pixels as painted

import minidiff as md

SEED = 7


@pytest.fixture(scope="module")
def widget() -> Any:
    return md.viz.live_digits(label=5, steps=10, seed=SEED, embed=True)


def button(root: Any, name: str) -> Any:
    return root.get_by_role("button", name=name)


def drawn(root: Any, steps: int) -> None:
    """Wait until the walk is over, and has been shown."""
    root.get_by_text(f"{steps} of {steps} steps in").wait_for()
    button(root, "Play").wait_for()


def greys(x: torch.Tensor) -> torch.Tensor:
    return ((x[0, 0].clamp(-1, 1) + 1) * 127.5).round()


def assert_paints(root: Any, state: Any) -> None:
    """What is drawn is that state; a value that lies at the edge of two greys may fall to either side."""
    noisy, guess = root.locator("canvas").all()
    for canvas, x in ((noisy, state.x), (guess, state.x0_hat)):
        expected = torch.full((16, 16), 128.0) if x is None else greys(x)
        got = torch.as_tensor(painted(canvas)).reshape(16, 16, -1)[:, :, 0].float()
        assert (got - expected).abs().max() <= 1


def test_play_draws_what_python_draws(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    walk = widget.states(label=5, w=1.0, steps=10, seed=SEED)
    assert assert_agrees(widget, root)["frame"] == 0
    assert_paints(root, walk[0])
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    assert assert_agrees(widget, root)["frame"] == 10
    assert_paints(root, walk[10])
    press(slider(root, "frame"), "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert assert_agrees(widget, root)["frame"] == 7
    assert_paints(root, walk[7])


def test_what_else_is_wished_for_is_drawn_at_once(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    choose(root, "label", 8)
    drawn(root, 10)
    assert_paints(root, widget.states(label=8, w=1.0, steps=10, seed=SEED)[-1])
    press(slider(root, "w"), "Home")
    drawn(root, 10)
    assert assert_agrees(widget, root)["w"] == 0
    assert_paints(root, widget.states(label=8, w=0.0, steps=10, seed=SEED)[-1])
    press(button(root, "New noise"), "Enter")
    choose(root, "steps", 20)
    drawn(root, 20)
    assert_agrees(widget, root)
    assert_paints(root, widget.states(label=8, w=0.0, steps=20, seed=SEED + 1)[-1])


def test_play_shows_a_finished_walk_again(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    press(button(root, "Play"), "Enter")
    button(root, "Pause").wait_for()
    halfway = "document.querySelector('output[data-readout=t]').textContent === '500'"
    root.page.wait_for_function(halfway)
    button(root, "Play").wait_for()
    assert assert_agrees(widget, root)["frame"] == 10


def test_pause_stands_still_and_play_goes_on(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    third = "document.querySelector('output[data-readout=t]').textContent === '700'"
    root.page.wait_for_function(third)
    press(button(root, "Pause"), "Enter")
    root.get_by_text("10 of 10 steps in").wait_for()  # it is drawn to the end all the same
    assert 3 <= assert_agrees(widget, root)["frame"] <= 5
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    assert assert_agrees(widget, root)["frame"] == 10


def test_play_pressed_again_while_the_network_comes_asks_for_one(
    open_figure: Callable, widget: Any
) -> None:
    root = open_figure(widget)
    root.page.evaluate(
        "() => { const Real = Worker; window.made = 0;"
        " window.Worker = function (address) { window.made++; return new Real(address); }; }"
    )
    play = root.get_by_role("button", name=re.compile("Play|Pause"))
    for _ in range(3):
        play.evaluate("(node) => node.click()")
    root.get_by_text("10 of 10 steps in").wait_for()
    assert root.page.evaluate("window.made") == 1


def test_the_larger_network_draws_too(open_figure: Callable) -> None:
    widget = md.viz.live_digits("digits28", label=2, steps=10, embed=True)
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    expected = greys(widget.states(label=2, w=1.0, steps=10, seed=1)[-1].x)
    got = (
        torch.as_tensor(painted(root.locator("canvas").first)).reshape(28, 28, -1)[:, :, 0].float()
    )
    assert (got - expected).abs().max() <= 1


def test_a_page_without_the_network_says_how_to_get_it(open_figure: Callable) -> None:
    root = open_figure(md.viz.live_digits(steps=10))
    press(button(root, "Play"), "Enter")
    root.get_by_text("embed=True").wait_for()
    assert button(root, "Play").is_visible()


def test_the_book_s_first_page_draws(open_page: Callable) -> None:
    visit = open_page("book/intro.html")
    root = visit.page.locator(".mdw-live_digits")
    press(button(root, "Play"), "Enter")
    drawn(root, 20)
    visit.assert_clean()


def test_the_work_is_done_beside_the_page(open_figure: Callable, widget: Any) -> None:
    """By one worker, which stays; benchmarks.page measures what the page feels of it."""
    root = open_figure(widget)
    assert root.page.workers == []
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    choose(root, "label", 1)
    drawn(root, 10)
    (worker,) = root.page.workers
    assert worker.url.startswith("blob:")
    assert "addProduct" in widget._data["worker"]
    outside = widget._repr_html_().replace(
        json.dumps(widget._data["worker"])[1:-1].replace("<", "\\u003c"), ""
    )
    assert "addProduct" not in outside
