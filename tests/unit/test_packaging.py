"""The files that say what to install agree with each other, and the version is one version."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path

import colab
import pytest
import refresh_constraints
import setup_cell
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec

import minidiff as md

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["optional-dependencies"]

CONDA_NAMES = {"torch": "pytorch"}  # PyPI's name: conda-forge's, where they differ
BY_CONDA = "notebooks"  # the extra that conda installs beside the core
BY_PIP = (
    "book,test,grading,distributed,flow"  # the extras left to pip, as pyproject.toml names them
)


def conda_specs() -> list[str]:
    return [spec for spec in ENVIRONMENT["dependencies"] if isinstance(spec, str)]


def as_conda(requirement: str) -> tuple[str, set[str]]:
    """A requirement of pyproject.toml as conda names and bounds it."""
    parsed = Requirement(requirement)
    bounds = {str(specifier) for specifier in parsed.specifier}
    return CONDA_NAMES.get(parsed.name, parsed.name), bounds


def split(spec: str) -> tuple[str, set[str]]:
    """Name and bounds of a conda spec."""
    name, bounds = re.fullmatch(r"([\w.-]+)(.*)", spec).groups()
    return name, set(filter(None, bounds.strip().split(",")))


def test_environment_has_what_pyproject_asks():
    wanted = dict(as_conda(r) for r in [*PROJECT["dependencies"], *EXTRAS[BY_CONDA]])
    wanted |= {"python": {PROJECT["requires-python"]}, "pip": set()}
    assert dict(map(split, conda_specs())) == wanted


def test_environment_leaves_the_rest_to_pip():
    (by_pip,) = (d["pip"] for d in ENVIRONMENT["dependencies"] if isinstance(d, dict))
    assert by_pip == [f"--editable .[{BY_PIP}]"]
    assert {*BY_PIP.split(","), BY_CONDA} == set(EXTRAS)


@pytest.mark.parametrize("spec", conda_specs())
def test_conda_understands(spec):
    parsed = MatchSpec(spec, strict=True)
    assert parsed.name.normalized == split(spec)[0]


def test_environment_uses_one_channel():
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]


def pins() -> dict[str, str]:
    """Name and version of every line of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("requirement", [*chain(PROJECT["dependencies"], *EXTRAS.values())])
def test_pin_is_within_the_bounds(requirement):
    parsed = Requirement(requirement)
    assert parsed.specifier.contains(pins()[canonicalize_name(parsed.name)])


def test_set_up_cell_installs_no_extra():
    """So the next test is about everything that it installs."""
    assert 'f"git+{URL}@v{VERSION}"' in setup_cell.source("1", "")


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_colab_has_what_the_set_up_cell_needs(requirement):
    """Else pip would replace there what other packages of Colab's count on."""
    parsed = Requirement(requirement)
    assert parsed.specifier.contains(colab.pins()[canonicalize_name(parsed.name)])


@pytest.mark.parametrize("requirement", [*chain(*EXTRAS.values())])
def test_extras_leave_colab_as_it_is(requirement):
    """Colab has not all of it, but what it has will do."""
    parsed = Requirement(requirement)
    there = colab.pins().get(canonicalize_name(parsed.name))
    assert there is None or parsed.specifier.contains(there)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ("2.10.0 2.11.0 2.13.0", "2.11.0"),
        ("2.13.0 2.12.1 2.9.0", "2.12.1"),
        ("2.9.0 2.10.0", "2.10.0"),
    ],
)
def test_nearest_version_where_colabs_is_not_to_be_had(there, chosen):
    assert colab.nearest("2.11.0", there.split()) == chosen


def test_colab_has_a_python_that_will_do():
    assert SpecifierSet(PROJECT["requires-python"]).contains(colab.COLABS_PYTHON)


def test_everything_that_gets_installed_is_pinned():
    extras = ",".join(refresh_constraints.EXTRAS)
    assert set(refresh_constraints.EXTRAS) == set(EXTRAS)
    installed = refresh_constraints.needed([f"minidiff[{extras}]", *refresh_constraints.BUILD])
    installed.pop("minidiff")
    assert set(installed) <= set(pins())


def test_makefile_installs_every_extra():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^EXTRAS := (.+)$", makefile, re.MULTILINE)
    assert set(extras.split(",")) == set(EXTRAS)


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert md.__version__ == PROJECT["version"] == citation["version"]
    assert distribution("minidiff").version == PROJECT["version"]
    assert re.search(r"^## (\S+)", changes, re.MULTILINE)[1] == PROJECT["version"]


def test_python_is_the_same_everywhere():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert config["mypy"]["python_version"] == oldest
    assert config["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"sys.version_info < {Version(oldest).release}" in (
        ROOT / "tools" / "find_python.sh"
    ).read_text(encoding="utf-8")


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_licences_are_named():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    text = (ROOT / "LICENSE-text.md").read_text(encoding="utf-8")
    assert "creativecommons.org/licenses/by/4.0/" in text


@pytest.mark.slow
def test_jupyterlab_takes_the_extension_that_folds_hints():
    command = [sys.executable, "-m", "jupyter", "labextension", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    plain = re.sub(r"\x1b\[\d+m", "", listed.stdout + listed.stderr)
    assert re.search(r"jupyterlab-myst v\S+ +enabled +OK", plain)
