"""The reverse explorer in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

MEANS = torch.tensor([[1.2, 0.4], [-1.0, 0.8], [0.1, -1.4]])


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 4; made once, for Python remembers the walks that it has taken."""
    return md.viz.reverse_explorer()


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with short walks."""
    return md.viz.reverse_explorer(MEANS, 0.2, 50, points=40, t=20)


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type === 'range' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    return {name: int(v) if name in ("t", "start") else v for name, v in values.items()}


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


def slider(root: Any) -> Any:
    return root.locator("input[type=range][data-control=t]")


def choose(root: Any, name: str, value: str) -> None:
    """Go through a group of radio buttons with the arrow key until it says `value`."""
    for _ in range(root.locator(f"input[type=radio][data-control={name}]").count()):
        if str(state(root)[name]) == value:
            return
        root.locator(f"input[type=radio][data-control={name}]:checked").press("ArrowRight")
    assert str(state(root)[name]) == value


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-reverse_explorer")
    assert assert_agrees(widget, root) == widget.state
    walks = (
        ("eight_gaussians", "1", "1"),
        ("eight_gaussians", "3", "none"),
        ("two_moons", "4", "2"),
        ("two_moons", "2", "3"),
    )
    for data, start, noise in walks:
        for name, value in (("data", data), ("start", start), ("noise", noise)):
            choose(root, name, value)
            assert_agrees(widget, root)
        for keys in (["PageDown"] * 4, ["ArrowLeft"] * 2, ["Home"], ["PageUp"] * 3, ["End"]):
            before = state(root)["t"]
            press(slider(root), *keys)
            assert assert_agrees(widget, root)["t"] != before, f"{keys} did not move t"
    visit.assert_clean()


def drawn(root: Any, part: str) -> Any:
    """The path of a part of the picture, or None where it is not drawn."""
    path = root.locator(f"path[data-part={part}]")
    return path.get_attribute("d") if path.count() else None


def places(root: Any, d: str) -> Any:
    """Absolute places of a path, in the units of the data."""
    frame = root.locator("svg > rect")
    x, y, size = (float(frame.get_attribute(name)) for name in ("x", "y", "width"))
    pairs = np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d), float)
    limit = 3.2
    return np.stack([(pairs[:, 0] - x) / size * 2 - 1, 1 - (pairs[:, 1] - y) / size * 2], 1) * limit


def test_it_draws_the_points_of_the_walk_and_their_guesses(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    x = small.walk("centres", 1, "1")[20]
    inside = np.flatnonzero((x.abs() <= 3.2).all(1).numpy())
    assert len(inside) > 30
    order = [*inside[inside >= 8], *inside[inside < 8]]
    shown = np.concatenate([places(root, drawn(root, part)) for part in ("points", "followed")])
    np.testing.assert_allclose(shown, x[order], atol=0.01)

    assert drawn(root, "guess") is None
    choose(root, "show", "guess")
    assert drawn(root, "score") is None
    guess = md.x0_from_eps(x, small.eps_model("centres")(x, 20), 20, small.schedule)
    ends = places(root, drawn(root, "guess")).reshape(-1, 2, 2)
    np.testing.assert_allclose(ends[:, 0], x[inside], atol=0.01)
    np.testing.assert_allclose(ends[:, 1], guess[inside], atol=0.01)


def test_the_arrows_are_the_score(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    d = drawn(root, "score")
    starts = torch.from_numpy(places(root, d))
    assert len(starts) == 225
    along = np.array(re.findall(r"M\S+ \S+?l(-?[\d.]+) (-?[\d.]+)", d), float) * [1, -1]
    score = md.score_from_eps(starts, small.eps_model("centres")(starts, 20), 20, small.schedule)
    noise = float((1 - small.schedule.alpha_bar[20]).sqrt())
    size = float(root.locator("svg > rect").get_attribute("width"))
    length = (score.norm(dim=1) * noise).clamp(max=2) / 2 * 0.9 * size / 15
    wanted = score / score.norm(dim=1, keepdim=True) * length[:, None]
    # Pixels, rounded to a tenth; a start is known to a tenth of a pixel too.
    np.testing.assert_allclose(along, wanted, atol=0.4)
    assert length.max() > 2 * length.min()


def test_the_shading_is_the_density(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    alpha = root.locator("canvas").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, 64, 64).data].filter((_, i) => i % 4 === 3)"
    )
    middle = (torch.arange(64, dtype=torch.float64) + 0.5) / 64 * 6.4 - 3.2
    grid = torch.cartesian_prod(-middle, middle).flip(1)  # from the upper left, row by row
    a_bar = small.schedule.alpha_bar[20]
    var = a_bar * 0.2**2 + 1 - a_bar
    gap = torch.cdist(grid, a_bar.sqrt() * MEANS.double())
    density = (-(gap**2) / (2 * var)).exp().sum(1)
    np.testing.assert_allclose(alpha, (255 * density / density.max()).round(), atol=1)


def test_trails_are_whole_only_where_they_are_smooth(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    with_noise = places(root, drawn(root, "trail"))
    assert len(with_noise) == 8 * 4  # 50 steps: a twentieth, rounded up, is 3
    choose(root, "noise", "none")
    first = places(root, drawn(root, "trail"))[:31]
    walk = small.walk("centres", 1, "none")
    np.testing.assert_allclose(first, [walk[t][0].numpy() for t in range(50, 19, -1)], atol=0.01)


def test_it_goes_back_to_noise_and_plays_to_the_end(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    press(root.get_by_role("button", name="Back to noise"), "Enter")
    assert assert_agrees(small, root)["t"] == 50
    press(root.get_by_role("button", name="Play"), "Enter")
    pause = root.get_by_role("button", name="Pause")
    pause.wait_for()
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "off"
    pause.wait_for(state="detached")  # it stops by itself
    assert assert_agrees(small, root)["t"] == 0
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "polite"
    press(root.get_by_role("button", name="Play"), "Enter")  # at the end it begins anew
    pause.wait_for()
    press(pause, "Enter")
    assert assert_agrees(small, root)["t"] > 0


def test_copies_on_one_page_are_independent(open_html: Callable, small: Any) -> None:
    page = small._repr_html_()
    visit = open_html(page + "<p>and once more</p>" + page)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first), "PageDown")
    choose(second, "start", "2")
    assert assert_agrees(small, first)["t"] != assert_agrees(small, second)["t"]
    assert state(first)["start"] == 1
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
    for show in ("score", "guess"):
        choose(root, "show", show)
        press(slider(root), "PageDown", "PageDown")
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
        stroke = page.locator("path[data-part=score]").evaluate(style)
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
    assert reached == ["t", "Back to noise", "Play", "data", "start", "noise", "show"]
