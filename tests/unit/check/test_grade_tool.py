"""The tool that grades a folder, without otter-grader: files as they come, limits, and rows that are kept."""

import codecs
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import grade
import nbformat
import psutil
import pytest

NOTEBOOK = nbformat.writes(
    nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 'ä'")])
).encode()


# ---- what is handed in -----------------------------------------------------------------------


def packed(path, *names, content=NOTEBOOK):
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, content)
    return path


def source(path, folder):
    """The first cell of what is graded."""
    return nbformat.read(grade.unpacked(path, folder)[0], 4).cells[0].source


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.parametrize(
    "names",
    [
        ["a.ipynb"],
        ["01/a.ipynb", "__MACOSX/01/._a.ipynb"],
        ["01/a.ipynb", "01/.ipynb_checkpoints/a-checkpoint.ipynb"],
        ["01/A.IPYNB", "01/data.csv"],
        ["x.ipynb/", "x.ipynb/a.ipynb"],
    ],
)
def test_zips_as_they_come(names, tmp_path, work):
    path = packed(tmp_path / "Jörg M. (2).ZIP", *names)
    assert source(path, work) == "x = 'ä'"
    folder = tmp_path / "Jörg Müller_123_assignsubmission_file"
    folder.mkdir()
    path.rename(folder / path.name)
    assert source(folder, work) == "x = 'ä'"


@pytest.mark.parametrize("where", ["subs", ".hidden/subs", "__MACOSX/subs", "a/../subs", "./subs"])
def test_it_does_not_matter_where_the_submissions_lie(where, tmp_path, monkeypatch, capsys):
    (tmp_path / "a").mkdir()
    folder = tmp_path / where
    folder.mkdir(parents=True)
    (folder / "anna.ipynb").write_bytes(NOTEBOOK)
    packed(folder / "ben.zip", "./ben.ipynb", "../ben/.ipynb_checkpoints/ben.ipynb")
    folder_of(folder / "cleo", "c.ipynb", ".c.ipynb")
    monkeypatch.setattr(grade, "grade", graded_as_unpacked)
    monkeypatch.chdir(tmp_path / "a")
    for given in (folder, Path("..") / where):
        assert run_main(monkeypatch, given, tmp_path / f"grades{given.is_absolute()}") == 0
        assert "3 graded" in capsys.readouterr().out


def graded_as_unpacked(submission, *_):
    """A row without otter-grader, for what can be unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        assert source(submission, Path(folder)) == "x = 'ä'"
    return {"total": "3"}


@pytest.mark.parametrize(
    "content",
    [
        NOTEBOOK,
        codecs.BOM_UTF8 + NOTEBOOK,
        NOTEBOOK.replace(b"\n", b"\r\n"),
        NOTEBOOK.decode().encode("utf-16"),
    ],
    ids=["plain", "mark in front", "Windows line ends", "UTF-16"],
)
@pytest.mark.parametrize("name", ["a.ipynb", "a.IPYNB", "a.zip"])
def test_notebooks_as_editors_save_them(content, name, tmp_path, work):
    path = tmp_path / name
    if name.endswith(".zip"):
        packed(path, "b.ipynb", content=content)
    else:
        path.write_bytes(content)
    assert source(path, work) == "x = 'ä'"


CHOICES = {  # what somebody handed in, which of it is graded, and what lies beside it
    "a script": (["a.py"], "a.py", ""),
    "capitals": (["01/A.PY"], "01/A.PY", ""),
    "a script and the assignment": (["w/a.py", "w/questions/q_step.py", "w/x.whl"], "w/a.py", ""),
    "a script of a package": (["a.py", "__init__.py"], "a.py", ""),
    "a script and what macOS adds": (["a.py", "__MACOSX/._a.py", ".b.py"], "a.py", ""),
    "a notebook and the assignment": (["a.ipynb", "questions/q_step.py"], "a.ipynb", ""),
    "a notebook and its script": (["a.ipynb", "a.py"], "a.ipynb", "a.py"),
    "a notebook and helpers": (["w/a.ipynb", "w/h.py", "w/i.py"], "w/a.ipynb", "w/h.py, w/i.py"),
}


@pytest.mark.parametrize("kind", ["folder", "zip", "zip in a folder"])
@pytest.mark.parametrize(("names", "graded", "beside"), CHOICES.values(), ids=CHOICES)
def test_a_script_is_graded_where_there_is_no_notebook(names, graded, beside, kind, tmp_path, work):
    contents = {n: NOTEBOOK if n.endswith("b") else f"name = '{n}'".encode() for n in names}
    given = tmp_path / "anna"
    if kind == "zip":
        given = given.with_suffix(".zip")
    else:
        given.mkdir()
    if kind == "folder":
        for name, content in contents.items():
            (given / name).parent.mkdir(exist_ok=True, parents=True)
            (given / name).write_bytes(content)
    else:
        with zipfile.ZipFile(given if kind == "zip" else given / "a.zip", "w") as file:
            for name, content in contents.items():
                file.writestr(name, content)
    made, note = grade.unpacked(given, work)
    assert note == (f"graded is {graded}, not {beside} beside it" if beside else "")
    if graded.endswith("b"):
        assert nbformat.read(made, 4).cells[0].source == "x = 'ä'"
    else:
        assert made.name == "submission.py"
        assert made.read_text(encoding="utf-8") == f"name = '{graded}'"


def test_what_was_not_graded_becomes_part_of_the_note(tmp_path, monkeypatch):
    code = """
