"""Which mistakes in the library would the tests miss? One is made at a time, and the tests that reach it run.

    make mutation                              # a sample from all rooms (ROOMS); takes an hour
    make mutation MUTATION="chain --sample 0"  # every mutant of one room

The mistakes are cosmic-ray's (+ for -, a number one higher, a branch turned round, a decorator or a loop
dropped ...; :data:`OPERATORS`). Two copies of this working tree are made in _build/mutation. One run of the
tests under coverage.py notes which test passes over which line (again only when a file has changed); a
mutant is then judged by those tests alone: first by the fast ones (what `make check` runs), then, if these
let it pass, by the slow ones and the peers'. Notebooks, assignments and the browser are not asked, so the
second share is a lower bound for `make test`.

A survivor is a hole in the tests, or it computes the same as the original. The latter stand, each with the
reason, in tools/mutation_equivalent.toml, and are left out of the shares. Results are kept line by line in
_build/mutation/results.jsonl; a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "_build" / "mutation"
EQUIVALENT = ROOT / "tools" / "mutation_equivalent.toml"
ROOMS = (
    "base",
    "chain",
    "data",
    "flow",
    "losses",
    "metrics",
    "nn",
    "sampling",
    "systems",
    "training",
    "weights",
)
OF_ALL = "tests/unit/test_signatures.py::"  # defaults and contracts of every module
FAST_LAYERS = ("tests/unit", "tests/properties", "tests/notebooks")
LAYERS = (*FAST_LAYERS, "tests/peers")
#: Of cosmic-ray's 213 operators those that make mistakes which people make: not each of a dozen operators
#: for a +, not ``is`` for ``==``.
OPERATORS = (
    "AddNot",
    "ExceptionReplacer",
    "NumberReplacer",
    "RemoveDecorator",
    "ReplaceAndWithOr",
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul")),
    *(
        f"ReplaceBinaryOperator_{pair}"
        for pair in ("Mul_Add", "Pow_Mul", "FloorDiv_Mul", "Mod_FloorDiv")
    ),
    "ReplaceBreakWithContinue",
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
    ),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_GtE", "Gt_LtE")),
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    *(f"ReplaceUnaryOperator_Delete_{name}" for name in ("USub", "Not", "Invert")),
    "ZeroIterationForLoop",
)
Tests = dict[str, dict[str, Any]]  # test → its seconds, whether it passed, whether it is a fast one
Lines = dict[str, dict[int, set[str]]]  # module → line → tests
Result = dict[str, Any]  # how a trial ended, by which test, after how many seconds
Queue = Any  # multiprocessing has a class of this name for each way to start a process
ONE_PROCESS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "-W", "ignore")


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it is, and the words before and after."""

    module: str  # the path from the root
    line: int
    operator: str
    occurrence: int
    was: str
    now: str


def said(mutant: Mutant) -> tuple[str, str, str, str]:
    """What it does, wherever the line is by now."""
    return mutant.module, mutant.operator, mutant.was, mutant.now


# ---- the mistakes ----------------------------------------------------------------------------


def offered(module: str) -> Iterator[Mutant]:
    """All mutants of one module of this tree."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator

    text, tree = (ROOT / module).read_text(encoding="utf-8"), get_ast_from_path(ROOT / module)
    for name in OPERATORS:
        positions = get_operator(f"core/{name}")().mutation_positions
        places = [start for node in ast_nodes(tree) for start, _ in positions(node)]
        for occurrence, (line, _) in enumerate(places):
            try:
                changed = mutated(text, name, occurrence)
                compile(changed, module, "exec")  # of a lone * among the parameters it makes a +
            except (AttributeError, SyntaxError):  # nor can it change a dotted name in an except
                continue
            was, now = difference(text, changed)
            if "TYPE_CHECKING" not in was:
                yield Mutant(module, line, name, occurrence, was, now)


def mutated(text: str, operator: str, occurrence: int) -> str:
    """The module's text with the mistake in it."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    changed = mutate_code(text.encode(), get_operator(f"core/{operator}")(), occurrence)
    assert changed is not None
    return changed.decode() if isinstance(changed, bytes) else changed


def difference(text: str, changed: str) -> tuple[str, str]:
    """The lines that are no longer there, and those that came, without their indents."""
    lines = list(difflib.ndiff(text.splitlines(), changed.splitlines()))
    gone = [line[2:].strip() for line in lines if line.startswith("- ")]
    new = [line[2:].strip() for line in lines if line.startswith("+ ")]
    return " ⏎ ".join(gone), " ⏎ ".join(new)


