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
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import torch
from playwright.sync_api import sync_playwright

import minidiff as md

PAGE = Path(__file__).resolve().parents[1] / "_build" / "html" / "book" / "intro.html"
FLAGS = ["--no-sandbox", "--disable-gpu"]
WATCH = """() => { window.waits = []; new PerformanceObserver((list) => window.waits.push(
    ...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: false }); }"""


def main() -> None:
    """Measure a few times, and print the medians."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often (5)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    chosen = parser.parse_args()
    if not PAGE.is_file():
        raise SystemExit(f"{PAGE} is not there: make book first")
    with suppress(AttributeError):  # not every system lets a process choose its cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    ready, drawn, waits = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
        for _ in range(chosen.rounds):
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(PAGE.as_uri(), wait_until="domcontentloaded")
            figure = page.locator(".mdw-live_digits[data-ready]")
            figure.wait_for()
            ready.append(time.perf_counter() - start)
            page.wait_for_load_state("load")
            page.evaluate(WATCH)
            start = time.perf_counter()
            figure.get_by_role("button", name="Play").click()
            figure.get_by_text("20 of 20 steps in").wait_for()
            drawn.append(time.perf_counter() - start)
            waits.append(max(page.evaluate("window.waits"), default=0.0))
            page.close()
        browser.close()
    print(f"the figure is there          {median(ready):6.2f} s")
    print(f"from Play to the digit       {median(drawn):6.2f} s (network loaded, 20 steps, w = 1)")
    print(f"the same in Python           {median(in_python(chosen.rounds)):6.2f} s")
    print(f"longest task over 50 ms      {median(waits):6.0f} ms (0: none)")


def in_python(rounds: int) -> list[float]:
    """Seconds for the same digit."""
    net, schedule = md.load("digits16")
    model = md.classifier_free_guidance(net, y=3, w=1.0)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        md.ddim_sample(model, schedule, (1, 1, 16, 16), steps=20, clip=True, generator=md.seeded(1))
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
