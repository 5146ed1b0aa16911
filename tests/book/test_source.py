"""The body of a function in a real browser: light and dark, on a phone, by keyboard."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe

import minidiff as md

SHOWN = md.viz.source(md.TinyUNet)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_a_listing_can_be_read_by_everyone(open_html: Callable, theme: str, width: int) -> None:
    page = f"<meta name=viewport content='width=device-width'><main><h1>x</h1>{SHOWN._repr_html_()}"
    visit = open_html(page, theme=theme, width=width)
    found = Axe().run(visit.page, context=".mdw").response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:160]) for v in found] == []
    assert visit.page.locator("code").inner_text() == str(SHOWN)
    assert visit.page.evaluate("document.scrollingElement.scrollWidth") <= width
    visit.assert_clean()


def test_its_colours_follow_the_theme_and_differ(open_html: Callable) -> None:
    def colours(theme: str) -> list[str]:
        page = open_html(SHOWN._repr_html_(), theme=theme).page
        parts = ("pre", "b", "i", "span")
        style = "(e) => getComputedStyle(e).color"
        return [page.locator(f".mdw {part}").first.evaluate(style) for part in parts]

    assert len({*colours("light"), *colours("dark")}) == 8


def test_what_does_not_fit_is_reached_by_keyboard(open_html: Callable) -> None:
    page = open_html(SHOWN._repr_html_(), width=390).page
    page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('pre').scrollLeft > 20")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
