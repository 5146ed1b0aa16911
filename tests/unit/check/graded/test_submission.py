"""A submission, cut down: what an honest notebook needs is kept, what runs for ever or cheats is not."""

import ast
import json

import nbformat
import pytest

from minidiff.check.graded import grading, handin
from minidiff.check.graded.handin import defined_in
from minidiff.check.graded.otter_plugin import LIMIT, DefinitionsOnly
from minidiff.check.graded.submission import definitions, is_import

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


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "!pip install x",
        "files = !ls",
        "here = %pwd",
        "f?",
        "torch.ones??",
        "?f",
        "%%time",
    ],
)
def test_lines_of_the_notebook_are_left_out(line):
    cell = f"{line}\nN = (int(3 * 2\n     % 1000))\nM = (7\n% 4)\ndef f(x):\n    return x"
    assert definitions([cell])[-3:] == [
        "N = (int(3 * 2\n     % 1000))",
        "M = (7\n% 4)",
        "def f(x):\n    return x",
    ]


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
    space, problems = defined_in(path)
    (problem,) = problems
    assert problem.startswith(name)
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
