"""The flow explorer in a real browser: every control by keyboard, every number against Python."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

MEANS = torch.tensor([[1.2, 0.4], [-1.0, 0.8], [0.1, -1.4]])
NUMBERS = {"t": float, "steps": int, "particle": int}


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 21; made once, for Python remembers the walks that it has taken."""
    return md.viz.flow_explorer()


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with few particles."""
    return md.viz.flow_explorer(MEANS, 0.2, steps=5, t=0.52, points=20, particle=3, seed=2)


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type === 'range' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    return {name: NUMBERS.get(name, str)(v) for name, v in values.items()}


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


def slider(root: Any, name: str = "t") -> Any:
    return root.locator(f"input[type=range][data-control={name}]")


def choose(root: Any, name: str, value: str) -> None:
    """Go through a group of radio buttons with the arrow key until it says `value`."""
    for _ in range(root.locator(f"input[type=radio][data-control={name}]").count()):
        if str(state(root)[name]) == value:
            return
        root.locator(f"input[type=radio][data-control={name}]:checked").press("ArrowRight")
    assert str(state(root)[name]) == value


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-flow_explorer")
    assert assert_agrees(widget, root) == widget.state
    for path, compare in (("vp", "pairs"), ("trigonometric", "none"), ("ot", "exact")):
        choose(root, "path", path)
        assert_agrees(widget, root)
        choose(root, "compare", compare)
        assert_agrees(widget, root)
        for name in ("steps", "t", "particle"):
            for keys in (["Home"], ["PageUp"] * 3, ["ArrowRight"] * 2, ["End"], ["ArrowLeft"]):
                before = state(root)[name]
                press(slider(root, name), *keys)
                assert assert_agrees(widget, root)[name] != before, f"{keys} did not move {name}"
    visit.assert_clean()


def drawn(root: Any, part: str) -> Any:
    """The path of a part of the picture, or None where it is not drawn."""
    path = root.locator(f"path[data-part={part}]")
    return path.get_attribute("d") if path.count() else None


def places(root: Any, d: str) -> Any:
    """Places of a path, in the units of the data."""
    frame = root.locator("svg > rect").first
    x, y, size = (float(frame.get_attribute(name)) for name in ("x", "y", "width"))
    pairs = np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d), float)
    limit = 3.2
    return np.stack([(pairs[:, 0] - x) / size * 2 - 1, 1 - (pairs[:, 1] - y) / size * 2], 1) * limit


def assert_drawn(root: Any, parts: tuple[str, str], points: Any, followed: int) -> None:
    """A part shows all of the points but the followed one, and its neighbour shows that."""
    inside = (points.abs() <= 3.2).all(1)
    assert inside[followed]
    inside[followed] = False
    np.testing.assert_allclose(places(root, drawn(root, parts[0])), points[inside], atol=0.01)
    np.testing.assert_allclose(
        places(root, drawn(root, parts[1]))[-1:], points[followed : followed + 1], atol=0.01
    )


def test_it_draws_the_particles_and_what_they_are_compared_with(
    open_html: Callable, small: Any
) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    walk, exact = small.walk("ot", 5), small.exact("ot")
    here = walk[2] + 0.6 * (walk[3] - walk[2])  # t = 0.52 is 0.6 of the third step
    assert_drawn(root, ("points", "followed"), here, 2)
    way = [*(x[2] for x in walk[:3]), here[2]]
    np.testing.assert_allclose(
        places(root, drawn(root, "followed-way")), torch.stack(way), atol=0.01
    )

    assert_drawn(root, ("compare-now", "compare-followed-now"), exact[52], 2)
    fine = torch.stack([x[2] for x in exact[::4]])
    np.testing.assert_allclose(places(root, drawn(root, "compare-followed")), fine, atol=0.01)

    choose(root, "compare", "pairs")
    assert_drawn(root, ("compare-now", "compare-followed-now"), small.pairs("ot", 0.52), 2)
    ends = places(root, drawn(root, "compare-followed"))[[0, -1]]
    wanted = torch.stack([small.noise[2], small.pairs("ot", 1)[2]])
    np.testing.assert_allclose(ends, wanted, atol=0.01)

    choose(root, "path", "vp")
    assert_drawn(root, ("compare-now", "compare-followed-now"), small.pairs("vp", 0.52), 2)
    choose(root, "compare", "none")
    assert drawn(root, "compare") is drawn(root, "compare-now") is None


@pytest.mark.parametrize("path", ["ot", "vp", "trigonometric"])
def test_the_shading_is_the_density_of_the_exact_flow(
    open_html: Callable, small: Any, path: str
) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    choose(root, "path", path)
    alpha = root.locator("canvas").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, 64, 64).data].filter((_, i) => i % 4 === 3)"
    )
    middle = (torch.arange(64, dtype=torch.float64) + 0.5) / 64 * 6.4 - 3.2
    grid = torch.cartesian_prod(-middle, middle).flip(1)  # from the upper left, row by row
    a = {
        "ot": 0.52,
        "vp": math.exp(-(0.1 * 0.48 + 19.9 / 2 * 0.48**2) / 2),
        "trigonometric": math.sin(0.26 * math.pi),
    }[path]
    b2 = 0.48**2 if path == "ot" else 1 - a**2
    var = a**2 * 0.2**2 + b2
    gap = torch.cdist(grid, a * MEANS.double())
    density = (-(gap**2) / (2 * var)).exp().sum(1)
    np.testing.assert_allclose(alpha, (255 * density / density.max()).round(), atol=1)


def test_the_plot_says_the_error_of_each_path(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot svg[role=img]")
    press(slider(root, "steps"), "ArrowRight", "ArrowRight")
    label = plot.get_attribute("aria-label")
    assert "With 7:" in label
    errors = [small.readout(path=p, steps=7)["error"] for p in ("ot", "vp", "trigonometric")]
    assert re.findall(r"\d\.\d{3}", label) == errors
    curves = plot.locator("path.mdw-curve")
    # One place for each number of steps, and the curve's height is the error's logarithm.
    for path, d in zip(("ot", "vp", "trigonometric"), curves.all(), strict=True):
        y = np.array(re.findall(r"[ML][\d.]+ ([\d.]+)", d.get_attribute("d")), float)
        assert len(y) == 50
        at = [math.log10(float(small.readout(path=path, steps=n)["error"])) for n in (1, 4, 16)]
        drops = (y[3] - y[0], y[15] - y[0])
        scale = drops[1] / (at[0] - at[2])
        assert drops[0] / scale == pytest.approx(at[0] - at[1], abs=0.03)
    before = curves.nth(0).get_attribute("d")
    choose(root, "path", "vp")  # the curves stay; the dot goes to another
    assert curves.nth(0).get_attribute("d") == before
    assert "mdw-b" in plot.locator("circle").get_attribute("class")


def test_a_press_on_the_plot_chooses_the_number_of_steps(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    plot = root.locator(".mdw-plot svg[role=img]")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] - 11, "y": 80})
    assert assert_agrees(small, root)["steps"] == 50
    plot.click(position={"x": 45, "y": 80})
    assert assert_agrees(small, root)["steps"] == 1


def test_it_goes_back_to_noise_and_plays_to_the_end(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    press(root.get_by_role("button", name="Back to noise"), "Enter")
    assert assert_agrees(small, root)["t"] == 0
    press(root.get_by_role("button", name="Play"), "Enter")
    pause = root.get_by_role("button", name="Pause")
    pause.wait_for()
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "off"
    pause.wait_for(state="detached")  # it stops by itself
    assert assert_agrees(small, root)["t"] == 1
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "polite"
    press(root.get_by_role("button", name="Play"), "Enter")  # at the end it begins anew
    pause.wait_for()
    press(pause, "Enter")
    assert assert_agrees(small, root)["t"] < 1


def test_copies_on_one_page_are_independent(open_html: Callable, small: Any) -> None:
    page = small._repr_html_()
    visit = open_html(page + "<p>and once more</p>" + page)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first), "PageDown")
    choose(second, "path", "vp")
    assert assert_agrees(small, first)["t"] != assert_agrees(small, second)["t"]
    assert state(first)["path"] == "ot"
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
    for compare in ("exact", "pairs"):
        choose(root, "compare", compare)
        press(slider(root), "PageUp", "PageUp")
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
        stroke = page.locator("path[data-part=compare]").evaluate(style)
        return sum(int(v) for v in re.findall(r"\d+", stroke)[:3])

    assert luminance("dark") > luminance("light") + 200


def test_tab_reaches_every_control_and_shows_where_it_is(open_html: Callable, small: Any) -> None:
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
    assert reached == [
        "t",
        "Back to noise",
        "Play",
        "path",
        "steps",
        "compare",
        "particle",
    ]