def chosen(rooms: list[str], sample: int, seed: int) -> list[Mutant]:
    """The mutants of these rooms, or so many of them, drawn without regard to room or operator."""
    modules = sorted(
        file.relative_to(ROOT).as_posix()
        for room in rooms
        for file in [*(ROOT / "minidiff" / room).rglob("*.py"), ROOT / "minidiff" / f"{room}.py"]
        if file.is_file()
    )
    with multiprocessing.Pool() as pool:
        found = [mutant for batch in pool.imap(list_offered, modules) for mutant in batch]
    if 0 < sample < len(found):
        found = random.Random(seed).sample(found, sample)
    return found


def list_offered(module: str) -> list[Mutant]:
    return list(offered(module))


def equivalent() -> dict[tuple[str, str, str], str]:
    """For module, words before and words after: why this mutant computes the same."""
    entries = (
        tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
        if EQUIVALENT.is_file()
        else []
    )
    return {(e["module"], e["was"], now): e["why"] for e in entries for now in e["now"]}


# ---- which tests pass over which line --------------------------------------------------------


class Recorder:
    """A plugin of pytest: how long each test took, how it ended, and whether it is called slow."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: object) -> None:
        """Called three times a test: set-up, call, clean-up."""
        test = self.tests.setdefault(report.nodeid, {"seconds": 0.0, "passed": True, "fast": False})
        test["seconds"] += report.duration
        test["passed"] = test["passed"] and report.passed
        test["fast"] = "slow" not in report.keywords and report.nodeid.startswith(FAST_LAYERS)


def tree(number: int) -> Path:
    """A copy of this working tree, without what git ignores."""
    folder = FOLDER / f"tree-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    names = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(names, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(
        ["git", "init", "-q"], cwd=folder, check=True
    )  # some tests ask git for its files
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    return folder


def fingerprint(folder: Path) -> str:
    """Of all that the survey depends on: the library and the tests."""
    seen = hashlib.sha256()
    for file in sorted(
        [*folder.glob("minidiff/**/*.py"), *folder.glob("tests/**/*.py"), folder / "conftest.py"]
    ):
        seen.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return seen.hexdigest()


def survey(folder: Path, workers: int) -> tuple[Tests, Lines]:
    """What each test took, and for each module and line the tests that pass over it."""
    noted, data = FOLDER / "survey.json", FOLDER / "survey.coverage"
    mark = fingerprint(folder)
    if not noted.is_file() or json.loads(noted.read_text())["fingerprint"] != mark:
        data.unlink(missing_ok=True)
        (FOLDER / "coverage.ini").write_text(f"[run]\nsource = minidiff\ndata_file = {data}\n")
        code = f"import sys, json; sys.path.insert(0, {str(ROOT / 'tools')!r}); import mutate_core; " \
               f"mutate_core.run_survey({workers}, {mark!r})"  # fmt: skip
        subprocess.run(
            [sys.executable, "-c", code], cwd=folder, check=True, env=environment(folder, "0")
        )
    tests = json.loads(noted.read_text())["tests"]
    broken = [name for name, test in tests.items() if not test["passed"]]
    if broken:
        sys.exit(f"These tests fail without any mutant: {', '.join(broken[:10])}. Mend them first.")
    return tests, lines_of(data, folder)


def run_survey(workers: int, mark: str) -> None:
    """In a process of its own, in the copy: all layers under coverage.py, a context for each test."""
    import pytest

    recorder = Recorder()
    pytest.main(
        [*LAYERS, "-q", "-n", str(workers), "-p", "no:cacheprovider", "-W", "ignore", "--cov=minidiff",
         "--cov-context=test", f"--cov-config={FOLDER / 'coverage.ini'}", "--cov-report="],
        plugins=[recorder],
    )  # fmt: skip
    (FOLDER / "survey.json").write_text(json.dumps({"fingerprint": mark, "tests": recorder.tests}))


def lines_of(data: Path, folder: Path) -> Lines:
    """For each module: line → tests. What runs at import belongs to no test."""
    from coverage import CoverageData

    covered = CoverageData(str(data))
    covered.read()
    return {
        Path(file).relative_to(folder).as_posix(): {
            line: {context.rpartition("|")[0] for context in contexts if context}
            for line, contexts in covered.contexts_by_lineno(file).items()
        }
        for file in covered.measured_files()
    }


def environment(folder: Path, no_bytecode: str) -> dict[str, str]:
    """For the tests: the copy's library, and one thread a process."""
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": no_bytecode,
    }


