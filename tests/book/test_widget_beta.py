"""The explorer of the noise schedule in a real browser: every control by keyboard, all against Python."""

from collections.abc import Callable

import numpy as np
from controls import assert_agrees, choose, curve, drive, press, reset, slider

import minidiff as md


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable) -> None:
    widget = md.viz.beta_explorer()
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    for kind, moving, still in (
        ("linear", ("beta_1", "beta_T"), ("s",)),
        ("cosine", ("s",), ("beta_1",)),
    ):
        choose(root, "schedule", kind)
        for name in ("T", *moving, "t"):
            ways = ["ArrowRight"], ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"] * 4
            drive(widget, root, name, *ways)
        for name in still:
            assert slider(root, name).is_disabled()
    reset(widget, root)


def test_it_says_when_the_last_picture_is_not_noise(open_figure: Callable) -> None:
    root = open_figure(md.viz.beta_explorer(T=100))
    say = root.locator("output[data-readout=sentence]")
    assert say.text_content().startswith("Not yet noise")
    press(slider(root, "T"), "End")
    assert say.text_content().startswith("Noise at the end")


def test_it_draws_the_curve_of_alpha_bar(open_figure: Callable) -> None:
    root = open_figure(md.viz.beta_explorer(T=500, beta_T=0.03))
    along, height = curve(root.locator(".mdw-plot > svg").nth(1), "mdw-a")
    alpha_bar = md.linear_schedule(500, 1e-4, 0.03).alpha_bar.numpy()
    assert len(along) > 100
    # A pixel is 1/148 of the height.
    np.testing.assert_allclose(
        np.interp(500 * along, np.arange(501), alpha_bar), height, atol=0.3 / 148
    )
