"""Fixtures of the browser layer: Chromium on the built book, over file://, with the network cut.

`open_page` opens a page of the built book and `open_html` opens a piece of HTML (a widget, say) as
a page of its own. Both give a `Visit`: the Playwright page, and what went wrong while it loaded.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import NO_BROWSER, find_chromium, launch
from firefox import NO_FIREFOX, Tab, find_firefox, running
from visits import Visit, visits

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"

NO_BOOK = "The book is not built: run `make book` first (`make test` does both)."


def do_without(what: str) -> None:
    """Skip, and say how to get it; on CI, fail."""
    on_ci = os.environ.get("CI", "").lower() in ("1", "true")
    (pytest.fail if on_ci else pytest.skip)(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running Chromium."""
    executable = find_chromium()
    if executable is None:
        do_without(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def firefox() -> Iterator[Tab]:
    """A tab of a running Firefox, with the network cut."""
    executable = find_firefox()
    if executable is None:
        do_without(NO_FIREFOX)
    else:
        with running(executable) as tab:
            yield tab


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book."""
    if not (SITE / "index.html").exists():
        pytest.fail(NO_BOOK)
    return SITE


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Opens addresses for one test."""
    with visits(browser) as go:
        yield go


@pytest.fixture(scope="module")
def opened(browser: Any, site: Path, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A page that several tests look at one after the other, each as the one before has left it."""
    with visits(browser) as go:
        yield go(page_of(site, request.param).as_uri())


def page_of(site: Path, name: str) -> Path:
    """The file of a page."""
    assert (site / name).is_file(), f"{name} is not in the built book: {NO_BOOK}"
    return site / name


@pytest.fixture
def open_page(site: Path, visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """`open_page("notebooks/02_forward_process.html", width=390, theme="dark")`."""

    def go(path: str, **options: Any) -> Visit:
        return visit(page_of(site, path).as_uri(), **options)

    return go


@pytest.fixture
def open_html(tmp_path: Path, visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """`open_html(md.viz.beta_explorer()._repr_html_())` opens the HTML as a page of its own."""

    def go(html: str, **options: Any) -> Visit:
        file = tmp_path / "page.html"
        file.write_text(
            f"<!doctype html><html lang=en><meta charset=utf-8><title>x</title><body>{html}",
            encoding="utf-8",
        )
        return visit(file.as_uri(), **options)

    return go


@pytest.fixture
def open_figure(open_html: Callable[..., Visit]) -> Iterator[Callable[..., Any]]:
    """`open_figure(md.viz.beta_explorer())` shows a figure and gives its div.

    Whatever a test does with it, the network is never asked and nothing goes wrong in the console.
    """
    visits = []

    def go(widget: Any, **options: Any) -> Any:
        visits.append(open_html(widget._repr_html_(), **options))
        return visits[-1].page.locator(".mdw")

    yield go
    for visit in visits:
        visit.assert_clean()
