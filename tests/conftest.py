"""Run the layers in order, the browser last, and count the tests of each at the end."""

from collections import Counter
from pathlib import PurePosixPath

import pytest

# The order in which they run. The browser is last: while Playwright's event loop is running in this
# process, no notebook kernel can be driven from it.
LAYERS = {
    "unit": "unit",
    "peers": "peers",
    "properties": "properties",
    "notebooks": "notebook rules",
    "assignments": "assignments, made and graded",
    "nbval": "notebook cells, run again",
    "book": "built book in a browser",
}
OUTCOMES = ("passed", "failed", "skipped")

# Together these take half of the time of the fast layers: they start processes, train, or read all pages.
SLOW_FILES = {
    "unit/check/test_bank.py",
    "unit/check/test_grading.py",
    "unit/test_cli.py",
    "notebooks/test_concepts.py",
    "unit/data/test_torchvision.py",
    "unit/flow/test_losses.py",
    "unit/flow/test_solvers.py",
    "properties/test_flow_laws.py",
    "unit/sampling/test_solvers.py",
    "properties/test_solver_laws.py",
    "notebooks/test_references.py",
    "unit/viz/test_elbo_explorer.py",
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow files; put the layers in their order, and leave the order within a layer."""
    for item in items:
        if item.nodeid.split("::")[0].removeprefix("tests/") in SLOW_FILES:
            item.add_marker("slow")
    order = [*LAYERS, "other"]
    items.sort(key=lambda item: order.index(layer(item.nodeid)))


def count(stats: dict[str, list]) -> dict[str, Counter[str]]:
    """Tests of each layer by outcome; a test whose set-up or clean-up broke counts as failed."""
    seen: dict[str, tuple[str, str]] = {}  # keyed by test: one that fails twice is still one test
    kinds = {"passed": "passed", "skipped": "skipped", "failed": "failed", "error": "failed"}
    for kind, outcome in kinds.items():
        for report in stats.get(kind, []):
            if hasattr(report, "nodeid"):
                seen[report.nodeid] = (layer(report.nodeid), outcome)
    counts: dict[str, Counter[str]] = {}
    for name, outcome in seen.values():
        counts.setdefault(name, Counter())[outcome] += 1
    return counts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one row a layer, before pytest's own last line."""
    counts = count(terminalreporter.stats)
    terminalreporter.section("tests per layer")
    for name in [*LAYERS, "other"]:
        if name in counts:
            row = "  ".join(f"{counts[name][outcome]:5d} {outcome}" for outcome in OUTCOMES)
            terminalreporter.write_line(f"{LAYERS.get(name, name):26s}{row}")
