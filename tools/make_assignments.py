"""Make the assignments: from one source each a student version, a solution version and an autograder.

python tools/make_assignments.py                        # all of them, into _build/assignments/
python tools/make_assignments.py 01_forward_process     # one

The source is a folder: assignment.md, with a line <!-- question: NAME, N points --> where a question
stands, and questions/NAME.py, one exercise each with its statement, its reference and the known
mistakes. otter-grader does the rest.

The library itself goes with the autograder, as a wheel that is made here of this tree, without a network:
what an image for grading installs is what the assignment was made with, whether or not the course has a
published address. Where it has none, students get the wheel as well.

The Python that makes an assignment is the one that grades it: a note beside the questions says so to
md.check.hand_in, and an image for grading gets the same version.
"""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import io
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import jupytext
import nbformat
import notebook_file
import setup_cell
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from minidiff.check.answers import SUFFIX, write_sheet
from minidiff.check.bank import load
from minidiff.check.exercise import Exercise
from minidiff.check.graded import versions

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "assignments"
OUT = ROOT / "_build" / "assignments"

QUESTION = re.compile(r"^<!-- question: (\w+), (\d+) points -->$", re.MULTILINE)
SHIPPED = ("cases", "observed")  # decorators of what students get of a question's file
IMAGE = "/autograder/source"  # where Gradescope and otter-grader unpack autograder.zip
PYTHON = sys.version_info[:2]
VISIBLE_SHARE = 0.5  # of a question's points; the rest is for inputs that students do not have


# ---- the master notebook ---------------------------------------------------------------------


