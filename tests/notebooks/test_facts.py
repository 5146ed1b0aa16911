"""Statements that were wrong once, in each place where they could come back: what is said there instead."""

import json
import re
from pathlib import Path

import pytest
from notebook_file import ROOT

FLOWS, DDIM = "notebooks/21_flow_matching.ipynb", "notebooks/11_ddim.ipynb"
MORE_ON_FLOWS = "notebooks/21_flow_matching_further.ipynb"

#: Where; what must not be said; what must be. Blanks and line ends count alike.
FACTS = {
    "a diffusion model has a density": (
        MORE_ON_FLOWS,
        r"that diffusion models lack",
        r"that the \*chain\* of a diffusion model lacks.*has a bound only.*chapter 11.*exact density too",
    ),
    "a velocity that fits carries the crowd": (
        MORE_ON_FLOWS,
        r"change alike, so they have the same density",
        r"the same equation, from the same beginning.*\*one\* solution only.*Lipschitz",
    ),
    "the exercise asks for what its solution does": (
        DDIM,
        r"Show with `chain`",
        r"Show on the 20,000 copies.*md\.q_sample\(x_0, s, schedule, noise=z\)",
    ),
    "the chapter leaves the proof to the page that goes further": (
        FLOWS,
        r"change alike, so they have the same density",
        r"proves it, and says how smooth the velocity has to be",
    ),
    "nbval does not look at pictures": (
        "README.md",
        r"still come out the same\.",
        r"printed words and numbers; .*(pictures|figures)",
    ),
    "a caption counts what the code draws": (
        MORE_ON_FLOWS,
        r"\d+ digits from the same noise.*(?<!100) real training digits",
        r"asked = torch\.arange\(100\).*100 digits from the same noise.*100 real training digits",
    ),
    "one seed, another batch": (
        "book/notation.md",
        r"same noise in every batch",
        r"A list of generators gives each picture its own, and so the same picture in any batch",
    ),
    "the first picture of a stochastic sampler": (
        "minidiff/sampling/loop.py",
        r"the first example is the same",
        r"the first example depends on how many are drawn beside it from one generator; a list, one for each",
    ),
}


def caption(cell: dict) -> str:
    return cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", "")


def said(place: str) -> str:
    """The text of a page or a module, of a notebook its text, code and captions, on one line."""
    file = ROOT / place
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) + caption(cell) for cell in cells)
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("place", "wrong", "right"), FACTS.values(), ids=FACTS)
def test_what_was_wrong_is_put_right(place, wrong, right):
    text = said(place)
    assert not re.search(wrong, text)
    assert re.search(right, text), Path(place).name
