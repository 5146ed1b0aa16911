"""The set-up cell: the first code cell of every notebook, kept here and nowhere else.

Where minidiff imports, the cell installs nothing. Elsewhere (on Colab) it installs the library from
the course's repository at the tag of the notebook's own version, with torch, torchvision and numpy
pinned to what is there. It refuses a library of another version, and prints one line.
"""

import re
import tomllib
from string import Template

from nbformat import NotebookNode
from notebook_file import ROOT

# Fifteen lines, like any cell of the course.
TEMPLATE = Template(
    """\
import sys
from importlib import metadata, util
from subprocess import run

VERSION, URL = "$version", "$url"
if not util.find_spec("minidiff"):
    keep = [p for p in ("torch", "torchvision", "numpy") if util.find_spec(p)]
    pip = [sys.executable, "-m", "pip", "install", "-qqq", f"git+{URL}@v{VERSION}"]
    if not URL or run([*pip, *(f"{p}=={metadata.version(p)}" for p in keep)]).returncode:
        sys.exit(f"No minidiff {VERSION} at '{URL}': set Repository in pyproject.toml or go online")
import minidiff as md

if md.__version__ != VERSION:
    sys.exit(f"minidiff is {md.__version__}, not {VERSION}: pip uninstall minidiff, restart, rerun")
print(f"minidiff {VERSION} on {md.default_device()}")"""
)

PRINTED = re.compile(r"^minidiff \S+ on (\S+)$")


def settings() -> tuple[str, str]:
    """The version and the repository's address that pyproject.toml gives; "" for no address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project["urls"]["Repository"].strip().rstrip("/").removesuffix(".git")
    if address and not re.fullmatch(r"[a-z+]+://[^\s\"'\\{}]+", address):
        raise SystemExit(
            f"[project.urls] Repository in pyproject.toml is {address!r}; "
            "it has to be an address such as https://github.com/someone/minidiff, or empty."
        )
    return project["version"], address


def source(version: str, address: str) -> str:
    """The cell's text for a version and an address."""
    return TEMPLATE.substitute(version=version, url=address)


def find(notebook: NotebookNode) -> NotebookNode:
    """The set-up cell of a notebook: its first code cell."""
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def write(notebook: NotebookNode, version: str, address: str) -> None:
    """Put the set-up cell's text into a notebook, and the version into the line it printed."""
    cell = find(notebook)
    cell.source = source(version, address)
    for output in cell.outputs:
        if output.output_type == "stream" and (match := PRINTED.match(output.text.strip())):
            output.text = f"minidiff {version} on {match[1]}\n"
