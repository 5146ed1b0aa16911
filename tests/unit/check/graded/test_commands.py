"""Commands of the notebook that set a name: it is missing at grading, so it is named where it is missed."""

import pytest

from minidiff.check.graded.submission import read

USES = "def f(x):\n    return x, {}"
REASON = "commands of the notebook"
NONE_OF_THEM = "no Python at all"

COMMANDS = {  # a cell, the name that it sets, the line of the command and what stands there
    "shell": ("files = !ls", "files", 1, "files = !ls"),
    "magic": ("here = %pwd", "here", 1, "here = %pwd"),
    "no blanks": ("here=%pwd", "here", 1, "here=%pwd"),
    "a comment behind it": ("files = !ls  # all", "files", 1, "files = !ls  # all"),
    "typed": ("files: list = !ls", "files", 1, "files: list = !ls"),
    "several names": ("a, *rest = !ls", "rest", 1, "a, *rest = !ls"),
    "joined lines": ("x = 1\n!ls \\\n  -l\nfiles = !ls \\\n -l", "files", 4, "files = !ls \\"),
    "two of them": ("here = %pwd\nfiles = !ls", "files", 2, "files = !ls"),
    "below a magic": ("%%time\nfiles = !ls", "files", 2, "files = !ls"),
    "indented": ("    files = !ls", "files", 1, "files = !ls"),
    "a built-in's name": ("dir = %pwd", "dir", 1, "dir = %pwd"),
    "set before": ("files = []\nfiles = !ls", "files", 2, "files = !ls"),
    "with": ("with a:\n    here = %pwd", "here", 2, "here = %pwd"),
    "if": ("if a:\n    here = %pwd", "here", 2, "here = %pwd"),
    "one line": ("if a: here = %pwd", "here", 1, "if a: here = %pwd"),
    "two blocks": ("for i in b:\n  with a:\n    files = !ls", "files", 3, "files = !ls"),
    "tried": ("try:\n    import os\nexcept E:\n    os = !ls", "os", 4, "os = !ls"),
    "not to be run": ("from math import *\nfiles = !ls", "files", 2, "files = !ls"),
    "in Python": ("n = get_ipython().getoutput('ls')", "n", 1, "n = get_ipython().getoutput('ls')"),
    "in Python, to be called": (
        "from IPython import get_ipython\nn = get_ipython().getoutput('ls')",
        "n",
        2,
        "n = get_ipython().getoutput('ls')",
    ),
}
BROKEN = {"a line": NONE_OF_THEM, "a bracket": "y = (", "a text": "y = '''a", "a quote": "y = 'a"}
WITH_BROKEN = {
    f"{command}, {beside}": (*row, text)
    for command, row in COMMANDS.items()
    for beside, text in {"alone": "", **BROKEN}.items()
    if not text or not row[0].startswith(("%%", " "))  # these stand first in their cell
}


@pytest.mark.parametrize(
    ("cell", "name", "line", "text", "broken"), WITH_BROKEN.values(), ids=WITH_BROKEN
)
def test_a_name_that_a_command_sets_is_named_where_it_is_used(cell, name, line, text, broken):
    cells = ["import os", f"{broken}\n{cell}".strip("\n"), USES.format(name)]
    left = [one for one in read(cells, ["f"]).left if REASON in one.reason]
    assert [(one.cell, one.line, one.text.strip()) for one in left] == [
        (2, line + bool(broken), text)
    ]
    assert name in left[0].names
    others = [one.text for one in read(cells, ["f"]).left if REASON not in one.reason]
    assert others == ([broken] if broken else [])


@pytest.mark.parametrize("broken", ["", NONE_OF_THEM], ids=["alone", "beside no Python"])
@pytest.mark.parametrize("cell", [row[0] for row in COMMANDS.values()], ids=COMMANDS)
def test_a_name_that_nobody_uses_is_not_named(cell, broken):
    reading = read([f"{broken}\n{cell}".strip("\n"), USES.format("y")], ["f"])
    assert [one for one in reading.left if REASON in one.reason] == []


@pytest.mark.parametrize("cell", [row[0] for row in COMMANDS.values()], ids=COMMANDS)
def test_no_command_is_kept(cell):
    kept = [one.text for one in read([cell]).kept]
    assert all("get_ipython()" not in text for text in kept), kept


def test_a_name_that_is_set_again_is_there():
    assert read(["files = !ls\nfiles = []", USES.format("files")], ["f"]).left == ()
    assert read(["files = !ls", "files = []", USES.format("files")], ["f"]).left == ()


