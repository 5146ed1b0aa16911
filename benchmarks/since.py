"""How much faster and smaller is the library than an earlier commit of it? Both in turn, in one run.

python -m benchmarks.since                    # against the commit that issue and changelog quote
python -m benchmarks.since HEAD~3 --rounds 5
python -m benchmarks.since --only "draw"      # the tasks whose name says so

Each figure comes from a process of its own, and a round runs both commits one after the other, so that
whatever else the machine does falls on both. A ratio is one of two figures of one round; the table has its
median over the rounds with the smallest and the largest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.before import BEFORE, ROOT
from benchmarks.what_it_costs import NEW, TASKS
from minidiff.base.progress import with_bar

CODE = Path(__file__).with_name("what_it_costs.py")
MB = 1e6
Figures = dict[str, list[dict[str, Any]]]
# Two tasks, and how many times the work of one the other does for each picture
GROWTH = (
    ("call at 32", "call at 16", 1.0),
    ("call at 64", "call at 32", 1.0),
    ("call at 128", "call at 64", 1.0),
    ("call at 128, patches of 2", "call at 64", 1.0),
    ("call at 64", "call at 64, half a batch", 1.0),
    ("draw digits", "draw a quarter of the digits", 1.0),
    ("draw digits", "draw digits, a fifth of the steps", 5.0),
)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit, for a while."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "old"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, commit], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def cost(folder: Path, task: str) -> dict[str, Any]:
    """What a task costs with the library in that folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, str(CODE), task]
    said = subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, Any] = json.loads(said.stdout)
    return figures


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.since",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("commit", nargs="?", default=BEFORE, help=f"to compare with ({BEFORE})")
    parser.add_argument("--rounds", type=int, default=3, help="of both commits (3)")
    parser.add_argument("--only", default="", help="tasks whose name has this in it")
    chosen = parser.parse_args()
    tasks = [task for task in TASKS if chosen.only in task]
    print(f"{chosen.commit} and now, {chosen.rounds} rounds; load {os.getloadavg()[0]:.1f}")
    figures: dict[str, Figures] = {task: {"before": [], "now": []} for task in tasks}
    with checked_out(chosen.commit) as old:
        rounds = [(task, number) for task in tasks for number in range(chosen.rounds)]
        for task, _ in with_bar(rounds, True, "comparing", "round"):
            if task not in NEW:
                figures[task]["before"].append(cost(old, task))
            figures[task]["now"].append(cost(ROOT, task))
    print(table(figures))
    print(growth({task: both["now"] for task, both in figures.items()}))


def table(figures: dict[str, Figures]) -> str:
    """A row a task: what each commit takes for one picture (or pixel), its peak, and both ratios."""
    lines = [f"{'':36}{'µs each':>22}{'times as fast':>22}{'peak, MB':>16}{'ratio':>20}"]
    for task, both in figures.items():
        each = {who: [f["seconds"] / f["done"] * 1e6 for f in list_] for who, list_ in both.items()}
        peak = {who: [f["peak"] / MB for f in list_] for who, list_ in both.items()}
        lines.append(
            f"{task:36}{middle(each['before'], 11, 2)}{middle(each['now'], 11, 2)}"
            f"{ratio(each['before'], each['now']):>22}"
            f"{middle(peak['before'], 8, 0)}{middle(peak['now'], 8, 0)}"
            f"{ratio(peak['now'], peak['before']):>20}"
        )
    return "\n".join(lines)


def growth(now: Figures) -> str:
    """What one picture (or pixel) more costs: 1 where the time grows as the work does."""
    lines = ["", "Time for each, one task over another (1: it grows as the work does):"]
    for large, small, work in GROWTH:
        if now.get(large) and now.get(small):
            each = [
                [figure["seconds"] / figure["done"] / part for figure in now[task]]
                for task, part in ((large, work), (small, 1.0))
            ]
            lines.append(f"  {large} / {small}: {ratio(*each)}")
    return "\n".join(lines) if len(lines) > 2 else ""


def middle(values: list[float], width: int, digits: int) -> str:
    """A median, or a dash where a commit could not do the task."""
    return f"{median(values):{width}.{digits}f}" if values else f"{'–':>{width}}"


def ratio(a: list[float], b: list[float]) -> str:
    """The median of a / b, round by round, with the smallest and the largest."""
    ratios = [x / y for x, y in zip(a, b, strict=False)]
    if not ratios:
        return "–"
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


if __name__ == "__main__":
    main()
