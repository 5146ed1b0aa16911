"""A submission, cut down: what an honest notebook needs is kept, what runs for ever or cheats is not."""

import ast
import codecs
import html
import json
import platform
import re
import sys
import types
from pathlib import Path

import grade
import nbformat
import pytest

from minidiff.check.graded import grading, handin
from minidiff.check.graded.handin import defined_in, hand_in
from minidiff.check.graded.notebook import code_cells
from minidiff.check.graded.otter_plugin import LIMIT, DefinitionsOnly
from minidiff.check.graded.submission import definitions, is_import, read

ROOT = Path(__file__).parents[4]

CELLS = [
    "%matplotlib inline\nimport math\nimport torch\nfrom torch import nn",
    "ROOT = math.sqrt(2)\nprint('hello')\nLAYERS = [8, 16]",
    "def f(x):\n    return x\n\nf(3)\nwhile True:\n    pass",
    "this is no Python",
    "@torch.no_grad()\ndef g(x):\n    # a comment\n    return x",
    "slow = f(10**9)\nmany = [f(i) for i in range(10)]\nh = f\nk = lambda x: f(x)",
    "class Block(nn.Module):\n    pass\n!pip install something",
]


def test_only_definitions_are_kept_of_a_submission():
    assert definitions(CELLS) == [
        "import math",
        "import torch",
        "from torch import nn",
        "ROOT = math.sqrt(2)",
        "LAYERS = [8, 16]",
        "def f(x):\n    return x",
        "@torch.no_grad()\ndef g(x):\n    # a comment\n    return x",
        "h = f",
        "k = lambda x: f(x)",
        "class Block(nn.Module):\n    pass",
    ]


KEPT = {
    "built-in": "SHAPE = tuple([-1, 1, 1, 1])",
    "method of a result": "import torch\nROOT = torch.tensor(4.0).sqrt()",
    "method of a constant": "import torch\nBETA = torch.ones(3)\nBAR = (1 - BETA).cumprod(0)\nS = BAR.sqrt()",
    "method of a text": "NAMES = 'a b'.split()",
    "star import": "from math import *\nTWO = sqrt(4)",
    "comprehension": "import math\nROOTS = [math.sqrt(i) for i in range(3)]",
    "tried import": "try:\n    import nothing\nexcept ImportError:\n    nothing = None",
    "several names": "A, (B, C) = 1, (2, 3)",
    "annotated": "STEPS: int = 1000",
    "counted on": "STEPS = 1\nSTEPS += 1",
    "condition": "import torch\nDEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'",
    "entry": "TABLE = {}\nTABLE['a'] = 1",
    "coroutine": "async def f(x):\n    return x",
    "brackets": "N = (7\n   % 4)\nM = (7\n% 4)",
    "training": "import minidiff as md\nrun = md.train(1)",
    "umlaut": "Ä = 'ö'; B = 'ü'",
    "decorated": "from functools import wraps, lru_cache\n@lru_cache\n@wraps(len)\ndef f(x):\n    return x",
}


@pytest.mark.parametrize("cell", KEPT.values(), ids=KEPT)
def test_constants_are_kept(cell):
    kept = definitions([cell])
    assert ast.dump(ast.parse("\n".join(kept))) == ast.dump(ast.parse(cell))


@pytest.mark.parametrize(
    "cell",
    [
        "import torch\ntorch.isclose = lambda a, b, **k: True",
        "import torch\ntorch.a, b = 1, 2",
        "import torch\nvars(torch)['isclose'] = lambda a, b: True",
        "import minidiff.check.ladder as L\nL.same += 1",
        "import time; time.sleep(10**6)",
        "def f(): ...\nx = f()",
        "from math import *\ndef sqrt(x): ...\nx = sqrt(4)",
        "def f(): ...\nx = [f() for _ in range(3)]",
        "def f(): ...\nx = max(f(), 1)",
        "def f(): ...\ntry:\n    f()\nexcept ValueError:\n    pass",
        "def f(): ...\nh = f\nx = h()",
        "class A: ...\nx = A()",
        "while True:\n    pass",
        "if 1:\n    x = 2",
        "total += 1",
        "x: int",
    ],
)
def test_what_runs_or_changes_the_library_is_not_kept(cell):
    firsts = ("import", "from", "def", "class", "h =")
    kept = definitions([cell])
    assert all(text.startswith(firsts) for text in kept), kept


LINES = [
    "%matplotlib inline",
    "!pip install x",
    "files = !ls",
    "here = %pwd",
    "f?",
    "torch.ones??",
    "?f",
    "%%time",
    "d['files'] = !ls",
    "a.files = !ls",
    "a, *b = !ls",
    "torch.*rand*?",
    "*int*?",
    "%%capture out\n%%time",
    "!ls \\\n  -l",
    "%env A=1",
    "!!ls",
    ", f a b",
    "/f 3",
]