def reached_by(mutant: Mutant, text: str, lines: dict[int, set[str]]) -> set[str]:
    """The tests that pass over its statement; for one that runs at import, over its function or its file."""
    source = ast.parse(text)
    around = [
        node for node in ast.walk(source) if isinstance(node, ast.stmt) and spans(node, mutant.line)
    ]
    around.sort(key=lambda node: node.end_lineno - first_line(node))
    for node in around:  # from the innermost outwards
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if body and mutant.line < body[0].lineno else node.end_lineno
        within = range(first_line(node), max(last, first_line(node)) + 1)
        for some in (within, range(first_line(node), node.end_lineno + 1)):
            tests = set().union(*(lines.get(line, set()) for line in some))
            if tests:
                return tests
    return set().union(*lines.values()) if lines else set()


def beside(module: str, tests: Tests) -> set[str]:
    """Tests that look at what stands there and may pass over no line: the module's own, and those of all."""
    *_, room, name = module.removesuffix(".py").replace("/_", "/").split("/")
    return {
        test for test in tests if f"/{room}/test_{name}.py::" in test or test.startswith(OF_ALL)
    }


def first_line(node: ast.stmt) -> int:
    return min(
        [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))]
    )


def spans(node: ast.stmt, line: int) -> bool:
    return first_line(node) <= line <= (node.end_lineno or node.lineno)


# ---- a trial ---------------------------------------------------------------------------------


def stages(module: str, names: set[str], tests: Tests) -> list[tuple[str, list[str]]]:
    """The tests in the order of asking: the likeliest files, the other fast ones, the slow ones."""
    fast = [name for name in names if tests.get(name, {}).get("fast")]
    slow = [name for name in names if name in tests and not tests[name]["fast"]]
    files = Counter(name.split("::")[0] for name in fast)
    own = module.removeprefix("minidiff/").removesuffix(".py").split("/")

    def likely(file: str) -> tuple[bool, bool, float]:
        spent = sum(tests[name]["seconds"] for name in fast if name.startswith(file + "::"))
        return (f"test_{own[-1]}.py" not in file, f"/{own[0]}/" not in file, spent)

    first = set(sorted(files, key=likely)[:3])
    near = [name for name in fast if name.split("::")[0] in first]
    rest = [name for name in fast if name.split("::")[0] not in first]
    return [(kind, some) for kind, some in (("fast", near), ("fast", rest), ("slow", slow)) if some]


class Only:
    """A plugin of pytest: run these tests and no others; write the first that fails to a file."""

    def __init__(self, names: list[str], verdict: Path) -> None:
        self.names = set(names)
        self.verdict = verdict

    def pytest_collection_modifyitems(self, items: list) -> None:
        """Drop all others."""
        items[:] = [item for item in items if item.nodeid in self.names]

    def pytest_runtest_logreport(self, report: object) -> None:
        """Note a failure."""
        if report.failed and not self.verdict.exists():
            self.verdict.write_text(report.nodeid)


