"""Chapters link the glossary's words where they first use them."""

import re

import glossary
import notebook_file
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = notebook_file.ROOT
NOTEBOOKS = notebook_file.all_notebooks()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_links_each_word_at_its_first_use(path):
    left = [use.text for use in glossary.unlinked(notebook_file.read(path))]
    assert not left, "run `python tools/glossary.py --write`"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_links_words_that_are_there(path):
    linked = list(glossary.links(notebook_file.read(path)))
    assert linked, "a chapter without a word of the glossary would be a strange one"
    assert not [link.text for link in linked if not link.entry]


def test_the_glossary_links_words_that_are_there():
    for match in glossary.LINKED.finditer(glossary.PAGE.read_text(encoding="utf-8")):
        assert " ".join((match[2] or match[1]).split()).casefold() in glossary.entries()


def test_words_are_given_once_and_explained():
    words = glossary.entries()
    blocks = glossary.BLOCK.findall(glossary.PAGE.read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block.splitlines() if re.match(r"\S", line)]
    assert len(lines) == len(words) > 50
    for block in blocks:
        for entry in block.strip().split("\n\n"):
            assert re.search(r"^  \S", entry, re.MULTILINE), f"{entry!r} is not explained"


def notebook(*texts: str):
    head = "# Title\n\nThe ELBO, the DDPM and guidance, in the chapter's head."
    return new_notebook(cells=[new_markdown_cell(head), *map(new_markdown_cell, texts)])


def test_the_first_use_counts_and_a_link_settles_it():
    made = notebook("A denoiser, then a\nMarkov\nchain.", "Two denoisers and {term}`DDIM`, DDIM.")
    assert [(use.cell, use.entry) for use in glossary.unlinked(made)] == [
        (1, "denoiser"),
        (1, "Markov chain"),
    ]
    assert glossary.link(made) == 2
    assert made.cells[1].source == "A {term}`denoiser`, then a\n{term}`Markov chain`."
    assert made.cells[2].source == "Two denoisers and {term}`DDIM`, DDIM."
    assert not glossary.unlinked(made)


def test_a_link_after_the_first_use_is_too_late():
    made = notebook("DDIM", "{term}`DDIM`")
    assert [(use.cell, use.entry) for use in glossary.unlinked(made)] == [(1, "DDIM")]


def test_plurals_capitals_and_other_names_lead_to_the_entry():
    made = notebook("Noise schedules; later the variance schedule and the EMA.")
    glossary.link(made)
    assert made.cells[1].source == (
        "{term}`Noise schedules <Noise schedule>`; later the variance schedule and the {term}`EMA`."
    )
    assert [link.entry for link in glossary.links(made)] == [
        "noise schedule",
        "moving average of the weights",
    ]


def test_the_longer_word_is_the_one_that_is_used():
    made = notebook("Classifier-free guidance; latent variable models.")
    found = [use.entry for use in glossary.unlinked(made)]
    assert found == ["classifier-free guidance", "latent variable model"]


@pytest.mark.parametrize(
    "text",
    [
        "## The ELBO",
        "`nat`",
        "```python\nnat = 1\n```",
        "$$\nnat\n$$ (eq-nat)",
        "$nat$",
        "[the ELBO](page.md)",
        "{func}`elbo <minidiff.elbo>`",
        ":::{exercise} The ELBO\n:label: ex-elbo\n:::",
        'chapter 5, "Loss and ELBO"',
        "**Slides** covered: the ELBO\nand guidance.",
        "innate, natural, non-nat",
    ],
)
def test_what_is_no_running_text_does_not_count(text):
    assert not glossary.unlinked(notebook(text))


def test_a_word_that_means_other_things_too_may_stand_alone():
    assert not glossary.unlinked(notebook("A fair score."))
    assert set(glossary.entries()) >= glossary.BY_HAND


def test_code_cells_are_left_alone():
    made = notebook()
    made.cells.append(new_code_cell("# the ELBO"))
    assert glossary.link(made) == 0
