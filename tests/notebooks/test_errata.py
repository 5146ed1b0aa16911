"""The errata know every margin note about a slide, point to what is there, and the page is of today."""

from dataclasses import replace

import concepts
import errata
import pytest

ROW = next(row for row in errata.errata() if row.notes)


def test_nothing_is_wrong():
    assert not list(errata.wrong())


def test_the_page_is_of_today():
    hint = "run `python tools/errata.py --write`"
    assert errata.PAGE.read_text(encoding="utf-8") == errata.page(), hint


def test_the_page_has_every_row_under_its_slide():
    page = errata.page()
    assert page.count("**On the slide.**") == page.count("**Right.**") == len(errata.errata()) > 10
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert len(headings) == len({row.slide for row in errata.errata()})


def test_notes_are_found():
    assert len(errata.notes()) >= 5
    assert {page for page, _ in errata.notes()} >= {"notebooks/02_forward_process"}


def test_a_margin_note_that_speaks_of_a_slide_begins_so():
    """Or the list would not know of it."""
    for page, text in concepts.texts().items():
        for note in text.split(":::{margin}")[1:]:
            about = note.split(":::")[0].strip()
            if "the slide" in about[:60].lower():
                assert about.startswith("**Where the slide"), f"{page}: {about[:60]}"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "0 rows are about the note"),
        ([ROW, ROW], "2 rows are about the note"),
        ([replace(ROW, notes=("no such words",))], "no margin note has the words 'no such words'"),
        ([replace(ROW, slide="no-such")], "no slide no-such"),
        ([replace(ROW, shown=("eq-no-such",))], "nothing is shown at eq-no-such"),
        ([replace(ROW, shown=("book/intro#No such",))], "nothing is shown at book/intro#No such"),
    ],
    ids=["none", "two", "words", "slide", "equation", "heading"],
)
def test_what_is_wrong_is_told(rows, problem, monkeypatch):
    monkeypatch.setattr(errata, "errata", lambda: rows)
    assert any(problem in told for told in errata.wrong())
