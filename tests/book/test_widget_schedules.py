"""The schedule explorer in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import minidiff as md
from minidiff.viz.schedules import MENU


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 9."""
    return md.viz.schedule_explorer()


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type !== 'radio' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    kinds = {"T": int, "t": int, "picture": int, "s": float}
    return {name: kinds.get(name, str)(value) for name, value in values.items()}


def assert_agrees(widget: Any, root: Any) -> dict[str, Any]:
    """Every number on the page is the one that Python computes; gives the state of the controls."""
    shown = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('output[data-readout]')]
        .filter((o) => o.checkVisibility()).map((o) => [o.dataset.readout, o.textContent]))"""
    )
    controls = state(root)
    assert shown == widget.readout(**controls), controls
    return controls


def press(control: Any, *keys: str) -> None:
    control.focus()
    for key in keys:
        control.press(key)


def slider(root: Any, name: str) -> Any:
    return root.locator(f"input[type=range][data-control={name}]")


def menu(root: Any, name: str) -> Any:
    return root.locator(f"select[data-control={name}]")


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-schedule_explorer")
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
        for keys in (["ArrowRight"], ["ArrowLeft"] * 3, ["End"], ["Home"], ["PageUp"]):
            before = state(root)[name]
            press(slider(root, name), *keys)
            assert assert_agrees(widget, root)[name] != before, f"{keys} did not move {name}"
    visit.assert_clean()


@pytest.mark.parametrize("name", MENU)
def test_every_schedule_agrees_at_every_length(open_html: Callable, widget: Any, name: str) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    menu(root, "top").select_option(name)
    for keys in (["Home"], ["PageUp"], ["End"]):
        press(slider(root, "T"), *keys)
        for move in (["End"], ["ArrowLeft"], ["PageDown"] * 2, ["Home"], ["ArrowRight"]):
            press(slider(root, "t"), *move)
            assert assert_agrees(widget, root)["top"] == name


def test_s_moves_the_cosine_schedule_only(open_html: Callable, widget: Any) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    assert slider(root, "s").is_enabled()
    menu(root, "bottom").select_option("sigmoid")
    assert slider(root, "s").is_disabled()
    menu(root, "top").select_option("cosine")
    assert slider(root, "s").is_enabled()


def pixels(canvas: Any) -> Any:
    drawn = canvas.evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(drawn).reshape(28, 28, 4)[..., 0]


def test_it_draws_the_pictures_that_python_computes(open_html: Callable, widget: Any) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    menu(root, "top").select_option("zero_snr")
    root.locator("input[data-control=picture]:checked").press("ArrowRight")
    press(slider(root, "t"), "PageDown")
    now = assert_agrees(widget, root)
    assert now["picture"] == 1
    for row in ("top", "bottom"):
        words = MENU[now[row]][0]
        frames = {t: f"x at t = {t}, {words}" for t in (0, 143, 571, 1000)}
        for t, label in {**frames, now["t"]: f"x at the chosen t = {now['t']}, {words}"}.items():
            wanted = widget.state_at(row, t, top=now["top"], picture=1).clamp(-1, 1).numpy()
            shown = pixels(root.locator(f'canvas[aria-label="{label}"]'))
            np.testing.assert_allclose(shown, (wanted + 1) * 127.5, atol=0.51)


def test_it_draws_both_curves(open_html: Callable, widget: Any) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plots = root.locator(".mdw-plot > svg")
    width = float(plots.nth(0).get_attribute("viewBox").split()[2])
    for kind, schedule in (("a", md.linear_schedule()), ("b", md.cosine_schedule())):
        log_snr = schedule.snr[1:].log().numpy()
        for place, (low, high, values, first) in enumerate(
            ((0, 1, schedule.alpha_bar.numpy(), 0), (-12, 12, log_snr, 1))
        ):
            d = plots.nth(place).locator(f"path.mdw-curve.mdw-{kind}").get_attribute("d")
            x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", d), float).T
            t = ((x - 44) / (width - 54) * 1000).round()  # the frame's edges stand in Plot.axes
            wanted = 156 - 148 * (values[t.astype(int) - first] - low) / (high - low)
            assert len(t) > 200
            steep = np.abs(np.gradient(wanted, t)) > 1  # a pixel of x is more than a step of t
            np.testing.assert_allclose(y[~steep], wanted[~steep], atol=0.5)
            assert steep.mean() < 0.1


def test_pressing_on_a_curve_moves_t(open_html: Callable, widget: Any) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot > svg").first
    box = plot.bounding_box()
    plot.click(position={"x": 44 + 0.75 * (box["width"] - 54), "y": 60})
    assert abs(assert_agrees(widget, root)["t"] - 750) <= 3


def test_copies_on_one_page_are_independent(open_html: Callable, widget: Any) -> None:
    page = widget._repr_html_()
    visit = open_html(page + "<p>and once more</p>" + page)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first, "t"), "PageDown")
    menu(second, "top").select_option("sigmoid")
    assert assert_agrees(widget, first)["t"] != assert_agrees(widget, second)["t"]
    assert state(first)["top"] == "linear"
    ids = visit.page.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 10
    visit.assert_clean()


def test_without_javascript_there_is_a_picture(browser: Any, tmp_path: Any, widget: Any) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<meta charset=utf-8><body>{widget._repr_html_()}", encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    picture = page.locator(".mdw svg[role=img]")
    assert picture.bounding_box()["width"] > 400
    assert "interactive figure needs JavaScript" in picture.get_attribute("aria-label")
    context.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_sticks_out(open_html: Callable, widget: Any, width: int) -> None:
    head = "<meta name=viewport content='width=device-width'>"
    page = open_html(head + widget._repr_html_(), width=width).page
    root = page.locator(".mdw")
    for name in ("cosine", "zero_snr"):  # the latter has the longest words
        menu(root, "top").select_option(name)
        press(slider(root, "t"), "End")
        outside = root.evaluate(
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
def test_accessibility_rules(open_html: Callable, widget: Any, theme: str) -> None:
    page = open_html(f"<main><h1>x</h1>{widget._repr_html_()}</main>", theme=theme).page
    found = Axe().run(page, context=".mdw").response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:160]) for v in found] == []


def test_the_menus_follow_the_theme(open_html: Callable, widget: Any) -> None:
    def brightness(theme: str) -> float:
        page = open_html(widget._repr_html_(), theme=theme).page
        style = "(e) => getComputedStyle(e).backgroundColor"
        colour = page.locator("select[data-control=top]").evaluate(style)
        return sum(int(v) for v in re.findall(r"\d+", colour)[:3])

    assert brightness("light") > brightness("dark") + 400


def test_tab_reaches_every_control_and_shows_where_it_is(open_html: Callable, widget: Any) -> None:
    page = open_html(widget._repr_html_()).page
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        here = page.evaluate(
            """() => { const e = document.activeElement; if (e === document.body) return null;
            const style = getComputedStyle(e.type === 'radio' ? e.nextElementSibling : e);
            return [e.dataset.control, style.outlineStyle, parseFloat(style.outlineWidth)]; }"""
        )
        if here is None:
            break
        control, outline, width = here
        assert outline == "solid", control
        assert width >= 2, control
        reached.append(control)
    assert reached == ["picture", "top", "bottom", "T", "s", "t"]
