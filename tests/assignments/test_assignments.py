"""The assignments: what students get, a day of theirs, and how their work is graded."""

import ast
import inspect
import json
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import grade
import make_assignments
import nbformat
import pytest
import yaml
from make_assignments import SOURCES
from packaging.requirements import Requirement
from student import answered, checks, definition, save, text_of

from minidiff.check.bank import load
from minidiff.check.graded.submission import read

NAMES = sorted(path.parent.name for path in SOURCES.glob("*/assignment.md"))
FIRST = NAMES[0]
POINTS = 20


def questions(name: str) -> dict[str, int]:
    """The points of each question."""
    text = (SOURCES / name / "assignment.md").read_text(encoding="utf-8")
    return {q: int(points) for q, points in make_assignments.QUESTION.findall(text)}


def notebook(folder: Path) -> Path:
    (found,) = folder.glob("*.ipynb")
    return found


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
def test_the_autograder_brings_the_library(address, tmp_path, monkeypatch):
    """What an image for grading is told to install lies in the zip, and installs without a network."""
    version = make_assignments.setup_cell.settings()[0]
    monkeypatch.setattr(make_assignments.setup_cell, "settings", lambda: (version, address))
    make_assignments.build(SOURCES / FIRST, tmp_path / "made")
    with zipfile.ZipFile(tmp_path / "made" / "autograder.zip") as file:
        file.extractall(tmp_path / "source")
    environment = yaml.safe_load((tmp_path / "source" / "environment.yml").read_text("utf-8"))
    # The image has the Python that students are told of.
    made_by = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"python={made_by}" in environment["dependencies"]
    for folder in (tmp_path / "made" / "student", tmp_path / "source" / "files"):
        note = (folder / "questions" / "grading.json").read_text(encoding="utf-8")
        assert json.loads(note) == {"python": made_by}
    (asked,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    (ours,) = [Requirement(one) for one in asked if one.startswith("minidiff")]
    assert ours.extras == {"grading"}
    assert ours.url.startswith(f"file://{make_assignments.IMAGE}/minidiff-{version}-")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    wheel = ours.url.replace(make_assignments.IMAGE, str(tmp_path / "source"))
    site = tmp_path / "site"
    subprocess.run([*command, "--target", str(site), f"minidiff @ {wheel}"], check=True)
    installed = {p.relative_to(site) for p in site.glob("minidiff/**/*") if p.suffix != ".pyc"}
    root = SOURCES.parent
    there = {p.relative_to(root) for p in root.glob("minidiff/**/*") if p.suffix != ".pyc"}
    assert {p for p in installed ^ there if p.name != "__pycache__"} == set()
    given = {path.name for path in (tmp_path / "made" / "student").glob("*.whl")}
    assert given == (set() if address else {Path(ours.url).name})


# ---- a student's day -------------------------------------------------------------------------


def test_a_students_day(built, run_notebook, tmp_path):
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

    (row,) = grade.grade_all([packed], built(FIRST) / "autograder.zip", tmp_path / "grades")
    assert (row["total"], row["of"]) == (str(POINTS), str(POINTS))


# ---- grading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_perfect_and_empty(built, tmp_path, name):
    for kind in ("solution", "student"):
        shutil.copy(notebook(built(name) / kind), tmp_path / f"{kind}.ipynb")
    start = time.monotonic()
    submissions = [tmp_path / "solution.ipynb", tmp_path / "student.ipynb"]
    rows = grade.grade_all(submissions, built(name) / "autograder.zip", tmp_path / "grades")
    assert time.monotonic() - start < 2 * 120
    perfect, empty = rows
    assert perfect == {
        "submission": "solution",
        **{question: str(points) for question, points in questions(name).items()},
        "total": str(POINTS),
        "of": str(POINTS),
    }
    assert (empty["total"], empty["of"]) == ("0", str(POINTS))


def flawed(solution):
    """Ten submissions with flaws: the notebook, and the questions that they cost (none: it is right)."""

    def but(**bodies):
        heads = {name: definition(solution, name).splitlines()[0] for name in bodies}
        answers = {name: f"{heads[name]}\n    {body}" for name, body in bodies.items()}
        return answered(solution, answers), set(bodies)

    def beside(*cells):
        new = answered(solution, {})
        new.cells[3:3] = [nbformat.v4.new_code_cell(cell) for cell in cells]
        return new, set()

    loop, threads = (
        "while True: pass",
        "import subprocess; subprocess.Popen(['sleep', '1000'])\n    ",
    )
    yield "loops", *but(q_step=loop, log_snr=threads + loop, q_sample="import os\n    " + loop)
    yield (
        "crash",
        *but(
            q_step="return torch.zeros(10**11)",
            log_snr="import sys; sys.exit(1)",
            cosine_betas="import os; os._exit(0)",
            q_sample="import sys; sys.stdout.close(); return q_sample(x_0, t, schedule, noise)",
        ),
    )
    # Answers that are wrong, and a judge that is told to find them right
    lenient = "torch.isclose = lambda a, *_, **__: torch.ones_like(a, dtype=torch.bool)"
    judge = "import minidiff.check.ladder as ladder\nladder.same = lambda *_: True"
    patched, costs = but(q_sample=f"{lenient}; return x_0", log_snr="yield t", q_step="return x")
    patched.cells[3:3] = [nbformat.v4.new_code_cell(f"import torch\n{lenient}\n{judge}")]
    yield "patched", patched, costs
    yield (
        "library",
        *but(
            q_sample="return md.q_sample(x_0, t, schedule, noise=noise)",
            q_step="import glob, sys\n    return [open(f).read() for p in sys.path for f in glob.glob("
            "p + '/questions/q_step.py')]",
        ),
    )
    yield (
        "mistake",
        *but(
            q_sample="return schedule.alpha_bar[t].reshape(-1, 1, 1, 1) * x_0 + noise",
            cosine_betas="...",
        ),
    )
    yield (
        "syntax",
        answered(solution, {"log_snr": "def log_snr(t, schedule:\n    return 1", "q_step": ""}),
        {"log_snr", "q_step"},
    )
    hanging = answered(solution, {})
    hanging.cells.append(nbformat.v4.new_code_cell("while True:\n    pass"))
    yield "hanging", hanging, set()
    yield "slow", *beside("import time; time.sleep(10**6)\n1 / 0")
    # A constant that takes longer than all may; the imports and constants below it still count.
    default, costs = beside(
        "run = md.train(md.MLP(2), md.data.toy('two_moons', 4000), md.simple_loss,\n"
        "    schedule=md.linear_schedule(), steps=10**6, batch=256, device='cpu')",
        "import time\ndef unused(nap=time.sleep(10**6)): ...",
    )
    yield "training", default, costs
    kept, costs = beside(
        "%matplotlib inline\nfiles = !ls\nSHAPE = tuple([-1, 1, 1, 1])\nq_step?",
        "from math import *\nimport torch\nTWO = torch.tensor(sqrt(16)).sqrt()\nONE = TWO.log2()",
        "try:\n    import nothing\nexcept ImportError:\n    nothing = None",
    )
    body = (
        "assert nothing is None\n    a = schedule.alpha_bar[t].reshape(SHAPE)\n"
        "    return (a.sqrt() * x_0 * ONE + (1\n% 2 - a).sqrt() * noise).to(x_0.dtype)"
    )
    head = definition(solution, "q_sample").splitlines()[0]
    kept = answered(kept, {"q_sample": f"%%time\n{head}\n    {body}"})
    kept.metadata = {"kernelspec": {"name": "her-own", "display_name": "Hers"}}
    yield "constants", kept, costs


TOLD = {
    "loops": ["Is there a loop without an end?"],
    "crash": ["exit code 1", "exit code 0", "RecursionError"],
    "patched": ["numbers are not right", "a generator"],
    "library": ["library's own version", "files of the questions are closed"],
    "mistake": ["not attempted"],
    "syntax": ["not attempted"],
}


def test_ten_flawed_submissions_four_at_a_time(built, tmp_path):
    """Each flaw costs its own question and nothing else, and none is lost."""
    solution = nbformat.read(notebook(built(FIRST) / "solution"), 4)
    expected = {}
    for name, submission, costs in flawed(solution):
        save(submission, tmp_path / f"{name}.ipynb")
        expected[name] = costs
    (tmp_path / "damaged.ipynb").write_text("{", encoding="utf-8")
    (tmp_path / "empty.zip").write_bytes(b"")
    files = sorted([*tmp_path.glob("*.ipynb"), *tmp_path.glob("*.zip")])
    out = tmp_path / "grades"
    rows = grade.grade_all(files, built(FIRST) / "autograder.zip", out, jobs=4)
    by_name = {row["submission"]: row for row in rows}
    assert by_name.keys() == {*expected, "damaged", "empty"}
    for name, costs in expected.items():
        assert by_name[name].keys() >= questions(FIRST).keys(), (name, by_name[name])
        points = {question: int(by_name[name][question]) for question in questions(FIRST)}
        assert points == {q: 0 if q in costs else p for q, p in questions(FIRST).items()}, name
        note = by_name[name].get("note", "")
        assert ("def log_snr(t, schedule: (Python" in note) == bool(note) == (name == "syntax"), (
            note
        )
    assert "no notebook" in by_name["damaged"]["note"]
    assert "no zip file" in by_name["empty"]["note"]
    for name, words in TOLD.items():
        told = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        said = json.dumps(told, ensure_ascii=False)
        for word in words:
            assert word in said, f"{name}: {word}"
    lines = (out / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(files)
    again = time.monotonic()
    assert grade.grade_all(files, built(FIRST) / "autograder.zip", out, jobs=4) == rows
    assert time.monotonic() - again < 5  # each kept its row


def test_submission_that_does_not_end_is_stopped(built, tmp_path):
    (row,) = grade.grade_all(
        [notebook(built(FIRST) / "solution")],
        built(FIRST) / "autograder.zip",
        tmp_path / "grades",
        minutes=0.01,
    )
    assert row["note"] == "stopped after 0.6 s"
