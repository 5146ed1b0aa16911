"""Print every budget of the design beside what this machine needs: python -m benchmarks.budgets.

Nothing here fails: a slow machine is not a bug. Each row says what was measured, the budget and
whether it holds. ``--training`` adds the four minutes of training from nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MATHJAX = "mathjax"  # its folder


@dataclass
class Row:
    """One line of the table: what was measured, the figure, the budget, and its unit."""

    what: str
    measured: float
    budget: float
    unit: str

    def __str__(self) -> str:
        verdict = "holds" if self.measured <= self.budget else "OVER"
        figure = f"{self.measured:.3g} {self.unit}"
        return f"{self.what:<58} {figure:>12}   budget {self.budget:g} {self.unit:<3} {verdict}"


def run(command: list[str]) -> tuple[float, float]:
    """Run a command; give the seconds it took and the peak memory of its largest process in GB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-2000:]}")
    return seconds, peak_gigabytes(usage)


def peak_gigabytes(usage: resource.struct_rusage) -> float:
    """Peak memory of a process and of those it waited for (kilobytes on Linux, bytes on macOS)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e9


def import_time() -> Iterator[Row]:
    """The time of `import minidiff` beyond that of `import torch`, median of alternating pairs."""
    extra = []
    for _ in range(7):
        torch_alone, _ = run([sys.executable, "-c", "import torch"])
        ours, _ = run([sys.executable, "-c", "import minidiff"])
        extra.append(ours - torch_alone)
    yield Row("import minidiff, beyond import torch", statistics.median(extra), 0.15, "s")


def sampling_time() -> Iterator[Row]:
    """The time of DDIM-50 for 100 digits with the shipped weights."""
    import torch

    import minidiff as md

    net, schedule = md.load("digits16")
    y = torch.arange(100) % 10
    # Guidance asks the network twice a step, so it has twice the budget.
    for what, w, budget in (("", 0.0, 5), (", guided", 1.0, 10)):
        eps_model = md.classifier_free_guidance(net, y, w=w)
        generator = torch.Generator().manual_seed(0)
        start = time.perf_counter()
        md.ddim_sample(eps_model, schedule, (100, 1, 16, 16), clip=True, generator=generator)
        yield Row(f"DDIM-50 of 100 digits{what}", time.perf_counter() - start, budget, "s")


def notebooks() -> Iterator[Row]:
    """Time, memory and size of every notebook, and the time of all of them in one process."""
    seconds = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        taken, memory = run([sys.executable, "-m", "pytest", "-q", "--nbval", str(path)])
        seconds.append(taken)
        yield Row(f"{path.name}: time", taken, 60, "s")
        yield Row(f"{path.name}: peak memory", memory, 2, "GB")
        yield Row(f"{path.name}: size", path.stat().st_size / 1e3, 500, "kB")
    yield Row("half of the notebooks take at most", statistics.median(seconds), 20, "s")
    everything, _ = run([sys.executable, "-m", "pytest", "-q", "--nbval", "notebooks/"])
    yield Row("pytest --nbval notebooks/", everything, 600, "s")


def book() -> Iterator[Row]:
    """Time of a cold build, and the weight of the heaviest page."""
    shutil.rmtree(ROOT / "_build", ignore_errors=True)
    taken, _ = run(["make", "book"])
    yield Row("make book, cold, after the install", taken, 60, "s")
    pages = [p for p in (ROOT / "_build/html").rglob("*.html") if "_static" not in p.parts]
    heaviest = max(pages, key=lambda page: sum(page_weight(page)))
    own, shared = page_weight(heaviest)
    yield Row(f"heaviest page ({heaviest.stem}): text and pictures", own, 1, "MB")
    yield Row("the same and the theme's files, loaded once, no MathJax", own + shared, 1, "MB")


def page_weight(page: Path) -> tuple[float, float]:
    """Megabytes of a page with its pictures, and of the theme's files that it loads.

    MathJax is left out; a browser keeps the theme's files for all other pages.
    """
    text = page.read_text(encoding="utf-8")
    links = re.findall(r'<(?:script|img|link)\b[^>]*?(?:src|href)="([^"#?]+)', text)
    files = {(page.parent / link).resolve() for link in links if "://" not in link}
    loaded = [f for f in files if f.is_file() and f.suffix != ".html" and MATHJAX not in f.parts]
    theme = sum(f.stat().st_size for f in loaded if "_images" not in f.parts)
    pictures = sum(f.stat().st_size for f in loaded if "_images" in f.parts)
    return (page.stat().st_size + pictures) / 1e6, theme / 1e6


def training() -> Iterator[Row]:
    """Four minutes of training from nothing; the scores are printed by benchmarks.quality."""
    taken, memory = run([sys.executable, "-m", "benchmarks.quality", "--minutes", "4"])
    yield Row("benchmarks.quality --minutes 4, sampling included", taken, 600, "s")
    yield Row("the same: peak memory", memory, 2, "GB")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", action="store_true", help="also train for four minutes")
    arguments = parser.parse_args()
    parts = [import_time, sampling_time, notebooks, book]
    for part in [*parts, training] if arguments.training else parts:
        for row in part():
            print(row, flush=True)


if __name__ == "__main__":
    main()