def attempt(folder: Path, names: list[str], limit: float) -> str:
    """Run these tests in a forked process; the first that fails, what else went wrong, or ''."""
    verdict = folder.parent / f"{folder.name}.verdict"
    verdict.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        os.setsid()
        sink = os.open(folder.parent / f"{folder.name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        os.environ.update(environment(folder, "1"))
        sys.dont_write_bytecode = True
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        import pytest

        os._exit(int(pytest.main([*sorted({name.split("::")[0] for name in names}), *ONE_PROCESS],
                                 plugins=[Only(names, verdict)])))  # fmt: skip
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if verdict.exists():
                return verdict.read_text()
            return (
                "" if os.waitstatus_to_exitcode(status) == 0 else "the tests could not be collected"
            )
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"no end after {limit:.0f} s"


def trial(
    mutant: Mutant, folder: Path, tests: dict[str, dict], lines: dict[str, dict[int, set[str]]]
) -> dict:
    """Put the mistake into the copy, ask the tests stage by stage, and take it out again."""
    file = folder / mutant.module
    text = file.read_text(encoding="utf-8")
    cached = file.parent / "__pycache__"
    for old in cached.glob(f"{file.stem}.*.pyc"):
        old.unlink()
    begun = time.monotonic()
    try:
        file.write_text(mutated(text, mutant.operator, mutant.occurrence), encoding="utf-8")
        names = reached_by(mutant, text, lines.get(mutant.module, {})) | beside(
            mutant.module, tests
        )
        for kind, some in stages(mutant.module, names, tests):
            limit = 60 + 8 * sum(tests[name]["seconds"] for name in some)
            failed = attempt(folder, some, limit)
            if failed:
                return {"end": kind, "by": failed, "seconds": time.monotonic() - begun}
        return {"end": "survived", "by": f"{len(names)} tests", "seconds": time.monotonic() - begun}
    finally:
        file.write_text(text, encoding="utf-8")


def work(
    number: int, todo: multiprocessing.Queue, done: multiprocessing.Queue, tests: dict, lines: dict
) -> None:
    """One worker: a copy of its own, one mutant after another."""
    folder = FOLDER / f"tree-{number}"
    while (mutant := todo.get()) is not None:
        done.put((mutant, trial(mutant, folder, tests, lines)))


def preload() -> None:
    """What every test needs and no mutant changes: a forked child has it for nothing."""
    import diffusers
    import einops
    import hypothesis
    import matplotlib.pyplot
    import pytest
    import scipy.stats
    import torch

    torch.set_num_threads(1)
    _ = (diffusers, einops, hypothesis, matplotlib, pytest, scipy)


# ---- results ---------------------------------------------------------------------------------


def table(results: list[tuple[Mutant, Result]]) -> str:
    """A row a room: how many were made, are the same by reason, were caught, by which layer."""
    same = equivalent()
    rows: dict[str, Counter[str]] = {}
    for mutant, result in results:
        room = mutant.module.split("/")[1].removesuffix(".py")
        known = result["end"] == "survived" and (mutant.module, mutant.was, mutant.now) in same
        for name in (room, "all"):
            rows.setdefault(name, Counter())["equivalent" if known else result["end"]] += 1
    text = [f"{'':12s}{'mutants':>8s}{'equivalent':>12s}{'fast':>8s}{'all':>8s}{'survived':>10s}"]
    for name in sorted(rows, key=lambda name: (name == "all", name)):
        count = rows[name]
        wrong = count["fast"] + count["slow"] + count["survived"]
        shares = [
            f"{value / wrong:8.1%}" if wrong else f"{'-':>8s}"
            for value in (count["fast"], count["fast"] + count["slow"])
        ]
        text.append(
            f"{name:12s}{count.total():8d}{count['equivalent']:12d}{''.join(shares)}{count['survived']:10d}"
        )
    return "\n".join(text)


def told(mutant: Mutant, result: Result) -> str:
    """A line about a trial."""
    head = f"{result['end']:8s} {result['seconds']:5.0f} s  {mutant.module}:{mutant.line}"
    return f"{head}  {mutant.was}  →  {mutant.now}   [{result['by']}]"


def main() -> None:
    """Choose, survey, try, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), help="packages of minidiff")
    parser.add_argument("--sample", type=int, default=500, help="how many; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="which")
    parser.add_argument("--workers", type=int, default=2, help="how many at once")
    parser.add_argument(
        "--again", action="store_true", help="try the survivors of the last run once more"
    )
    args = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / "results.jsonl"
    before = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    known = {Mutant(**entry["mutant"]): entry["result"] for entry in before}
    if args.again:  # lines may have moved since
        lived = {said(mutant) for mutant, result in known.items() if result["end"] == "survived"}
        wanted = [mutant for mutant in chosen(list(ROOMS), 0, 0) if said(mutant) in lived]
        known = {}
    else:
        wanted = chosen(args.rooms, args.sample, args.seed)
    folders = [tree(number) for number in range(args.workers)]
    tests, lines = survey(folders[0], args.workers)
    todo = [mutant for mutant in wanted if mutant not in known]
    print(f"{len(wanted)} mutants, {len(todo)} to try, {len(tests)} tests", flush=True)
    preload()
    results = [(mutant, known[mutant]) for mutant in wanted if mutant in known]
    with kept.open("a", encoding="utf-8") as file:
        for mutant, result in tried(todo, args.workers, tests, lines):
            results.append((mutant, result))
            file.write(
                json.dumps({"mutant": asdict(mutant), "result": result}, ensure_ascii=False) + "\n"
            )
            file.flush()
            print(f"{len(results):5d} {told(mutant, result)}", flush=True)
    print(table(results))


def tried(
    todo: list[Mutant], workers: int, tests: dict, lines: dict
) -> Iterator[tuple[Mutant, dict]]:
    """The results as they come from the workers."""
    fork = multiprocessing.get_context("fork")
    queue, done = fork.Queue(), fork.Queue()
    for mutant in [*todo, *[None] * workers]:
        queue.put(mutant)
    running = [
        fork.Process(target=work, args=(number, queue, done, tests, lines))
        for number in range(workers)
    ]
    for process in running:
        process.start()
    for _ in todo:
        yield done.get()
    for process in running:
        process.join()


if __name__ == "__main__":
    main()
