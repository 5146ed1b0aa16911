"""The interactive figures in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from controls import assert_agrees, choose, press, slider, state

import minidiff as md

VIEWS = ("chain", "straight", "compare")


def test_beta_explorer_agrees_with_python_wherever_its_controls_go(open_html: Callable) -> None:
    widget = md.viz.beta_explorer()
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-beta_explorer")
    assert assert_agrees(widget, root) == widget.state
    for kind, moving, still in (
        ("linear", ("beta_1", "beta_T"), ("s",)),
        ("cosine", ("s",), ("beta_1",)),
    ):
        choose(root, "schedule", kind)
        for name in ("T", *moving, "t"):
            for keys in (["ArrowRight"], ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"] * 4):
                before = state(widget, root)
                press(slider(root, name), *keys)
                after = assert_agrees(widget, root)
                assert after[name] != before[name], f"{keys} did not move {name}"
        for name in still:
            assert slider(root, name).is_disabled()
    press(root.get_by_role("button", name="Reset"), "Enter")
    assert assert_agrees(widget, root) == widget.state
    visit.assert_clean()


def test_beta_explorer_says_when_the_last_picture_is_not_noise(open_html: Callable) -> None:
    root = open_html(md.viz.beta_explorer(T=100)._repr_html_()).page.locator(".mdw")
    say = root.locator("output[data-readout=sentence]")
    assert say.text_content().startswith("Not yet noise")
    assert say.get_attribute("aria-live") == "polite"
    press(slider(root, "T"), "End")
    assert say.text_content().startswith("Noise at the end")


def test_beta_explorer_draws_the_curve_of_alpha_bar(open_html: Callable) -> None:
    widget = md.viz.beta_explorer(T=500, beta_T=0.03)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").nth(1)
    width = float(plot.get_attribute("viewBox").split()[2])
    d = plot.locator("path.mdw-curve.mdw-a").get_attribute("d")
    x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", d), float).T
    t = (x - 44) / (width - 54) * 500  # the frame's edges stand in Plot.axes
    alpha_bar = md.linear_schedule(500, 1e-4, 0.03).alpha_bar.numpy()
    assert len(t) > 100
    np.testing.assert_allclose(156 - 148 * np.interp(t, np.arange(501), alpha_bar), y, atol=0.3)


def test_pressing_on_a_curve_moves_t(open_html: Callable) -> None:
    widget = md.viz.beta_explorer()
    page = open_html(widget._repr_html_()).page
    root = page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").first
    box = plot.bounding_box()
    plot.click(position={"x": 44 + 0.75 * (box["width"] - 54), "y": 60})
    assert abs(assert_agrees(widget, root)["t"] - 750) <= 3


@pytest.mark.parametrize("view", VIEWS)
def test_noise_explorer_agrees_with_python_wherever_its_controls_go(
    open_html: Callable, view: str
) -> None:
    widget = md.viz.noise_explorer()
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-noise_explorer")
    assert assert_agrees(widget, root) == widget.state
    choose(root, "view", view)
    for kind in ("linear", "cosine"):
        if view == "compare":
            assert root.locator("input[data-control=schedule]").first.is_disabled()
        else:
            choose(root, "schedule", kind)
        # Forwards, back over kept states, and both ends.
        for keys in (
            ["ArrowRight"] * 2,
            ["PageUp"] * 3,
            ["ArrowLeft"],
            ["PageDown"],
            ["End"],
            ["Home"],
        ):
            before = state(widget, root)["t"]
            press(slider(root, "t"), *keys)
            assert assert_agrees(widget, root)["t"] != before
    seen = set()
    press(slider(root, "t"), "PageUp")
    for _ in range(10):
        root.locator("input[data-control=picture]:checked").press("ArrowRight")
        seen.add(assert_agrees(widget, root)["picture"])
    assert seen == set(range(10))
    visit.assert_clean()


@pytest.mark.parametrize("view", VIEWS)
def test_noise_explorer_draws_the_picture_that_python_computes(
    open_html: Callable, view: str
) -> None:
    widget = md.viz.noise_explorer(view=view, t=330)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    for schedule in ("linear", "cosine") if view == "compare" else ("linear",):
        ending = f" under the {schedule} schedule" if view == "compare" else ""
        canvas = root.locator(f'canvas[aria-label="x at t = 330{ending}"]:visible')
        drawn = canvas.evaluate(
            "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        wanted = widget.state_at(view, 0, schedule, 330).clamp(-1, 1).numpy()
        np.testing.assert_allclose(
            np.array(drawn).reshape(28, 28, 4)[..., 0], (wanted + 1) * 127.5, atol=0.51
        )


def test_noise_explorer_steps_and_plays(open_html: Callable) -> None:
    widget = md.viz.noise_explorer(T=20, t=0)
    page = open_html(widget._repr_html_()).page
    root = page.locator(".mdw")
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


def luminance(colour: str) -> float:
    red, green, blue = (int(v) for v in re.findall(r"\d+", colour)[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


@pytest.mark.parametrize(
    ("system", "page_says", "dark"),
    [
        ("dark", "", True),
        ("light", "", False),
        ("dark", "document.documentElement.dataset.theme = 'light'", False),
        ("light", "document.documentElement.dataset.theme = 'dark'", True),
        ("light", "document.documentElement.setAttribute('theme', 'dark')", True),
        ("light", "document.body.dataset.jpThemeLight = 'false'", True),
        ("dark", "document.body.dataset.jpThemeLight = 'true'", False),
    ],
)
def test_colours_follow_the_page_and_then_the_system(
    open_html: Callable, system: str, page_says: str, dark: bool
) -> None:
    page = open_html(md.viz.beta_explorer()._repr_html_(), theme=system).page
    page.evaluate(page_says or "0")
    style = "(e) => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    back, text = (luminance(c) for c in page.locator(".mdw").evaluate(style))
    assert (back < text) == dark
    assert abs(back - text) > 0.6
