"""The assignments, made once for all tests of this layer, and the library as students install it."""

import os
import subprocess
import sys
import zipfile

import make_assignments
import nbformat
import pytest
from student import save, shortened


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of an assignment's versions, by its name; each is made when it is first asked for."""
    out, made = tmp_path_factory.mktemp("assignments"), {}

    def folder(name):
        if name not in made:
            make_assignments.build(make_assignments.SOURCES / name, out / name)
            made[name] = out / name
        return made[name]

    return folder


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder that holds the library as its wheel brings it, and nothing else of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(make_assignments.wheel()) as file:
        file.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def run_notebook(installed, tmp_path_factory):
    """Run a notebook from its own folder as a student does, but train for less; gives it with outputs."""
    code = (
        "import sys, nbformat, nbclient; nb = nbformat.read(sys.argv[1], 4); "
        "nbclient.NotebookClient(nb, timeout=900).execute(); nbformat.write(nb, sys.argv[1])"
    )

    def run(path):
        done = tmp_path_factory.mktemp("done") / path.name
        save(shortened(nbformat.read(path, 4)), done)
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        command = [sys.executable, "-c", code, str(done)]
        ended = subprocess.run(
            command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return nbformat.read(done, 4)

    return run
