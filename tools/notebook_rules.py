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
MAX_BYTES = 1_000_000
MAX_LINES = 15
MAX_COLUMNS = 72  # of code that is shown: more would scroll in a page's column
MAX_WORDS = 90  # before the first picture
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

# A chapter, an appendix, or the page that goes deeper than a chapter does.
TITLE = re.compile(r"# (?:(?P<chapter>\d+)\.|Appendix (?P<appendix>[A-Z]):) (?P<name>.+)")
FURTHER = "Going further"
LINK = re.compile(
    r"(?<!!)\[([^\]]+)\]\((?:\.\./notebooks/)?(\d\d|appendix_[a-z])_\w+\.ipynb(?:#[^)]*)?\)"
)

# Tags of cells whose code waits behind a click, or is left out of the page.
CODE_AWAY = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
ALL_AWAY = {"hide-cell", "remove-cell"}
OUTPUT_AWAY = {"remove-output", "remove-cell"}

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


def tagged(cell: NotebookNode, tags: set[str]) -> bool:
    """Whether a cell has one of these tags."""
    return not tags.isdisjoint(cell.metadata.get("tags", []))


def title(notebook: NotebookNode) -> re.Match[str] | None:
    """The first line, if it is a title as it should be."""
    first = notebook.cells[0]
    return TITLE.match(first.source) if first.cell_type == "markdown" else None


def goes_further(notebook: NotebookNode) -> bool:
    """Whether it is the page below a chapter, for those who want more."""
    found = title(notebook)
    return found is not None and found["name"].startswith(FURTHER)


