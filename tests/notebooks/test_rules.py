"""Every notebook keeps every rule, and every rule is shown to refuse a notebook that breaks it."""

import copy
import functools
from collections.abc import Callable

import notebook_file
import notebook_rules
import pytest
import setup_cell
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

RULES = sorted(notebook_rules.RULES)
NOTEBOOKS = notebook_file.all_notebooks()


@functools.cache
def read(path) -> NotebookNode:
    return notebook_file.read(path)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_rule(path, rule):
    assert not list(notebook_rules.RULES[rule](read(path)))


def test_a_figures_name_is_its_own_in_the_whole_book():
    named: dict[str, list[str]] = {}
    for path in NOTEBOOKS:
        for cell in read(path).cells:
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            named.setdefault(name, []).append(path.stem)
    named.pop(None)
    assert {name: where for name, where in named.items() if len(where) > 1} == {}
    assert len(named) > 10


def test_there_are_notebooks():
    assert NOTEBOOKS


def good() -> NotebookNode:
    """A made-up notebook that keeps every rule."""
    sections = [f"## {name}\n\ntext" for name in notebook_rules.SECTIONS]
    sections[1] += "\n\n$$\nx_t = x\n$$ (eq-made-up)"
    sections[5] += (
        "\n\n```{exercise}\n:label: ex-a\nAdd.\n```\n"
        "```{dropdown} Hint 1\none\n```\n```{dropdown} Hint 2\ntwo\n```\n"
        "```{solution} ex-a\n:class: dropdown\nDone.\n```"
    )
    sections[6] += "\n\n**Slides** A. **Sources** {cite}`ho2020`."
    picture = new_output("display_data", data={"image/png": "aGVsbG8=", "text/plain": "<Figure>"})
    described = {
        "mystnb": {
            "image": {"alt": "A line that falls from one to zero"},
            "figure": {"caption": "A line.", "name": "fig-line"},
        }
    }
    cells = [
        new_code_cell(
            setup_cell.source(*setup_cell.settings()),
            outputs=[new_output("stream", name="stdout", text="minidiff 0.1.0 on cpu\n")],
        ),
        new_code_cell("plt.plot(x)\nplt.show()", outputs=[picture], metadata=described),
        new_code_cell("assert 1 + 1 == 2"),
        new_code_cell("print(2)", outputs=[new_output("stream", name="stdout", text="2\n")]),
    ]
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
    head = "# Title\n\n**Objectives** a **Prerequisites** b **Minutes** 1"
    texts = [new_markdown_cell(text) for text in [head, *sections]]
    return new_notebook(cells=[texts[0], *cells, *texts[1:]])


def test_good_notebook_keeps_every_rule():
    assert notebook_rules.broken(good()) == {}


Change = Callable[[NotebookNode], object]


def set_source(index: int, source: str) -> Change:
    return lambda nb: nb.cells[index].__setitem__("source", source)


def replace_source(old: str, new: str) -> Change:
    def change(nb: NotebookNode) -> None:
        cells = [cell for cell in nb.cells if old in cell.source]
        assert cells, old
        for cell in cells:
            cell.source = cell.source.replace(old, new)

    return change


def add_output(output: NotebookNode) -> Change:
    return lambda nb: nb.cells[4].outputs.append(output)


def printed(text: str, name: str = "stdout") -> Change:
    return add_output(new_output("stream", name=name, text=text))


# Rule broken, and a change to the good notebook that breaks it and no other.
BAD: list[tuple[str, str, Change]] = [
    ("executed_in_order", "not run", lambda nb: nb.cells[3].__setitem__("execution_count", None)),
    ("executed_in_order", "run twice", lambda nb: nb.cells[4].__setitem__("execution_count", 9)),
    ("has_outputs", "print", lambda nb: nb.cells[4].outputs.clear()),
    ("has_outputs", "figure", lambda nb: nb.cells[2].outputs.clear()),
    ("no_errors", "error", add_output(new_output("error", ename="E", evalue="", traceback=[]))),
    ("no_errors", "warning", printed("UserWarning: hm", name="stderr")),
    ("small_file", "large", printed("a" * 500_001)),
    ("figures_described", "no alt", lambda nb: nb.cells[2].metadata.mystnb.pop("image")),
    ("figures_described", "no caption", lambda nb: nb.cells[2].metadata.mystnb.pop("figure")),
    (
        "figures_described",
        "short alt",
        lambda nb: nb.cells[2].metadata.mystnb.image.update(alt="x"),
    ),
    ("figures_described", "two", lambda nb: nb.cells[2].outputs.append(nb.cells[2].outputs[0])),
    ("short_cells", "16 lines", set_source(3, "assert 1\n" * 16)),
    ("no_star_import", "star", set_source(3, "from math import *\nassert 1")),
    ("no_addresses", "address", printed("<object at 0x7f3a12345678>")),
    ("no_widget_state", "saved", lambda nb: nb.metadata.__setitem__("widgets", {})),
    (
        "no_widget_state",
        "live only",
        add_output(
            new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})
        ),
    ),
    ("same_setup_cell", "edited", lambda nb: nb.cells[1].__setitem__("source", "import sys")),
    ("follows_template", "no title", replace_source("# Title", "Title")),
    ("follows_template", "no minutes", replace_source("**Minutes**", "Minutes")),
    ("follows_template", "no section", replace_source("## By hand", "## Something else")),
    ("follows_template", "no label", replace_source("(eq-made-up)", "")),
    ("follows_template", "no slides", replace_source("**Slides**", "Slides")),
    ("follows_template", "no citation", replace_source("{cite}", "cite")),
    ("follows_template", "order", lambda nb: nb.cells.append(nb.cells.pop(5))),
    ("checks_itself", "no assert", set_source(3, "x = 2")),
    ("exercise_has_help", "no exercise", replace_source("{exercise}", "{note}")),
    ("exercise_has_help", "one hint", replace_source("Hint 2", "More")),
    ("exercise_has_help", "open solution", replace_source(":class: dropdown\n", "")),
    (
        "chapters_that_are_there",
        "none",
        replace_source("## The question", "Chapter 98.\n\n## The question"),
    ),
    (
        "chapters_that_are_there",
        "one of several",
        replace_source("## The question", "See chapters 3 to 98.\n\n## The question"),
    ),
    ("no_machine_path", "in code", set_source(3, "assert open('/home/me/a')")),
    ("no_machine_path", "in output", printed("saved to /tmp/a.png")),
]


@pytest.mark.parametrize(("rule", "what", "change"), BAD, ids=lambda value: str(value)[:20])
def test_rule_refuses_bad_notebook(rule, what, change):
    notebook = copy.deepcopy(good())
    change(notebook)
    assert list(notebook_rules.broken(notebook)) == [rule]


def test_every_rule_has_a_bad_notebook():
    assert {rule for rule, _, _ in BAD} == set(RULES)


def test_error_that_is_meant_is_allowed():
    notebook = good()
    notebook.cells[4].outputs.append(new_output("error", ename="E", evalue="", traceback=[]))
    notebook.cells[4].metadata["tags"] = ["raises-exception"]
    assert notebook_rules.broken(notebook) == {}
