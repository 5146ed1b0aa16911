"""What a page shows before its scripts have run, and that it answers while formulas are set."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

SCRIPT = re.compile(r"<script\b([^>]*)\bsrc=\"([^\"?]+)")
PAGES = ["book/intro.html", "notebooks/05_loss_and_elbo.html"]


def scripts_that_hold_a_page_up(site: Path, page: str) -> list[str]:
    """Names of the scripts that a browser carries out before it goes on reading the page."""
    text = (site / page).read_text(encoding="utf-8")
    found = SCRIPT.findall(text)
    assert len(found) > 5
    return [Path(source).name for attributes, source in found if "defer" not in attributes]


@pytest.mark.parametrize("page", PAGES)
def test_scripts_do_not_hold_a_page_up(site: Path, page: str) -> None:
    assert scripts_that_hold_a_page_up(site, page) == ["documentation_options.js"]


def test_the_index_of_the_search_is_read_by_its_page_alone(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    reading = [p.name for p in pages if "searchindex.js" in p.read_text(encoding="utf-8")]
    assert len(pages) > 40
    assert reading == ["search.html"]


# How many formulas there are each time that a page has got round to something else.
COUNT = """window.counts = []; (function again() {
    const now = document.querySelectorAll('mjx-container').length;
    if (now !== counts.at(-1)) counts.push(now);
    setTimeout(again);
})()"""


def test_formulas_are_set_by_and_by_from_the_top(browser: Any, site: Path) -> None:
    page = browser.new_page()
    page.add_init_script(COUNT)
    page.goto((site / "notebooks/05_loss_and_elbo.html").as_uri())
    page.evaluate("() => MathJax.startup.promise.then(() => true)")
    counts = page.evaluate("counts")
    assert counts[-1] > 100
    assert max(b - a for a, b in pairwise(counts)) < 40, counts
    page.close()
