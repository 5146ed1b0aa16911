"""Tables that took hours: what a chapter prints is what the benchmark wrote into its file of results."""

import json
import re

import pytest
from notebook_file import ROOT

from benchmarks.search import spread

RESULTS = ROOT / "benchmarks" / "results"
BATCHES = {  # the row that the chapter on training shows, and the trials behind it
    (128, 30_000): ("batch 128", "search_30000.json"),
    (32, 30_000): ("batch 32", "search_30000.json"),
    (16, 30_000): ("batch 16", "search_30000.json"),
    (128, 60_000): ("batch 128", "search_60000.json"),
}


def number(text):
    return float(text.replace(",", ""))


def table_of_batches():
    """Each row of the table, by batch and pictures."""
    cells = json.loads((ROOT / "notebooks/07_training.ipynb").read_text(encoding="utf-8"))["cells"]
    (text,) = [c for c in map("".join, (cell["source"] for cell in cells)) if "| batch |" in c]
    rows = {}
    for line in re.findall(r"^\| [\d,]+ \|.*\|$", text, re.MULTILINE):
        batch, pictures, steps, distance, read = (part.strip() for part in line[1:-1].split("|"))
        rows[int(number(batch)), int(number(pictures))] = (int(number(steps)), distance, read)
    return rows


def test_no_row_is_left_out():
    assert table_of_batches().keys() == BATCHES.keys()


@pytest.mark.parametrize("row", BATCHES, ids=str)
def test_a_row_says_what_was_measured(row):
    setting, file = BATCHES[row]
    trials = json.loads((RESULTS / file).read_text(encoding="utf-8"))
    own = [trial for trial in trials if trial["setting"] == setting]
    steps, distance, read = table_of_batches()[row]
    assert steps == row[1] // row[0]
    assert {trial["images"] for trial in own} == {steps * row[0]}
    assert distance == spread(own, "frechet", 1)
    assert read == spread(own, "accuracy", 2)
