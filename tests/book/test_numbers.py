"""Figures, exercises and equations are numbered by chapter, and links say the same numbers."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import numbers_by_chapter  # noqa: E402  (an extension of the book, not an installed module)


@pytest.mark.parametrize(
    ("page", "number"),
    [
        ("notebooks/05_loss_and_elbo", (5,)),
        ("notebooks/21_flow_matching_further", (21,)),
        ("notebooks/appendix_b_elbo", ("B",)),
        ("book/intro", ()),
    ],
)
def test_number_is_in_the_name(page: str, number: tuple) -> None:
    assert numbers_by_chapter.number(page) == number


def texts(open_page: Callable, page: str, selector: str) -> list[str]:
    return open_page(f"notebooks/{page}.html").page.locator(selector).all_text_contents()


@pytest.mark.parametrize("page", ["03_nice_property", "21_flow_matching"])
def test_a_chapter_counts_from_one(open_page: Callable, page: str) -> None:
    chapter = int(page[:2])
    figures = texts(open_page, page, "figcaption .caption-number")
    exercises = texts(open_page, page, ".exercise > .admonition-title .caption-number")
    equations = texts(open_page, page, ".eqno")
    for found in (figures, exercises, equations):
        numbers = [re.findall(rf"\b{chapter}\.(\d+)", text)[0] for text in found]
        assert numbers == [str(i + 1) for i in range(len(found))]
        assert found


def test_links_say_the_numbers(open_page: Callable) -> None:
    page = open_page("notebooks/05_loss_and_elbo.html").page
    links = page.locator("main a.reference.internal[href*='equation-eq-']").all_inner_texts()
    assert links
    assert [text for text in links if not re.fullmatch(r"\((?:\d+|[A-E])\.\d+\)", text)] == []
