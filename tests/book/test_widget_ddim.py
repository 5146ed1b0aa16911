"""The DDIM explorer in a real browser: every control by keyboard, every number against Python."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from controls import all_greys, assert_agrees, choose, press, slider

import minidiff as md

STEPS, ETAS = (1, 2, 10, 25), (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def widget() -> Any:
    """A figure like chapter 11's, with a denoiser that needs no network."""
    schedule = md.linear_schedule()
    ideal = md.exact.ideal(md.data.digits()[0][:300], schedule)
    x_T = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    return md.viz.ddim_explorer(ideal, schedule, x_T, steps=STEPS, etas=ETAS)


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    for eta in ETAS:
        choose(root, "eta", eta)
        assert_agrees(widget, root)
        for n in STEPS:
            choose(root, "steps", n)
            assert assert_agrees(widget, root)["frame"] == min(n, 5)
            for keys in (["Home"], ["ArrowRight"], ["ArrowRight"] * 3, ["End"]):
                press(slider(root, "frame"), *keys)
                assert_agrees(widget, root)


def test_it_paints_the_frames_of_the_walks(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    choose(root, "steps", 25)
    choose(root, "eta", 1.0)
    for keys, frame in ((["Home"], 0), (["ArrowRight"] * 4, 4), (["End"], 5)):
        press(slider(root, "frame"), *keys)
        painted = [greys.ravel().tolist() for greys in all_greys(root.locator("canvas"))]
        expected = []
        for seed in (1, 2):
            walk = widget.walk(25, 1.0, seed)
            blank = torch.full((2, 256), 128).tolist()
            guess = (walk.guess[frame - 1] * 17).reshape(2, -1).tolist() if frame else blank
            expected += (walk.x[frame] * 17).reshape(2, -1).tolist() + guess
        assert painted == expected


def test_the_still_picture_s_marked_addresses_load(open_html: Callable, widget: Any) -> None:
    page = open_html(widget._picture).page
    sizes = page.evaluate(
        """() => Promise.all([...document.querySelectorAll('svg image')].map((i) => {
        const img = new Image(); img.src = i.getAttribute('href');
        return img.decode().then(() => img.naturalWidth); }))"""
    )
    assert sizes == [16] * 11  # six times, and a guess after each but the first