@pytest.mark.parametrize("line", LINES)
def test_lines_of_the_notebook_are_left_out(line):
    cell = f"{line}\nN = (int(3 * 2\n     % 1000))\nM = (7\n% 4)\ndef f(x):\n    return x"
    reading = read([cell])
    assert [one.text for one in reading.kept][-3:] == [
        "N = (int(3 * 2\n     % 1000))",
        "M = (7\n% 4)",
        "def f(x):\n    return x",
    ]
    assert not reading.left
    assert all("get_ipython" not in one.text for one in reading.kept)


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith("%%")])
def test_lines_of_the_notebook_are_left_out_beside_what_is_no_python(line):
    reading = read([f"no Python at all\n{line}\ndef f(x):\n    return x"])
    assert [one.text for one in reading.kept] == ["def f(x):\n    return x"]
    (left,) = reading.left
    assert left.text == "no Python at all"


def test_a_command_is_not_run_whatever_may_be_called():
    """After a star import any name may be called, but for what IPython makes of a command."""
    assert definitions(["from math import *\nfiles = !ls\nhere = %pwd\n!ls"]) == [
        "from math import *"
    ]


JUPYTER_READS = {
    "indented": "    import math\n    def f(x):\n        return x",
    "indented below a magic": "%%time\n\n    def f(x):\n        return x",
    "indented below empty lines": "\n\n  def f(x):\n      return x",
    "prompts": ">>> def f(x):\n...     return x",
    "numbered prompts": "In [1]: def f(x):\n   ...:     return x",
    "with": "with torch.no_grad():\n    def f(x):\n        return x",
    "if": "if True:\n    def f(x):\n        return x",
    "if and else": "if slow:\n    def f(x):\n        return x\nelse:\n    def f(x):\n        return 2 * x",
    "else alone": "if False:\n    def f(x):\n        return 2 * x\nelse:\n    def f(x):\n        return x",
    "for": "for i in range(3):\n    print(i)\n    def f(x):\n        return x",
    "while": "while True:\n    def f(x):\n        return x\n    break",
    "try": "try:\n    print(1)\n    def f(x):\n        return x\nexcept ValueError:\n    pass",
    "except": "try:\n    print(1)\nexcept ValueError:\n    def f(x):\n        return x",
    "finally": "try:\n    print(1)\nfinally:\n    def f(x):\n        return x",
    "match": "match 3:\n    case 3:\n        def f(x):\n            return x",
    "async with": "async with thing() as a:\n    def f(x):\n        return x",
    "two blocks": "with a:\n    if b:\n        def f(x):\n            return x",
    "tabs": "with a:\n\tdef f(x):\n\t\treturn x",
}


@pytest.mark.parametrize("cell", JUPYTER_READS.values(), ids=JUPYTER_READS)
def test_functions_are_found_wherever_jupyter_finds_them(cell):
    reading = read([cell])
    (made,) = [one for one in reading.kept if "f" in one.names]
    expected = ast.parse("def f(x):\n    return x")
    assert ast.dump(ast.parse(made.text)) == ast.dump(expected)
    assert "def f" in cell.splitlines()[made.line - 1]
    assert not reading.left


def test_a_text_keeps_its_blanks_when_its_function_leaves_a_block():
    text = (
        "with a:\n    @wraps(len)\n    def f(x):\n        '''One\n        two\n    three'''\n"
        "        return f'''\n    {x}'''"
    )
    (_, made) = definitions(["from functools import wraps", text])
    assert (
        made
        == "@wraps(len)\ndef f(x):\n    '''One\n        two\n    three'''\n    return f'''\n    {x}'''"
    )


NO_PYTHON = f"Python {platform.python_version()} cannot read it: "
LEFT = {  # cells, and of what is left out the cell, the line and words of the reason
    "a line that is no Python": (
        ["x = 1", "def f(x):\n    return x\nno Python here"],
        2,
        3,
        NO_PYTHON,
    ),
    "a bracket left open": (["y = (\ndef f(x):\n    return x"], 1, 1, "was never closed"),
    "a text left open": (["y = 'a\ndef f(x):\n    return x"], 1, 1, "unterminated"),
    "below magics": (["%%time\n!ls \\\n -l\nx y\ndef f(x):\n    return x"], 1, 4, NO_PYTHON),
    "a null": (["y = '\0'\ndef f(x):\n    return x"], 1, 1, "null"),
    "too deep": (
        ["y = " + "+".join("1" * 3000) + "\ndef f(x):\n    return x"],
        1,
        1,
        "recursion",
    ),
    "a constant made by a function": (
        ["def g():\n    return 3", "n = g()", "def f(x):\n    return n"],
        2,
        1,
        "nothing that the notebook defines",
    ),
    "a constant in a branch": (
        ["if a:\n    n = 1\nelse:\n    n = 2\ndef f(x):\n    return n"],
        1,
        2,
        "inside if, for and while",
    ),
    "a constant of a helper": (
        ["for n in range(3):\n    pass\ndef h(x):\n    return n\ndef f(x):\n    return h(x)"],
        1,
        1,
        "inside if, for and while",
    ),
    "a function that leans on its loop": (
        ["for s in range(3):\n    def h(x, s=s):\n        return x\ndef f(x):\n    return h(x)"],
        1,
        2,
        "it needs s, which is not known outside its block",
    ),
    "a file": (
        ["%%writefile a.py\n\nimport math\ndef h(x):\n    return x", "def f(x):\n    return x"],
        1,
        4,
        "below %%writefile",
    ),
}


