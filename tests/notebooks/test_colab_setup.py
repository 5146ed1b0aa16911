"""The set-up cell, run for real: a bare repository, an environment with torch and no minidiff.

The environment is a new one into which the installed torch and its friends are linked, so nothing is
downloaded; pip is kept from its index, so a wish to download anything would fail.
"""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib.metadata import distribution, requires
from pathlib import Path

import notebook_file
import pytest
import setup_cell
import yaml
from colab import bare_clone, tagged_copy
from nbformat.v4 import new_code_cell, new_notebook, new_output
from packaging.requirements import Requirement
from refresh_constraints import BUILD, needed

pytestmark = pytest.mark.slow

VERSION = setup_cell.settings()[0]
Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own with the files of this working tree, tagged with their version."""
    return tagged_copy(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def address(source: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a bare clone of it, which a git+ address can name."""
    return bare_clone(source, tmp_path_factory.mktemp("served") / "minidiff.git")


def site_packages(environment: Path) -> Path:
    """Where that environment keeps its packages."""
    return next(environment.glob("lib/python*/site-packages"))


def make_environment(folder: Path) -> Path:
    """A new environment with pip, torch, numpy and all else that minidiff needs, but no minidiff."""
    venv.create(folder)  # pip is linked too: to install it would take seconds
    core = [line for line in requires("minidiff") or [] if "extra ==" not in line]
    for name in needed([*(Requirement(line).name for line in core), *BUILD, "pip"]):
        package = distribution(name)
        tops = {Path(file.parts[0]) for file in package.files or [] if file.parts[0] != ".."}
        for top in tops:
            target = site_packages(folder) / top
            if not target.exists() and top.name != "__pycache__":
                target.symlink_to(package.locate_file(top))
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    return make_environment(tmp_path / "clean")


@pytest.fixture
def run_cell(environment: Path, tmp_path: Path) -> Callable[..., Run]:
    """`run_cell(version, address)` runs the cell in the clean environment, in an empty folder."""
    (tmp_path / "empty").mkdir()

    def run(version: str, address: str, *, more: str = "") -> Run:
        # PIP_NO_BUILD_ISOLATION=0 builds with the hatchling that is there; 0 is pip's own oddity.
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_CONFIG_FILE": os.devnull,
        }
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
        return subprocess.run(
            [
                environment / "bin" / "python",
                "-c",
                f"{setup_cell.source(version, address)}\n{more}",
            ],
            cwd=tmp_path / "empty",
            env={**keep, **offline},
            capture_output=True,
            text=True,
        )

    return run


def packages(environment: Path) -> set[tuple[str, float]]:
    """Name and time of change of everything installed there."""
    return {
        (entry.name, entry.lstat().st_mtime)
        for entry in site_packages(environment).iterdir()
        if entry.name != "__pycache__"
    }


def test_installs_minidiff_and_touches_nothing_else(run_cell, environment, address):
    before = packages(environment)
    done = run_cell(VERSION, address, more="import sys; print(md.__file__, md.linear_schedule().T)")
    assert done.returncode == 0, done.stderr
    line, more = done.stdout.splitlines()
    assert setup_cell.PRINTED.match(line)
    assert line.startswith(f"minidiff {VERSION} on ")
    assert more.startswith(str(site_packages(environment)))
    assert more.endswith(" 1000")

    after = packages(environment)
    assert {name for name, _ in after - before} == {"minidiff", f"minidiff-{VERSION}.dist-info"}
    assert before <= after

    # A second time it imports, so the address (here of nowhere) is not even looked at.
    again = run_cell(VERSION, "file:///nowhere")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [line]
    assert packages(environment) == after

    other = run_cell("9.8.7", address)
    assert other.returncode == 1
    assert other.stdout == ""
    (said,) = other.stderr.splitlines()
    assert f"minidiff is {VERSION}, not 9.8.7" in said
    assert "pip uninstall minidiff" in said
    assert packages(environment) == after


def test_says_what_to_set_while_there_is_no_address(run_cell, environment):
    before = packages(environment)
    done = run_cell(VERSION, "")
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert "set Repository in pyproject.toml" in said
    assert packages(environment) == before


def test_says_that_the_version_is_not_there(run_cell, environment, address):
    before = packages(environment)
    done = run_cell("9.8.7", address)
    assert done.returncode == 1
    *reasons, said = done.stderr.splitlines()
    assert all(reason.startswith("ERROR: ") for reason in reasons)  # pip's
    assert f"No minidiff 9.8.7 at '{address}'" in said
    assert packages(environment) == before


def test_refuses_to_change_the_numpy_that_is_there(run_cell, environment, address):
    """An environment too old for minidiff is left as it is, not upgraded on the quiet."""
    old = next(site_packages(environment).glob("numpy-*.dist-info"))
    facts = (old / "METADATA").read_text(encoding="utf-8")
    version = distribution("numpy").version
    old.unlink()
    fake = old.with_name("numpy-1.0.dist-info")
    fake.mkdir()
    (fake / "METADATA").write_text(facts.replace(f"Version: {version}", "Version: 1.0"))
    before = packages(environment)
    done = run_cell(VERSION, address)
    assert done.returncode == 1
    assert "numpy==1.0" in done.stderr
    assert packages(environment) == before


