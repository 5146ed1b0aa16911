"""What the Python that grades cannot read is told by hand_in, also where a newer Python runs it."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import grade
import pytest

from minidiff.check.graded import versions
from minidiff.check.graded.handin import hand_in
from minidiff.check.graded.submission import read

ROOT = Path(__file__).parents[4]
QUESTIONS = ROOT / "assignments" / "01_forward_process" / "questions"
HERE = sys.version_info[:2]

# ---- text ------------------------------------------------------------------------------------

FIRST_READ = {  # text, and the first Python that reads it
    "match": ("match x:\n    case 1:\n        pass", (3, 10)),
    "group of errors": ("try:\n    pass\nexcept* ValueError:\n    pass", (3, 11)),
    "assignment inside": ("if (n := 3):\n    pass", (3, 8)),
    "positional": ("def f(a, /):\n    pass", (3, 8)),
    "type": ("type X = int", (3, 12)),
    "generic function": ("def f[T](x: T) -> T:\n    return x", (3, 12)),
    "generic class": ("class A[T]:\n    pass", (3, 12)),
    "default of a type": ("def f[T = int](x: T) -> T:\n    return x", (3, 13)),
    "no brackets": ("try:\n    pass\nexcept ValueError, TypeError:\n    pass", (3, 14)),
    "template": ("x = t'{y}'", (3, 14)),
    "its own quotes": ('x = f"{name["a"]}"', (3, 12)),
    "its own quotes twice": ('x = f"{a + " " + b}"', (3, 12)),
    "its own quotes, deeper": ("x = f'''{f\"{a[\"b\"]}\"}'''", (3, 12)),
    "three quotes": ('x = f"""{a["""b"""]}"""', (3, 12)),
    "backslash": ("x = f\"{'\\n'.join(y)}\"", (3, 12)),
    "backslash in the inner one": ("x = f\"{f'\\n{y}'}\"", (3, 12)),
    "backslash in a raw one": ("x = rf\"{'\\d'}\"", (3, 12)),
    "comment": ("x = f'''{\n    y  # why\n}'''", (3, 12)),
    "several lines": ("x = f'{\n    y\n}'", (3, 12)),
    "odd ends of lines": ("x = '\x0c\u2028'; y = f'{a['b']}'", (3, 12)),
    "umlauts before": ("ä = 'ö'; x = f'{a['ü']}'", (3, 12)),
    "in a function": ("def f(x):\n    return [f'{x['a']}']", (3, 12)),
}
ALWAYS = [  # what Python 3.11 reads
    "x = f\"{name['a']}\"",
    "x = f'{y!r:>{width}}'",
    "x = f'{y:%H:%M}' f'{{}}' 'z'",
    "x = rf'\\d{y}\\{z}'",
    "x = F'\\n{y}\\N{EN DASH}'",
    "x = f'''{\n    y\n}\n\"'''",
    "x = f\"\"\"{f'{y}'}, {'''z'''}\"\"\"",
    "x = f\"{'#'}\"",
    "x = f'{y:{\"z\"}}'",
    "x = f'{y=}' + 'f\"{\\'\\'}\"'",
    "x = f''",
    "type = 3; match = 4; case = match",
    "x = '\\d'",
]

LOOK = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("versions", sys.argv[1])
versions = importlib.util.module_from_spec(spec)
sys.modules["versions"] = versions
spec.loader.exec_module(versions)
def reads(text, python):
    try:
        versions.parse(text, tuple(python))
    except versions.TooNewError as error:
        return str(error)
    return ""
print(json.dumps([reads(*row) for row in json.load(sys.stdin)]))
"""


def pythons():
    """The Pythons on this machine that are as new as this one or newer, with their versions."""
    there = {HERE: sys.executable}
    for minor in range(HERE[1] + 1, HERE[1] + 5):
        command = [f"python3.{minor}", "-c", "import sys; print(sys.version_info[1])"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        if done.stdout.strip() == str(minor):
            there[3, minor] = command[0]
    return there


def looked(program, rows):
    """What that Python says, whether the versions read the texts: why not, or nothing."""
    command = [program, "-c", LOOK, versions.__file__]
    given = json.dumps(rows)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("version", "program"), pythons().items(), ids=str)
def test_each_python_knows_what_older_ones_do_not_read(version, program):
    known = {name: row for name, row in FIRST_READ.items() if row[1] <= version}
    before = looked(program, [(text, (3, first[1] - 1)) for text, first in known.values()])
    assert [name for name, why in zip(known, before, strict=True) if not why] == []
    assert not any(looked(program, list(known.values())))
    assert not any(looked(program, [(text, (3, 11)) for text in ALWAYS]))


