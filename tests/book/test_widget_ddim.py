"""The DDIM explorer in a real browser: every control by keyboard, every number against Python."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

STEPS, ETAS = (1, 2, 10, 25), (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def widget() -> Any:
    """A figure like chapter 11's, with a denoiser that needs no network."""
    schedule = md.linear_schedule()
    ideal = md.exact.ideal(md.data.digits()[0][:300], schedule)
    x_T = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    return md.viz.ddim_explorer(ideal, schedule, x_T, steps=STEPS, etas=ETAS)


def state(root: Any) -> dict[str, Any]:
    """What the controls say that they are set to."""
    values = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type === 'range' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    kinds = {"steps": int, "eta": float, "frame": int}
    return {name: kinds[name](value) for name, value in values.items()}


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
    return root.locator("input[type=range][data-control=frame]")


def choose(root: Any, name: str, value: float) -> None:
    """Go through a group of radio buttons with the arrow key until it says `value`."""
    for _ in range(root.locator(f"input[type=radio][data-control={name}]").count()):
        if state(root)[name] == value:
            return
        root.locator(f"input[type=radio][data-control={name}]:checked").press("ArrowRight")
    assert state(root)[name] == value


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-ddim_explorer")
    assert assert_agrees(widget, root) == widget.state
    for eta in ETAS:
        choose(root, "eta", eta)
        assert_agrees(widget, root)
        for n in STEPS:
            choose(root, "steps", n)
            assert assert_agrees(widget, root)["frame"] == min(n, 5)
            for keys in (["Home"], ["ArrowRight"], ["ArrowRight"] * 3, ["End"]):
                press(slider(root), *keys)
                assert_agrees(widget, root)
    visit.assert_clean()


def test_it_paints_the_frames_of_the_walks(open_html: Callable, widget: Any) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    choose(root, "steps", 25)
    choose(root, "eta", 1.0)
    for keys, frame in ((["Home"], 0), (["ArrowRight"] * 4, 4), (["End"], 5)):
        press(slider(root), *keys)
        painted = root.locator("canvas").evaluate_all(
            """(all) => all.map((c) => [...c.getContext('2d').getImageData(0, 0, 16, 16).data]
            .filter((_, i) => i % 4 === 0))"""
        )
        expected = []
        for seed in (1, 2):
            walk = widget.walk(25, 1.0, seed)
            blank = torch.full((2, 256), 128).tolist()
            guess = (walk.guess[frame - 1] * 17).reshape(2, -1).tolist() if frame else blank
            expected += (walk.x[frame] * 17).reshape(2, -1).tolist() + guess
        assert painted == expected


def test_it_plays_to_the_end_and_begins_anew(open_html: Callable, widget: Any) -> None:
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    choose(root, "steps", 2)
    press(root.get_by_role("button", name="Back to noise"), "Enter")
    assert assert_agrees(widget, root)["frame"] == 0
    press(root.get_by_role("button", name="Play"), "Enter")
    pause = root.get_by_role("button", name="Pause")
    pause.wait_for()
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "off"
    pause.wait_for(state="detached")  # it stops by itself
    assert assert_agrees(widget, root)["frame"] == 2
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "polite"
    choose(root, "steps", 10)
    press(root.get_by_role("button", name="Play"), "Enter")
    pause.wait_for()
    press(pause, "Enter")
    assert assert_agrees(widget, root)["frame"] < 5


def test_copies_on_one_page_are_independent(open_html: Callable, widget: Any) -> None:
    page = widget._repr_html_()
    visit = open_html(page + "<p>and once more</p>" + page)
    first, second = visit.page.locator(".mdw").all()
    press(slider(first), "Home")
    choose(second, "eta", 1.0)
    assert assert_agrees(widget, first)["frame"] == 0
    assert assert_agrees(widget, second)["frame"] == 5
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


def test_the_still_picture_s_marked_addresses_load(open_html: Callable, widget: Any) -> None:
    page = open_html(widget._picture).page
    sizes = page.evaluate(
        """() => Promise.all([...document.querySelectorAll('svg image')].map((i) => {
        const img = new Image(); img.src = i.getAttribute('href');
        return img.decode().then(() => img.naturalWidth); }))"""
    )
    assert sizes == [16] * 11  # six times, and a guess after each but the first


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_sticks_out(open_html: Callable, widget: Any, width: int) -> None:
    head = "<meta name=viewport content='width=device-width'>"
    page = open_html(head + widget._repr_html_(), width=width).page
    root = page.locator(".mdw")
    for eta in (0.0, 1.0):
        choose(root, "eta", eta)
        press(slider(root), "ArrowLeft")
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


def test_tab_reaches_every_control_and_shows_where_it_is(open_html: Callable, widget: Any) -> None:
    page = open_html(widget._repr_html_()).page
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
    assert reached == ["steps", "eta", "frame", "Back to noise", "Play"]