def in_the_open(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The code cells outside solutions, which are folded as a whole."""
    solving = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "{solution-start}" in cell.source:
            solving = True
        if cell.cell_type == "markdown" and "{solution-end}" in cell.source:
            solving = False
        if cell.cell_type == "code" and cell.source.strip() and not solving:
            yield cell


def section(notebook: NotebookNode, heading: str) -> list[NotebookNode]:
    """The cells under a second-level heading that begins with these words."""
    found, inside = [], False
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            inside = cell.source.startswith(f"## {heading}")
        if inside:
            found.append(cell)
    return found


def is_picture(output: NotebookNode) -> bool:
    """Whether a cell shows a figure or an interactive there."""
    return any(kind in output.get("data", {}) for kind in (*IMAGE_TYPES, "text/html"))


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
    """At most a megabyte."""
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
    """No saved widget state, and of no live widget more than its HTML twin, which the page shows."""
    if "widgets" in notebook.metadata:
        yield "metadata.widgets is saved: run it again with `make notebooks`"
    for cell in code_cells(notebook):
        for data in (output.get("data", {}) for output in cell.outputs):
            if any("widget-view" in kind for kind in data):
                what = "holds a kernel's widget" if "text/html" in data else "shows a live widget"
                yield f"{where(cell)} {what} that no page can show: run it again with `make notebooks`"


@rule
def same_setup_cell(notebook: NotebookNode) -> Iterator[str]:
    """The first code cell is the set-up cell, with this version and address."""
    if setup_cell.find(notebook).source != setup_cell.source(*setup_cell.settings()):
        yield "the first code cell is not the set-up cell: run `make publish-config`"


@rule
def numbered(notebook: NotebookNode) -> Iterator[str]:
    """The title says which chapter or appendix it is."""
    if title(notebook) is None:
        yield "the first cell has to begin with '# 5. Name' or '# Appendix B: name'"


@rule
def follows_template(notebook: NotebookNode) -> Iterator[str]:
    """A chapter's parts are all there, in their order; a page that goes further has only the head."""
    text = markdown(notebook)
    further = goes_further(notebook)
    head = text.partition("\n## ")[0]
    yield from (f"the head has no {part}" for part in HEAD[further:] if part not in head)
    if further:
        return
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
def opens_with_something_to_see(notebook: NotebookNode) -> Iterator[str]:
    """A few words, then a picture or something to move, before objectives and set-up are read."""
    found = title(notebook)
    if found is None or found["appendix"] or goes_further(notebook):
        return
    words = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words += len(cell.source.split())
        elif not tagged(cell, ALL_AWAY):
            if not any(map(is_picture, cell.outputs)):
                yield f"{where(cell)} comes before the first picture, and is not folded (hide-cell)"
            elif words > MAX_WORDS:
                yield f"{words} words come before the first picture, more than {MAX_WORDS}"
            return


@rule
def set_up_is_folded(notebook: NotebookNode) -> Iterator[str]:
    """The set-up cell and the imports wait behind a click."""
    for cell in code_cells(notebook):
        body = getattr(tree(cell), "body", [])
        imports = [isinstance(statement, ast.Import | ast.ImportFrom) for statement in body]
        mostly = sum(imports) >= 2 and sum(imports) >= len(imports) / 2
        if (mostly or cell is setup_cell.find(notebook)) and not tagged(cell, ALL_AWAY):
            yield f"{where(cell)} is set-up: tag it hide-cell"


@rule
def plotting_is_folded(notebook: NotebookNode) -> Iterator[str]:
    """Code that draws by matplotlib waits behind a click; the figure does not."""
    for cell in in_the_open(notebook):
        draws = "plt." in cell.source and any(map(is_picture, cell.outputs))
        if draws and not tagged(cell, CODE_AWAY):
            yield f"{where(cell)} plots: tag it hide-input"


@rule
def asserts_are_folded(notebook: NotebookNode) -> Iterator[str]:
    """What a cell asserts is for those who look for it, and would give answers away."""
    for cell in in_the_open(notebook):
        if re.search(r"^\s*assert ", cell.source, re.MULTILINE) and not tagged(cell, CODE_AWAY):
            yield f"{where(cell)} asserts: give that a cell of its own, tagged hide-cell or remove-cell"


@rule
def predictions_are_folded(notebook: NotebookNode) -> Iterator[str]:
    """Under "Predict before you run", the answer's code, output and words wait behind a click."""
    after_code = False
    for cell in section(notebook, "Predict before you run"):
        if cell.cell_type == "code":
            after_code = True
            if not tagged(cell, ALL_AWAY):
                yield f"{where(cell)} answers the question above it: tag it hide-cell"
        elif cell.source.startswith("#"):
            after_code = False  # the next question
        elif after_code and not cell.source.startswith(":::{dropdown}"):
            yield f"{where(cell)} tells the answer: fold it with :::{{dropdown}}"


@rule
def prints_numbers(notebook: NotebookNode) -> Iterator[str]:
    """No printed line is a bare True or False, nor ends in one: a reader wants what was measured."""
    for cell in code_cells(notebook):
        if tagged(cell, OUTPUT_AWAY):
            continue
        for output in cell.outputs:
            for line in output.get("text", "").splitlines():
                if re.search(r"\b(?:True|False)\W*$", line):
                    yield f"{where(cell)} prints {line.strip()!r}"


@rule
def shown_code_fits(notebook: NotebookNode) -> Iterator[str]:
    """Code that is shown has at most 72 columns."""
    for cell in code_cells(notebook):
        if tagged(cell, CODE_AWAY):
            continue
        for line in cell.source.splitlines():
            if len(line) > MAX_COLUMNS:
                yield f"{where(cell)} shows {len(line)} columns, more than {MAX_COLUMNS}: {line.strip()!r}"


@rule
def links_say_where_they_lead(notebook: NotebookNode) -> Iterator[str]:
    """The words of a link to a chapter or an appendix hold its number or letter."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for words, target in LINK.findall(cell.source):
            name = str(int(target)) if target.isdigit() else target[-1].upper()
            if not re.search(rf"\b{name}\b", words):
                yield f"the link [{words}] has to name {name}, as in [chapter {name}] or [appendix {name}]"


@rule
def checks_itself(notebook: NotebookNode) -> Iterator[str]:
    """The version by hand is asserted to equal the library's."""
    if not any(re.search(r"^\s*assert ", c.source, re.MULTILINE) for c in code_cells(notebook)):
        yield "no cell asserts anything"


@rule
def exercise_has_help(notebook: NotebookNode) -> Iterator[str]:
    """An exercise comes with graded hints and a folded solution; a page that goes further may have none."""
    text = markdown(notebook)
    if not re.search(r"\{exercise(-start)?\}", text):
        if goes_further(notebook):
            return
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
