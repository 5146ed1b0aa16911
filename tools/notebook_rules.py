"""What every notebook of the course must be: one function a rule, each yielding what is wrong.

The tests run every rule on every notebook. `python tools/notebook_rules.py FILE` does so by hand.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import notebook_file
import setup_cell
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
MAX_BYTES = 500_000
MAX_LINES = 15
IMAGE_TYPES = ("image/png", "image/jpeg", "image/svg+xml")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}\b")  # as Python writes one: <object at 0x…>
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|Users|content|mnt|opt)/\w")
CHAPTERS = re.compile(r"\b[Cc]hapters? \d+(?:(?:,| and| to| or) \d+)*")
LABELLED_EQUATION = re.compile(r"\$\$\s*\([\w-]+\)")

# The chapter template: second-level headings that begin with these words, in this order.
SECTIONS = (
    "The question",
    "The equation",
    "By hand",
    "With the library",
    "Predict before you run",
    "Exercise",
    "Recap",
)
HEAD = ("**Objectives**", "**Prerequisites**", "**Minutes**")
RECAP = ("**Slides**", "**Sources**")

Rule = Callable[[NotebookNode], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Add a function to the rules, under its own name."""
    RULES[function.__name__] = function
    return function


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that hold code."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def markdown(notebook: NotebookNode) -> str:
    """All text cells as one text."""
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def where(cell: NotebookNode) -> str:
    """A cell named by its first line."""
    return f"cell {cell.source.strip().splitlines()[0]!r}"


def texts(output: NotebookNode) -> Iterator[str]:
    """The text of an output that a reader or nbval sees; pictures are left out."""
    if output.output_type == "stream":
        yield output.text
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/"):
            yield content


def tree(cell: NotebookNode) -> ast.Module | None:
    """The syntax tree of a cell, or None where it uses IPython's own syntax."""
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return None


def shows_something(cell: NotebookNode) -> bool:
    """Whether a cell prints, shows or displays at its top level, and so must have an output."""
    for statement in getattr(tree(cell), "body", []):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            function = statement.value.func
            name = getattr(function, "id", getattr(function, "attr", ""))
            if name in ("print", "display", "show", "show_grid"):
                return True
    return False


@rule
def executed_in_order(notebook: NotebookNode) -> Iterator[str]:
    """Run from top to bottom in a fresh kernel, so that the counts are 1, 2, 3 and so on."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}: run it again with `make notebooks`"


@rule
def has_outputs(notebook: NotebookNode) -> Iterator[str]:
    """What a cell prints or shows is stored: nbval compares only what is stored."""
    for cell in code_cells(notebook):
        if shows_something(cell) and not cell.outputs:
            yield f"{where(cell)} shows something, and no output is stored"


@rule
def no_errors(notebook: NotebookNode) -> Iterator[str]:
    """No traceback, unless the cell is tagged as one that is meant to raise; no warnings."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            meant = "raises-exception" in cell.metadata.get("tags", [])
            if output.output_type == "error" and not meant:
                yield f"{where(cell)} holds the error {output.ename}"
            if output.get("name") == "stderr":
                yield f"{where(cell)} wrote to stderr: {output.text[:80]!r}"


@rule
def small_file(notebook: NotebookNode) -> Iterator[str]:
    """At most 500 kB."""
    size = len(notebook_file.text(notebook).encode())
    if size > MAX_BYTES:
        yield f"the file has {size} bytes, more than {MAX_BYTES}"


@rule
def figures_described(notebook: NotebookNode) -> Iterator[str]:
    """One picture a cell, with alt text and a caption in the cell's metadata."""
    for cell in code_cells(notebook):
        pictures = [o for o in cell.outputs if any(k in o.get("data", {}) for k in IMAGE_TYPES)]
        if not pictures:
            continue
        if len(pictures) > 1:
            yield f"{where(cell)} shows {len(pictures)} pictures, which would share one alt text"
        shown = cell.metadata.get("mystnb", {})
        if len(shown.get("image", {}).get("alt", "").split()) < 4:
            yield f"{where(cell)} needs its picture in words: metadata mystnb.image.alt"
        if not shown.get("figure", {}).get("caption", "").strip():
            yield f"{where(cell)} needs a caption: metadata mystnb.figure.caption"


@rule
def short_cells(notebook: NotebookNode) -> Iterator[str]:
    """At most 15 lines in a code cell."""
    for cell in code_cells(notebook):
        lines = len(cell.source.splitlines())
        if lines > MAX_LINES:
            yield f"{where(cell)} has {lines} lines, more than {MAX_LINES}"


@rule
def no_star_import(notebook: NotebookNode) -> Iterator[str]:
    """No `import *`: a reader must see where a name comes from."""
    for cell in code_cells(notebook):
        if re.search(r"^\s*from\s+\S+\s+import\s+\*", cell.source, re.MULTILINE):
            yield f"{where(cell)} imports *"


