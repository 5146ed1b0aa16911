"""How the tests run: the layers in their order, over several workers, counted and timed at the end.

`make test` runs two workers side by side (`-n 2`). What is handed to a worker is a whole file, for a
notebook's cells need one kernel and a file's tests often share what they made. Only the pages of the book
go one by one, each with all of its tests: they stand last and fill up what the files have left uneven.
"""

import os
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import pytest

# The processes that tests start, notebook kernels among them, compute with one thread: two threads that
# wait for each other stand still where another process has the core, and there are two workers. It stands
# here, before any test imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The order in which they run. The browser is last: once Playwright's event loop runs in a process, no
# notebook kernel can be driven from it, and a worker takes its work in this order.
LAYERS = {
    "unit": "unit",
    "peers": "peers",
    "properties": "properties",
    "notebooks": "notebook rules",
    "assignments": "assignments, made and graded",
    "nbval": "notebook cells, run again",
    "book": "built book in a browser",
}
ONE_BY_ONE = "tests/book/test_pages.py"
OUTCOMES = ("passed", "failed", "skipped")

# Together these take half of the time of the fast layers: they start processes, train, or read all pages.
SLOW_FILES = {
    "unit/check/test_answers.py",
    "unit/check/test_bank.py",
    "unit/check/test_borrowed.py",
    "unit/check/graded/test_grading.py",
    "unit/systems/test_one_file.py",
    "unit/test_cli.py",
    "unit/data/test_torchvision.py",
    "unit/nn/test_compile.py",
    "unit/training/test_compiled.py",
    "unit/flow/test_losses.py",
    "unit/flow/test_solvers.py",
    "properties/test_flow_laws.py",
    "unit/sampling/test_solvers.py",
    "properties/test_solver_laws.py",
    "notebooks/test_references.py",
    "unit/viz/test_elbo_explorer.py",
    "unit/viz/test_flow_explorer.py",
    "unit/viz/test_posterior_explorer.py",
    "unit/viz/test_reverse_explorer.py",
}


def layer(nodeid: str) -> str:
    """The layer that a test belongs to, by the place of its file."""
    path = PurePosixPath(nodeid.split("::")[0])
    if path.suffix == ".ipynb":
        return "nbval"
    folder = path.parts[1] if path.parts[0] == "tests" and len(path.parts) > 2 else ""
    return folder if folder in LAYERS else "other"


@pytest.hookimpl(trylast=True)  # pytest itself groups tests by what they share
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark slow files; put the layers in their order, and leave the order within a layer."""
    for name in SLOW_FILES:
        if not (config.rootpath / "tests" / name).is_file():
            raise pytest.UsageError(
                f"conftest.py calls tests/{name} slow, but there is no such file"
            )
    for item in items:
        if item.nodeid.split("::")[0].removeprefix("tests/") in SLOW_FILES:
            item.add_marker("slow")
    order = [*LAYERS, "other"]
    pages = list(dict.fromkeys(map(page, items)))
    items.sort(
        key=lambda item: (
            order.index(layer(item.nodeid)),
            item.nodeid.startswith(ONE_BY_ONE),
            pages.index(page(item)),
        )
    )


# ---- workers ---------------------------------------------------------------------------------


def page(item: pytest.Item) -> str:
    """The page of the book that a test looks at, opened once for all of its tests; "" for other tests."""
    callspec = getattr(item, "callspec", None)
    return "" if callspec is None else str(callspec.params.get("opened", ""))


def handed_out_as(nodeid: str) -> str:
    """What goes to one worker as a whole: the test's file, or, of the pages of the book, a page."""
    if not nodeid.startswith(ONE_BY_ONE):
        return nodeid.split("::")[0]
    return nodeid.partition("[")[2] or nodeid


@pytest.hookimpl(optionalhook=True)  # for the plugin can be missing
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n` and no other `--dist`, hand out files in the order in which they are collected."""
    if config.getoption("dist") not in ("load", "loadfile"):
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFileAndPage(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return handed_out_as(nodeid)

    config.option.loadscopereorder = False
    return ByFileAndPage(config, log)


# ---- the table at the end --------------------------------------------------------------------


def by_test(stats: dict[str, list]) -> dict[str, str]:
    """How each test ended; one whose set-up or clean-up broke counts as failed."""
    seen: dict[str, str] = {}  # keyed by test: one that fails twice is still one test
    kinds = {"passed": "passed", "skipped": "skipped", "failed": "failed", "error": "failed"}
    for kind, outcome in kinds.items():
        for report in stats.get(kind, []):
            if hasattr(report, "nodeid"):
                seen[report.nodeid] = outcome
    return seen


def seconds(stats: dict[str, list]) -> Counter[str]:
    """How long each layer's tests took, with set-up and clean-up, were they run one after another."""
    spent: Counter[str] = Counter()
    for reports in stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent[layer(report.nodeid)] += report.duration
    return spent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one row a layer, before pytest's own last line."""
    outcomes = by_test(terminalreporter.stats)
    counts = Counter((layer(nodeid), outcome) for nodeid, outcome in outcomes.items())
    spent = seconds(terminalreporter.stats)
    terminalreporter.section("tests per layer")
    for name in [*LAYERS, "other"]:
        if any(counts[name, outcome] for outcome in OUTCOMES):
            row = "  ".join(f"{counts[name, outcome]:5d} {outcome}" for outcome in OUTCOMES)
            terminalreporter.write_line(f"{LAYERS.get(name, name):30s}{row}  {spent[name]:6.0f} s")
