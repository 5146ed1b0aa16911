"""The guidance field in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

MEANS = torch.tensor([[1.2, 0.4], [-1.0, 0.8], [0.1, -1.4]])
LABELS = torch.tensor([0, 1, 0])


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 12."""
    return md.viz.guidance_field()


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with three clouds and a short chain."""
    return md.viz.guidance_field(MEANS, 0.3, LABELS, 50, y=1, s=3, t=15)


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type === 'range' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    whole = {name: int(float(v)) if name == "t" else v for name, v in values.items()}
    return {n: float(v) if n in ("s", "x1", "x2") else v for n, v in whole.items()}


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


def choose(root: Any, name: str, value: str) -> None:
    """Go through a group of radio buttons with the arrow key until it says `value`."""
    for _ in range(root.locator(f"input[type=radio][data-control={name}]").count()):
        if state(root)[name] == value:
            return
        root.locator(f"input[type=radio][data-control={name}]:checked").press("ArrowRight")
    assert state(root)[name] == value


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-guidance_field")
    assert assert_agrees(widget, root) == widget.state
    for y in ("1", "2", "0"):
        choose(root, "y", y)
        assert_agrees(widget, root)
        for name in ("s", "t", "x1", "x2"):
            for keys in (["Home"], ["ArrowRight"] * 2, ["PageUp"] * 2, ["End"]):
                before = state(root)[name]
                press(slider(root, name), *keys)
                now = assert_agrees(widget, root)[name]
                assert now != before, f"{keys} did not move {name}"
    press(root.get_by_role("button", name="Reset"), "Enter")
    assert assert_agrees(widget, root) == widget.state
    visit.assert_clean()


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


def arrows(root: Any, part: str) -> tuple[Any, Any]:
    """Where the arrows of a part of the picture start, in the units of the data, and where they go."""
    d = root.locator(f"path[data-part={part}]").get_attribute("d")
    frame = root.locator("svg[role=img] > rect")
    x, y, size = (float(frame.get_attribute(name)) for name in ("x", "y", "width"))
    found = re.findall(r"M(-?[\d.]+) (-?[\d.]+)l(-?[\d.]+) (-?[\d.]+)", d)
    places = np.array(found, float)
    start = np.stack([(places[:, 0] - x) / size * 2 - 1, 1 - (places[:, 1] - y) / size * 2], 1)
    return start * 3.2, places[:, 2:] * [1, -1] / size * 6.4


@pytest.mark.parametrize("show", ["guided", "score", "gradient"])
def test_the_arrows_are_the_field_that_is_chosen(
    open_html: Callable, small: Any, show: str
) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    choose(root, "show", show)
    start, along = arrows(root, "field")
    assert len(start) == 225
    field = small.field(torch.from_numpy(start))[show]
    noise = float((1 - small.schedule.alpha_bar[15]).sqrt())
    length = (field.norm(dim=1) * noise).clamp(max=2) / 2 * 0.9 * 6.4 / 15
    wanted = field / field.norm(dim=1, keepdim=True).clamp(min=1e-9) * length[:, None]
    np.testing.assert_allclose(along, wanted, atol=0.012)  # a tenth of a pixel
    assert length.max() > 2 * length.min()


def test_at_the_probe_two_arrows_add_up_to_the_third(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    press(slider(root, "x1"), *["ArrowRight"] * 4)
    at = state(root)
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


def test_the_shading_is_the_density_of_the_guided_score(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    alpha = root.locator("canvas").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, 64, 64).data].filter((_, i) => i % 4 === 3)"
    )
    middle = (torch.arange(64, dtype=torch.float64) + 0.5) / 64 * 6.4 - 3.2
    grid = torch.cartesian_prod(-middle, middle).flip(1)  # from the upper left, row by row
    a_bar = small.schedule.alpha_bar[15]
    var = a_bar * 0.3**2 + 1 - a_bar
    log_q = -(torch.cdist(grid, a_bar.sqrt() * MEANS.double()) ** 2) / (2 * var)
    everything, own = log_q.logsumexp(1), log_q[:, LABELS == 1].logsumexp(1)
    log_density = everything + 3 * (own - everything)
    density = (log_density - log_density.max()).exp()
    np.testing.assert_allclose(alpha, (255 * density).round(), atol=1)


def test_pressing_in_the_picture_moves_the_probe(open_html: Callable, small: Any) -> None:
    page = open_html(small._repr_html_()).page
    root = page.locator(".mdw")
    box = root.locator("svg[role=img]").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    now = assert_agrees(small, root)
    assert now["x1"] < -1
    assert now["x2"] > 1


def test_copies_on_one_page_are_independent(open_html: Callable, small: Any) -> None:
    page = small._repr_html_()
    visit = open_html(page + "<p>and once more</p>" + page)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first, "t"), "PageUp")
    choose(second, "y", "0")
    assert assert_agrees(small, first)["t"] != assert_agrees(small, second)["t"]
    assert state(first)["y"] == "1"
    ids = visit.page.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 10
    visit.assert_clean()


def test_without_javascript_there_is_a_picture(browser: Any, tmp_path: Any, small: Any) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<meta charset=utf-8><body>{small._repr_html_()}", encoding="utf-8")
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
    press(slider(root, "s"), "End")
    press(slider(root, "t"), "Home")
    press(slider(root, "x1"), "Home")
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
def test_accessibility_rules(open_html: Callable, small: Any, theme: str) -> None:
    page = open_html(f"<main><h1>x</h1>{small._repr_html_()}</main>", theme=theme).page
    found = Axe().run(page, context=".mdw").response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:160]) for v in found] == []


def test_colours_follow_the_theme(open_html: Callable, small: Any) -> None:
    def luminance(theme: str) -> float:
        page = open_html(small._repr_html_(), theme=theme).page
        style = "(e) => getComputedStyle(e).stroke"
        stroke = page.locator("path[data-part=field]").evaluate(style)
        return sum(int(v) for v in re.findall(r"\d+", stroke)[:3])

    assert luminance("dark") > luminance("light") + 200


def test_tab_reaches_every_control(open_html: Callable, small: Any) -> None:
    page = open_html(small._repr_html_()).page
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
    assert reached == ["y", "show", "s", "t", "x1", "x2", "Reset"]
