"""What holds for every interactive figure in a real browser; its own numbers stand in its own file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from accessibility import violations
from controls import across, assert_agrees, move, press, press_on, ticks
from interactives import MAKERS, figure

Step = tuple[str, Any]  # a control, and what to choose there or (a slider) the keys to press


@dataclass(frozen=True)
class Case:
    """What the laws need to know of one figure."""

    page: str  # where it is shown, from the folder of the chapters
    tab: str  # the controls in the order in which the tab key reaches them
    copy: tuple[Step, Step]  # moves of one copy and of another that leave them in different states
    tour: tuple[Step, ...]  # ways to look that change what is drawn and how wide it is
    # A part drawn in a colour that is (True) lighter in the dark, or (False) lighter in the light.
    colour: tuple[str, str, bool] = (".mdw", "color", True)


CASES = {
    "beta_explorer": Case(
        "02_forward_process",
        "schedule, T, beta_1, beta_T, Reset, t",
        (("t", "PageUp"), ("schedule", "cosine")),
        (("schedule", "cosine"), ("T", "End")),
    ),
    "noise_explorer": Case(
        "02_forward_process",
        "picture, view, schedule, t, Step back, Step, Play",
        (("t", "PageUp"), ("schedule", "cosine")),
        (("view", "straight"), ("view", "compare")),
    ),
    "reverse_explorer": Case(
        "04_reverse_process",
        "t, Back to noise, Play, data, start, noise, show",
        (("t", "PageDown"), ("start", 2)),
        (("t", "PageDown PageDown"), ("show", "guess")),
        ("path[data-part=score]", "stroke", True),
    ),
    "elbo_explorer": Case(
        "05_loss_and_elbo",
        "schedule, variance, axes, T, std, Reset, t",
        (("t", "PageUp"), ("variance", "large")),
        (("T", "End"), ("variance", "large"), ("t", "End"), ("axes", "linear")),
    ),
    "schedule_explorer": Case(
        "09_noise_schedules",
        "picture, top, bottom, T, s, t",
        (("t", "PageDown"), ("top", "sigmoid")),
        (("top", "cosine"), ("top", "zero_snr"), ("t", "End")),  # this one has the longest words
        ("select[data-control=top]", "backgroundColor", False),
    ),
    "ddim_explorer": Case(
        "11_ddim_further",
        "steps, eta, frame, Back to noise, Play",
        (("frame", "Home"), ("eta", 1.0)),
        (("frame", "ArrowLeft"), ("eta", 1.0)),
    ),
    "guidance_field": Case(
        "12_classifier_guidance",
        "y, show, s, t, x1, x2, Reset",
        (("t", "PageUp"), ("y", "1")),
        (("s", "End"), ("t", "Home"), ("x1", "Home")),
        ("path[data-part=field]", "stroke", True),
    ),
    "guidance_explorer": Case(
        "13_classifier_free_guidance",
        "w, show",
        (("w", "Home"), ("show", "one")),
        (("w", "End"), ("show", "one")),
    ),
    "flow_explorer": Case(
        "21_flow_matching",
        "t, Back to noise, Play, path, steps, compare, particle",
        (("t", "PageDown"), ("path", "vp")),
        (("t", "PageUp PageUp"), ("compare", "pairs")),
        ("path[data-part=compare]", "stroke", True),
    ),
    "posterior_explorer": Case(
        "appendix_c_posterior",
        "schedule, T, t, x_0, x_t, Reset",
        (("t", "PageUp"), ("schedule", "cosine")),
        (("T", "1000"), ("x_t", "End"), ("t", "Home"), ("t", "PageUp")),
    ),
    "live_digits": Case(
        "../book/intro",
        "label, steps, w, New noise, Play",  # there is no step to go to before there is a walk
        (("w", "PageUp"), ("label", 8)),
        (("label", 8), ("steps", 50), ("w", "End")),
    ),
    "live_walk": Case(
        "08_sampling",
        "way, steps, label, frame, New noise, Play",
        (("frame", "PageUp"), ("label", 8)),
        (("frame", "End"), ("way", "DDIM"), ("steps", 100), ("label", 8)),
    ),
    "live_ddim": Case(
        "11_ddim",
        "share, eta, steps, noise, frame, Play",
        (("share", "PageUp"), ("eta", 1.0)),
        (("frame", "End"), ("frame", "Home"), ("share", "End"), ("eta", 0.25), ("steps", 50)),
    ),
    "live_guidance": Case(
        "13_classifier_free_guidance",
        "w, label, network, frame, New noise, Play",
        (("w", "PageUp"), ("label", 8)),
        (("frame", "End"), ("w", "End"), ("label", 8), ("network", "digits28")),
    ),
    "live_flow": Case(
        "21_flow_matching",
        "steps, label, frame, New noise, Play",
        (("frame", "ArrowLeft"), ("label", 8)),
        (("frame", "Home"), ("steps", 16), ("label", 8)),
    ),
}
every_figure = pytest.mark.parametrize("name", CASES)
PHONE = 390  # on something smaller, a number may take the space that its tile leaves beside it


def test_no_figure_is_left_out() -> None:
    assert CASES.keys() == MAKERS.keys()


@pytest.mark.parametrize("page", sorted({case.page for case in CASES.values()}))
def test_it_is_in_its_chapter_and_says_something(open_page: Callable, page: str) -> None:
    visit = open_page(f"notebooks/{page}.html")
    for name in (name for name, case in CASES.items() if case.page == page):
        root = visit.page.locator(f"main .mdw-{name}[data-ready]").first
        say = root.locator("output[data-readout=sentence]")
        assert say.get_attribute("aria-live") == "polite", name
        assert len(say.text_content()) > 20, name
    visit.assert_clean()


@every_figure
def test_copies_on_one_page_are_independent(open_html: Callable, name: str) -> None:
    widget = figure(name)
    html = widget._repr_html_()
    visit = open_html(html + "<p>and once more</p>" + html)
    copies = visit.page.locator(f".mdw-{name}").all()
    assert [assert_agrees(widget, root) for root in copies] == [widget.state] * 2
    for root, step in zip(copies, CASES[name].copy, strict=True):
        move(root, *step)
    first, second = (assert_agrees(widget, root) for root in copies)
    slid, chosen = (control for control, _ in CASES[name].copy)
    assert first[slid] != second[slid]
    assert first[chosen] == widget.state[chosen] != second[chosen]
    ids = visit.page.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 5
    visit.assert_clean()


@every_figure
def test_a_div_that_comes_after_its_script_is_found(open_html: Callable, name: str) -> None:
    html = figure(name)._repr_html_()
    div = re.search(r"<div class.*?</noscript></div>", html, re.DOTALL)[0]
    late = "document.body.insertAdjacentHTML('beforeend', atob(document.body.dataset.late))"
    visit = open_html(html.replace(div, ""))
    assert visit.page.locator(".mdw").count() == 0
    bare = re.sub(r"<noscript>.*</noscript>", "", div, flags=re.DOTALL)
    visit.page.evaluate(f"(div) => {{ document.body.dataset.late = btoa(div); {late}; }}", bare)
    visit.page.locator(".mdw[data-ready] output").first.wait_for()
    visit.assert_clean()


@pytest.fixture(scope="module")
def without_javascript(browser: Any) -> Iterator[Any]:
    """A page that carries out no script."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@every_figure
