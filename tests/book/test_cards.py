"""The first page shows every chapter as a card: its own title, its first picture, its minutes."""

import base64
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import cards  # noqa: E402  (an extension of the book, not an installed module)
from figures import INK, rgb  # noqa: E402

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [c["file"] for part in TOC["parts"] for c in part["chapters"]]


def png(clear: bool) -> str:
    pixels = np.full((600, 900, 4), 255, dtype=np.uint8)
    pixels[:300] = [*rgb(INK), 255]
    pixels[300:, :, 3] = 0 if clear else 255
    return base64.b64encode(cards.small_png(pixels)).decode()


def book(folder: Path, *outputs: dict, head: str = "# 5. A < B\n\n**Minutes** About 40") -> Path:
    cells = [new_markdown_cell(head)]
    cells += [new_code_cell("x", outputs=[new_output("display_data", data=d)]) for d in outputs]
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "05_a.ipynb").write_text(writes(new_notebook(cells=cells)))
    part = {"caption": "One", "chapters": [{"file": "book/x"}, {"file": "notebooks/05_a"}]}
    (folder / "_toc.yml").write_text(yaml.safe_dump({"parts": [part]}))
    return folder


def test_first_picture_is_the_card_s(tmp_path: Path) -> None:
    """A plot on clear ground has a twin for the dark; words are no picture."""
    root = book(tmp_path, {"text/plain": "5"}, {"image/png": png(True)}, {"image/png": png(False)})
    card = cards.card(root, "notebooks/05_a")
    assert (card.title, card.minutes) == ("5. A < B", 40)
    assert list(card.files) == [".png", ".dark.png"]
    html = cards.html(card)
    assert "5. A &lt; B" in html
    assert "40 minutes" in html
    assert html.count("only-dark") == html.count("only-light") == 1
    assert 'href="../notebooks/05_a.html"' in html


def test_picture_without_clear_ground_is_for_both_themes(tmp_path: Path) -> None:
    card = cards.card(book(tmp_path, {"image/png": png(False)}), "notebooks/05_a")
    assert list(card.files) == [".png"]
    assert "only-" not in cards.html(card)


def test_an_interactive_gives_its_still_picture(tmp_path: Path) -> None:
    still = base64.b64encode(b"<svg/>").decode()
    shown = f'<img class="mdw-static" alt="a" src="data:image/svg+xml;base64,{still}">'
    card = cards.card(book(tmp_path, {"text/html": shown}), "notebooks/05_a")
    assert card.files == {".svg": b"<svg/>"}


@pytest.mark.parametrize("head", ["# 5. A", "No title **Minutes** 3"])
def test_chapter_without_minutes_or_title_stops_the_build(tmp_path: Path, head: str) -> None:
    with pytest.raises(ExtensionError, match="notebooks/05_a needs a title and"):
        cards.card(book(tmp_path, head=head), "notebooks/05_a")


def test_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert cards.pages(book(tmp_path), "One") == ["notebooks/05_a"]
    with pytest.raises(ExtensionError, match=r"no part 'Two', only \['One'\]"):
        cards.pages(tmp_path, "Two")


def test_pictures_are_written_unless_the_build_failed(tmp_path: Path) -> None:
    root = book(tmp_path, {"image/png": png(True)})
    app = SimpleNamespace(srcdir=root, outdir=tmp_path, builder=SimpleNamespace(format="html"))
    cards.write(app, ValueError("the build failed"))
    assert not (tmp_path / "_static").exists()
    cards.write(app, None)
    written = sorted(file.name for file in (tmp_path / "_static" / "cards").iterdir())
    assert written == ["05_a.dark.png", "05_a.png"]


def test_first_page_has_a_card_for_every_chapter(open_page: Callable) -> None:
    visit = open_page("book/intro.html")
    found = visit.page.locator("a.md-card")
    pages = [link.get_attribute("href") for link in found.all()]
    assert pages == [f"../{c}.html" for c in CHAPTERS if c.startswith("notebooks/")]
    seen = """(cards) => cards.map((c) => [...c.querySelectorAll('img')]
        .filter((i) => i.checkVisibility()).length)"""
    assert found.evaluate_all(seen) == [1] * len(pages)
    visit.assert_clean()


def test_next_leads_from_the_first_page_to_chapter_1(open_page: Callable) -> None:
    link = open_page("book/intro.html").page.locator("a.right-next")
    assert link.get_attribute("href") == "../notebooks/01_generative_models.html"
