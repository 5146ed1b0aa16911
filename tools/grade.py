"""Grade a folder of submitted notebooks and scripts, several at a time.

python tools/grade.py _build/assignments/01_forward_process/autograder.zip submissions/
python tools/grade.py AUTOGRADER.zip submissions/ --out grades --jobs 4 --minutes 10

Each submission is a notebook or a script, a zip with one as md.check.hand_in packs it, or a folder with one
of these. Where a notebook lies beside scripts, it is graded, and they are not.
otter-grader grades it in a process of its own. It should take less than two minutes; one that has not
ended after --minutes (5) gets no points. Nothing is lost, and a second run goes on where the first one
stopped. grades/grades.csv has a row for each, and grades/NAME.json what its author may be told.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path

import otter_process
import psutil
from tqdm import tqdm

from minidiff.check.graded import versions
from minidiff.check.graded.notebook import as_notebook
from minidiff.check.graded.script import script_text

SCRIPT = ".py"
KINDS = (".ipynb", ".zip", SCRIPT)
COURSE = "questions"  # the folder that came with the assignment: no script in it is the student's
STOPPED = "stopped after"


def grade(
    submission: Path,
    autograder: Path,
    out: Path,
    seconds: float,
    start: otter_process.Start = otter_process.start,
) -> dict[str, str]:
    """Grade one submission.

    Args:
        submission: A notebook or script, a zip with one, or a folder with one of these.
        autograder: The zip that tools/make_assignments.py made.
        out: Folder for the results.
        seconds: After so many seconds it is stopped.
        start: What starts otter-grader.

    Returns:
        Its row: points by question, the total, and a note if something went wrong or was left out.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            file, note = unpacked(submission, Path(folder))
        except ValueError as error:
            return {"note": str(error)}
        words = Path(folder) / "printed.txt"
        told = ["run", "--no-logo", "-a", str(autograder.resolve()), "-o", folder, str(file)]
        process = start(told, Path(folder), words)
        try:
            process.wait(timeout=seconds)
        except psutil.TimeoutExpired:
            otter_process.stop(process)
            return {"note": f"{STOPPED} {seconds:g} s"}
        last = words.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        last = last or ["no words"]
        results = Path(folder) / "results.json"
        if not results.exists():
            return {"note": f"otter-grader failed: {last[0]}"}
        found = row(json.loads(results.read_text(encoding="utf-8")), note)
        if found["of"] == "0":
            return {"note": f"otter-grader gave no results: {last[0]}"}
        shutil.copy(results, out / f"{name_of(submission)}.json")
        return found


def name_of(submission: Path) -> str:
    """What a submission is called in the table."""
    return submission.name if submission.is_dir() else submission.stem


def unpacked(submission: Path, folder: Path) -> tuple[Path, str]:
    """The notebook or script itself, in the format of today, and what its author may be told of the choice.

    Raises:
        ValueError: If it is a folder or zip without exactly one, or is damaged.
    """
    note = ""
    if submission.is_dir():
        files = [p.relative_to(submission) for p in sorted(submission.rglob("*"))]
        name, note = the_one([str(p) for p in files], "folder", "notebooks or zips")
        submission = submission / name
    if submission.suffix.lower() != ".zip":
        return as_graded(submission.name, submission.read_bytes(), folder), note
    try:
        with zipfile.ZipFile(submission) as file:
            name, inside = the_one([n for n in file.namelist() if not n.lower().endswith(".zip")])
            content = file.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"no zip file, or a damaged one: {error}") from error
    except RuntimeError as error:  # a password, an odd compression
        raise ValueError(f"the zip cannot be unpacked: {error}") from error
    return as_graded(name, content, folder), "; ".join(filter(None, [note, inside]))


def the_one(names: Sequence[str], where: str = "zip", what: str = "notebooks") -> tuple[str, str]:
    """The name of what is graded, and of the scripts that are not because a notebook lies beside them.

    As otter-grader has it: scripts count only where there is no notebook.

    Raises:
        ValueError: If there is not exactly one.
    """
    # What macOS and Jupyter put beside a notebook is none, and no folder of a zip is one.
    files = [n for n in names if is_submission(Path(n)) and not n.endswith("/")]
    scripts = [n for n in files if n.lower().endswith(SCRIPT) and is_own(Path(n))]
    others = [n for n in files if not n.lower().endswith(SCRIPT)]
    found = others or scripts
    if len(found) != 1:
        raise ValueError(
            f"the {where} holds {len(others)} {what} and {len(scripts)} scripts; it should hold one "
            f"notebook, or one script and no notebook"
        )
    beside = ", ".join(scripts) if others else ""
    return found[0], f"graded is {found[0]}, not {beside} beside it" if beside else ""


def is_own(script: Path) -> bool:
    """Whether a script may be a student's work: no question of the assignment, no mark of a package."""
    return COURSE not in script.parts and script.name != "__init__.py"


def as_graded(name: str, content: bytes, folder: Path) -> Path:
    """Write what somebody handed in as otter-grader takes it: a notebook of today, or a script in UTF-8."""
    text = script_text(name, content)
    target = folder / ("submission.ipynb" if text is None else f"submission{SCRIPT}")
    target.write_text(as_notebook(content) if text is None else text, encoding="utf-8")
    return target


def is_submission(path: Path) -> bool:
    """Whether the name is one of a notebook, script or zip that somebody hands in.

    Args:
        path: Its name, within the folder or zip of the submissions: where that lies does not matter.
    """
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in path.parts)
    return path.suffix.lower() in KINDS and not hidden


