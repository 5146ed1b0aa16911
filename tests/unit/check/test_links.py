"""A panel's link can be clicked where there is something to open; elsewhere the place stands as text."""

import sys
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest

from minidiff.check.feedback import WRONG, Feedback

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import panels  # noqa: E402  (an extension of the book, not an installed module)

PANEL = Feedback("q_sample", WRONG, "values", "wrong", see="ex-nice-between")
PAGE = "notebooks/03_nice_property.html#ex-nice-between"
WORDS = "chapter 3, “Exercises”"


def link(to: str) -> str:
    return f'<a href="{to}" data-page="{PAGE}" style="color:inherit">{WORDS}</a>'


@pytest.mark.parametrize(
    ("folder", "to"),
    [
        ("notebooks", "03_nice_property.ipynb#Exercises"),
        (".", "notebooks/03_nice_property.ipynb#Exercises"),
        ("book", "../notebooks/03_nice_property.ipynb#Exercises"),
        ("assignments/01_forward_process", "../../notebooks/03_nice_property.ipynb#Exercises"),
    ],
)
def test_inside_the_course_it_opens_the_notebook(folder, to, monkeypatch):
    monkeypatch.chdir(ROOT / folder)
    assert (Path.cwd() / to.partition("#")[0]).is_file()
    assert f"In the book: {link(to)}</small>" in PANEL._repr_html_()


def installed(address: str):
    told = Message()
    told["Project-URL"] = f"Repository, {address}"
    told["Version"] = "7.1"
    return lambda name: told


def test_elsewhere_it_leads_to_the_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(metadata, "metadata", installed("https://github.com/someone/course.git"))
    to = "https://github.com/someone/course/blob/v7.1/notebooks/03_nice_property.ipynb#Exercises"
    assert link(to) in PANEL._repr_html_()


def test_where_nothing_can_be_opened_the_place_is_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(metadata, "metadata", installed(""))
    assert f"In the book: {WORDS} ({PAGE})</small>" in PANEL._repr_html_()
    assert "<a " not in PANEL._repr_html_()

    def missing(name):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "metadata", missing)
    assert "<a " not in PANEL._repr_html_()
    unknown = Feedback("q_sample", WRONG, "values", "wrong", see="eq-<unknown>")
    assert "In the book: eq-&lt;unknown&gt;</small>" in unknown._repr_html_()


def test_text_says_the_place_everywhere(monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")
    assert str(PANEL).endswith(f"In the book: {WORDS} ({PAGE})")


def test_in_the_built_book_it_leads_to_the_page():
    text = f"<p>{link('03_nice_property.ipynb#Exercises')} <a href='x.ipynb'>other</a></p>"
    for page, to in {
        "notebooks/11_ddim.html": "03_nice_property.html#ex-nice-between",
        "book/assignments.html": f"../{PAGE}",
        "index.html": PAGE,
    }.items():
        led = panels.with_pages(text, page)
        assert led == text.replace("03_nice_property.ipynb#Exercises", to)
        assert panels.with_pages(led, page) == led
