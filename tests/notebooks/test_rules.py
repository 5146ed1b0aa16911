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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_title_says_the_number_of_the_file(path):
    title = notebook_rules.title(read(path))
    if title["chapter"]:
        assert int(title["chapter"]) == int(path.stem[:2])
    else:
        assert path.stem.startswith(f"appendix_{title['appendix'].lower()}_")
    assert path.stem.endswith("_further") == notebook_rules.goes_further(read(path))


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
        "tags": ["hide-input"],
        "mystnb": {
            "image": {"alt": "A line that falls from one to zero"},
            "figure": {"caption": "A line.", "name": "fig-line"},
        },
    }
    cells = [
        new_code_cell(
            setup_cell.source(*setup_cell.settings()),
            outputs=[new_output("stream", name="stdout", text="minidiff 0.1.0 on cpu\n")],
            metadata={"tags": ["hide-cell"]},
        ),
        new_code_cell("plt.plot(x)\nplt.show()", outputs=[picture], metadata=described),
        new_code_cell("assert 1 + 1 == 2", metadata={"tags": ["remove-cell"]}),
        new_code_cell("print(2)", outputs=[new_output("stream", name="stdout", text="2\n")]),
        new_code_cell("answer = 3", metadata={"tags": ["hide-cell"]}),
    ]
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
    head = "# 3. Title\n\n**Objectives** a **Prerequisites** b **Minutes** 1"
    texts = [new_markdown_cell(text) for text in [head, *sections]]
    answer = new_markdown_cell(":::{dropdown} The answer\nThree.\n:::")
    return new_notebook(cells=[texts[0], *cells[:4], *texts[1:6], cells[4], answer, *texts[6:]])


def further() -> NotebookNode:
    """A made-up page that goes further than a chapter, and keeps every rule."""
    notebook = good()
    notebook.cells = notebook.cells[:5]
    notebook.cells[0].source = "# 3. Going further: more\n\n**Prerequisites** b **Minutes** 1"
    return notebook


def test_a_page_that_goes_further_needs_no_template():
    assert notebook_rules.broken(further()) == {}
    short = further()
    short.cells[0].source = "# 3. Going further: more\n\n**Prerequisites** b"
    assert list(notebook_rules.broken(short)) == ["follows_template"]


def test_an_appendix_may_open_with_words():
    notebook = good()
    notebook.cells[0].source = notebook.cells[0].source.replace("# 3. Title", "# Appendix B: title")
    notebook.cells.insert(1, new_markdown_cell("word " * 200))
    assert notebook_rules.broken(notebook) == {}


def test_what_is_in_a_solution_is_folded_already():
    notebook = good()
    notebook.cells[3].metadata["tags"] = []
    notebook.cells.insert(3, new_markdown_cell(":::{solution-start} ex-a\n:::"))
    notebook.cells.insert(5, new_markdown_cell(":::{solution-end}\n:::"))
    assert notebook_rules.broken(notebook) == {}


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


def tagged_with(index: int, *tags: str) -> Change:
    return lambda nb: nb.cells[index].metadata.__setitem__("tags", list(tags))


def code_before_the_picture(notebook: NotebookNode) -> None:
    notebook.cells.insert(2, new_code_cell("x = 1"))
    for count, cell in enumerate(notebook_rules.code_cells(notebook), start=1):
        cell.execution_count = count


def set_up_in_the_open(notebook: NotebookNode) -> None:
    """In an appendix, which may open with anything else."""
    replace_source("# 3. Title", "# Appendix B: title")(notebook)
    tagged_with(1, "hide-input")(notebook)


def untagged(index: int) -> Change:
    return tagged_with(index)


# Rule broken, and a change to the good notebook that breaks it and no other.
BAD: list[tuple[str, str, Change]] = [
    ("executed_in_order", "not run", lambda nb: nb.cells[3].__setitem__("execution_count", None)),
    ("executed_in_order", "run twice", lambda nb: nb.cells[4].__setitem__("execution_count", 9)),
    ("has_outputs", "print", lambda nb: nb.cells[4].outputs.clear()),
    ("has_outputs", "figure", lambda nb: nb.cells[4].update(source="plt.show()", outputs=[])),
    ("no_errors", "error", add_output(new_output("error", ename="E", evalue="", traceback=[]))),
    ("no_errors", "warning", printed("UserWarning: hm", name="stderr")),
    ("small_file", "large", printed("a" * 1_000_001)),
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
    (
        "no_widget_state",
        "both faces",
        add_output(
            new_output(
                "display_data",
                data={"application/vnd.jupyter.widget-view+json": {}, "text/html": "<p>still</p>"},
            )
        ),
    ),
    ("same_setup_cell", "edited", lambda nb: nb.cells[1].__setitem__("source", "import sys")),
    ("numbered", "no title", replace_source("# 3. Title", "3. Title")),
    ("numbered", "no number", replace_source("# 3. Title", "# Title")),
    (
        "opens_with_something_to_see",
        "many words",
        lambda nb: nb.cells.insert(1, new_markdown_cell("word " * 91)),
    ),
    ("opens_with_something_to_see", "code", code_before_the_picture),
    ("set_up_is_folded", "open", set_up_in_the_open),
    (
        "set_up_is_folded",
        "imports",
        set_source(4, "import math\nimport torch\n\nmd.viz.use_style()\nprint(2)"),
    ),
    ("plotting_is_folded", "open", untagged(2)),
    ("asserts_are_folded", "open", untagged(3)),
    ("asserts_are_folded", "in a loop", set_source(4, "for x in y:\n    assert x\nprint(2)")),
    ("predictions_are_folded", "code", untagged(10)),
    ("predictions_are_folded", "only the code", tagged_with(10, "hide-input")),
    ("predictions_are_folded", "words", replace_source(":::{dropdown} The answer", ":::{note}")),
    ("prints_numbers", "True", printed("equal: True\n")),
    ("prints_numbers", "False", printed("more\n  it is (False).\nmore")),
    ("shown_code_fits", "73 columns", set_source(4, "print(2)" + "#" * 65)),
    (
        "links_say_where_they_lead",
        "a chapter",
        replace_source("## Recap", "## Recap\n\n[Sampling](08_sampling.ipynb) of 18"),
    ),
    (
        "links_say_where_they_lead",
        "an appendix",
        replace_source("## Recap", "## Recap\n\n[the Bound](appendix_b_elbo.ipynb#a)"),
    ),
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
