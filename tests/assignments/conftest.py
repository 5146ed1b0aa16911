"""The assignments, made once for all tests of this layer, and the library as students install it."""

import os
import shutil
import zipfile
from pathlib import Path

import make_assignments
import nbclient
import nbformat
import otter_process
import pytest
from student import shortened

# What an assignment is made of, beside its own source: the library, and the tools that make it.
MADE_OF = (
    *(make_assignments.ROOT / "minidiff").rglob("*.*"),
    *(make_assignments.ROOT / "tools").glob("*.py"),
    make_assignments.ROOT / "pyproject.toml",
)


def is_made(name: str) -> bool:
    """Whether `make book` has made it, of the sources that are here now."""
    made = make_assignments.OUT / name / "autograder.zip"
    sources = [*MADE_OF, *(make_assignments.SOURCES / name).rglob("*.*")]
    newest = max(path.stat().st_mtime for path in sources if "__pycache__" not in path.parts)
    return made.is_file() and newest < made.stat().st_mtime


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of an assignment's versions, by its name; each is made when it is first asked for.

    The book has made them, too, for its readers; made of the same, they are the same.
    """
    out, made = tmp_path_factory.mktemp("assignments"), {}

    def folder(name):
        if name not in made:
            if is_made(name):
                shutil.copytree(make_assignments.OUT / name, out / name)
            else:
                make_assignments.build(make_assignments.SOURCES / name, out / name)
            made[name] = out / name
        return made[name]

    return folder


@pytest.fixture(scope="session")
def prepared():
    """Grading for all tests of a file begins with the same process."""
    with otter_process.Prepared() as process:
        yield process


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """A folder that holds the library as its wheel brings it, and nothing else of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(make_assignments.wheel()) as file:
        file.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def run_notebook(installed):
    """Run a notebook in its own folder as a student does, but train for less; gives it with outputs."""

    def run(path):
        notebook = shortened(nbformat.read(path, 4))
        there = {"metadata": {"path": str(path.parent)}}
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        client = nbclient.NotebookClient(notebook, timeout=900, resources=there)
        return client.execute(env=environment)

    return run