def master(folder: Path) -> NotebookNode:
    """The notebook that otter-grader takes apart: text, questions, solutions and tests."""
    version, address = setup_cell.settings()
    text = (folder / "assignment.md").read_text(encoding="utf-8")
    cells = [new_raw_cell(configuration())]
    for cell in jupytext.reads(text, fmt="md").cells:
        if cell.cell_type == "markdown":
            cells += with_questions(cell.source, folder)
        else:
            cells.append(cell)
    first = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    cells.insert(first, new_code_cell(setup_cell.source(version, address)))
    metadata = {"kernelspec": notebook_file.KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def configuration() -> str:
    """The raw cell that tells otter-grader what to make."""
    settings = {
        "init_cell": False,
        "export_cell": False,
        "check_all_cell": False,
        "autograder_files": ["questions"],
        "requirements": "requirements.txt",
        "python_version": f"{PYTHON[0]}.{PYTHON[1]}",
        "tests": {"files": True, "ok_format": False},
        "generate": {"plugins": ["minidiff.check.graded.otter_plugin.DefinitionsOnly"]},
        "run_tests": False,  # the tests of the course grade the solution, beside flawed ones
    }
    return "# ASSIGNMENT CONFIG\n" + yaml.safe_dump(settings, sort_keys=False)


def with_questions(text: str, folder: Path) -> Iterator[NotebookNode]:
    """Text, and in the place of each marker the cells of its question."""
    parts = QUESTION.split(text)
    for before, name, points in zip(
        parts[::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True
    ):
        if before.strip():
            yield new_markdown_cell(before.strip())
        if name:
            yield from question(load(folder / "questions" / f"{name}.py"), int(points))


def question(exercise: Exercise, points: int) -> Iterator[NotebookNode]:
    """The cells of a question: statement, solution, a visible and a hidden test, and the check."""
    name = exercise.name
    yield new_raw_cell(f"# BEGIN QUESTION\nname: {name}\npoints: {points}\ncheck_cell: false")
    yield new_markdown_cell(
        f"### `{name}` ({points} points)\n\n{exercise.statement.strip()}\n\n"
        f"Write `{exercise.signature}`."
    )
    yield new_raw_cell("# BEGIN SOLUTION")
    yield new_code_cell(marked_solution(exercise))
    yield new_raw_cell("# END SOLUTION")
    yield new_raw_cell("# BEGIN TESTS")
    seen = round(points * VISIBLE_SHARE)
    yield new_code_cell(test(name, "visible", seen))
    yield new_code_cell(test(name, "hidden", points - seen))
    yield new_raw_cell("# END TESTS")
    yield new_raw_cell("# END QUESTION")
    yield new_code_cell(f"md.check({name})")


def marked_solution(exercise: Exercise) -> str:
    """The reference with marks around what students have to write: all below the docstring."""
    solution = exercise.solution
    assert solution is not None
    source = textwrap.dedent(inspect.getsource(solution))
    made = ast.parse(source).body[0]
    assert isinstance(made, (ast.FunctionDef, ast.ClassDef))
    body = made.body
    has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    first = body[1] if has_docstring else body[0]
    lines = [re.sub(r"  # (type: ignore|noqa).*", "", line) for line in source.splitlines()]
    indent = " " * first.col_offset
    start = first.lineno - 1
    while start > 0 and lines[start - 1].lstrip().startswith("#"):  # a comment above it
        start -= 1
    head = signature(made)
    docstring = lines[body[0].lineno - 1 : body[0].end_lineno] if has_docstring else []
    marked = [head, *docstring, f"{indent}# BEGIN SOLUTION"]
    return "\n".join([*marked, *lines[start:], f"{indent}# END SOLUTION"])


def signature(made: ast.FunctionDef | ast.ClassDef) -> str:
    """The line that starts a definition; types are left out, for their names need imports."""
    if isinstance(made, ast.ClassDef):
        return f"class {made.name}({', '.join(map(ast.unparse, made.bases))}):"
    for argument in (*made.args.args, *made.args.kwonlyargs):
        argument.annotation = None
    return f"def {made.name}({ast.unparse(made.args)}):"


def test(name: str, kind: str, points: int) -> str:
    """A test in otter-grader's format."""
    hidden = "true" if kind == "hidden" else "false"
    return (
        f'""" # BEGIN TEST CONFIG\nname: {name}, {kind}\npoints: {points}\nhidden: {hidden}\n'
        f'""" # END TEST CONFIG\n'
        f"def test_{kind}({name}):\n"
        f"    from minidiff.check.graded import grading\n\n"
        f'    grading.{kind}({name}, "questions/{name}.py")'
    )


# ---- what students get of a question's file --------------------------------------------------


def stripped(source: str) -> str:
    """A question's file without its reference, right variants and mistakes.

    What stays is the exercise's description, the functions that make and observe the cases, and
    whatever these use.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    kept: dict[int, ast.stmt] = {}
    wanted = ["EXERCISE"]
    for i, node in enumerate(tree.body):
        if decorated(node, SHIPPED) or (i == 0 and isinstance(node, ast.Expr)):
            kept[i] = node
            wanted += names_in(node)
    while wanted:
        name = wanted.pop()
        for i, node in enumerate(tree.body):
            if i not in kept and name in defined(node) and not decorated(node):
                kept[i] = node
                wanted += names_in(node)
    kept |= {i: n for i, n in enumerate(tree.body) if is_future(n)}
    used = {name for i in kept for name in names_in(kept[i])}
    text, before = "", None
    for i in sorted(kept):
        node, is_import = kept[i], isinstance(kept[i], (ast.Import, ast.ImportFrom))
        if isinstance(node, ast.ImportFrom) and not is_future(node):
            node.names = [a for a in node.names if (a.asname or a.name) in used]
            piece = ast.unparse(node)
        else:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            piece = "\n".join(lines[first - 1 : node.end_lineno])
        gap = "" if before is None else "\n\n" if is_import else "\n\n\n"
        text += ("\n" if before == "import" and is_import else gap) + piece
        before = "import" if is_import else "other"
    return text + "\n"


def decorated(node: ast.stmt, kinds: tuple[str, ...] | None = None) -> bool:
    """Whether it carries @EXERCISE.…: any, or one of the kinds."""
    for decorator in getattr(node, "decorator_list", []):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "EXERCISE":
            return kinds is None or called.attr in kinds
    return False


def is_future(node: ast.stmt) -> bool:
    """Whether it is an import from __future__."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def defined(node: ast.stmt) -> set[str]:
    """The names that a statement of the module defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(a.asname or a.name).partition(".")[0] for a in node.names}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return set()


def names_in(node: ast.stmt) -> list[str]:
    """All names that a statement uses."""
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]


# ---- the three versions ----------------------------------------------------------------------


def build(folder: Path, out: Path) -> None:
    """Make the versions of one assignment: out/student, out/solution, out/autograder.zip."""
    shutil.rmtree(out, ignore_errors=True)
    work = out / "work"
    work.mkdir(parents=True)
    file = work / f"{folder.name}.ipynb"
    nbformat.write(master(folder), file)
    shutil.copytree(folder / "questions", work / "questions", ignore=shutil.ignore_patterns("__*"))
    (work / "questions" / versions.NOTE).write_text(versions.note(PYTHON), encoding="utf-8")
    (work / "requirements.txt").write_text(requirement(), encoding="utf-8")
    made = work / "made"
    assign(file, made)
    student, solution = out / "student", out / "solution"
    student.mkdir()
    solution.mkdir()
    tidy(made / "student" / file.name, student / file.name)
    tidy(made / "autograder" / file.name, solution / file.name)
    shutil.copytree(work / "questions", solution / "questions")
    (student / "questions").mkdir()
    shutil.copy(work / "questions" / versions.NOTE, student / "questions")
    for source in sorted((folder / "questions").glob("[!_]*.py")):
        text = stripped(source.read_text(encoding="utf-8"))
        (student / "questions" / source.name).write_text(text, encoding="utf-8")
        write_sheet(load(source), student / "questions" / f"{source.stem}{SUFFIX}")
    shutil.copy(next((made / "autograder").glob("*.zip")), out / "autograder.zip")
    with zipfile.ZipFile(out / "autograder.zip", "a") as packed:
        packed.write(wheel(), wheel().name)
    if not setup_cell.settings()[1]:  # the set-up cell then has nowhere to install from
        shutil.copy(wheel(), student / wheel().name)
    shutil.rmtree(work)


def assign(file: Path, made: Path) -> None:
    """Have otter-grader take a master notebook apart.

    Raises:
        RuntimeError: If it cannot.
    """
    from otter.assign import main as otter_assign  # here: it takes seconds

    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            otter_assign(str(file), str(made), no_run_tests=True)
    except Exception as error:
        raise RuntimeError(f"otter assign failed on {file.stem}:\n{said.getvalue()}") from error


def tidy(source: Path, target: Path) -> None:
    """Copy a notebook without the marks that otter-grader left in it."""
    notebook = nbformat.read(source, as_version=4)
    notebook.metadata = {"kernelspec": notebook_file.KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.metadata = NotebookNode()
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            cell.source = "\n".join(
                line for line in lines if line.strip() not in ("# BEGIN SOLUTION", "# END SOLUTION")
            )
    nbformat.write(notebook, target)


def requirement() -> str:
    """What the autograder's image has to install: the wheel that lies in the zip, with the tools for grading.

    By its path, for another project may have the library's name in the package index.
    """
    return f"minidiff[grading] @ file://{IMAGE}/{wheel().name}\n"


@functools.cache
def wheel() -> Path:
    """The library as a wheel, made of this tree once a run, without a network.

    Raises:
        RuntimeError: If it cannot be made; the words are pip's.
    """
    folder = tempfile.TemporaryDirectory(prefix="minidiff-wheel-")
    _folders.append(folder)
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        *offline,
        "--wheel-dir",
        folder.name,
    ]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"no wheel of the library could be made; it needs hatchling, which make setup installs:\n"
            f"{done.stdout}{done.stderr}"
        )
    (made,) = Path(folder.name).glob("minidiff-*.whl")
    return made


_folders: list[tempfile.TemporaryDirectory] = []  # each is taken away at the end of the program


def main() -> int:
    """Make those that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="folders in assignments/ (all)")
    parser.add_argument("--out", type=Path, default=OUT, help="where to (_build/assignments)")
    given = parser.parse_args()
    there = sorted(path.parent.name for path in SOURCES.glob("*/assignment.md"))
    for name in given.names or there:
        if name not in there:
            print(f"there is no assignment {name!r}; there are {', '.join(there)}")
            return 1
        build(SOURCES / name, given.out / name)
        print(f"{given.out / name}: student, solution, autograder.zip", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
