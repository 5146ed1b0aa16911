"""A script is handed in like a notebook: its cells are found again, and what is left out is named."""

import codecs
import json
import re
import types
from pathlib import Path

import grade
import nbformat
import pytest
import scripts
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from minidiff.check.graded.handin import defined_in, hand_in
from minidiff.check.graded.otter_plugin import DefinitionsOnly
from minidiff.check.graded.script import as_cells, script_text
from minidiff.check.graded.submission import read

ROOT = Path(__file__).parents[4]

# ---- what programs make of a notebook --------------------------------------------------------

TEXT = "# Title\n\n$$\\xi \\sim \\mathcal{N}(0, 1)$$\n\n" + "\n".join(
    f"line {i}" for i in range(80)
)
COMMON = [  # what every form keeps
    "import math\nimport torch",
    "N = 3\n\n\ndef f(x):\n    # a comment\n    '''A text.\n\n    # %% of it\n    '''\n\n    return N * x",
    "f(3)\nwhile True:\n    pass",
    "@torch.no_grad()\ndef g(x):\n    return h(x)",
]
MAGICS = [  # what is there in all but a program
    "!pip install x\n%matplotlib inline\nimport os",
    "pip install lime",
    "%%time\ndef h(x):\n    # hi\n\n    return x + M + len(files) + len(here)",
    "files = !ls\nhere = %pwd",
    "%time M = 3\n# a comment\nL = 4",
    "%%capture out\n%%time\nK = 3",
    "def k(x):\n    n = !ls\n    %pwd\n    return n",
    "%%bash\nls",
    "try:\n    %load_ext nothing\nexcept Exception:\n    pass",
    "f?",
]
BROKEN = "y = (\ndef j(x):\n    return x"


