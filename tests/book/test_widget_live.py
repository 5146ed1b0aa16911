"""Networks that draw in a page: from Play to the digits, against Python, in the book and in a notebook.

What those that ship draw in each figure is seen first. All else that a figure does it does with small ones.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from controls import all_greys, assert_agrees, choose, move, press, slider
from films import FILMS, assert_kept, assert_paints, button, drawn
from interactives import MAKERS
from small_networks import program, small_networks

from minidiff.viz import live_figure
from minidiff.viz.engine import page_network, script_of

SEED = 7
KEEP = [name for name in FILMS if name != "live_digits"]  # the others open with their noise
every_film = pytest.mark.parametrize("name", FILMS)


@cache
def film(name: str, **changes: Any) -> Any:
    """A figure of that name, drawn by small networks, which it holds."""
    with small_networks():
        return MAKERS[name](**{**FILMS[name][0], "seed": SEED, "embed": True, **changes})


@pytest.fixture
def widget() -> Any:
    return film("live_digits")


shipped_program = cache(page_network)


def shown(root: Any) -> list[Any]:
    """What can be seen: the pictures, and what is written."""
    pictures = [greys.tolist() for greys in all_greys(root.locator("canvas"))]
    return [pictures, root.inner_text()]


# ---- all of them -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes"), [*((name, {}) for name in FILMS), ("live_walk", {"network": "digits28"})]
)
def test_play_draws_what_python_draws(
    open_figure: Callable, monkeypatch: pytest.MonkeyPatch, name: str, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(live_figure, "page_network", shipped_program)
    arguments, steps = FILMS[name]
    widget: Any = MAKERS[name](**arguments, **changes, seed=SEED, embed=True)
    root = open_figure(widget)
    walk = widget.states()
    first = assert_agrees(widget, root)["frame"]
    if name in KEEP:
        assert_kept(widget, root, walk[first])
    else:
        assert_paints(widget, root, walk[0])
    press(button(root, "Play"), "Enter")
    drawn(root, steps)
    assert assert_agrees(widget, root)["frame"] == steps
    assert_paints(widget, root, walk[steps])
    press(slider(root, "frame"), "ArrowLeft")
    assert assert_agrees(widget, root)["frame"] == steps - 1
    assert_paints(widget, root, walk[steps - 1])
    press(slider(root, "frame"), "Home")
    assert_agrees(widget, root)
    assert_paints(widget, root, walk[0])


# A walk through the controls: what is moved, and how many steps there are then.
TOURS: dict[str, list[tuple[str, Any, int]]] = {
    "live_digits": [("label", 8, 10), ("w", "Home", 10), ("steps", 20, 20)],
    "live_walk": [("way", "DDIM", 10), ("label", 8, 10), ("steps", 20, 20), ("way", "DDPM", 20)],
    "live_ddim": [("share", "End", 5), ("eta", 1.0, 5), ("noise", "End", 5), ("steps", 20, 20)],
    "live_guidance": [("label", 8, 20), ("w", "End", 20)],
    "live_flow": [("steps", 4, 4), ("label", 8, 4), ("steps", 1, 1)],
}


@every_film
def test_what_else_is_wished_for_is_drawn_at_once(open_figure: Callable, name: str) -> None:
    widget = film(name)
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    drawn(root, FILMS[name][1])
    for control, to, steps in TOURS[name]:
        before = shown(root)[0]
        move(root, control, to)
        drawn(root, steps)
        state = assert_agrees(widget, root)
        assert state["frame"] == steps
        assert_paints(widget, root, widget.states(**state)[-1])
        assert shown(root)[0] != before, f"{control} changed no picture"


@pytest.mark.parametrize("name", [name for name in FILMS if name != "live_ddim"])
def test_new_noise_is_that_of_the_next_seed(open_figure: Callable, name: str) -> None:
    """Before a network has come the noise changes at once, after that all is drawn."""
    widget, steps = film(name), FILMS[name][1]
    root = open_figure(widget)
    press(button(root, "New noise"), "Enter")
    assert assert_agrees(widget, root)["frame"] == 0
    assert_paints(widget, root, widget.states(seed=SEED + 1)[0])
    assert not slider(
        root, "frame"
    ).is_enabled()  # what was drawn beforehand came from another noise
    press(button(root, "Play"), "Enter")
    drawn(root, steps)
    assert_paints(widget, root, widget.states(seed=SEED + 1)[-1])


def test_the_noises_of_two_starts_are_numbered(open_figure: Callable) -> None:
    root = open_figure(film("live_ddim"))
    assert button(root, "New noise").count() == 0


@every_film
def test_each_control_moves_something_before_any_network_has_come(
    open_figure: Callable, name: str
) -> None:
    widget = film(name)
    root = open_figure(widget)
    for control, to, _ in TOURS[name]:
        before = shown(root)
        move(root, control, to)
        assert_agrees(widget, root)
        assert shown(root) != before, control


@pytest.mark.parametrize("name", KEEP)
def test_the_first_walk_can_be_looked_through_and_comes_back(
    open_figure: Callable, name: str
) -> None:
    """Frames that were drawn beforehand belong to one state of the controls, and to the first noise."""
    widget, steps = film(name, embed=False), FILMS[name][1]
    root, walk = open_figure(widget), widget.states()
    for k in (steps, steps - 1):
        press(slider(root, "frame"), "End" if k == steps else "ArrowLeft")
        assert assert_agrees(widget, root)["frame"] == k
        (assert_kept if k else assert_paints)(widget, root, walk[k])
        assert root.get_by_text("drawn beforehand").is_visible()
    choose(root, "label", 8) if "label" in widget.state else choose(root, "eta", 0.5)
    changed = assert_agrees(widget, root)
    assert_paints(widget, root, widget.states(**changed)[0])
    assert not slider(root, "frame").is_enabled()
    assert root.get_by_text("drawn beforehand").count() == 0
    choose(root, "label", 3) if "label" in widget.state else choose(root, "eta", 0.0)
    press(slider(root, "frame"), "End")
    assert_agrees(widget, root)
    assert_kept(widget, root, walk[steps])


@every_film
def test_a_page_without_the_network_says_how_to_get_it(open_figure: Callable, name: str) -> None:
    widget = film(name, embed=False)
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    root.get_by_text(f"md.viz.{name}(embed=True)").wait_for()
    assert button(root, "Play").is_visible()
    assert slider(root, "frame").is_enabled() == (name in KEEP)
    control, to, _ = TOURS[name][0]
    move(root, control, to)  # which asks for nothing
    assert_agrees(widget, root)


@pytest.mark.parametrize(("processors", "most"), [(2, 1), (64, 4)])
@every_film
def test_the_work_is_done_beside_the_page(
    open_html: Callable, name: str, processors: int, most: int
) -> None:
    """By workers that stay, one for each picture if the page keeps a processor of its own.

    What the page feels of it is measured by benchmarks.page.
    """
    widget, (control, to, steps) = film(name), TOURS[name][0]
    alone = f"<script>Object.defineProperty(navigator, 'hardwareConcurrency', {{ value: {processors} }});"
    visit = open_html(f"{alone}</script>{widget._repr_html_()}")
    root, page = visit.page.locator(".mdw"), visit.page
    assert page.workers == []
    press(button(root, "Play"), "Enter")
    drawn(root, FILMS[name][1])
    assert_paints(widget, root, widget.states()[-1])
    move(root, control, to)
    drawn(root, steps)
    assert_paints(widget, root, widget.states(**assert_agrees(widget, root))[-1])
    assert len(page.workers) == min(most, len(widget.states()[0].x))
    assert all(worker.url.startswith("blob:") for worker in page.workers)
    assert "addProduct" in widget._data["worker"]
    code = json.dumps(widget._data["worker"])[1:-1].replace("<", "\\u003c")
    assert "addProduct" not in widget._repr_html_().replace(code, "")
    visit.assert_clean()


# ---- how walks are shown -----------------------------------------------------------------------


def test_play_shows_a_finished_walk_again(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    press(button(root, "Play"), "Enter")
    button(root, "Pause").wait_for()
    halfway = "document.querySelector('output[data-readout=t]').textContent === '500'"
    root.page.wait_for_function(halfway)
    button(root, "Play").wait_for()
    assert assert_agrees(widget, root)["frame"] == 10


def test_pause_stands_still_and_play_goes_on(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    third = "document.querySelector('output[data-readout=t]').textContent === '700'"
    root.page.wait_for_function(third)
    press(button(root, "Pause"), "Enter")
    root.get_by_text("10 of 10 steps in").wait_for()  # it is drawn to the end all the same
    assert 3 <= assert_agrees(widget, root)["frame"] <= 5
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    assert assert_agrees(widget, root)["frame"] == 10


def test_one_sentence_is_read_aloud_and_not_one_for_each_step(
    open_figure: Callable, widget: Any
) -> None:
    """What is drawn at once is like what is played: the sentence is silent until the end."""
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    drawn(root, 10)
    root.evaluate(
        """(root) => { const say = root.querySelector('output[data-readout=sentence]');
        window.heard = []; window.changes = 0; new MutationObserver(() => { window.changes++;
          if (say.getAttribute('aria-live') === 'polite') window.heard.push(say.textContent); })
          .observe(say, { childList: true }); }"""
    )
    choose(root, "steps", 50)
    drawn(root, 50)
    heard, changes = root.page.evaluate("[window.heard, window.changes]")
    assert changes > 40
    assert "t = 0: a digit that nobody has written." in heard
    assert len(set(heard)) <= 4
    assert root.locator("output[data-readout=sentence]").get_attribute("aria-live") == "polite"


# ---- networks: fetched, once, when they are asked for -----------------------------------------


def test_play_pressed_again_while_the_network_comes_asks_for_one(
    open_figure: Callable, widget: Any
) -> None:
    root = open_figure(widget)
    root.page.evaluate(
        "() => { const Real = Worker; window.made = 0;"
        " window.Worker = function (address) { window.made++; return new Real(address); }; }"
    )
    play = root.get_by_role("button", name=re.compile("Play|Pause"))
    for _ in range(3):
        play.evaluate("(node) => node.click()")
    root.get_by_text("10 of 10 steps in").wait_for()
    assert root.page.evaluate("window.made") == 1


def test_what_is_wished_for_while_the_network_comes_is_drawn(
    open_figure: Callable, widget: Any
) -> None:
    root = open_figure(widget)
    eight = root.locator("input[data-control=label][value='8']")
    button(root, "Play").evaluate("(node) => node.click()")  # no time passes between the two
    eight.evaluate("(node) => node.click()")
    drawn(root, 10)
    assert assert_agrees(widget, root)["label"] == 8
    assert_paints(widget, root, widget.states(label=8)[-1])


HERE = "<script>document.documentElement.dataset.content_root = './';</script>"


@pytest.fixture
def beside(open_html: Callable, tmp_path: Path) -> Callable[..., Any]:
    """A figure on a page of the book, with some networks beside it."""

    def go(name: str, *networks: str) -> Any:
        folder = tmp_path / "_static" / "networks"
        folder.mkdir(parents=True)
        for one in networks:
            with small_networks():
                code = script_of(one, program(one))
            (folder / f"{one}.js").write_text(code, encoding="utf-8")
        widget = film(name, embed=False)
        return widget, open_html(HERE + widget._repr_html_())

    return go


def asked_for(visit: Any) -> list[str]:
    """The networks that the page has fetched."""
    sources = visit.page.evaluate("[...document.scripts].map((s) => s.src).filter(Boolean)")
    return [Path(source).stem for source in sources]


def test_two_networks_beside_the_page_draw_side_by_side(beside: Callable) -> None:
    widget, visit = beside("live_flow", "digits16", "digits16_flow")
    root = visit.page.locator(".mdw")
    assert asked_for(visit) == []
    press(button(root, "Play"), "Enter")
    drawn(root, 2)
    assert asked_for(visit) == ["digits16", "digits16_flow"]
    assert_paints(widget, root, widget.states()[-1])
    visit.assert_clean()


def test_larger_digits_are_asked_for_when_they_are_wished_for(beside: Callable) -> None:
    widget, visit = beside("live_guidance", "digits16", "digits28")
    root = visit.page.locator(".mdw")
    press(button(root, "Play"), "Enter")
    drawn(root, 20)
    assert asked_for(visit) == ["digits16"]
    choose(root, "network", "digits28")
    drawn(root, 20)
    assert asked_for(visit) == ["digits16", "digits28"]
    state = assert_agrees(widget, root)
    assert_paints(widget, root, widget.states(**state)[-1])
    choose(root, "network", "digits16")
    drawn(root, 20)
    assert asked_for(visit) == ["digits16", "digits28"]
    assert_paints(widget, root, widget.states()[-1])
    visit.assert_clean()


def test_a_network_that_is_not_beside_the_page_leaves_the_other_at_work(beside: Callable) -> None:
    widget, visit = beside("live_guidance", "digits16")
    root = visit.page.locator(".mdw")
    press(button(root, "Play"), "Enter")
    drawn(root, 20)
    choose(root, "network", "digits28")
    root.get_by_text("md.viz.live_guidance(embed=True)").wait_for()
    choose(root, "network", "digits16")
    drawn(root, 20)
    assert_paints(widget, root, widget.states()[-1])


def test_a_network_that_comes_late_does_not_draw_over_what_is_wished_for_now(
    beside: Callable,
) -> None:
    widget, visit = beside("live_guidance", "digits16", "digits28")
    root, page = visit.page.locator(".mdw"), visit.page
    press(button(root, "Play"), "Enter")
    drawn(root, 20)
    page.evaluate(
        "() => { const { head } = document, append = head.append.bind(head);"
        " head.append = (node) => { window.come = () => append(node); }; }"
    )
    choose(root, "network", "digits28")
    root.get_by_text("The network is on its way.").wait_for()
    choose(root, "network", "digits16")
    drawn(root, 20)
    page.evaluate("window.come()")
    page.wait_for_function("window.minidiffNetworks.digits28")
    page.wait_for_timeout(500)  # in which it would have begun to draw
    assert root.get_by_text("20 of 20 steps in").is_visible()
    assert_agrees(widget, root)
    assert_paints(widget, root, widget.states()[-1])
    visit.assert_clean()


@pytest.mark.parametrize("name", ["live_digits", "live_walk", "live_ddim"])
def test_the_larger_network_draws_too(open_figure: Callable, name: str) -> None:
    widget = film(name, network="digits28", label=2)
    root = open_figure(widget)
    press(button(root, "Play"), "Enter")
    drawn(root, FILMS[name][1])
    assert_agrees(widget, root)
    assert_paints(widget, root, widget.states()[-1])


def test_the_book_s_first_page_draws(open_page: Callable) -> None:
    visit = open_page("book/intro.html")
    root = visit.page.locator(".mdw-live_digits")
    press(button(root, "Play"), "Enter")
    drawn(root, 20)
    visit.assert_clean()
