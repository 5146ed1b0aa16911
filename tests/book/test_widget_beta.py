"""The explorer of the noise schedule in a real browser: every control by keyboard, all against Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
from controls import assert_agrees, choose, curve, drive, press, reset, slider, top_of

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


def read(power: Any) -> float:
    """The exponent of a power of ten that stands at an axis."""
    return float(power.text_content().removeprefix("10").replace("−", "-"))


def height_of(text: Any) -> float:
    """How high the text of an axis stands, as a share of the frame."""
    return (156 - (float(text.get_attribute("y")) - 4)) / 148


def test_it_draws_the_curves_of_the_schedule_and_of_the_one_before(open_figure: Callable) -> None:
    root = open_figure(md.viz.beta_explorer(T=500, beta_T=0.03))
    press(slider(root, "T"), "End")
    T = int(slider(root, "T").get_attribute("aria-valuetext"))
    assert T > 500
    plots = root.locator(".mdw-plot > svg")
    for kind, length in (("now", T), ("ghost", 500)):
        s = md.linear_schedule(length, 1e-4, 0.03)
        beta, a_bar, log_snr = (v.numpy() for v in (s.beta, s.alpha_bar, s.snr.log10()))
        powers = plots.nth(2).locator("text[x='38']").all()
        # Where two powers of ten stand says where all of them do.
        (p, u), (q, v) = ((read(power), height_of(power)) for power in (powers[0], powers[-1]))
        wanted = [
            (0, "mdw-a", beta / top_of(plots.nth(0))),
            (1, "mdw-a", a_bar),
            (1, "mdw-b", a_bar**0.5),
            (1, "mdw-c", (1 - a_bar) ** 0.5),
            (2, "mdw-a", u + (log_snr - p) * (v - u) / (q - p)),
        ]
        for place, look, y in wanted:
            if kind == "ghost" and look != "mdw-a":
                continue
            along, height = curve(plots.nth(place), look if kind == "now" else "mdw-ghost")
            assert len(along) > 100
            t = along * length
            # A pixel is 1/148 of the height, and a tenth of a pixel to the side may be much of it.
            times = np.arange(length + 1)
            near = [np.interp(t + d * length / 2000, times, y) for d in (-1, 1)]
            slack = 0.5 / 148
            assert (height > np.minimum(*near) - slack).all(), (place, look, kind)
            assert (height < np.maximum(*near) + slack).all(), (place, look, kind)