def row(results: dict, note: str = "") -> dict[str, str]:
    """Points by question, their sum, and what was left out; before that, what there is to note anyway."""
    scored = [test for test in results["tests"] if "max_score" in test]
    points = {test["name"]: f"{test['score']:g}" for test in scored}
    total = sum(test["score"] for test in scored)
    found = {**points, "total": f"{total:g}", "of": f"{sum(t['max_score'] for t in scored):g}"}
    # Beside the points, what was not graded.
    notes = [*filter(None, [note, results.get("output", "").replace("\n", "; ")])]
    return found | ({"note": "; ".join(notes)} if notes else {})


def grade_all(
    submissions: Sequence[Path],
    autograder: Path,
    out: Path,
    *,
    jobs: int = 2,
    minutes: float = 5,
    prepared: otter_process.Prepared | None = None,
) -> list[dict[str, str]]:
    """Grade many, and keep the rows of an earlier run.

    A row is kept while submission and autograder stay what they were. One without points is made again, for
    what went wrong may be over; one that was stopped only if there are more minutes now.

    Args:
        submissions: Notebooks, scripts, zips or folders, each with a name of its own.
        autograder: The zip that tools/make_assignments.py made.
        out: Folder for the results; it is made.
        jobs: How many at a time.
        minutes: Limit for each.
        prepared: What starts otter-grader; None for one of its own.

    Returns:
        A row for each, in the order of their names.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = out / "rows"  # one file each, so that a second run goes on where this one stopped
    done.mkdir(exist_ok=True)

    def work(submission: Path) -> None:
        name = name_of(submission)
        found = {"submission": name}
        (out / f"{name}.json").unlink(missing_ok=True)  # of an earlier version
        try:
            found |= grade(submission, autograder, out, minutes * 60, begin)
        except Exception as error:  # one that cannot be read must not stop the others
            found["note"] = f"not graded: {type(error).__name__}: {error}"
        part = done / f"{name}.part"
        entry = {"of": fingerprint(submission, autograder), "minutes": minutes, "row": found}
        part.write_text(json.dumps(entry), encoding="utf-8")
        part.replace(done / f"{name}.json")

    def is_done(submission: Path) -> bool:
        path = done / f"{name_of(submission)}.json"
        if not path.exists():
            return False
        entry = json.loads(path.read_text(encoding="utf-8"))
        if entry.get("of") != fingerprint(submission, autograder):
            return False
        note = entry["row"].get("note", "")
        return "total" in entry["row"] or (note.startswith(STOPPED) and minutes <= entry["minutes"])

    open_ones = [s for s in submissions if not is_done(s)]
    with (
        nullcontext(prepared) if prepared else otter_process.Prepared() as starting,
        ThreadPoolExecutor(jobs) as pool,
        tqdm(total=len(open_ones), unit="submission") as bar,
    ):
        # To prepare for a single one would only take longer.
        begin = starting.start if prepared or len(open_ones) > 1 else otter_process.start
        for finished in as_completed([pool.submit(work, one) for one in open_ones]):
            finished.result()
            bar.update()
    rows = [
        json.loads((done / f"{name}.json").read_text(encoding="utf-8"))["row"]
        for name in sorted(map(name_of, submissions))
    ]
    write(rows, out / "grades.csv")
    return rows


def fingerprint(submission: Path, autograder: Path) -> str:
    """Of what was graded, and by what."""
    files = sorted(submission.rglob("*")) if submission.is_dir() else [submission]
    made = hashlib.sha256(autograder.read_bytes())
    for file in files:
        if file.is_file():
            made.update(file.read_bytes())
    return made.hexdigest()


def write(rows: Sequence[dict[str, str]], path: Path) -> None:
    """The table, with a column for whatever some row has."""
    ends = ["total", "of", "note"]
    names = dict.fromkeys(name for one in rows for name in one if name not in ends)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*names, *ends], restval="")
        table.writeheader()
        table.writerows(rows)


def announced(autograder: Path) -> versions.Version | None:
    """The Python that students were told would grade; None if the assignment does not say."""
    try:
        with zipfile.ZipFile(autograder) as file:
            return versions.noted(file.read(f"files/{COURSE}/{versions.NOTE}").decode())
    except (zipfile.BadZipFile, KeyError):  # otter-grader will say what is wrong with the zip
        return None


def main() -> int:
    """Grade a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("autograder", type=Path, help="autograder.zip of the assignment")
    parser.add_argument("submissions", type=Path, help="folder with what was handed in")
    parser.add_argument(
        "--out", type=Path, default=Path("grades"), help="folder for results (grades)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    parser.add_argument("--minutes", type=float, default=5, help="limit for each (5)")
    given = parser.parse_args()
    if not given.autograder.is_file():
        print(f"there is no {given.autograder}; make it: make assignments")
        return 1
    there = sorted(p for p in given.submissions.glob("*") if not p.name.startswith((".", "__")))
    found = [p for p in there if p.is_dir() or is_submission(Path(p.name))]
    left = [p.name for p in there if p not in found]
    if not found:
        print(f"there is no notebook, no script and no zip in {given.submissions}")
        return 1
    stems = [name_of(path) for path in found]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        print(f"two submissions have the same name: {', '.join(twice)}")
        return 1
    told, here = announced(given.autograder), sys.version_info[:2]
    if told not in (None, here):
        print(
            f"students were told that {versions.named(told)} grades, and this is {versions.named(here)}: "
            f"their receipts may say otherwise of what only one of the two can read"
        )
    rows = grade_all(found, given.autograder, given.out, jobs=given.jobs, minutes=given.minutes)
    noted = [f"{one['submission']}: {one['note']}" for one in rows if one.get("note")]
    what = "neither a notebook nor a script nor a zip nor a folder"
    noted += [f"{name}: left out, {what}" for name in left]
    print(f"{len(rows)} graded; the table is {given.out / 'grades.csv'}", *noted, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