@rule
def no_addresses(notebook: NotebookNode) -> Iterator[str]:
    """No memory address in an output: it would be another one in the next run."""
    for cell in code_cells(notebook):
        if any(ADDRESS.search(text) for output in cell.outputs for text in texts(output)):
            yield f"{where(cell)} shows a memory address"


@rule
def no_widget_state(notebook: NotebookNode) -> Iterator[str]:
    """No saved widget state, and no live widget without an HTML twin for the page."""
    if "widgets" in notebook.metadata:
        yield "metadata.widgets is saved: run it again with `make notebooks`"
    for cell in code_cells(notebook):
        for data in (output.get("data", {}) for output in cell.outputs):
            if any("widget-view" in kind for kind in data) and "text/html" not in data:
                yield f"{where(cell)} shows a live widget that the page cannot show"


@rule
def same_setup_cell(notebook: NotebookNode) -> Iterator[str]:
    """The first code cell is the set-up cell, with this version and address."""
    if setup_cell.find(notebook).source != setup_cell.source(*setup_cell.settings()):
        yield "the first code cell is not the set-up cell: run `make publish-config`"


@rule
def follows_template(notebook: NotebookNode) -> Iterator[str]:
    """A chapter's parts are all there, in their order."""
    text = markdown(notebook)
    first = notebook.cells[0].source if notebook.cells[0].cell_type == "markdown" else ""
    if not first.startswith("# "):
        yield "the first cell has to be the chapter's title and head"
    yield from (f"the head has no {part}" for part in HEAD if part not in first)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    found = [s for h in headings for s in SECTIONS if h.startswith(s)]
    missing = [s for s in SECTIONS if s not in found]
    if missing:
        yield f"headings are missing: {missing}"
    elif list(dict.fromkeys(found)) != list(SECTIONS):
        yield f"headings are out of order: {found}"
    recap = text.rpartition("\n## Recap")[2]
    yield from (f"the recap has no {part}" for part in RECAP if part not in recap)
    if "{cite" not in recap:
        yield "the recap cites no source"
    if not LABELLED_EQUATION.search(text):
        yield "no equation has a label: $$ … $$ (eq-name)"


@rule
def checks_itself(notebook: NotebookNode) -> Iterator[str]:
    """The version by hand is asserted to equal the library's."""
    if not any(re.search(r"^\s*assert ", c.source, re.MULTILINE) for c in code_cells(notebook)):
        yield "no cell asserts anything"


@rule
def exercise_has_help(notebook: NotebookNode) -> Iterator[str]:
    """An exercise comes with graded hints and a folded solution."""
    text = markdown(notebook)
    if not re.search(r"\{exercise(-start)?\}", text):
        yield "there is no {exercise}"
    hints = len(re.findall(r"\{dropdown\} Hint", text))
    if hints < 2:
        yield f"there are {hints} hints ({{dropdown}} Hint 1, …): give at least two"
    solutions = re.findall(r"\{solution(?:-start)?\}[^\n]*\n((?::.*\n)*)", text)
    if not any(":class: dropdown" in options for options in solutions):
        yield "there is no {solution} with `:class: dropdown`"


@rule
def no_machine_path(notebook: NotebookNode) -> Iterator[str]:
    """No path of the machine it was written on."""
    for cell in notebook.cells:
        outputs = [text for output in cell.get("outputs", []) for text in texts(output)]
        for text in [cell.source, *outputs]:
            if match := MACHINE_PATH.search(text):
                yield f"{where(cell)} holds the path {match[0]!r}…"


@rule
def chapters_that_are_there(notebook: NotebookNode) -> Iterator[str]:
    """A chapter that is not written yet is said to be to come, in the same sentence."""
    there = {int(p.name[:2]) for p in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")}
    for sentence in re.split(r"(?<=[.?!])\s|\n", markdown(notebook)):
        for named in CHAPTERS.finditer(sentence):
            first, *others = map(int, re.findall(r"\d+", named[0]))
            missing = {*range(first, max([first, *others]) + 1)} - there
            if missing and "to come" not in sentence:
                yield f"chapter {min(missing)} is not there, and not said to be to come: {sentence[:80]!r}"


def broken(notebook: NotebookNode) -> dict[str, list[str]]:
    """Every rule that a notebook breaks, with what is wrong."""
    found = {name: list(check(notebook)) for name, check in RULES.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def main(paths: list[str]) -> int:
    """Print what is wrong with the notebooks named, or with all; the number of broken rules."""
    count = 0
    for path in map(Path, paths) if paths else notebook_file.all_notebooks():
        for name, wrong in broken(notebook_file.read(path)).items():
            count += 1
            print(*(f"{path}: {name}: {line}" for line in wrong), sep="\n")
    return count


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
