"""The ELBO's interactive figure in a real browser: every control by keyboard, every number against Python."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

CHOICES = {
    "schedule": ("linear", "cosine"),
    "variance": ("small", "large"),
    "axes": ("log", "linear"),
}
KINDS = {"T": int, "t": int, "std": float}


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type === 'range' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    return {name: KINDS.get(name, str)(value) for name, value in values.items()}


def assert_agrees(widget: Any, root: Any) -> dict[str, Any]:
    """Every number on the page is the one that Python computes; gives the state of the controls."""
    controls = state(root)
    shown = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('output[data-readout]')]
        .filter((o) => o.checkVisibility()).map((o) => [o.dataset.readout, o.textContent]))"""
    )
    assert shown == widget.readout(**controls), controls
    return controls


def slider(root: Any, name: str) -> Any:
    return root.locator(f"input[type=range][data-control={name}]")


def press(control: Any, *keys: str) -> None:
    control.focus()
    for key in keys:
        control.press(key)


def choose(root: Any, name: str, value: str) -> None:
    """Go on with the arrow key until the group of two radio buttons says `value`."""
    if state(root)[name] != value:
        root.locator(f"input[type=radio][data-control={name}]:checked").press("ArrowRight")
    assert state(root)[name] == value


@pytest.mark.parametrize("variance", CHOICES["variance"])
@pytest.mark.parametrize("schedule", CHOICES["schedule"])
def test_it_agrees_with_python_wherever_its_controls_go(
    open_html: Callable, schedule: str, variance: str
) -> None:
    widget = md.viz.elbo_explorer()
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-elbo_explorer")
    assert assert_agrees(widget, root) == widget.state
    choose(root, "schedule", schedule)
    choose(root, "variance", variance)
    assert_agrees(widget, root)
    for name in ("T", "std", "t"):
        for keys in (["ArrowRight"] * 2, ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"] * 3):
            before = state(root)
            press(slider(root, name), *keys)
            after = assert_agrees(widget, root)
            assert after[name] != before[name], f"{keys} did not move {name}"
    choose(root, "axes", "linear")
    assert_agrees(widget, root)
    press(root.get_by_role("button", name="Reset"), "Enter")
    assert assert_agrees(widget, root) == widget.state
    visit.assert_clean()


def test_t_ends_at_1_and_at_T(open_html: Callable) -> None:
    widget = md.viz.elbo_explorer()
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    press(slider(root, "t"), "Home")
    assert assert_agrees(widget, root)["t"] == 1
    press(slider(root, "T"), "Home")  # the share of the way is below one step now
    assert assert_agrees(widget, root)["t"] == 1
    press(slider(root, "t"), "End")
    assert assert_agrees(widget, root)["t"] == state(root)["T"] == 50


@pytest.mark.parametrize(("axes", "fraction"), [("log", 0.5), ("linear", 0.25)])
def test_pressing_on_a_curve_moves_t(open_html: Callable, axes: str, fraction: float) -> None:
    widget = md.viz.elbo_explorer(axes=axes)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").first
    box = plot.bounding_box()
    plot.click(position={"x": 44 + fraction * (box["width"] - 54), "y": 60})
    wanted = 1000**fraction if axes == "log" else 1000 * fraction
    assert abs(assert_agrees(widget, root)["t"] - wanted) <= 0.06 * wanted


@pytest.mark.parametrize("axes", CHOICES["axes"])
def test_it_draws_the_curve_of_lambda(open_html: Callable, axes: str) -> None:
    widget = md.viz.elbo_explorer(T=500, variance="large", axes=axes)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").nth(1)
    width = float(plot.get_attribute("viewBox").split()[2])
    d = plot.locator("path.mdw-curve.mdw-a").get_attribute("d")
    x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", d), float).T
    along = (x - 44) / (width - 54)  # the frame's edges stand in Plot.axes
    weights = md.loss_weights(md.linear_schedule(500, rescale=True), "large").numpy()
    if axes == "log":
        t, low, high = 500**along, -3, 0  # powers of ten around the weights
        height = np.interp(np.log(t), np.log(np.arange(1, 501)), np.log10(weights[1:]))
    else:
        t, low, high = 1 + along * 499, 0, 1
        height = np.interp(t, np.arange(1, 501), weights[1:])
    assert len(t) > 100
    if axes == "log":
        tick = plot.locator("text[text-anchor=middle]", has_text=re.compile("^100$"))
        assert float(tick.get_attribute("x")) == pytest.approx(
            44 + (width - 54) * np.log(100) / np.log(500), abs=0.1
        )
    np.testing.assert_allclose(156 - 148 * (height - low) / (high - low), y, atol=1.0)


@pytest.mark.parametrize("variance", CHOICES["variance"])
def test_it_draws_what_a_wrong_variance_costs(open_html: Callable, variance: str) -> None:
    T, s = 100, 0.5
    root = open_html(
        md.viz.elbo_explorer(T=T, std=s, variance=variance, axes="linear")._repr_html_()
    ).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").first
    width = float(plot.get_attribute("viewBox").split()[2])
    d = plot.locator("path.mdw-curve.mdw-b").get_attribute("d")
    x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", d), float).T
    schedule = md.linear_schedule(T, rescale=True)
    spread = schedule.alpha_bar * s**2 + 1 - schedule.alpha_bar
    t = torch.arange(2, T + 1)
    true = schedule.beta[t] * spread[t - 1] / spread[t]
    wasted = md.gaussian_kl(0.0, true, 0.0, md.model_variance(schedule, variance)[t])
    ticks = plot.locator("text[text-anchor=end]").all_text_contents()
    top = float(ticks[-2] if float(ticks[-1]) == T else ticks[-1])  # the last x may end there too
    height = np.interp(1 + (x - 44) / (width - 54) * (T - 1), t, wasted / math.log(2))
    assert len(x) == T - 1
    np.testing.assert_allclose(156 - 148 * height / top, y, atol=1.0)


def test_copies_on_one_page_are_independent(open_html: Callable) -> None:
    widget = md.viz.elbo_explorer()
    html = widget._repr_html_()
    visit = open_html(html + "<p>and once more</p>" + html)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first, "t"), "PageUp")
    choose(second, "variance", "large")
    assert assert_agrees(widget, first)["t"] != assert_agrees(widget, second)["t"]
    ids = visit.page.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 10
    visit.assert_clean()


