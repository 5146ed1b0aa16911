"""Figures are shown at their size, and on dark pages with light ink; pictures of digits stay as they are."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import figures  # noqa: E402  (an extension of the book, not an installed module)

INK, LIGHT = figures.rgb(figures.INK), figures.rgb(figures.LIGHT_INK)


def drawing() -> np.ndarray:
    """Clear ground, a line of ink with a soft edge, a blue line, and a digit in greys."""
    pixels = np.zeros((5, 4, 4), dtype=np.uint8)
    pixels[1], pixels[2] = [*INK, 255], [*(c + 2 for c in INK), 60]
    pixels[3] = [0, 114, 178, 255]
    pixels[4, :, :3], pixels[4, :, 3] = np.array([0, 119, 119, 255])[:, None], 255
    return pixels


def test_ink_alone_becomes_light() -> None:
    before, after = drawing(), figures.on_dark(drawing())
    assert after is not None
    assert (after[1:3, :, :3] == LIGHT).all()
    assert (after[..., 3] == before[..., 3]).all()
    assert (after[[0, 3, 4]] == before[[0, 3, 4]]).all()


def test_what_lets_the_ground_through_covers_as_if_drawn_twice() -> None:
    pixels = drawing()
    pixels[3, :, 3] = [0, 51, 128, 255]  # clear, a fifth, a half, full
    after = figures.on_dark(pixels)
    assert after is not None
    ground, (_, *colour) = np.array([18, 18, 18]), pixels[3, :, :3].astype(float)
    for was, now, blue in zip(pixels[3, 1:, 3], after[3, 1:, 3], colour, strict=True):
        a, b = was / 255, now / 255
        twice = a * blue + (1 - a) * (a * blue + (1 - a) * ground)
        assert np.abs(b * blue + (1 - b) * ground - twice).max() < 1
    assert after[3, 0, 3] == 0


def test_pictures_without_ink_or_clear_ground_have_no_twin() -> None:
    opaque, no_ink = drawing(), drawing()
    opaque[..., 3] = 255
    no_ink[1:3] = 0
    assert figures.on_dark(opaque) is None
    assert figures.on_dark(no_ink) is None


def test_both_are_there_and_the_theme_shows_one() -> None:
    tag = '<img alt="a line" src="../_images/a.png" style="width: 300px; height: 90px;" />'
    html = figures.both(tag, "../_images/a.png", "a.dark.png")
    assert html.count('alt="a line"') == html.count("aspect-ratio: 300 / 90") == 2
    assert 'class="only-light' in html
    assert 'src="../_images/a.dark.png"' in html
    alone = figures.both(tag, "../_images/a.png", None)
    assert alone.count("<img") == 1


def test_a_chapter_s_figures_fit_the_theme(open_page: Callable) -> None:
    seen = """() => [...document.querySelectorAll('.cell_output img[src*="_images"]')]
        .filter((i) => i.checkVisibility()).map((i) => i.getAttribute('src'))"""
    page = "notebooks/02_forward_process.html"
    light = open_page(page, theme="light").page.evaluate(seen)
    dark = open_page(page, theme="dark").page.evaluate(seen)
    assert light
    assert not [source for source in light if ".dark." in source]
    assert [s.replace(".dark.", ".") for s in dark] == light
    assert [source for source in dark if ".dark." in source]


@pytest.mark.parametrize("width", [390, 1280])
def test_figures_keep_their_shape(open_page: Callable, width: int) -> None:
    page = open_page("notebooks/02_forward_process.html", width=width).page
    ratios = """async () => { const seen = [...document.querySelectorAll('.cell_output img[src*="_images"]')]
        .filter((i) => i.checkVisibility());
        for (const i of seen) { i.loading = 'eager'; await i.decode(); }
        return seen.map((i) => i.clientWidth / i.clientHeight / (i.naturalWidth / i.naturalHeight)); }"""
    assert page.evaluate(ratios) == pytest.approx([1] * len(page.evaluate(ratios)), abs=0.03)