if sys.version_info < (3, 12):
    cells = ['\nprint(f"{name["a"]}")\ndef f(x):\n    return x']
    LEFT["newer syntax"] = (cells, 1, 2, NO_PYTHON)


@pytest.mark.parametrize(("cells", "cell", "line", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_out_is_named_and_costs_nothing_else(cells, cell, line, reason):
    reading = read(cells, ["f"])
    assert any("f" in one.names for one in reading.kept)
    (left,) = reading.left
    assert (left.cell, left.line) == (cell, line)
    assert reason in left.reason
    assert str(left).startswith(f"code cell {cell}, line {line}: {left.text.strip()[:50]}")


def test_a_function_that_cannot_be_read_is_named():
    (left,) = read(["import math\n@cache\ndef f(x:\n    return x\nN = 3"], ["f"]).left
    assert left.names == {"f"}
    assert definitions(["import math\n@cache\ndef f(x:\n    return x\nN = 3"]) == [
        "import math",
        "N = 3",
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "pip install torch",
        "ls",
        "cd ..",
        "%%bash\nls | wc",
        "%%html\n<b>",
        "",
        "# nothing",
        "f(3)\nfor i in range(3):\n    print(i)",
        "if on_colab:\n    from google.colab import drive",
        "unused = f(3)",
        "for s in range(3):\n    def helper(x, s=s):\n        return x",
    ],
)
def test_what_nobody_misses_is_not_named(cell):
    assert read([cell, "def f(x):\n    return x"], ["f"]).left == ()


def test_a_page_of_prose_is_named_once():
    reading = read(
        ["My answer is this\nbecause I think so\n\nand also that\ndef f(x):\n    return x"]
    )
    assert [(one.line, one.text) for one in reading.left] == [(1, "My answer is this")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(end):
    cell = end.join(["%pwd", "def f(x):", "    !ls", "    return x", "N = 3"])
    assert definitions([cell]) == ["def f(x):\n    pass\n    return x", "N = 3"]


@pytest.mark.parametrize("cell", ["def f(:\n", "(" * 300, "x = '\0'", "'", "if x:", "x = '\ud800'"])
def test_a_cell_that_is_no_python_costs_no_other(cell):
    assert definitions([cell, "N = 3"]) == ["N = 3"]


def test_imports_are_known():
    assert is_import("from math import *")
    assert not is_import("importance = 3")


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("import time; nap = time.sleep(1000)", "nap"),
        ("import time\ndef f(x=time.sleep(1000)): ...", "def f(x=time.sleep(1000)): ..."),
        ("class A:\n    while True:\n        pass", "class A:"),
    ],
)
def test_hand_in_gives_up_what_grading_would(cell, name, tmp_path, monkeypatch):
    monkeypatch.setattr(handin, "ALL_DEFINITIONS", 0.5)
    monkeypatch.setattr(grading, "ALL_DEFINITIONS", 0.5)
    sources = [cell, "def right(x):\n    return x"]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    space, problems, left = defined_in(path)
    (problem,) = problems
    assert problem.startswith(f"{name}")
    assert "(code cell 1, line " in problem
    assert left == ()
    assert "together have 0.5 s" in problem
    assert space["right"](3) == 3


def test_what_is_run_in_place_of_a_submission():
    cells = ["import math", "def f(x):\n    return x\nf(1)"]
    given = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "her-own", "display_name": "Hers"}},
    )
    made = DefinitionsOnly("mine.ipynb", {}, {}).before_execution(given)
    assert [cell.source for cell in made.cells] == [
        "import math",  # large libraries take their time
        LIMIT.format(True),
        "def f(x):\n    return x",
        LIMIT.format(False),
    ]
    assert made.metadata.kernelspec.name == "python3"


