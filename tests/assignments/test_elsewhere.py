"""Colab and Kaggle: what the page says to upload and download, played in a folder without the repository."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import grade
import nbformat
import pytest
import scripts
from handed_out import FIRST
from make_assignments import SOURCES
from nbformat.v4 import new_code_cell, new_notebook
from student import answered, checks, definition, save, text_of

from minidiff.check.graded.otter_plugin import DefinitionsOnly

PAGE = SOURCES.parent / "book" / "hand_in.md"

# ---- how they save a notebook ----------------------------------------------------------------
# After files of each kind on GitHub. Colab: format 4.0, a name of the cell in its metadata. Kaggle's editor:
# format 4.4, sources in one text, no names. A version saved on Kaggle: format 4.5, as papermill has run it.


def by_colab(notebook):
    cells = []
    for i, cell in enumerate(notebook.cells):
        made = {"cell_type": cell.cell_type, "source": cell.source.splitlines(keepends=True)}
        made["metadata"] = {"id": f"a1B2c3D4e5F{i}"}
        if cell.cell_type == "code":
            made |= {"execution_count": None, "outputs": []}
            made["metadata"] |= {"colab": {"base_uri": "https://localhost:8080/"}}
        cells.append(made)
    badge = '<a href="https://colab.research.google.com/"><img src="badge.svg"/></a>'
    link = {"id": "view-in-github", "colab_type": "text"}
    cells.insert(0, {"cell_type": "markdown", "metadata": link, "source": [badge]})
    metadata = {
        "colab": {"provenance": [], "include_colab_link": True, "gpuType": "T4"},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
    }
    return {"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": cells}


KAGGLE = {
    "kernelspec": {"language": "python", "display_name": "Python 3", "name": "python3"},
    "language_info": {"name": "python", "version": "3.12.12", "file_extension": ".py"},
    "kaggle": {
        "accelerator": "none",
        "dataSources": [{"sourceId": 1, "sourceType": "datasetVersion", "datasetId": 1}],
        "dockerImageVersionId": 31000,
        "isInternetEnabled": True,
        "language": "python",
        "sourceType": "notebook",
        "isGpuEnabled": False,
    },
}


def by_kaggles_editor(notebook):
    cells = []
    for i, cell in enumerate(notebook.cells):
        metadata = {"_uuid": f"8f2839f2{i:032x}", "_cell_guid": f"b1076dfc-{i:04}", "trusted": True}
        made = {"cell_type": cell.cell_type, "source": cell.source, "metadata": metadata}
        if cell.cell_type == "code":
            made |= {"outputs": [], "execution_count": None}
        cells.append(made)
    return {"metadata": KAGGLE, "nbformat_minor": 4, "nbformat": 4, "cells": cells}


def by_a_saved_version_on_kaggle(notebook):
    cells = []
    times = {"duration": 0.01, "exception": False, "status": "completed", "end_time": "2026-01-01"}
    for i, cell in enumerate(notebook.cells):
        made = {"cell_type": cell.cell_type, "id": f"{i:08x}"}
        made["metadata"] = {"papermill": times, "tags": [], "_cell_guid": f"b1076dfc-{i:04}"}
        made["source"] = cell.source.splitlines(keepends=True)
        if cell.cell_type == "code":
            printed = {"name": "stdout", "output_type": "stream", "text": ["so it was printed\n"]}
            made |= {"execution_count": i, "outputs": [printed]}
        cells.append(made)
    ran = {"version": "2.6.0", "input_path": "__notebook__.ipynb", "parameters": {}}
    metadata = {**KAGGLE, "papermill": ran}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


FORMS = {  # as notebooks, and as scripts
    "colab.ipynb": by_colab,
    "draft.ipynb": by_kaggles_editor,
    "version.ipynb": by_a_saved_version_on_kaggle,
    "colab, a script.py": scripts.by_colab,
    "version, a script.py": scripts.by_kaggle,
    "program.py": scripts.written,
    "jupyter.py": scripts.by_jupyter,
}
AS_IT_IS = (
    "draft.ipynb",
    "version, a script.py",
)  # the others are handed in as the zip that hand_in packs


# ---- what the page says ----------------------------------------------------------------------


def lines(title):
    """The lines that a section of the page tells students to run: what unpacks, and what installs."""
    text = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    unpack, install = (
        line.strip() for line in re.findall(r"```ipython3\n(.*?)```", section, re.DOTALL)
    )
    assert install.startswith("%pip install -q ")
    return unpack, install


def test_the_page_is_part_of_the_book():
    assert "- file: book/hand_in\n" in (SOURCES.parent / "_toc.yml").read_text(encoding="utf-8")


@pytest.fixture
def work(built, tmp_path):
    """What a student has downloaded, with all questions answered: the folder, and the notebook."""
    folder = tmp_path / "downloads"
    shutil.copytree(built(FIRST) / "student", folder)
    (path,) = folder.glob("*.ipynb")
    solution = nbformat.read(built(FIRST) / "solution" / path.name, 4)
    names = [file.stem for file in folder.glob("questions/*.py")]
    right = {name: definition(solution, name) for name in names}
    return folder, answered(nbformat.read(path, 4), right)


@pytest.mark.parametrize("where", ["On Colab", "On Kaggle"])
def test_a_day_elsewhere(where, work, run_notebook, tmp_path):
    """The files are uploaded as the page says, the cell of the page is run, and the notebook works."""
    downloads, notebook = work
    unpack, install = lines(where)
    machine = tmp_path / "machine"
    machine.mkdir()
    uploaded = tmp_path / "input" / "my-data" if where == "On Kaggle" else machine
    uploaded.mkdir(parents=True, exist_ok=True)
    for file in downloads.glob("*.whl"):
        shutil.copy(file, uploaded)
    packed = shutil.make_archive(str(machine / "questions"), "zip", downloads, "questions")
    if where == "On Kaggle":  # which unpacks it by itself
        shutil.unpack_archive(packed, uploaded)
        Path(packed).unlink()
    # What the line would install: the file that came with the assignment, and no other.
    what = install.removeprefix("%pip install -q ").replace(
        "/kaggle/input", str(tmp_path / "input")
    )
    command = ["bash", "-c", f"ls {what}"]
    found = subprocess.run(command, cwd=machine, capture_output=True, text=True, check=True)
    assert [Path(line).name for line in found.stdout.split()] == [
        file.name for file in downloads.glob("*.whl")
    ]
    # The notebook itself is no file there: its last cell waits for what is downloaded.
    cell = new_code_cell(unpack.replace("/kaggle/input", str(tmp_path / "input")))
    notebook.cells = [cell, *notebook.cells[:-1]]
    save(notebook, machine / "opened.ipynb")
    done = run_notebook(machine / "opened.ipynb")
    for text in checks(done).values():
        assert text.startswith("✓"), text
    assert "waits for" not in "".join(map(text_of, done.cells))


HANDS_IN = """
import sys, minidiff as md
assert sys.argv[1] in md.__file__
for name in sys.argv[2:]:
    print(md.check.hand_in(name), end="\\f")
