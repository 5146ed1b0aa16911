"""Lay what students get of the assignments beside the pages, to be downloaded.

The assignments are made while the pages are, by another process, and only if something has changed.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from setup_cell import settings  # noqa: E402  (a script of the maintainers, not an installed module)

SOURCES = ROOT / "assignments"
MADE = ROOT / "_build" / "assignments"
MAKER = ROOT / "tools" / "make_assignments.py"
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def names() -> list[str]:
    """The assignments, in their order."""
    return sorted(path.parent.name for path in SOURCES.glob("*/assignment.md"))


def is_made() -> bool:
    """Whether all are there, and younger than what they are made of."""
    zips = [MADE / name / "autograder.zip" for name in names()]
    if not all(path.is_file() for path in zips):
        return False
    sources = [MAKER, ROOT / "pyproject.toml", *SOURCES.rglob("*.*")]
    sources += [
        path for path in (ROOT / "minidiff").rglob("*.*") if "__pycache__" not in path.parts
    ]
    return max(path.stat().st_mtime for path in sources) < min(p.stat().st_mtime for p in zips)


def begin(app: Sphinx) -> None:
    """Start to make them, where they are to be downloaded."""
    if app.builder.format == "html" and not is_made():
        command = [sys.executable, str(MAKER), "--out", str(MADE)]
        app.making_assignments = subprocess.Popen(  # type: ignore[attr-defined]
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def write(app: Sphinx, error: Exception | None) -> None:
    """Wait for them, and write the zips.

    Raises:
        ExtensionError: If they could not be made.
    """
    making = getattr(app, "making_assignments", None)
    if making is not None:
        said, _ = making.communicate()
        if making.returncode:
            raise ExtensionError(f"the assignments could not be made:\n{said}")
    if error is not None or app.builder.format != "html":
        return
    for name in names():
        lay_out(MADE / name / "student", Path(app.outdir) / "_static" / "assignments")


def lay_out(student: Path, out: Path) -> None:
    """What students get of one assignment: all of it, its notebook, and its questions.

    The library, which goes with it as long as the course has no address, lies there once for all.
    """
    name = student.parent.name
    (out / name).mkdir(parents=True, exist_ok=True)
    questions = sorted((student / "questions").glob("*.*"))
    notebook = student / f"{name}.ipynb"
    pack(out / f"{name}.zip", student.parent, [notebook, *questions], f"{name}/")
    pack(out / name / "questions.zip", student.parent, questions, "")
    for file, place in [(notebook, out / name), *((wheel, out) for wheel in student.glob("*.whl"))]:
        (place / file.name).write_bytes(file.read_bytes())


def pack(target: Path, top: Path, files: list[Path], folder: str) -> None:
    """Write a zip with a folder in the place of ``student/``; the same files make the same zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            inside = file.relative_to(top / "student").as_posix()
            entry = zipfile.ZipInfo(f"{folder}{inside}", LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, file.read_bytes())


def handout(role: str, rawtext: str, text: str, *others: Any) -> tuple[list[Any], list[Any]]:
    """The role ``{handout}`NAME```: on a line of their own, links to what students get of an assignment."""
    if text not in names():
        raise ExtensionError(f"there is no assignment {text!r}; there are {', '.join(names())}")
    there = f"../_static/assignments/{text}"
    files = {"folder": ".zip", "notebook": f"/{text}.ipynb", "questions": "/questions.zip"}
    links = [f'<a href="{there}{end}" download>{word}</a>' for word, end in files.items()]
    return [nodes.raw("", f"<br><small>{' · '.join(links)}</small>", format="html")], []


class Library(Directive):
    """The directive ``{handout-library}``: where the library is, as long as it has no address."""

    def run(self) -> list[nodes.Node]:
        """One paragraph, or nothing."""
        version, repository = settings()
        if repository:
            return []
        wheel = f"minidiff-{version}-py3-none-any.whl"
        words = (
            f'<p>They need the library, <a href="../_static/assignments/{wheel}" download>{wheel}</a>: '
            f"install it with <code>pip install {wheel}</code> where it is not installed yet.</p>"
        )
        return [nodes.raw("", words, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Run beside every build."""
    app.add_role("handout", handout)
    app.add_directive("handout-library", Library)
    app.connect("builder-inited", begin)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