def test_the_grader_says_what_was_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "f.py").write_text("", encoding="utf-8")
    cells = [
        "no Python",
        "def f(x):\n    return n",
        "n = f(3)\nm = f(3)",
        "def g(x):\n    return m",
    ]
    given = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    plugin = DefinitionsOnly("mine.ipynb", {}, {})
    plugin.before_execution(given)
    said = []
    plugin.after_grading(types.SimpleNamespace(set_output=said.append))
    (text,) = said
    assert f"left out: code cell 1, line 1: no Python ({NO_PYTHON}" in text
    assert "code cell 3, line 1: n = f(3) (" in text
    assert "m = f(3)" not in text  # nothing that is asked for uses it


# ---- files ------------------------------------------------------------------------------------

SOURCES = ["import math\nN = 3", "def f(x):\n    return N * x\n"]


def cells_of(*, name="source", lines=False, **more):
    """Code cells as some program writes them, with text between them."""
    made = [{"cell_type": "markdown", name: "# Title", "metadata": {}}]
    for source in SOURCES:
        text = source.splitlines(keepends=True) if lines else source
        made.append({"cell_type": "code", name: text, **more})
    return made


FILES = {
    "format 4": {"cells": cells_of(lines=True, metadata={}, outputs=[]), "nbformat": 4},
    "one text": {"cells": cells_of(metadata={}, outputs=[]), "nbformat": 4, "nbformat_minor": 4},
    "nothing but the source": {"cells": cells_of()},
    "names of cells": {"cells": cells_of(id="a", metadata={}), "nbformat": 4, "nbformat_minor": 5},
    "format 3": {
        "worksheets": [{"cells": cells_of(name="input", lines=True, language="python")}],
        "nbformat": 3,
        "metadata": {},
    },
    "format 2": {"worksheets": [{"cells": cells_of(name="input")}], "nbformat": 2},
    "two sheets": {"worksheets": [{"cells": [c]} for c in cells_of(name="input")], "nbformat": 3},
}
ENCODED = {
    "UTF-8": lambda text: text.encode(),
    "mark in front": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
}


@pytest.mark.parametrize("encoded", ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_hand_in_and_grader_take_the_same_files(file, encoded, tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(encoded(json.dumps(file)))
    assert code_cells(path.read_bytes()) == SOURCES
    assert defined_in(path)[0]["f"](2) == 6
    (tmp_path / "there").mkdir()
    unpacked = nbformat.read(grade.unpacked(path, tmp_path / "there")[0], 4)
    assert [cell.source for cell in unpacked.cells] == SOURCES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "no notebook, or a damaged one"),
        (b"[]", "the file has no cells"),
        (b'{"cells": [3]}', "a damaged notebook"),
        (b'{"cells": [{"cell_type": "code", "source": 3}]}', "a damaged notebook"),
        (b'{"cells": [{"source": "x"}]}', "a damaged notebook: KeyError"),
        (b'{"worksheets": [{}]}', "a damaged notebook"),
        (b'{"cells": null}', "a damaged notebook"),
        (b'{"worksheets": 3}', "a damaged notebook"),
        (b"\xff{", "no notebook, or a damaged one"),
    ],
)
def test_damaged_files_are_refused_in_words(content, words, tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"mine.ipynb: .*{words}"):
        defined_in(path)
    with pytest.raises(ValueError, match=words):
        grade.unpacked(path, tmp_path)


def test_a_missing_file_says_where_it_is(tmp_path):
    (tmp_path / "other.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(
        FileNotFoundError, match=r"There is other\.ipynb.*On Colab and Kaggle.*download"
    ):
        defined_in(tmp_path / "mine.ipynb")


def test_the_zip_lies_here_where_nothing_may_be_written_there(tmp_path, monkeypatch):
    questions = ROOT / "assignments" / "01_forward_process" / "questions"
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    (there / "mine.ipynb").write_text('{"cells": []}', encoding="utf-8")
    monkeypatch.chdir(here)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != there)
    assert hand_in(there / "mine.ipynb", questions).file.resolve() == here / "mine.zip"
    assert not (there / "mine.zip").exists()


def test_the_receipt_names_what_is_left_out(tmp_path):
    questions = ROOT / "assignments" / "01_forward_process" / "questions"
    sources = [
        "def q_sample(x_0, t, schedule, noise:\n    return 3",
        "def log_snr(t, schedule): ...",
    ]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    receipt = hand_in(path, questions)
    said, shown = str(receipt), receipt._repr_html_()
    assert re.search(r"^q_sample +not attempted: it is left out, see below$", said, re.MULTILINE)
    assert re.search(r"^log_snr +not attempted$", said, re.MULTILINE)
    line = f"left out: code cell 1, line 1: {sources[0].splitlines()[0]} ({NO_PYTHON}"
    assert line in said
    assert html.escape(line) in shown
    (left,) = receipt.left
    assert left.names == {"q_sample"}
