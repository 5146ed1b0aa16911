"""The assignments: what students get, a day of theirs, and how their work is graded."""

import ast
import inspect
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import grade
import make_assignments
import nbformat
import pytest
import yaml
from handed_out import FIRST, NAMES, POINTS, notebook, questions
from make_assignments import SOURCES
from packaging.requirements import Requirement
from student import LONG, answered, checks, definition, save, text_of

from minidiff.check.bank import load
from minidiff.check.graded.submission import read

# ---- what is handed out ----------------------------------------------------------------------


def test_there_are_six():
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_points_and_questions(name):
    asked = questions(name)
    files = {path.stem for path in (SOURCES / name / "questions").glob("[!_]*.py")}
    assert asked.keys() == files
    assert sum(asked.values()) == POINTS


@pytest.mark.parametrize("name", NAMES)
def test_students_get_questions_and_no_answers(built, name):
    folder = built(name) / "student"
    given = "".join(
        p.read_text(encoding="utf-8") for p in folder.rglob("*") if p.suffix in (".py", ".ipynb")
    )
    sheets = {path.stem for path in folder.glob("questions/*.safetensors")}
    assert sheets == questions(name).keys()
    for question in questions(name):
        exercise = load(SOURCES / name / "questions" / f"{question}.py")
        assert exercise.statement.strip().splitlines()[0] in given
        for function in (
            exercise.solution,
            *exercise.variants,
            *(m.function for m in exercise.mistakes),
        ):
            made = ast.parse(inspect.getsource(function)).body[0]
            whole = ast.unparse(ast.Module(made.body[-2:], []))
            assert whole not in given, f"{question}: {function.__name__}"
    for word in ("EXERCISE.reference", "EXERCISE.mistake", "EXERCISE.correct", "SOLUTION"):
        assert word not in given


def test_the_installed_library_holds_no_graded_question(installed):
    there = {path.stem for path in installed.rglob("*.py") if "bank" in path.parts}
    assert len(there) > 5
    assert not there & {question for name in NAMES for question in questions(name)}


def test_what_is_run_for_less_stands_in_the_assignments():
    texts = [path.read_text(encoding="utf-8") for path in SOURCES.glob("*/assignment.md")]
    assert [long for long in LONG if long not in "".join(texts)] == []


@pytest.mark.parametrize("name", NAMES)
def test_solution_runs_and_passes(built, run_notebook, name):
    done = run_notebook(notebook(built(name) / "solution"))
    said = checks(done)
    assert said.keys() == questions(name).keys()
    for text in said.values():
        assert text.startswith("✓"), text
    pictures = [
        o for c in done.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert pictures
    sources = [cell.source for cell in done.cells if cell.cell_type == "code"]
    assert read(sources, list(questions(name))).left == ()
    assert not any("waits for" in text_of(cell) for cell in done.cells)


@pytest.mark.parametrize("address", ["", "https://github.com/someone/minidiff"])
def test_the_autograder_brings_the_library(built, address, tmp_path, monkeypatch):
    """What an image for grading is told to install lies in the zip."""
    version, published = make_assignments.setup_cell.settings()
    if address == published:
        made = built(FIRST)
    else:
        made = tmp_path / "made"
        monkeypatch.setattr(make_assignments.setup_cell, "settings", lambda: (version, address))
        make_assignments.build(SOURCES / FIRST, made)
    with zipfile.ZipFile(made / "autograder.zip") as file:
        file.extractall(tmp_path / "source")
    environment = yaml.safe_load((tmp_path / "source" / "environment.yml").read_text("utf-8"))
    # The image has the Python that students are told of.
    made_by = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"python={made_by}" in environment["dependencies"]
    for folder in (made / "student", tmp_path / "source" / "files"):
        note = (folder / "questions" / "grading.json").read_text(encoding="utf-8")
        assert json.loads(note) == {"python": made_by}
    (asked,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    (ours,) = [Requirement(one) for one in asked if one.startswith("minidiff")]
    assert ours.extras == {"grading"}
    assert ours.url.startswith(f"file://{make_assignments.IMAGE}/minidiff-{version}-")
    brought = ours.url.replace(f"file://{make_assignments.IMAGE}", str(tmp_path / "source"))
    assert contents(Path(brought)) == contents(make_assignments.wheel())
    given = {path.name for path in (made / "student").glob("*.whl")}
    assert given == (set() if address else {Path(ours.url).name})


def contents(wheel: Path) -> dict[str, bytes]:
    """What lies in a wheel, by its place."""
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_wheel_holds_the_library_and_installs_without_a_network(tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    site = tmp_path / "site"
    wheel = f"minidiff @ file://{make_assignments.wheel()}"
    subprocess.run([*command, "--target", str(site), wheel], check=True)
    installed = {p.relative_to(site) for p in site.glob("minidiff/**/*") if p.suffix != ".pyc"}
    root = SOURCES.parent
    there = {p.relative_to(root) for p in root.glob("minidiff/**/*") if p.suffix != ".pyc"}
    assert {p for p in installed ^ there if p.name != "__pycache__"} == set()


# ---- a student's day -------------------------------------------------------------------------


def test_a_students_day(built, run_notebook, prepared, tmp_path):
    """Untouched, wrong, right, handed in, graded."""
    folder = tmp_path / "downloads"
    shutil.copytree(built(FIRST) / "student", folder)
    path = notebook(folder)
    mine = nbformat.read(path, 4)
    solution = nbformat.read(notebook(built(FIRST) / "solution"), 4)

    morning = run_notebook(path)
    for text in checks(morning).values():
        assert text.startswith("○"), text
    assert any("waits for" in text_of(cell) for cell in morning.cells)

    right = {name: definition(solution, name) for name in questions(FIRST)}
    slip = right["q_sample"].replace("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)")
    assert slip != right["q_sample"]
    save(
        answered(
            mine, {"q_sample": slip, "q_step": "def q_step(x, t, schedule, noise):\n    return y"}
        ),
        path,
    )
    noon = checks(run_notebook(path))
    assert "You scaled the noise by 1 - ᾱ_t." in noon["q_sample"]
    assert "NameError: name 'y' is not defined" in noon["q_step"]
    assert "line 2: return y" in noon["q_step"]
    assert noon["log_snr"].startswith("○")

    save(answered(mine, right), path)
    evening = run_notebook(path)
    for text in checks(evening).values():
        assert text.startswith("✓"), text
    receipt = text_of(evening.cells[-1])
    assert receipt.count("passed") == len(right)
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed) as file:
        assert file.namelist() == [path.name]

    autograder = built(FIRST) / "autograder.zip"
    (row,) = grade.grade_all([packed], autograder, tmp_path / "grades", prepared=prepared)
    assert (row["total"], row["of"]) == (str(POINTS), str(POINTS))
