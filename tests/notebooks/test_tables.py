"""Tables that took hours: what a chapter prints is what the benchmark wrote into its file of results."""

import json
import re
from statistics import mean

import pytest
from notebook_file import ROOT

from benchmarks.search import spread

RESULTS = ROOT / "benchmarks" / "results"
BATCHES = {  # the row that the page shows, and the trials behind it
    (128, 30_000): ("batch 128", "search_30000.json"),
    (32, 30_000): ("batch 32", "search_30000.json"),
    (16, 30_000): ("batch 16", "search_30000.json"),
    (128, 60_000): ("batch 128", "search_60000.json"),
}
WEIGHTS = {"alike": "batch 32", r"small $t$ less, $\gamma = 5$": "batch 32 + min-SNR 5"}


def cell_with(words):
    """The text of the page's one cell that has these words."""
    page = ROOT / "notebooks/07_training_further.ipynb"
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    (text,) = [c for c in map("".join, (cell["source"] for cell in cells)) if words in c]
    return text


def rows_of(text):
    """The parts of each row of its table, without its head."""
    rows = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)[2:]
    return [[part.strip() for part in row.split("|")] for row in rows]


def trials(file, setting):
    """Those of a setting in a file of results."""
    found = json.loads((RESULTS / file).read_text(encoding="utf-8"))
    return [trial for trial in found if trial["setting"] == setting]


def number(text):
    return int(text.replace(",", ""))


def table_of_batches():
    """Steps, distance and accuracy by batch and pictures."""
    rows = rows_of(cell_with("| batch |"))
    return {(number(batch), number(pictures)): rest for batch, pictures, *rest in rows}


def test_no_row_is_left_out():
    assert table_of_batches().keys() == BATCHES.keys()


@pytest.mark.parametrize("row", BATCHES, ids=str)
def test_a_row_says_what_was_measured(row):
    setting, file = BATCHES[row]
    own = trials(file, setting)
    steps, distance, read = table_of_batches()[row]
    assert number(steps) == row[1] // row[0]
    assert {(trial["images"], trial["w"]) for trial in own} == {(number(steps) * row[0], 1.0)}
    assert {trial["seed"] for trial in own} == {0, 1}
    assert distance == spread(own, "frechet", 1)
    assert read == spread(own, "accuracy", 2)


def test_a_shorter_warm_up_is_no_help():
    own = trials("search_30000.json", "batch 128 + warmup 20")
    said = re.search(
        r"With a rise of twenty the distance is ([\d.]+ ± [\d.]+)", cell_with("| batch |")
    )
    assert said[1] == spread(own, "frechet", 1)


def test_the_weights_of_t_are_those_that_were_tried():
    rows = {what: rest for what, *rest in rows_of(cell_with("| errors count |"))}
    assert rows.keys() == WEIGHTS.keys()
    for what, setting in WEIGHTS.items():
        own = trials("search_80000.json", setting)
        assert {(trial["seed"], trial["images"], trial["w"]) for trial in own} == {
            (seed, 80_000, 0.0) for seed in (0, 1)
        }
        columns = (("frechet", 1), ("accuracy", 2), ("bits", 1))
        assert rows[what] == [spread(own, score, digits) for score, digits in columns]


def test_the_price_is_the_difference_of_the_bits():
    (alike, weighed) = (trials("search_80000.json", setting) for setting in WEIGHTS.values())
    price = mean(t["bits"] for t in weighed) - mean(t["bits"] for t in alike)
    said = re.search(r"pays ([\d.]+) bits more", cell_with("| errors count |"))
    assert said[1] == f"{price:.1f}"


def test_the_shipped_network_learned_in_the_steps_that_the_chapter_says():
    card = json.loads((ROOT / "minidiff/weights/digits16.json").read_text(encoding="utf-8"))
    said = re.search(
        r"the network that ships learned in ([\d,]+) steps of (\d+) pictures",
        cell_with("| batch |"),
    )
    assert [number(part) for part in said.groups()] == [card["steps"], card["batch"]]
