"""The interactive figures in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

FIGURES = {"beta_explorer": md.viz.beta_explorer, "noise_explorer": md.viz.noise_explorer}
VIEWS = ("chain", "straight", "compare")


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type === 'range' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    kinds = {"T": int, "t": int, "picture": int, "beta_1": float, "beta_T": float, "s": float}
    return {name: kinds.get(name, str)(value) for name, value in values.items()}


def readouts(root: Any) -> dict[str, str]:
    """The texts of the read-outs that can be seen."""
    return root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('output[data-readout]')]
        .filter((o) => o.checkVisibility()).map((o) => [o.dataset.readout, o.textContent]))"""
    )


def assert_agrees(widget: Any, root: Any) -> dict[str, Any]:
    """Every number on the page is the one that Python computes; gives the state of the controls."""
    controls = state(root)
    assert readouts(root) == widget.readout(**controls), controls
    return controls


def press(control: Any, *keys: str) -> None:
    control.focus()
    for key in keys:
        control.press(key)


def slider(root: Any, name: str) -> Any:
    return root.locator(f"input[type=range][data-control={name}]")


def choose(root: Any, name: str, value: str) -> None:
    """Go through a group of radio buttons with the arrow key until it says `value`."""
    group = root.locator(f"input[type=radio][data-control={name}]")
    for _ in range(group.count()):
        if state(root)[name] == value:
            return
        root.locator(f"input[type=radio][data-control={name}]:checked").press("ArrowRight")
    assert state(root)[name] == value


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
                before = state(root)
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
            before = state(root)["t"]
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


@pytest.mark.parametrize("name", FIGURES)
def test_copies_on_one_page_are_independent(open_html: Callable, name: str) -> None:
    widget = FIGURES[name]()
    html = widget._repr_html_()
    visit = open_html(html + "<p>and once more</p>" + html)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first, "t"), "PageUp")
    assert assert_agrees(widget, first)["t"] != assert_agrees(widget, second)["t"]
    choose(second, "schedule", "cosine")
    assert assert_agrees(widget, first)["schedule"] == "linear"
    assert_agrees(widget, second)
    ids = visit.page.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 10
    visit.assert_clean()


@pytest.mark.parametrize("name", FIGURES)
def test_a_div_that_comes_after_its_script_is_found(open_html: Callable, name: str) -> None:
    html = FIGURES[name]()._repr_html_()
    div = re.search(r"<div class.*?</noscript></div>", html, re.DOTALL)[0]
    late = "document.body.insertAdjacentHTML('beforeend', atob(document.body.dataset.late))"
    visit = open_html(html.replace(div, ""))
    assert visit.page.locator(".mdw").count() == 0
    bare = re.sub(r"<noscript>.*</noscript>", "", div, flags=re.DOTALL)
    visit.page.evaluate(f"(div) => {{ document.body.dataset.late = btoa(div); {late}; }}", bare)
    visit.page.locator(".mdw[data-ready] output").first.wait_for()
    visit.assert_clean()


@pytest.mark.parametrize("name", FIGURES)
def test_without_javascript_there_is_a_picture(browser: Any, tmp_path: Any, name: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<meta charset=utf-8><body>{FIGURES[name]()._repr_html_()}", encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    picture = page.locator(".mdw svg[role=img]")
    assert picture.is_visible()
    assert picture.bounding_box()["width"] > 400
    assert "interactive figure needs JavaScript" in picture.get_attribute("aria-label")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", FIGURES)
def test_nothing_sticks_out(open_html: Callable, name: str, width: int) -> None:
    head = "<meta name=viewport content='width=device-width'>"
    page = open_html(head + FIGURES[name]()._repr_html_(), width=width).page
    root = page.locator(".mdw")
    for view in VIEWS if name == "noise_explorer" else ("",):
        if view:
            choose(root, "view", view)
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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_accessibility_rules(open_html: Callable, name: str, theme: str) -> None:
    page = open_html(f"<main><h1>x</h1>{FIGURES[name]()._repr_html_()}</main>", theme=theme).page
    for view in VIEWS if name == "noise_explorer" else ("",):
        if view:
            choose(page.locator(".mdw"), "view", view)
        found = Axe().run(page, context=".mdw").response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:160]) for v in found] == []


@pytest.mark.parametrize("name", FIGURES)
def test_tab_reaches_every_control_and_shows_where_it_is(open_html: Callable, name: str) -> None:
    page = open_html(FIGURES[name]()._repr_html_()).page
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
    wanted = {
        "beta_explorer": ["schedule", "T", "beta_1", "beta_T", "Reset", "t"],
        "noise_explorer": ["picture", "view", "schedule", "t", "Step back", "Step", "Play"],
    }
    assert reached == wanted[name]
