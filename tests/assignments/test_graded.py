"""How the assignments are graded: what is right, empty, flawed, or does not end."""

import json
import shutil
import time
import zipfile

import grade
import nbformat
import pytest
from handed_out import FIRST, NAMES, POINTS, notebook, questions
from otter.nbmeta_config import NBMetadataConfig
from otter.test_files import create_test_file
from student import answered, definition, save

from minidiff.check.graded.handin import defined_in


@pytest.mark.parametrize("name", NAMES)
def test_perfect(built, prepared, tmp_path, name):
    given = shutil.copy(notebook(built(name) / "solution"), tmp_path / "solution.ipynb")
    start = time.monotonic()
    autograder = built(name) / "autograder.zip"
    (row,) = grade.grade_all([given], autograder, tmp_path / "grades", prepared=prepared)
    assert time.monotonic() - start < 120
    assert row == {
        "submission": "solution",
        **{question: str(points) for question, points in questions(name).items()},
        "total": str(POINTS),
        "of": str(POINTS),
    }


@pytest.mark.parametrize("name", NAMES)
def test_empty(built, tmp_path, monkeypatch, name):
    """The tests of the autograder, run on what students get."""
    given, *_ = defined_in(notebook(built(name) / "student"), list(questions(name)))
    assert given.keys() > questions(name).keys()
    with zipfile.ZipFile(built(name) / "autograder.zip") as file:
        file.extractall(tmp_path)
    monkeypatch.chdir(tmp_path / "files")
    tests = [
        create_test_file(str(path), NBMetadataConfig())
        for path in (tmp_path / "tests").glob("*.py")
    ]
    assert {test.name for test in tests} == questions(name).keys()
    for test in tests:
        test.run(given)
        assert test.score == 0
        assert test.possible == questions(name)[test.name]
        for case in test.test_case_results:
            assert "not attempted" in case.message


def test_untouched(built, prepared, tmp_path):
    """What students get, graded as it is."""
    given = notebook(built(FIRST) / "student")
    autograder = built(FIRST) / "autograder.zip"
    (row,) = grade.grade_all([given], autograder, tmp_path / "grades", prepared=prepared)
    assert (row["total"], row["of"]) == ("0", str(POINTS))


def flawed(solution):
    """Submissions with flaws: the notebook, and the questions that they cost (none: it is right)."""

    def but(start=solution, **bodies):
        heads = {name: definition(solution, name).splitlines()[0] for name in bodies}
        answers = {name: f"{heads[name]}\n    {body}" for name, body in bodies.items()}
        return answered(start, answers), set(bodies)

    def beside(*cells):
        new = answered(solution, {})
        new.cells[3:3] = [nbformat.v4.new_code_cell(cell) for cell in cells]
        return new

    loop, slow = "while True: pass", "while True: time.sleep(1)"
    threads = "import subprocess, time; subprocess.Popen(['sleep', '1000'])\n    "
    yield "loops", *but(q_step=loop, log_snr=threads + slow, q_sample=f"import time\n    {slow}")
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
    borrowed, costs = but(
        q_sample="return md.q_sample(x_0, t, schedule, noise=noise)",
        q_step="import glob, sys\n    return [open(f).read() for p in sys.path for f in glob.glob("
        "p + '/questions/q_step.py')]",
        cosine_betas="...",
    )
    borrowed = answered(borrowed, {"log_snr": "def log_snr(t, schedule:\n    return 1"})
    yield "borrowed", borrowed, {"log_snr", *costs}
    hanging = beside("import time; time.sleep(10**6)\n1 / 0")
    hanging.cells.append(nbformat.v4.new_code_cell("while True:\n    pass"))
    factor = "schedule.alpha_bar[t].reshape(-1, 1, 1, 1)"
    hanging, costs = but(hanging, q_sample=f"return {factor} * x_0 + noise")
    yield "hanging", answered(hanging, {"q_step": ""}), {"q_step", *costs}
    # A constant that takes longer than all may; the imports and constants below it still count.
    kept = beside(
        "import time\nrun = md.train(md.MLP(2), md.data.toy('two_moons', 4000),\n"
        "    lambda *_, **__: time.sleep(10**6), schedule=md.linear_schedule(), device='cpu')",
        "def unused(nap=time.sleep(10**6)): ...",
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
    yield "constants", kept, set()


TOLD = {
    "loops": ["Is there a loop without an end?"],
    "crash": ["exit code 1", "exit code 0", "RecursionError"],
    "patched": ["numbers are not right", "a generator"],
    "borrowed": [
        "library's own version",
        "files of the questions are closed",
        "not attempted yet. Write cosine_betas(",
        "not attempted yet. Write log_snr(",
    ],
    "hanging": ["numbers are not right", "not attempted yet. Write q_step("],
}


def test_flawed_submissions_four_at_a_time(built, prepared, tmp_path):
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
    options = {"jobs": 4, "prepared": prepared}
    rows = grade.grade_all(files, built(FIRST) / "autograder.zip", out, **options)
    by_name = {row["submission"]: row for row in rows}
    assert by_name.keys() == {*expected, "damaged", "empty"}
    for name, costs in expected.items():
        assert by_name[name].keys() >= questions(FIRST).keys(), (name, by_name[name])
        points = {question: int(by_name[name][question]) for question in questions(FIRST)}
        assert points == {q: 0 if q in costs else p for q, p in questions(FIRST).items()}, name
        note = by_name[name].get("note", "")
        assert ("def log_snr(t, schedule: (Python" in note) == bool(note) == (name == "borrowed"), (
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
    assert grade.grade_all(files, built(FIRST) / "autograder.zip", out, **options) == rows
    assert time.monotonic() - again < 5  # each kept its row


def test_submission_that_does_not_end_is_stopped(built, tmp_path):
    (row,) = grade.grade_all(
        [notebook(built(FIRST) / "solution")],
        built(FIRST) / "autograder.zip",
        tmp_path / "grades",
        minutes=0.01,
    )
    assert row["note"] == "stopped after 0.6 s"
