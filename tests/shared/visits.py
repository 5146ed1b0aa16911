"""Pages opened in Chromium with the network cut, and what went wrong on them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

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


@contextmanager
def visits(browser: Any) -> Iterator[Callable[..., Visit]]:
    """`go(url, width=1280, theme="light")` opens a local address with the network cut, until the end.

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