INSIDE = {  # a function, the line of the command, what stands there, and what is kept of the function
    "shell": ("def f(x):\n    n = !ls\n    return x", 2, "n = !ls", "n = None"),
    "magic": ("def f(x):\n    n = %pwd\n    return x", 2, "n = %pwd", "n = None"),
    "at the end": ("def f(x):\n    x[0] = !ls", 2, "x[0] = !ls", "x[0] = None"),
    "deeper": ("def f(x):\n    for i in x:\n        n = !ls {i}", 3, "n = !ls {i}", "n = None"),
    "one line": ("def f(x): n = !ls", 1, "def f(x): n = !ls", "def f(x): n = None"),
    "a class": ("class f:\n    n = !ls\n    m = 3", 2, "n = !ls", "n = None\n    m = 3"),
    "in a block": ("with a:\n    def f(x):\n        n = !ls", 3, "n = !ls", "    n = None"),
    "beside no Python": (f"{NONE_OF_THEM}\ndef f(x):\n    n = !ls", 3, "n = !ls", "n = None"),
    "below a bracket": ("y = (\ndef f(x):\n    n = !ls", 3, "n = !ls", "n = None"),
    "umlauts": (
        "def f(x):\n    ä = 'ö'; n = get_ipython().system('ä'); m = 'ü'",
        2,
        "ä = 'ö'; n = get_ipython().system('ä'); m = 'ü'",
        "; m = 'ü'",
    ),
    "several lines": (
        "def f(x):\n    n = get_ipython().getoutput(\n        'ls'\n    )\n    return x",
        2,
        "n = get_ipython().getoutput(",
        "n = None\n\n\n    return x",
    ),
}


@pytest.mark.parametrize(("cell", "line", "text", "kept"), INSIDE.values(), ids=INSIDE)
def test_a_command_in_a_graded_function_is_named_and_gives_none(cell, line, text, kept):
    reading = read([cell, "def g(x):\n    return f"], ["g"])
    (left,) = [one for one in reading.left if REASON in one.reason]
    assert (left.cell, left.line, left.text.strip()) == (1, line, text)
    assert not left.names
    (function,) = [one.text for one in reading.kept if one.names == {"f"}]
    assert kept in function
    assert "get_ipython" not in function
    assert [one for one in read([cell], ["g"]).left if REASON in one.reason] == []


def test_a_function_that_is_written_again_without_a_command_is_as_it_should_be():
    assert read(["def f(x):\n    n = !ls", "def f(x):\n    return x"], ["f"]).left == ()


TIMED = {
    "a constant": ("%time N = (1 +\\\n 2)", ["N = (1 +  2)"]),
    "a function's": ("def f(x):\n    %time y = 2 * x\n    return y", None),
    "what is called": ("def g(): ...\n%time g()", ["def g(): ..."]),
    "nothing": ("%time\nN = 3", ["N = 3"]),
    "no Python": ("%time no Python\nN = 3", ["N = 3"]),
    "beside no Python": ("y = (\n%time N = 3", ["N = 3"]),
}


@pytest.mark.parametrize(("cell", "kept"), TIMED.values(), ids=TIMED)
def test_what_is_timed_counts_as_if_it_were_not(cell, kept):
    kept = kept or [cell.replace("%time ", "")]
    assert [one.text for one in read([cell]).kept] == kept


def test_what_is_timed_is_named_like_the_rest():
    (left,) = read(["def g(): ...\n%time n = g()", USES.format("n")], ["f"]).left
    assert (left.line, left.text) == (2, "%time n = g()")
    assert "nothing that the notebook defines" in left.reason


OWN = {  # what is no command, or none that IPython wrote
    "a name of it": ("ip = get_ipython\ndef f(x):\n    return ip", "ip = get_ipython"),
    "what it knows": ("def f(x):\n    n = get_ipython().config\n    return n", None),
    "indented": (
        "    c = 'ls'\n    get_ipython().system(c)\n    def f(x):\n        return x",
        "c = 'ls'",
    ),
    "two in a line": ("    get_ipython().system('a'); c = len('b')\n    d = 3", "c = len('b')"),
}


@pytest.mark.parametrize(("cell", "kept"), OWN.values(), ids=OWN)
def test_python_about_the_notebook_is_read_as_python(cell, kept):
    reading = read([cell], ["f"])
    assert (kept or cell) in [one.text for one in reading.kept]
    assert reading.left == ()