"""


def test_what_was_downloaded_is_handed_in_and_graded(work, built, installed, prepared, tmp_path):
    """In a folder without the repository, with the library as its wheel brings it."""
    downloads, notebook = work
    for title in ("On Colab", "On Kaggle"):
        notebook.cells.insert(0, new_code_cell("\n".join(reversed(lines(title)))))
    asked = len(list(downloads.glob("questions/*.py")))
    paths = {}
    for name, form in FORMS.items():
        made = form(notebook)
        text = made if isinstance(made, str) else json.dumps(made, separators=(",", ":"))
        paths[name] = downloads / f"{name.replace('.', ' (1).')}"
        paths[name].write_text(text, encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-c", HANDS_IN, str(installed), *(path.name for path in paths.values())],
        cwd=downloads,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    receipts = said.split("\f")[:-1]
    assert len(receipts) == len(FORMS)
    for receipt in receipts:
        assert len(re.findall(r" passed$", receipt, re.MULTILINE)) == asked, receipt
        assert "left out" not in receipt
        assert "not run" not in receipt
    # Of forms in which the grader runs the very same, one notebook and one script are graded.
    different = {}
    for name, path in paths.items():
        file = path if name in AS_IT_IS else path.with_suffix(".zip")
        different.setdefault((path.suffix, run_by_grader(file, downloads, tmp_path / name)), file)
    assert {suffix for suffix, _ in different} == {".ipynb", ".py"}
    autograder, files = built(FIRST) / "autograder.zip", list(different.values())
    rows = grade.grade_all(files, autograder, tmp_path / "grades", prepared=prepared)
    assert len({row["submission"] for row in rows}) == len(files)
    for row in rows:
        assert row["total"] == row["of"] == "20"
        assert "note" not in row


def run_by_grader(file, downloads, folder):
    """What the grader runs of a file that was handed in: each statement, in order."""
    folder.mkdir()
    path, note = grade.unpacked(file, folder)
    assert note == ""
    text = path.read_text(encoding="utf-8")
    given = (
        nbformat.reads(text, 4)
        if path.suffix == ".ipynb"
        else new_notebook(cells=[new_code_cell(text)])
    )
    with chdir(downloads):  # the questions lie there
        plugin = DefinitionsOnly(str(path), {}, {})
        made = plugin.before_execution(given)
    assert plugin.left == ()
    return tuple(cell.source for cell in made.cells)
