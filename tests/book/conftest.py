"""Fixtures of the browser layer: Chromium on the built book, over file://, with the network cut.

`open_page` opens a page of the built book and `open_html` opens a piece of HTML (a widget, say) as
a page of its own. Both give a `Visit`: the Playwright page, and what went wrong while it loaded.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium import NO_BROWSER, find_chromium, launch

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"

NO_BOOK = "The book is not built: run `make book` first (`make test` does both)."

LOCAL = re.compile(r"^(file|data|blob|about):")


@dataclass
class Visit:
    """One opened page and everything that went wrong on it so far."""

    page: Any
    outside: list[str] = field(default_factory=list)  # requests that would leave the machine
    failed: list[str] = field(default_factory=list)  # local files that were not there
    errors: list[str] = field(default_factory=list)  # console errors and uncaught exceptions

    def watch(self) -> None:
        """Record requests and errors from now on."""
        page = self.page
        page.on("request", lambda r: None if LOCAL.match(r.url) else self.outside.append(r.url))
        page.on("requestfailed", lambda r: self.failed.append(f"{r.url}: {r.failure}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)

    def assert_clean(self) -> None:
        """Fail if anything so far asked the network, was missing, or raised an error."""
        assert not self.outside, f"asks the network: {self.outside}"
        assert not self.failed, f"failed requests: {self.failed}"
        assert not self.errors, f"errors in the console: {self.errors}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running Chromium; without one, a skip that says how to get it (on CI, a failure)."""
    executable = find_chromium()
    if executable is None:
        on_ci = os.environ.get("CI", "").lower() in ("1", "true")
        (pytest.fail if on_ci else pytest.skip)(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book."""
    if not (SITE / "index.html").exists():
        pytest.fail(NO_BOOK)
    return SITE


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """`visit(url, width=1280, theme="light")` opens a local address with the network cut.

    With `settled=False` it does not wait for the formulas: for a page that leads to another.
    """
    contexts = []

    def go(url: str, *, width: int = 1280, theme: str = "light", settled: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        context.route(re.compile(r"^(?!file:|data:|blob:|about:)"), lambda route: route.abort())
        # The theme's own switch stores its choice under these two names.
        for name in ("mode", "theme"):
            context.add_init_script(f"localStorage.setItem('{name}', '{theme}')")
        result = Visit(context.new_page())
        result.watch()
        result.page.goto(url, wait_until="load")
        if settled:
            result.page.evaluate("() => window.MathJax?.startup?.promise?.then(() => true)")
        return result

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(site: Path, visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """`open_page("notebooks/02_forward_process.html", width=390, theme="dark")`."""

    def go(path: str, **options: Any) -> Visit:
        file = site / path
        assert file.is_file(), f"{path} is not in the built book: {NO_BOOK}"
        return visit(file.as_uri(), **options)

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `book_page` once for every page of the built book."""
    if "book_page" in metafunc.fixturenames:
        pages = [path.relative_to(SITE).as_posix() for path in sorted(SITE.rglob("*.html"))]
        # index.html is only a redirect, and has a test of its own.
        pages = [p for p in pages if p != "index.html" and not p.startswith("_static/")]
        # Without a built book the test still runs once, and `open_page` fails with what to do.
        metafunc.parametrize("book_page", pages or ["index.html"])