def test_without_javascript_there_is_a_picture(
    without_javascript: Any, tmp_path: Any, name: str
) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<meta charset=utf-8><body>{figure(name)._repr_html_()}", encoding="utf-8")
    without_javascript.goto(file.as_uri())
    picture = without_javascript.locator(".mdw img")
    assert picture.is_visible()
    box = picture.bounding_box()
    assert box["width"] > 400
    assert box["height"] > 100  # it has its own proportions only if it could be read
    assert "interactive figure needs JavaScript" in picture.get_attribute("alt")


@pytest.mark.parametrize("width", [320, 390, 1280])
@every_figure
def test_nothing_sticks_out(open_html: Callable, name: str, width: int) -> None:
    head = "<meta name=viewport content='width=device-width'>"
    page = open_html(head + figure(name)._repr_html_(), width=width).page
    root = page.locator(".mdw")
    for step in (None, *CASES[name].tour):
        if step:
            move(root, *step)
        outside = root.evaluate(
            """(root, padding) => { const box = root.getBoundingClientRect();
            return [...root.querySelectorAll('*')].filter((e) => e.checkVisibility())
              .filter((e) => { const b = e.getBoundingClientRect();
                return b.right > box.right + 0.5 || b.left < box.left - 0.5
                  || (e.tagName === 'OUTPUT' && e.scrollWidth > e.clientWidth + padding); })
              .map((e) => e.outerHTML.slice(0, 120)); }""",
            6 if width < PHONE else 0,
        )
        assert outside == [], step
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, step


OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


def barriers(page: Any) -> list[Any]:
    """What axe-core finds against the figure: of all rules in the light, of those of colours in the dark."""
    found = violations(page, context=".mdw")
    page.emulate_media(color_scheme="dark")
    found += violations(page, context=".mdw", runOnly=OF_COLOURS)
    page.emulate_media(color_scheme="light")
    return [(v["id"], v["nodes"][0]["html"][:160]) for v in found]


@every_figure
def test_accessibility_rules(open_html: Callable, name: str) -> None:
    visit = open_html(f"<main><h1>x</h1>{figure(name)._repr_html_()}</main>")
    assert barriers(visit.page) == []
    for step in CASES[name].tour:
        move(visit.page.locator(".mdw"), *step)
        if step[0] in ("view", "show", "axes", "compare"):  # something else is drawn
            assert barriers(visit.page) == [], step
    visit.page.set_viewport_size({"width": 390, "height": 900})
    assert barriers(visit.page) == []
    visit.assert_clean()


@every_figure
def test_colours_follow_the_theme(open_html: Callable, name: str) -> None:
    where, kind, lighter_in_the_dark = CASES[name].colour
    page = open_html(figure(name)._repr_html_()).page

    def brightness(theme: str) -> float:
        page.emulate_media(color_scheme=theme)
        colour = page.locator(where).first.evaluate(f"(e) => getComputedStyle(e).{kind}")
        return sum(int(v) for v in re.findall(r"\d+", colour)[:3])

    gain = brightness("dark") - brightness("light")
    assert (gain if lighter_in_the_dark else -gain) > 200


