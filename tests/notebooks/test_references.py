"""The bibliography holds the lecture's 76 references as the slides give them, and all that is cited."""

import re
from pathlib import Path

import notebook_file
import notebook_rules
import pytest
import yaml
from pybtex.database import Entry, Person, parse_file

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "book" / "references.bib"
TEXT = FILE.read_text(encoding="utf-8")
ENTRIES = parse_file(FILE).entries
NUMBERED = {int(n): key for n, key in re.findall(r"^% \[(\d+)\].*\n@\w+\{(\S+),", TEXT, re.M)}
LIST = yaml.safe_load(Path(__file__).with_name("slide_references.yml").read_text(encoding="utf-8"))

SLIPS = {"yufeguo": "yufeiguo"}  # a name that lost a letter on the slides: as set there, as it is
NO_YEAR = {4: 2023}  # the list gives no year here; the slide about DALL-E 3 does
PLACES = ("journal", "booktitle", "howpublished", "url", "doi", "note")


def letters(text: str) -> str:
    """Letters and digits alone: braces, commas, dots and capitals are a matter of style."""
    return re.sub(r"[\W_]", "", text).casefold()


def name(person: Person) -> str:
    parts = [*person.first_names, *person.middle_names, *person.prelast_names, *person.last_names]
    return letters(" ".join(parts))


def test_every_number_of_the_list_is_there_once():
    assert [reference["number"] for reference in LIST] == list(range(1, 77))
    assert sorted(NUMBERED) == list(range(1, 77))
    assert len(set(NUMBERED.values())) == 76
    assert len(re.findall(r"^% \[\d+\]", TEXT, re.M)) == 76


@pytest.mark.parametrize("reference", LIST, ids=lambda reference: str(reference["number"]))
def test_an_entry_says_what_the_list_says(reference):
    entry: Entry = ENTRIES[NUMBERED[reference["number"]]]
    assert letters(entry.fields["title"]) == letters(reference["title"])
    assert int(entry.fields["year"]) == (reference["year"] or NO_YEAR[reference["number"]])
    names = [letters(author) for author in reference["authors"]]
    assert [name(person) for person in entry.persons["author"]] == [SLIPS.get(n, n) for n in names]


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_an_entry_can_be_found_by_its_key_and_in_the_world(key):
    entry = ENTRIES[key]
    assert re.fullmatch(rf"[a-z]+{entry.fields['year']}[a-z]*", key), "keys are author and year"
    assert any(entry.fields.get(place, "").strip() for place in PLACES), "say where it appeared"
    assert not [field for field, value in entry.fields.items() if not value.strip()]


def cited(text: str) -> set[str]:
    roles = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for role in roles for key in role.split(",")}


PAGES = {
    **{
        path: notebook_rules.markdown(notebook_file.read(path))
        for path in notebook_file.all_notebooks()
    },
    **{path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "book").rglob("*.md"))},
}


def test_pages_cite():
    assert set().union(*map(cited, PAGES.values())) >= {"ho2020", "song2020", "nichol2021"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_cites_is_in_the_bibliography(path):
    assert cited(PAGES[path]) <= set(ENTRIES)