@pytest.mark.parametrize(("text", "first"), FIRST_READ.values(), ids=FIRST_READ)
def test_the_table_is_right(text, first):
    if first <= HERE:
        assert versions.parse(text)
    else:
        with pytest.raises(SyntaxError):
            versions.parse(text)


@pytest.mark.parametrize("text", ALWAYS)
def test_what_is_old_is_read(text, recwarn):
    assert ast.dump(versions.parse(text, (3, 11))) == ast.dump(versions.parse(text))
    assert not recwarn  # "\d": its author is warned where it runs


def test_a_newer_one_reads_what_this_one_reads():
    assert versions.parse("match x:\n    case 1:\n        pass", (3, 99))


# ---- a submission ----------------------------------------------------------------------------

NEW = "match x:\n        case _:\n            return x"  # Python 3.9 cannot read it
OLD = (3, 9)
REASON = "Python 3.9, which grades your work, cannot read it: Pattern matching is"


def test_what_the_grader_cannot_read_is_left_out_and_costs_nothing_else():
    cells = ["import math", f"print(f(3))\ndef f(x):\n    {NEW}\nN = 3", "def g(x):\n    return N"]
    now, then = read(cells, ["f", "g"]), read(cells, ["f", "g"], python=OLD)
    assert now.left == ()
    assert [one.text for one in then.kept] == [
        one.text for one in now.kept if "match" not in one.text
    ]
    (left,) = then.left
    assert (left.cell, left.line, left.names) == (2, 2, {"f"})
    assert left.reason.startswith(REASON)


def handed_in(tmp_path, noted):
    questions = tmp_path / "questions"
    questions.mkdir()
    for file in QUESTIONS.glob("[!_]*.py"):
        (questions / file.name).write_bytes(file.read_bytes())
    if noted is not None:
        (questions / versions.NOTE).write_text(noted, encoding="utf-8")
    text = f"def log_snr(t, schedule):\n    x = schedule\n    {NEW}\n"
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    return hand_in(tmp_path / "mine.py", questions)


def test_hand_in_says_what_the_grader_cannot_read(tmp_path):
    said = str(handed_in(tmp_path, '{"python": "3.9"}'))
    assert re.search(r"^log_snr +not attempted: it is left out, see below$", said, re.MULTILINE)
    assert f"left out: line 1: def log_snr(t, schedule): ({REASON}" in said
    assert f"It is graded by Python 3.9, and this is Python {HERE[0]}.{HERE[1]}: " in said
    assert "is not seen here" in said


@pytest.mark.parametrize("version", [f"{HERE[0]}.{HERE[1]}", "3.99"])
def test_hand_in_names_the_python_that_grades(version, tmp_path):
    said = str(handed_in(tmp_path, json.dumps({"python": version})))
    assert f"It is graded by Python {version}." in said
    assert "is not seen here" not in said
    assert "left out" not in said


def test_an_assignment_without_a_note_is_handed_in_as_ever(tmp_path):
    said = str(handed_in(tmp_path, None))
    assert "Python" not in said
    assert "left out" not in said


@pytest.mark.parametrize(
    "noted", ["{", "[]", '{"python": 3.11}', '{"python": "3"}', "{}", '"3.11"']
)
def test_a_damaged_note_is_refused_in_words(noted, tmp_path):
    with pytest.raises(
        ValueError, match=rf"{versions.NOTE} is damaged.*unpack the assignment again"
    ):
        handed_in(tmp_path, noted)


# ---- grading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noted", "words"),
    [
        (None, ""),
        (HERE, ""),
        (
            (3, 99),
            f"students were told that Python 3.99 grades, and this is Python {HERE[0]}.{HERE[1]}",
        ),
        ((3, 9), "students were told that Python 3.9 grades"),
    ],
    ids=["no note", "the same", "newer", "older"],
)
def test_the_tool_says_when_another_python_grades(noted, words, tmp_path, monkeypatch, capsys):
    autograder = tmp_path / "autograder.zip"
    with zipfile.ZipFile(autograder, "w") as file:
        if noted is not None:
            file.writestr(f"files/questions/{versions.NOTE}", versions.note(noted))
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "anna.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(grade, "grade", lambda *_: {"total": "3"})
    arguments = ["grade.py", str(autograder), str(tmp_path / "all"), "--out", str(tmp_path / "g")]
    monkeypatch.setattr(sys, "argv", arguments)
    assert grade.main() == 0
    said = capsys.readouterr().out
    assert words in said
    assert ("students were told" in said) == bool(words)