@every_figure
def test_tab_reaches_every_control_and_shows_where_it_is(open_html: Callable, name: str) -> None:
    page = open_html(figure(name)._repr_html_()).page
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        here = page.evaluate(
            """() => { const e = document.activeElement;
            if (e === document.body || e === window.first) return null;  // the end
            window.first ??= e;
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
    assert ", ".join(reached) == CASES[name].tab


# A press on a plot: changes to the figure, which plot, where along it; which control moves, and to what.
PRESSES = [
    ("beta_explorer", {}, 0, 0.75, "t", 750, 3),
    ("schedule_explorer", {}, 0, 0.75, "t", 750, 3),
    ("elbo_explorer", {"axes": "log"}, 0, 0.5, "t", 1000**0.5, 2),
    ("elbo_explorer", {"axes": "linear"}, 0, 0.25, "t", 250, 15),
    ("guidance_explorer", {}, 0, 1, "w", 4.0, 0),
    ("flow_explorer", {"points": 10, "particle": 3}, 0, 1, "steps", 50, 0),
    ("flow_explorer", {"points": 10, "particle": 3}, 0, 0, "steps", 1, 0),
]


@pytest.mark.parametrize(
    ("name", "changes", "plot", "along", "control", "wanted", "tolerance"), PRESSES
)
def test_a_press_on_a_curve_moves_its_control(
    open_figure: Callable,
    name: str,
    changes: dict[str, Any],
    plot: int,
    along: float,
    control: str,
    wanted: float,
    tolerance: float,
) -> None:
    widget = MAKERS[name](**changes)
    root = open_figure(widget)
    press_on(root.locator(".mdw-plot > svg").nth(plot), along)
    assert abs(assert_agrees(widget, root)[control] - wanted) <= tolerance
    assert abs(widget.state[control] - wanted) > tolerance


@pytest.mark.parametrize(
    ("name", "changes", "control", "part"),
    [
        ("beta_explorer", {}, "t", 0.003),
        ("schedule_explorer", {}, "t", 0.003),
        ("elbo_explorer", {"axes": "log"}, "t", 0.01),
        ("elbo_explorer", {"axes": "linear"}, "t", 0.003),
        ("guidance_explorer", {}, "w", 0),
        ("flow_explorer", {"points": 10, "particle": 3}, "steps", 0),
    ],
)
def test_a_press_at_a_number_of_the_axis_chooses_it(
    open_figure: Callable, name: str, changes: dict[str, Any], control: str, part: float
) -> None:
    widget = MAKERS[name](**changes)
    root = open_figure(widget)
    for plot in root.locator(".mdw-plot > svg").all()[:2]:
        words, places = ticks(plot)
        assert len(words) > 2
        for word, place in zip(words, places, strict=True):
            press_on(plot, place)
            now = assert_agrees(widget, root)[control]
            assert now == pytest.approx(float(word), rel=part, abs=2 if part else 0)
            # The line across and every dot stand there.
            np.testing.assert_allclose(across(plot, "path.mdw-cursor"), place, atol=0.01)
            dots = across(plot, "circle")
            np.testing.assert_allclose(dots, place, atol=0.01)


# Those that play: the control that runs, and where it starts and ends.
PLAYERS = {
    "reverse_explorer": ("t", 50, 0, {"T": 50, "points": 10}),
    "flow_explorer": ("t", 0, 1, {"points": 10, "particle": 3}),
    "ddim_explorer": ("frame", 0, 5, {}),
}


@pytest.mark.parametrize("name", PLAYERS)
def test_it_goes_back_to_noise_plays_to_the_end_and_begins_anew(
    open_html: Callable, name: str
) -> None:
    control, start, end, small = PLAYERS[name]
    widget = MAKERS[name](**small)
    root = open_html(widget._repr_html_()).page.locator(".mdw")
    say = root.locator("output[data-readout=sentence]")
    press(root.get_by_role("button", name="Back to noise"), "Enter")
    assert assert_agrees(widget, root)[control] == start
    press(root.get_by_role("button", name="Play"), "Enter")
    pause = root.get_by_role("button", name="Pause")
    pause.wait_for()
    assert say.get_attribute("aria-live") == "off"
    pause.wait_for(state="detached")  # it stops by itself
    assert assert_agrees(widget, root)[control] == end
    assert say.get_attribute("aria-live") == "polite"
    press(root.get_by_role("button", name="Play"), "Enter")
    pause.wait_for()
    press(pause, "Enter")
    assert assert_agrees(widget, root)[control] != end


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
    page = open_html(figure("beta_explorer")._repr_html_(), theme=system).page
    page.evaluate(page_says or "0")
    style = "(e) => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    back, text = (luminance(c) for c in page.locator(".mdw").evaluate(style))
    assert (back < text) == dark
    assert abs(back - text) > 0.6
