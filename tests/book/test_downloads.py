"""What students download from the page of the assignments: it is there, whole, and without solutions."""

import re
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from setup_cell import settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))

import downloads

NAMES = [
    "01_forward_process",
    "02_posterior_and_elbo",
    "03_unet_and_training",
    "04_sampling",
    "05_guidance",
    "06_flow_matching",
]


@pytest.fixture
def folder(site):
    return site / "_static" / "assignments"


def test_each_link_leads_to_a_file(site, folder):
    page = site / "book" / "assignments.html"
    links = re.findall(r'href="([^"]*_static/assignments/[^"]*)" download', page.read_text())
    files = [(page.parent / link).resolve() for link in links]
    assert all(file.is_file() for file in files), links
    wanted = [folder / name for name in NAMES]
    wanted = [
        path
        for at in wanted
        for path in (at.with_name(f"{at.name}.zip"), at / f"{at.name}.ipynb", at / "questions.zip")
    ]
    wheels = list(folder.glob("*.whl"))
    assert len(wheels) == (not settings()[1]), "the library, as long as it has no address"
    assert files == [*wanted, *wheels]
    assert {*folder.rglob("*.*")} == {*files}


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_is_what_the_two_others_are(folder, name):
    with zipfile.ZipFile(folder / f"{name}.zip") as packed:
        whole = {entry: packed.read(entry) for entry in packed.namelist()}
    with zipfile.ZipFile(folder / name / "questions.zip") as packed:
        parts = {f"{name}/{entry}": packed.read(entry) for entry in packed.namelist()}
    assert all(entry.startswith(f"{name}/questions/") for entry in parts)
    assert sum(entry.endswith(".py") for entry in parts) >= 2
    notebook = (folder / name / f"{name}.ipynb").read_bytes()
    assert whole == {**parts, f"{name}/{name}.ipynb": notebook}


@pytest.mark.parametrize("name", NAMES)
def test_no_solution_is_given_away(folder, name):
    notebook = nbformat.read(folder / name / f"{name}.ipynb", as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    asked = [re.match(r"(?:def|class) (\w+)", source) for source in code]
    checked = [re.fullmatch(r"md\.check\((\w+)\)", source) for source in code]
    names = {found[1] for found in checked if found}
    assert names <= {found[1] for found in asked if found}
    for source, found in zip(code, asked, strict=True):
        if found and found[1] in names:
            assert "..." in source, found[1]
    with zipfile.ZipFile(folder / name / "questions.zip") as packed:
        for entry in packed.namelist():
            assert b"EXERCISE.solution" not in packed.read(entry)
            assert b"EXERCISE.mistake" not in packed.read(entry)


def test_the_same_book_has_the_same_files(folder, tmp_path):
    downloads.lay_out(downloads.MADE / NAMES[0] / "student", tmp_path)
    for file in (f"{NAMES[0]}.zip", f"{NAMES[0]}/questions.zip"):
        assert (tmp_path / file).read_bytes() == (folder / file).read_bytes()
