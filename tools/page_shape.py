"""What a reader meets on each chapter's page: how soon something to look at, how long, what is cut.

python tools/page_shape.py                                    # all pages of notebooks in _build/html
python tools/page_shape.py notebooks/05_loss_and_elbo.html
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromium import NO_BROWSER, find_chromium, launch

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
HIGH, DESKTOP, PHONE = 900, 1280, 390  # pixels of a window
MAX_SCREENS = 12.0  # of a chapter's main path, everything folded that is folded

# Pictures, interactives; not the formulas, which are SVG too, and nothing in a closed box or the margin.
LOOK = r"""() => {
  const article = document.querySelector('.bd-article');
  const shown = (e) => e.checkVisibility() && e.getBoundingClientRect().height > 30;
  const top = (e) => e.getBoundingClientRect().top + scrollY;
  const pictures = [...article.querySelectorAll('img, .mdw, canvas, video')].filter(shown).map(top);
  const outputs = [...article.querySelectorAll('.cell_output .output.stream')].filter(shown);
  const lines = outputs.flatMap((e) => e.textContent.split('\n'));
  return {
    first: pictures.length ? Math.min(...pictures) : Infinity,
    high: article.getBoundingClientRect().height,
    verdicts: lines.filter((line) => /\b(True|False)\W*$/.test(line)),
  }; }"""
WIDE = r"""() => [...document.querySelectorAll('.bd-article mjx-container[display="true"]')]
  .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
  .map((e) => (e.closest('.math')?.id || '') + ' ' + e.scrollWidth + ' > ' + e.clientWidth)"""


@dataclass(frozen=True)
class Shape:
    """A page's shape: pixels, screens, lines and formulas."""

    first: float  # where the first picture or interactive begins, at 1280 pixels
    screens: float  # of 1280 × 900 pixels
    verdicts: list[str]  # printed lines that end in True or False
    wide: dict[int, list[str]]  # formulas wider than their box, by the width of the window


def shape(page: Any) -> Shape:
    """Measure an open page whose formulas are set; its window changes."""
    wide = {}
    for width in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": HIGH})
        page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"
        )
        wide[width] = page.evaluate(WIDE)
    seen = page.evaluate(LOOK)
    return Shape(seen["first"], seen["high"] / HIGH, seen["verdicts"], wide)


def is_chapter(name: str) -> bool:
    """Whether a page is a chapter's main path: not an appendix, and not what goes further."""
    return re.match(r"\d\d_(?!.*_further\b)", Path(name).stem) is not None


def main() -> None:
    """Print a line for each page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", help="as in _build/html")
    parser.add_argument("--site", type=Path, default=SITE, help="the built book (_build/html)")
    asked = parser.parse_args()
    found = sorted(path.relative_to(asked.site) for path in asked.site.glob("notebooks/*.html"))
    executable = find_chromium()
    if executable is None:
        raise SystemExit(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    print(
        f"{'page':44}{'first picture':>14}{'screens':>9}{'True/False':>12}{'cut at 1280, 390':>18}"
    )
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        for name in asked.pages or found:
            page = browser.new_page(viewport={"width": DESKTOP, "height": HIGH})
            page.goto((asked.site / name).resolve().as_uri(), wait_until="load")
            page.evaluate("() => window.MathJax?.startup?.promise?.then(() => true)")
            s = shape(page)
            cut = f"{len(s.wide[DESKTOP])}, {len(s.wide[PHONE])}"
            stem = Path(name).stem
            print(f"{stem:44}{s.first:11.0f} px{s.screens:9.2f}{len(s.verdicts):12}{cut:>18}")
            for width, formulas in s.wide.items():
                for formula in formulas:
                    print(f"    {width}: {formula}")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
