"""How long does the book's first page take to draw a digit, and does it wait meanwhile?

make book; python -m benchmarks.page

Chromium opens the built page over file://, with one core for all of it where the system lets a process
choose. The page is timed from its opening to its figure, then from pressing Play to the last step. A task of
the page that takes over 50 ms is a wait that a reader can feel; the longest is told. Python draws the same
digit beside.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import torch
from playwright.sync_api import sync_playwright

import minidiff as md

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from chromium import NO_BROWSER, find_chromium, launch  # noqa: E402  the maintainers' scripts are no package

PAGE = ROOT / "_build" / "html" / "book" / "intro.html"
WATCH = """() => { window.waits = []; new PerformanceObserver((list) => window.waits.push(
    ...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: false }); }"""


def main() -> None:
    """Measure a few times, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often (5)")
    rounds = parser.parse_args().rounds
    executable = find_chromium()
    if executable is None or not PAGE.is_file():
        raise SystemExit(NO_BROWSER if executable is None else f"{PAGE} is not there: make book")
    with suppress(AttributeError):  # not every system lets a process choose its cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    figure = md.viz.live_digits()
    wish = {name: figure.state[name] for name in ("label", "w", "steps")}
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        visits = [visit(browser, wish["steps"]) for _ in range(rounds)]
        browser.close()
    ready, drawn, waits = (median(times) for times in zip(*visits, strict=True))
    print(f"the figure is there          {ready:6.2f} s")
    print(f"from Play to the digit       {drawn:6.2f} s, the network loaded; {wish}")
    python = median(seconds_of(lambda: figure.walk(wish, figure.seed)) for _ in range(rounds))
    print(f"the same digit in Python     {python:6.2f} s")
    print(f"longest task over 50 ms      {waits:6.0f} ms (0: none)")


def visit(browser: Any, steps: int) -> tuple[float, float, float]:
    """Seconds until the figure is there, and from Play to the digit; the longest wait meanwhile, in ms."""
    page = browser.new_page()
    figure = page.locator(".mdw-live_digits[data-ready]")
    ready = seconds_of(
        lambda: (page.goto(PAGE.as_uri(), wait_until="domcontentloaded"), figure.wait_for())
    )
    page.wait_for_load_state("load")
    page.evaluate(WATCH)
    play, done = figure.get_by_role("button", name="Play"), f"{steps} of {steps} steps in"
    drawn = seconds_of(lambda: (play.click(), figure.get_by_text(done).wait_for()))
    waits = max(page.evaluate("window.waits"), default=0.0)
    page.close()
    return ready, drawn, waits


def seconds_of(work: Any) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