def published(source: Path, folder: Path, address: str) -> tuple[Path, Callable[[], None]]:
    """A copy of the repository with that address set and one notebook; and `make publish-config`."""
    shutil.copytree(source, folder)
    project = folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert 'Repository = "' in text
    lines = text.splitlines(keepends=True)
    lines = [f'Repository = "{address}"\n' if s.startswith("Repository =") else s for s in lines]
    project.write_text("".join(lines), encoding="utf-8")
    old = new_output("stream", name="stdout", text="minidiff 0.0.1 on cuda\n")
    cells = [new_code_cell("old text", outputs=[old]), new_code_cell("1 + 1")]
    (folder / "notebooks").mkdir(exist_ok=True)
    notebook_file.write(folder / "notebooks" / "99_made_up.ipynb", new_notebook(cells=cells))

    def publish() -> None:
        script = folder / "tools" / "publish_config.py"
        subprocess.run([sys.executable, script], check=True, capture_output=True)

    return folder, publish


def files(folder: Path) -> dict[str, bytes]:
    """What publishing may write, and what is in it."""
    return {str(p): p.read_bytes() for p in [folder / "_config.yml", *folder.glob("notebooks/*")]}


def test_publish_config_writes_the_address_everywhere(source, tmp_path):
    address = "https://github.com/someone/minidiff"
    folder, publish = published(source, tmp_path / "copy", address + "/")
    publish()
    once = files(folder)
    publish()
    assert files(folder) == once

    config = (folder / "_config.yml").read_text(encoding="utf-8")
    assert f"url: {address}\n" in config
    assert "colab_url: https://colab.research.google.com" in config
    assert f"branch: v{VERSION}\n" in config
    for path in folder.glob("notebooks/*.ipynb"):
        notebook = notebook_file.read(path)
        assert setup_cell.find(notebook).source == setup_cell.source(VERSION, address)
        assert notebook.cells[-1].source
    made_up = notebook_file.read(folder / "notebooks" / "99_made_up.ipynb")
    assert made_up.cells[0].outputs[0].text == f"minidiff {VERSION} on cuda\n"
    assert made_up.cells[1].source == "1 + 1"


def test_colab_opens_github_only(source, tmp_path):
    """Elsewhere there is no button, which Jupyter Book could not draw; the set-up cell works."""
    folder, publish = published(source, tmp_path / "copy", "https://example.org/someone/minidiff")
    publish()
    assert "colab_url" not in (folder / "_config.yml").read_text(encoding="utf-8")
    notebook = notebook_file.read(folder / "notebooks" / "99_made_up.ipynb")
    assert '"https://example.org/someone/minidiff"' in notebook.cells[0].source


def test_launch_button_leads_to_the_notebook_at_its_tag(source, tmp_path):
    folder, publish = published(source, tmp_path / "copy", "https://github.com/someone/minidiff")
    publish()
    (folder / "_toc.yml").write_text("format: jb-book\nroot: notebooks/99_made_up\n")
    config = folder / "_config.yml"  # its extensions would only slow the one page down
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["sphinx"] = {"config": {"suppress_warnings": ["*"]}}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    jupyter_book = "from jupyter_book.cli.main import main; main(['build', '.'])"
    build = [sys.executable, "-c", jupyter_book]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    page = folder / "_build" / "html" / "notebooks" / "99_made_up.html"
    wanted = f"someone/minidiff/blob/v{VERSION}/notebooks/99_made_up.ipynb"
    assert f"https://colab.research.google.com/github/{wanted}" in page.read_text(encoding="utf-8")


def test_publish_config_takes_the_address_away_again(source, tmp_path):
    folder, publish = published(source, tmp_path / "copy", "https://github.com/someone/minidiff")
    publish()
    project = folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("https://github.com/someone/minidiff", ""), encoding="utf-8")
    publish()
    config = (folder / "_config.yml").read_text(encoding="utf-8")
    assert "colab" not in config
    assert "github" not in config
    notebook = notebook_file.read(folder / "notebooks" / "99_made_up.ipynb")
    assert notebook.cells[0].source == setup_cell.source(VERSION, "")


def test_this_repository_is_published():
    """_config.yml is what `make publish-config` would write."""
    import publish_config

    config = publish_config.CONFIG.read_text(encoding="utf-8")
    assert publish_config.config_with(config, *setup_cell.settings()) == config


def test_address_that_is_none_is_refused(source, tmp_path):
    folder, _ = published(source, tmp_path / "copy", "someone/minidiff")
    script = folder / "tools" / "publish_config.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Repository in pyproject.toml is 'someone/minidiff'" in done.stderr
