"""Does grading a whole class finish, and is nothing lost?

python -m benchmarks.grading                 # 100 submissions, four at a time: half an hour
python -m benchmarks.grading --n 10 --jobs 2

The submissions are made from an assignment's solution: each question is left as it is, emptied or
answered wrongly, as a seed decides, so the points that each should get are known. In the first one a cell
never ends, in the second one a question, and the third is no notebook.
"""

from __future__ import annotations

import argparse
import copy
import random
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import grade  # noqa: E402  the maintainers' scripts are no package
import make_assignments  # noqa: E402

WRONG = {"empty": "...", "wrong": "return 0", "endless": "while True: pass"}


def main() -> int:
    """Grade, and print the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.grading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--n", type=int, default=100, help="submissions (100)")
    parser.add_argument("--jobs", type=int, default=4, help="how many at a time (4)")
    parser.add_argument("--name", default="01_forward_process", help="assignment (the first)")
    parser.add_argument("--seed", type=int, default=0, help="decides the answers (0)")
    chosen = parser.parse_args()
    source = make_assignments.SOURCES / chosen.name
    text = (source / "assignment.md").read_text(encoding="utf-8")
    points = {name: int(of) for name, of in make_assignments.QUESTION.findall(text)}

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_assignments.build(source, work / "built")
        solution = nbformat.read(work / "built" / "solution" / f"{chosen.name}.ipynb", 4)
        expected = {}
        for i in range(chosen.n):
            name = f"student_{i:03}"
            states = answers(i, list(points), random.Random(chosen.seed + i))
            expected[name] = sum(of for q, of in points.items() if states[q] == "right")
            notebook = submission(solution, states)
            if i == 0:
                notebook.cells.append(nbformat.v4.new_code_cell("while True:\n    pass"))
            nbformat.write(notebook, work / f"{name}.ipynb")
        if chosen.n > 2:
            (work / "student_002.ipynb").write_text("no notebook", encoding="utf-8")
            expected["student_002"] = None
        start = time.perf_counter()
        rows = grade.grade_all(
            sorted(work.glob("*.ipynb")),
            work / "built" / "autograder.zip",
            work / "grades",
            jobs=chosen.jobs,
        )
        seconds = time.perf_counter() - start
    got = {row["submission"]: int(row["total"]) if "total" in row else None for row in rows}
    lost = sorted(expected.keys() - got.keys())
    off = {name: (got[name], expected[name]) for name in got if got[name] != expected[name]}
    print(
        f"{len(rows)} submissions of {chosen.name}, {chosen.jobs} at a time: {seconds:.0f} s, "
        f"{seconds * chosen.jobs / len(rows):.1f} s each while {chosen.jobs} run.\n"
        f"lost: {lost or 'none'}; with other points than they should have: {off or 'none'}"
    )
    return int(bool(lost or off))


def answers(i: int, questions: list[str], rng: random.Random) -> dict[str, str]:
    """What a student did with each question."""
    states = {q: rng.choice(("right", "right", "empty", "wrong")) for q in questions}
    if i == 1:
        states[questions[0]] = "endless"
    return states


def submission(solution: NotebookNode, states: dict[str, str]) -> NotebookNode:
    """The solution with some questions undone."""
    notebook = copy.deepcopy(solution)
    for cell in notebook.cells:
        match = re.match(r"def (\w+)\(.*\):\n", cell.source)
        if match and states.get(match[1], "right") != "right":
            cell.source = f"{match[0]}    {WRONG[states[match[1]]]}"
    return notebook


if __name__ == "__main__":
    sys.exit(main())