def test_without_javascript_there_is_a_picture(browser: Any, tmp_path: Any) -> None:
    file = tmp_path / "page.html"
    html = md.viz.elbo_explorer()._repr_html_()
    file.write_text(f"<meta charset=utf-8><body>{html}", encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    picture = page.locator(".mdw svg[role=img]")
    assert picture.is_visible()
    assert picture.bounding_box()["width"] > 400
    assert "interactive figure needs JavaScript" in picture.get_attribute("aria-label")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("axes", CHOICES["axes"])
def test_nothing_sticks_out(open_html: Callable, axes: str, width: int) -> None:
    head = "<meta name=viewport content='width=device-width'>"
    html = md.viz.elbo_explorer(T=2000, variance="large", axes=axes, t=2000)._repr_html_()
    page = open_html(head + html, width=width).page
    outside = page.locator(".mdw").evaluate(
        """(root) => { const box = root.getBoundingClientRect();
        return [...root.querySelectorAll('*')].filter((e) => e.checkVisibility())
          .filter((e) => { const b = e.getBoundingClientRect();
            return b.right > box.right + 0.5 || b.left < box.left - 0.5
              || (e.tagName === 'OUTPUT' && e.scrollWidth > e.clientWidth); })
          .map((e) => e.outerHTML.slice(0, 120)); }"""
    )
    assert outside == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessibility_rules(open_html: Callable, theme: str) -> None:
    html = md.viz.elbo_explorer()._repr_html_()
    page = open_html(f"<main><h1>x</h1>{html}</main>", theme=theme).page
    found = Axe().run(page, context=".mdw").response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:160]) for v in found] == []


def test_tab_reaches_every_control_and_shows_where_it_is(open_html: Callable) -> None:
    page = open_html(md.viz.elbo_explorer()._repr_html_()).page
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        here = page.evaluate(
            """() => { const e = document.activeElement; if (e === document.body) return null;
            const style = getComputedStyle(e.type === 'radio' ? e.nextElementSibling : e);
            const name = e.dataset.control || e.textContent;
            return [name, style.outlineStyle, parseFloat(style.outlineWidth)]; }"""
        )
        if here is None:
            break
        control, outline, width = here
        assert outline == "solid", control
        assert width >= 2, control
        reached.append(control)
    assert reached == ["schedule", "variance", "axes", "T", "std", "Reset", "t"]