import json, sys, pathlib
assert pathlib.Path(sys.argv[-1]).name == "submission.ipynb"
told = {"tests": [{"name": "f, visible", "score": 1, "max_score": 2}], "output": "left out: x"}
(pathlib.Path(sys.argv[sys.argv.index("-o") + 1]) / "results.json").write_text(json.dumps(told))
"""
    stand_in(monkeypatch, tmp_path, code)
    given = folder_of(tmp_path / "anna", "a.ipynb", "a.py")
    row = grade.grade(given, written(tmp_path / "autograder.zip"), tmp_path, 60.0)
    assert row["note"] == "graded is a.ipynb, not a.py beside it; left out: x"


def locked(path):
    """A zip that says of itself that it has a password."""
    packed(path, "a.ipynb")
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


def cut(path):
    packed(path, "a.ipynb")
    path.write_bytes(path.read_bytes()[:-30])
    return path


def written(path, content=b""):
    path.write_bytes(content)
    return path


def folder_of(path, *names):
    path.mkdir()
    for name in names:
        (path / name).write_bytes(NOTEBOOK)
    return path


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda f: locked(f / "a.zip"), "password"),
        (lambda f: cut(f / "a.zip"), "no zip file, or a damaged one"),
        (lambda f: written(f / "a.zip"), "no zip file"),
        (lambda f: packed(f / "a.zip", "a.txt"), "holds 0 notebooks"),
        (lambda f: packed(f / "a.zip", "a.ipynb", "b.ipynb"), "holds 2 notebooks"),
        (lambda f: packed(f / "a.zip", "a.ipynb", content=b"{"), "no notebook, or a damaged one"),
        (lambda f: folder_of(f / "a", "a.ipynb", "b.ipynb"), "holds 2 notebooks or zips"),
        (lambda f: folder_of(f / "a.ipynb"), "holds 0 notebooks or zips"),
        (lambda f: folder_of(f / "a", "a.py", "b.py"), "0 notebooks or zips and 2 scripts"),
        (lambda f: folder_of(f / "a", "a.zip", "b.ipynb", "c.py"), "2 notebooks or zips and 1 scr"),
        (lambda f: packed(f / "a.zip", "a.py", "b.py"), "0 notebooks and 2 scripts; it should"),
        (lambda f: packed(f / "a.zip", "b.zip"), "holds 0 notebooks and 0 scripts"),
        (lambda f: packed(f / "a.zip", "questions/b.py"), "holds 0 notebooks and 0 scripts"),
        (lambda f: written(f / "a.py", b"x = '\xff'"), "no script, or a damaged one"),
        (
            lambda f: packed(f / "a.zip", "a.py", content=b"x = '\xff'"),
            "no script, or a damaged one",
        ),
        (lambda f: written(f / "a.ipynb", b"\xff{"), "no notebook, or a damaged one"),
        (lambda f: written(f / "a.ipynb", b"[" * 10**5), "no notebook, or a damaged one"),
        (lambda f: written(f / "a.ipynb", b"[]"), "the file has no cells"),
    ],
)
def test_what_cannot_be_graded_gets_a_note(make, note, tmp_path):
    given = make(tmp_path)
    autograder = written(tmp_path / "autograder.zip")
    (row,) = grade.grade_all([given], autograder, tmp_path / "grades")
    assert note in row["note"]
    assert not row["note"].startswith("not graded")


def run_main(monkeypatch, folder, out):
    autograder = written(folder.parent / "autograder.zip")
    arguments = ["grade.py", str(autograder), str(folder), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    return grade.main()


def test_two_of_one_name_are_refused(tmp_path, monkeypatch, capsys):
    folder = folder_of(tmp_path / "all", "anna.ipynb", "anna.py", "ben.ipynb")
    assert run_main(monkeypatch, folder, tmp_path / "grades") == 1
    assert "same name: anna\n" in capsys.readouterr().out


def test_an_empty_folder_says_what_is_taken(tmp_path, monkeypatch, capsys):
    assert run_main(monkeypatch, folder_of(tmp_path / "all"), tmp_path / "grades") == 1
    assert "there is no notebook, no script and no zip in" in capsys.readouterr().out


def test_what_is_left_out_is_said(tmp_path, monkeypatch, capsys):
    folder = folder_of(tmp_path / "all", "anna.ipynb", "ben.py", "notes.pdf", ".hidden.py")
    (folder / "__MACOSX").mkdir()
    monkeypatch.setattr(grade, "grade", lambda *_: {"total": "3"})
    assert run_main(monkeypatch, folder, tmp_path / "grades") == 0
    said = capsys.readouterr().out
    assert "2 graded" in said
    assert "notes.pdf: left out, neither a notebook nor a script nor a zip nor a folder" in said
    assert "hidden" not in said
    assert "MACOSX" not in said


# ---- limits ----------------------------------------------------------------------------------


def stand_in(monkeypatch, folder, code):
    """Have this program run in place of otter-grader."""
    program = folder / "otter.py"
    program.write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def ends(pid):
    """Whether a process is gone, or will be in a moment."""
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


ORPHAN = """
import subprocess, sys, time, pathlib
sleep = [sys.executable, "-c", "import time; time.sleep(1000)"]
child = subprocess.Popen(sleep, start_new_session=True)
pathlib.Path({note!r}).write_text(str(child.pid))
{then}
"""


@pytest.mark.parametrize("then", ["time.sleep(1000)", "while True: pass"])
def test_one_that_does_not_end_is_stopped_with_all_that_it_started(then, tmp_path, monkeypatch):
    note = tmp_path / "pid"
    stand_in(monkeypatch, tmp_path, ORPHAN.format(note=str(note), then=then))
    given = written(tmp_path / "a.ipynb", NOTEBOOK)
    start = time.monotonic()
    row = grade.grade(given, written(tmp_path / "autograder.zip"), tmp_path, 1.0)
    assert row == {"note": "stopped after 1 s"}
    assert time.monotonic() - start < 50
    assert ends(int(note.read_text(encoding="ascii")))


def test_one_that_ended_is_not_waited_for_because_of_what_it_left(tmp_path, monkeypatch):
    note = tmp_path / "pid"
    code = ORPHAN.format(note=str(note), then="print('nothing to say')")
    stand_in(monkeypatch, tmp_path, code)
    given = written(tmp_path / "a.ipynb", NOTEBOOK)
    start = time.monotonic()
    row = grade.grade(given, written(tmp_path / "autograder.zip"), tmp_path, 60.0)
    subprocess.run(["kill", "-9", note.read_text(encoding="ascii")], check=True)
    assert row == {"note": "otter-grader failed: nothing to say"}
    assert time.monotonic() - start < 50


# ---- rows that are kept ----------------------------------------------------------------------


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """Grade one submission; gives how often the grader was called, with the row."""
    calls = []
    given = written(tmp_path / "anna.ipynb", NOTEBOOK)
    autograder = written(tmp_path / "autograder.zip", b"first")
    rows = {"now": {"total": "20", "of": "20"}}

    def stub(submission, *_):
        calls.append(submission)
        if isinstance(rows["now"], Exception):
            raise rows["now"]
        return rows["now"]

    monkeypatch.setattr(grade, "grade", stub)

    def again(minutes=2):
        calls.clear()
        (row,) = grade.grade_all([given], autograder, tmp_path / "grades", minutes=minutes)
        return len(calls), row

    return again, rows, given, autograder


def test_a_row_is_kept_while_nothing_has_changed(graded):
    again, _, given, autograder = graded
    full = {"submission": "anna", "total": "20", "of": "20"}
    assert again() == (1, full)
    assert again() == (0, full)
    assert again(minutes=9) == (0, full)
    given.write_bytes(NOTEBOOK + b" ")
    assert again() == (1, full)
    autograder.write_bytes(b"second")
    assert again() == (1, full)
    assert again() == (0, full)


def test_one_that_was_stopped_is_graded_again_with_more_time(graded):
    again, rows, *_ = graded
    rows["now"] = {"note": "stopped after 120 s"}
    assert again(minutes=2)[0] == 1
    assert again(minutes=2)[0] == 0
    assert again(minutes=1)[0] == 0
    rows["now"] = {"total": "20", "of": "20"}
    assert again(minutes=5)[0] == 1
    assert again(minutes=9)[0] == 0


@pytest.mark.parametrize(
    "trouble", [{"note": "otter-grader failed: no space"}, OSError("no space")]
)
def test_one_that_went_wrong_is_graded_again(graded, trouble):
    again, rows, *_ = graded
    rows["now"] = trouble
    calls, row = again()
    assert calls == 1
    assert "no space" in row["note"]
    rows["now"] = {"total": "20", "of": "20"}
    assert again() == (1, {"submission": "anna", **rows["now"]})


def test_a_note_beside_points_is_no_reason_to_grade_again(graded):
    again, rows, *_ = graded
    rows["now"] = {"total": "15", "of": "20", "note": "left out: code cell 1, line 1"}
    assert again()[0] == 1
    assert again() == (0, {"submission": "anna", **rows["now"]})


def test_what_was_left_out_becomes_the_note():
    tests = [{"name": "f, visible", "score": 1, "max_score": 2}]
    assert grade.row({"tests": tests, "output": "a\nb"})["note"] == "a; b"
    assert "note" not in grade.row({"tests": tests})


def test_messages_of_an_earlier_version_do_not_stay(graded, tmp_path):
    again, rows, given, _ = graded
    again()
    (tmp_path / "grades" / "anna.json").write_text("{}", encoding="utf-8")
    again()
    assert (tmp_path / "grades" / "anna.json").exists()
    given.write_bytes(b"{")
    rows["now"] = {"note": "no notebook"}
    again()
    assert not (tmp_path / "grades" / "anna.json").exists()


def test_a_row_of_an_older_tool_is_made_again(graded, tmp_path):
    again, *_ = graded
    again()
    path = tmp_path / "grades" / "rows" / "anna.json"
    path.write_text(json.dumps({"submission": "anna", "total": "3"}), encoding="utf-8")
    assert again()[0] == 1


def test_a_folder_is_known_by_all_that_is_in_it(tmp_path):
    autograder = written(tmp_path / "autograder.zip")
    folder = folder_of(tmp_path / "anna", "a.ipynb")
    before = grade.fingerprint(folder, autograder)
    (folder / "a.ipynb").write_bytes(NOTEBOOK + b" ")
    assert grade.fingerprint(folder, autograder) != before
