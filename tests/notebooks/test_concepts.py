"""Every concept's row names what is there, everything that should have a row has one, the map is of today."""

import copy
import re
from collections import Counter
from dataclasses import replace

import concepts
import notebook_file
import notebook_rules
import pytest

ROWS = concepts.concepts()


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_a_row_names_what_is_there(row):
    assert not list(concepts.broken(row))


def test_nothing_is_without_a_row():
    assert not list(concepts.missing())


def test_nothing_is_missing_for_parts_one_and_two():
    table = concepts.counts()
    assert len(table) == 3
    for unit, row in table.items():
        assert row["all"] > 15
        assert set(row.values()) == {row["all"]}, f"{unit}: {row}"


def test_the_count_is_printed(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["concepts.py", "--count"])
    assert concepts.main() == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = concepts.counts()
    printed = [int(words[-1]) for words in lines]
    assert printed == [n for row in table.values() for n in row.values()]
    assert [w[2] for w in lines if w[0] == "with"][:5] == [
        "label",
        "function",
        "test",
        "exercise",
        "slide",
    ]


def test_the_slide_map_is_of_today():
    hint = "run `python tools/concepts.py --write`"
    assert concepts.MAP.read_text(encoding="utf-8") == concepts.slide_map(), hint


def test_ids_are_given_once():
    rows = concepts.read_yaml(concepts.BOOK / "concepts.yml")
    assert len({row["id"] for row in rows}) == len(rows)
    parts = concepts.read_yaml(concepts.BOOK / "slides.yml")
    ids = [slide["id"] for part in parts for slide in part["slides"]]
    assert len(set(ids)) == len(ids)
    labels = [label for row in ROWS.values() for label in row.equations]
    assert len(set(labels)) == len(labels), "an equation belongs to one row"


def test_slides_are_numbered_as_the_lecture_refers_to_them():
    found = concepts.slides()
    numbers = [slide.number for slide in found.values() if slide.number]
    assert numbers == list(range(1, len(numbers) + 1))
    # The lecture says "as in slide 14" of the model's prediction, "slide 17" of the posterior mean.
    assert found["reverse-process"].number == 14
    assert found["loss-posterior"].number == 17
    pointers = [slide.id for slide in found.values() if slide.stands_on]
    assert pointers == [f"appendix-{letter}" for letter in "abcde"]


def test_slides_of_the_later_parts_are_due_or_taught():
    later = {slide.id for slide in concepts.slides().values() if slide.part not in concepts.TAUGHT}
    assert len({slide.part for slide in concepts.slides().values()}) == 5
    assert later == {s for row in ROWS.values() if row.due for s in row.slides} | (
        later & {s for row in ROWS.values() if not row.due for s in row.slides}
    )


GOOD = ROWS["nice-property"]
WRONG = {
    "slide": (replace(GOOD, slides=("no-such",)), "no slide no-such"),
    "no slide": (replace(GOOD, slides=()), "it names no slide"),
    "equation": (replace(GOOD, equations=("eq-no-such",)), "no equation eq-no-such"),
    "exercise": (replace(GOOD, exercises=("ex-no-such",)), "no exercise ex-no-such"),
    "function": (
        replace(GOOD, functions=("minidiff.q_sample", "minidiff.no_such")),
        "no function minidiff.no_such",
    ),
    "module": (
        replace(GOOD, functions=("minidiff.q_sample", "minidiff.no.such")),
        "no function minidiff.no.such",
    ),
    "test": (
        replace(GOOD, tests=("tests/unit/chain/test_forward.py::test_no_such",)),
        "there is no test_no_such in tests/unit/chain/test_forward.py",
    ),
    "file": (replace(GOOD, tests=("tests/no.py::test_a",)), "there is no file tests/no.py"),
    "another function's test": (
        replace(GOOD, tests=("tests/unit/sampling/test_guidance.py::test_the_mix_by_hand",)),
        "tests/unit/sampling/test_guidance.py never names q_sample",
    ),
    "no function": (replace(GOOD, functions=()), "it names no functions"),
    "no test": (replace(GOOD, tests=()), "it names no tests"),
    "no exercise": (replace(GOOD, exercises=()), "it names no exercises"),
    "heading": (
        replace(GOOD, section="book/intro#No such"),
        "no heading 'No such' in book/intro",
    ),
    "nowhere": (replace(GOOD, equations=()), "it names neither an equation nor a section"),
    "not due any more": (replace(GOOD, due="03"), "chapter 03 is there: say where it teaches this"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_row_is_told(what):
    row, problem = WRONG[what]
    assert list(concepts.broken(row)) == [problem]


def test_what_has_no_row_is_told(monkeypatch):
    rows = copy.copy(ROWS)
    del rows["nice-property"]
    monkeypatch.setattr(concepts, "concepts", lambda: rows)
    told = set(concepts.missing())
    assert "notebooks/03_nice_property: eq-nice is in no row" in told
    assert any(
        problem.startswith("slide nice-property: its formula nice-property") for problem in told
    )
    for slide in ("nice-property",):
        for row in [row for row in rows.values() if slide in row.slides]:
            del rows[row.id]
    told = set(concepts.missing())
    assert "slide nice-property is in no row" in told
    assert "notebooks/03_nice_property_further: ex-nice-merge is in no row" in told


def names(path) -> list[str]:
    """Every name that a notebook gives: equations, exercises, algorithms, figures."""
    notebook = notebook_file.read(path)
    shown = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in notebook.cells]
    text = notebook_rules.markdown(notebook)
    given = re.findall(r"^\$\$\s*\(([\w-]+)\)|^:label: ([\w-]+)", text, re.MULTILINE)
    return [a or b for a, b in given] + [figure["name"] for figure in shown if "name" in figure]


def test_a_name_is_given_once_in_the_book():
    given = Counter(name for path in notebook_file.all_notebooks() for name in names(path))
    assert len(given) > 100
    assert [name for name, count in given.items() if count > 1] == []
