"""Run the set-up cell and the notebooks with the versions that Colab has: `make colab`.

The versions stand in tests/shared/colab_2026_06.txt, a part of Colab's published list. An environment of
exactly these is made in .venv-colab (the first time some gigabytes: torch brings its libraries for GPUs);
where pip finds no such version for this machine it takes the nearest, and the table's head names it. There
the set-up cell installs this working tree as it would install the published tag, and may change no package
that is there. Then each notebook runs by itself, as a copy in an empty folder: every cell, without an
error. What they print and draw is not compared, for other versions round differently; what they say on
stderr is shown. Nothing is written beside .venv-colab.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import notebook_file
import setup_cell
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = notebook_file.ROOT
LIST = ROOT / "tests" / "shared" / "colab_2026_06.txt"
COLABS_PYTHON = "3.12"
FOLDER = ROOT / ".venv-colab"
PYTHON = FOLDER / "bin" / "python"
READY = FOLDER / ".ready"  # the list that the environment was made from
WHEELS = ("--only-binary", ":all:")
Run = subprocess.CompletedProcess[str]


def pins() -> dict[str, str]:
    """Name and version of what Colab has."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


# ---- a repository to install from ------------------------------------------------------------


def git(*words: str, folder: Path) -> str:
    """Run git there, as somebody; its output."""
    who = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def tagged_copy(folder: Path) -> Path:
    """A repository of its own with the files of this working tree, tagged with their version."""
    for name in git("ls-files", "-z", folder=ROOT).split("\0"):
        file = ROOT / name
        if name and file.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, folder / name)
    git("init", "-q", folder=folder)
    git("add", "-A", folder=folder)
    git("commit", "-q", "-m", "As it is", folder=folder)
    git("tag", f"v{setup_cell.settings()[0]}", folder=folder)
    return folder


def bare_clone(source: Path, folder: Path) -> str:
    """The address of a bare clone of it, which a git+ address can name."""
    git("clone", "-q", "--bare", str(source), str(folder), folder=source)
    return folder.as_uri()


# ---- the environment -------------------------------------------------------------------------


def run(*words: str | Path, folder: Path = ROOT) -> Run:
    """Run a command there, without this environment's Python settings."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([*words], cwd=folder, env=keep, capture_output=True, text=True)


def pip(*words: str) -> Run:
    """Run the environment's pip."""
    return run(PYTHON, "-m", "pip", *words)


def must(done: Run) -> str:
    """What a command printed; where it failed, what it said, and the end."""
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def installed() -> dict[str, str]:
    """Name and version of everything in the environment."""
    listed = json.loads(must(pip("list", "--format", "json")))
    return {canonicalize_name(package["name"]): package["version"] for package in listed}


def nearest(wanted: str, there: list[str]) -> str:
    """That version if it is there, else the next one, else the last one before it."""
    versions = sorted(map(Version, there))
    later = [version for version in versions if version >= Version(wanted)]
    return str(later[0] if later else versions[-1])


def available(name: str) -> list[str]:
    """The versions of a package that pip finds for this machine and this Python."""
    found = re.search(r"Available versions: (.+)", must(pip("index", "versions", name, *WHEELS)))
    return found[1].split(", ") if found else []


def make_environment(python: str) -> None:
    """Make it, unless it is there and made from this list."""
    if READY.exists() and READY.read_bytes() == LIST.read_bytes():
        return
    print(f"Making {FOLDER.name} with {len(pins())} packages of Colab's list ...", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    must(run(python, "-m", "venv", FOLDER))
    wanted = pins()
    must(pip("install", "--quiet", f"pip=={wanted['pip']}"))
    install = ("install", "--quiet", *WHEELS)
    if pip(*install, *(f"{name}=={version}" for name, version in wanted.items())).returncode:
        near = {name: nearest(version, available(name)) for name, version in wanted.items()}
        must(pip(*install, *(f"{name}=={version}" for name, version in near.items())))
    shutil.copy(LIST, READY)


def differences(here: dict[str, str], python: str) -> list[str]:
    """In which versions the environment is not Colab's; a machine's own build (+cpu) is the same."""
    others = [
        f"{name} {here[name]}, not {version}"
        for name, version in pins().items()
        if here[name].partition("+")[0] != version
    ]
    same = python.startswith(f"{COLABS_PYTHON}.")
    return others if same else [f"Python {python}, not {COLABS_PYTHON}", *others]


# ---- the set-up cell and the notebooks -------------------------------------------------------


def set_up(folder: Path) -> list[str]:
    """Let the set-up cell install this working tree; what it has changed beside."""
    (folder / "source").mkdir()
    address = bare_clone(tagged_copy(folder / "source"), folder / "minidiff.git")
    pip("uninstall", "--yes", "minidiff")
    before = installed()
    cell = setup_cell.source(setup_cell.settings()[0], address)
    (folder / "empty").mkdir()
    print(must(run(PYTHON, "-c", cell, folder=folder / "empty")).strip(), flush=True)
    after = installed()
    del after["minidiff"]
    names = sorted(name for name in {**before, **after} if before.get(name) != after.get(name))
    return [f"{name}: {before.get(name)}, now {after.get(name)}" for name in names]


def warnings(notebook: Path) -> str:
    """What its cells have said beside their output, as where a progress bar finds no widgets."""
    outputs = [o for cell in notebook_file.read(notebook).cells for o in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stderr")


def run_notebook(path: Path, folder: Path) -> tuple[str, str, float]:
    """Run a copy of a notebook in a new folder: how it ended, what it said of that, the seconds."""
    (folder / path.stem).mkdir()
    copy = Path(shutil.copy2(path, folder / path.stem))
    start = time.perf_counter()
    script = ROOT / "tools" / "execute_notebooks.py"
    done = run(PYTHON, script, copy, folder=copy.parent)
    seconds = time.perf_counter() - start
    if done.returncode:
        return "failed", done.stdout + done.stderr, seconds
    said = warnings(copy)
    return "ran, warned" if said else "ran", said, seconds


def main() -> None:
    """Make the environment, run everything, print the table; exit with 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all, if none is named")
    parser.add_argument("--python", default=sys.executable, help="the Python to make it with")
    chosen = parser.parse_args()
    make_environment(chosen.python)
    rows, ends = [], []
    with tempfile.TemporaryDirectory() as name:
        changed = set_up(Path(name))
        for path in chosen.notebooks or notebook_file.all_notebooks():
            print(f"{path.name} ...", flush=True)
            end, said, seconds = run_notebook(path, Path(name))
            ends.append(end)
            rows.append(f"{path.stem:30s} {end:11s} {seconds:6.0f} s")
            if said:
                print(said)
    python = must(run(PYTHON, "-c", "import platform; print(platform.python_version())")).strip()
    other = differences(installed(), python)
    print(f"Python {python} with Colab's versions ({LIST.name})", *other, sep="\n  but ")
    print(*(f"CHANGED BY THE SET-UP CELL {line}" for line in changed), *rows, sep="\n")
    raise SystemExit("failed" in ends or bool(changed))


if __name__ == "__main__":
    main()