def notebook(*sources):
    cells = [new_markdown_cell(TEXT)]
    for source in sources:
        cells += [new_code_cell(source), new_markdown_cell(f"{source[:3]} was it")]
    metadata = {"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    return new_notebook(cells=cells, metadata={**metadata, "language_info": {"name": "python"}})


SOURCES = {
    "plain": COMMON,
    "magics": [*COMMON, *MAGICS],
    "broken": [BROKEN, *COMMON, *MAGICS],
    "broken at the end": [*COMMON, *MAGICS, BROKEN],
}


@pytest.mark.parametrize("form", scripts.FORMS.values(), ids=scripts.FORMS)
@pytest.mark.parametrize("sources", SOURCES.values(), ids=SOURCES)
def test_a_script_is_read_as_the_notebook_that_it_was(form, sources):
    if form is scripts.written:
        sources = [one for one in sources if one not in MAGICS]
    asked = ["f", "g", "k"]
    text = form(notebook(*sources))
    was, now = read(sources, asked), read(as_cells(text), asked, script=True)
    assert [one.text for one in now.kept] == [one.text for one in was.kept]
    said = {(one.text.strip(), one.reason, one.names) for one in was.left}
    assert {(one.text.strip(), one.reason, one.names) for one in now.left} == said
    lines = text.split("\n")
    for one in now.kept:
        if one.names <= {"f", "g", "k", "j", "N", "math", "torch"}:
            assert lines[one.line - 1].strip(" ") == one.text.split("\n")[0]
    assert all(str(one).startswith(f"line {one.line}: ") for one in now.left)


# ---- cells -----------------------------------------------------------------------------------

OPEN = 'y = """'  # what follows is one text to its end, unless the cell ends
MARKS = [
    "# %%",
    "#%%",
    "# %% Title",
    "# %% [markdown]",
    '# %% [code] {"_uuid": "8"}',
    '# %% tags=["a"]',
    "# %%% a part",
    "# In[3]:",
    "# In[ ]:",
    "#In[12]:",
    "#   %%  ",
]


@pytest.mark.parametrize("mark", MARKS)
def test_cells_begin_at_marks(mark):
    text = f'x = 1\n{mark}\n{OPEN}\n{mark}\ndef f(x):\n    """Text."""\n    return x'
    reading = read(as_cells(text), script=True)
    assert [one.text.split("\n")[0] for one in reading.kept] == ["x = 1", "def f(x):"]
    assert [(one.line, one.text) for one in reading.left] == [(3, OPEN)]


@pytest.mark.parametrize("line", ["# %%time", "# 30 %% of it", "# %", "# In[3] it is", "x %% y"])
def test_other_comments_are_no_marks(line):
    assert len(as_cells(f"x = 1\n{line}\ny = 2")) == 1


WHOLE = {
    "a mark in a text": 'def f(x):\n    """Cells are\n# %%\nso."""\n    return x',
    "a mark in brackets": "N = [\n# %%\n3]",
    "a text at the margin": 'A = """\na\n"""\n\nB = """\nb\n"""',
    "per cent in brackets": "# %%\nN = {\n    'a': 1,\n    # %of all\n    'b': 2,\n}",
    "a comment that is none": "# %%\nN = (3\n# !ls\n)",
    "windows": "# %%\r\nN = 3\r\n# %%\r\ndef f(x):\r\n    return x",
    "empty": "",
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_what_is_python_stays_as_it_is(text):
    kept = [one.text for one in read(as_cells(text), script=True).kept]
    assert kept == [one.text for one in read([text]).kept]
    assert read(as_cells(text), script=True).left == ()


COLAB = {
    "a magic alone in its block": (
        f"{scripts.SENTENCE}try:\n  # %load_ext only exists in Colab.\n#   %load_ext a\nexcept E:\n  pass\n",
        ["try:\n  pass\n  pass\nexcept E:\n  pass"],
    ),
    "a commented cell": (
        f"{scripts.SENTENCE}# %%time\n# # text\n# \n# def f(x):\n#     return x\n\nN = 3\n",
        ["def f(x):\n    return x", "N = 3"],
    ),
    "below a comment": (
        f"{scripts.SENTENCE}# # text\n#\n# %%time\n# N = 3\n",
        ["N = 3"],
    ),
    "uncommented again": (f"{scripts.SENTENCE}# %%time\nN = 3\n", ["N = 3"]),
    "another language": (f"{scripts.SENTENCE}# %%bash\n# ls | wc\n\nN = 3\n", ["N = 3"]),
    "no magic": (f"{scripts.SENTENCE}# N = 4\nN = 3\n", ["N = 3"]),
    "at the end": (f"N = 3\n{scripts.SENTENCE}", ["N = 3"]),
    "text": (
        '"""# Of \\xi and \\N\n\nand so on"""\n\nN = 3\n!ls\n"""one line"""\nM = 4',
        ["N = 3", "M = 4"],
    ),
    "raw commands": ("!pip install a\npip install b\n\nN = 3\n!ls", ["N = 3"]),
}


@pytest.mark.parametrize(("text", "kept"), COLAB.values(), ids=COLAB)
def test_what_colab_makes_of_cells(text, kept):
    reading = read(as_cells(text), script=True)
    assert [one.text for one in reading.kept] == kept
    assert reading.left == ()


def test_what_jupyter_makes_of_commands_is_not_run():
    text = "from math import *\n\n# In[1]:\n\nx = get_ipython().getoutput('ls')\nget_ipython().system(cmd)"
    assert [one.text for one in read(as_cells(text), script=True).kept] == ["from math import *"]


# ---- files -----------------------------------------------------------------------------------

CODE = "N = 'ä'\ndef f(x):\n    return N * x\n"
ENCODED = {
    "UTF-8": CODE.encode(),
    "mark in front": codecs.BOM_UTF8 + CODE.encode(),
    "UTF-16": CODE.encode("utf-16"),
    "as its first line says": ("# -*- coding: latin-1 -*-\n" + CODE).encode("latin-1"),
    "windows": CODE.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("name", ["mine.py", "MINE.PY"])
@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_hand_in_and_grader_take_the_same_scripts(content, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert defined_in(path)[0]["f"](2) == "ää"
    (tmp_path / "there").mkdir()
    made, _ = grade.unpacked(path, tmp_path / "there")
    assert made.name == "submission.py"
    assert CODE in made.read_text(encoding="utf-8")


def test_a_notebook_that_is_named_like_a_script_is_a_notebook(tmp_path):
    path = tmp_path / "mine.py"
    nbformat.write(notebook("def f(x):\n    return x"), path)
    assert script_text(path.name, path.read_bytes()) is None
    assert defined_in(path)[0]["f"](3) == 3
    made, _ = grade.unpacked(path, tmp_path)
    assert made.name == "submission.ipynb"


@pytest.mark.parametrize("content", [b"x = '\xff'", b"# coding: nothing\nx = 3", b"\xff\xfe\x00"])
def test_a_script_that_is_no_text_is_refused_in_words(content, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.py: no script.*UTF-8"):
        defined_in(path)
    with pytest.raises(ValueError, match=r"no script.*UTF-8"):
        grade.unpacked(path, tmp_path)


@pytest.mark.parametrize("name", ["mine.txt", "mine.zip", "mine.ipynb", "mine"])
def test_other_files_are_refused_and_what_is_taken_is_said(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"def f(x): ...")
    with pytest.raises(
        ValueError, match=r"no notebook.*a notebook \(\.ipynb\) or a script \(\.py\)"
    ):
        defined_in(path)


def test_a_missing_file_names_scripts_as_well(tmp_path):
    (tmp_path / "other.ipynb").write_text("{}", encoding="utf-8")
    (tmp_path / "mine.PY").write_text("", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"There are mine\.PY, other\.ipynb\."):
        defined_in(tmp_path / "mine.ipynb")


# ---- handing in ------------------------------------------------------------------------------

QUESTIONS = ROOT / "assignments" / "01_forward_process" / "questions"


def test_the_receipt_of_a_script_counts_its_lines(tmp_path):
    path = tmp_path / "mine.py"
    text = "import time\n\n\nx = time.nothing()\n\n# %%\ndef q_sample(x_0, t, schedule, noise:\n    pass\n"
    path.write_text(text, encoding="utf-8")
    said = str(hand_in(path, QUESTIONS))
    assert re.search(r"^q_sample +not attempted: it is left out, see below$", said, re.MULTILINE)
    assert "not run: x = time.nothing() (line 4: AttributeError" in said
    assert "left out: line 7: def q_sample(x_0, t, schedule, noise: (" in said
    assert "Upload mine.zip. It holds mine.py as it was last saved" in said
    assert "beside" not in said


@pytest.mark.parametrize(("taken", "other"), [("mine.py", "mine.ipynb"), ("mine.ipynb", "mine.py")])
def test_the_receipt_says_which_of_the_two_is_handed_in(taken, other, tmp_path):
    for name in (taken, other):
        (tmp_path / name).write_text('{"cells": []}' * name.endswith("b"), encoding="utf-8")
    said = str(hand_in(tmp_path / taken, QUESTIONS))
    assert f"It holds {taken} as it was last saved, not {other} beside it" in said
    assert "(where both are handed in, the notebook is graded)" in said


def test_the_grader_reads_a_script_as_hand_in_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = scripts.by_jupyter(notebook(*COMMON, *MAGICS))
    given = new_notebook(cells=[new_code_cell(text)])  # what otter-grader makes of a script
    plugin = DefinitionsOnly(str(tmp_path / "mine.py"), {}, {})
    made = plugin.before_execution(given)
    reading = read(as_cells(text), script=True)
    assert reading.left
    assert plugin.left == reading.left
    assert [c.source for c in made.cells if "__import__" not in c.source] == [
        one.text for one in reading.kept
    ]
    said = []
    plugin.after_grading(types.SimpleNamespace(set_output=said.append))
    assert re.match(r"left out: line \d+: files = !ls \(", said[0])


def test_a_notebook_is_read_as_a_notebook(tmp_path):
    (tmp_path / "mine.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": "x = ("}]}), encoding="utf-8"
    )
    (left,) = defined_in(tmp_path / "mine.ipynb")[2]
    assert str(left).startswith("code cell 1, line 1: x = (")
