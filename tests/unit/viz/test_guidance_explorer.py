"""The guidance explorer without a browser: its HTML, its figures, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from interactives import Thirds, pictures, sanitised
from unpacking import unpack

import minidiff as md
from minidiff.viz.explorers.guidance_explorer import _with_error
from minidiff.viz.widget import without_scripts

LABELS = torch.arange(12) % 3


SAMPLES = {w: pictures(w, LABELS) for w in (0.0, 0.5, 2.0)}


@pytest.fixture(scope="module")
def widget():
    real = (pictures(9.0, LABELS, seed=1), LABELS)
    return md.viz.guidance_explorer(SAMPLES, LABELS, Thirds(), each=3, focus=1, real=real)


def test_its_figures_are_those_of_the_metrics(widget):
    for w, x in SAMPLES.items():
        seen = ((x.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1  # as bytes hold it
        out = widget.readout(w=w)
        sure = md.metrics.fidelity(Thirds(), seen, LABELS)
        wide = md.metrics.diversity(Thirds(), seen, LABELS)
        read = md.metrics.accuracy(Thirds(), seen, LABELS).value
        assert out["fidelity"] == f"−{-sure.value:.4f} ± {sure.standard_error:.4f}"
        assert out["diversity"] == f"{wide.value:.1f} ± {wide.standard_error:.1f}"
        assert out["read"] == f"{100 * read:.1f} %"
        assert out["read"] in out["sentence"]
        assert out["scale"] == f"{1 + w:g}"
    assert widget.readout()["sentence"].startswith("w = 0: no guidance")
    ratio = widget.figures["diversity"][2][0] / widget.figures["diversity"][0][0]
    assert f"is {ratio:.2f} times that at w = 0;" in widget.readout(w=2.0)["sentence"]
    assert len({widget.readout(w=w)["fidelity"] for w in SAMPLES}) == 3


def test_the_page_gets_the_samples_that_it_shows(widget):
    data = widget._data
    rows, labels = data["rows"], data["labels"]
    assert [labels[k] for k in rows["all"]] == [0, 1, 2] * 3
    assert [labels[k] for k in rows["one"]] == [1] * 4
    # of class c the first three are 0, 3, 6 and so on; all of class 1 are shown besides
    chosen = [*range(9), 10]
    pixels = np.stack(
        [((x[chosen, 0].clamp(-1, 1) + 1) * 127.5).round().byte().numpy() for x in SAMPLES.values()]
    )
    # Each weight tells what it adds to the one before, modulo 256.
    told = np.array(unpack(data["computed"]["pixels"])[: pixels.size]).reshape(pixels.shape)
    np.testing.assert_array_equal(told.cumsum(0) % 256, pixels)
    for w, wrong in zip(SAMPLES, data["computed"]["wrong"], strict=True):
        read = Thirds()(torch.from_numpy(pixels[list(SAMPLES).index(w)] / 127.5 - 1)).argmax(1)
        assert wrong == [i for i, k in enumerate(chosen) if read[i] != LABELS[k]]
    assert data["computed"]["wrong"][0]  # else nothing was compared


def test_what_another_processor_draws_differently_is_not_compared(widget):
    shifted = {w: x + 1e-2 * torch.randn(x.shape) for w, x in SAMPLES.items()}
    real = (pictures(9.0, LABELS, seed=1), LABELS)
    other = md.viz.guidance_explorer(shifted, LABELS, Thirds(), each=3, focus=1, real=real)
    assert other._repr_html_() != widget._repr_html_()
    assert sanitised(other._repr_html_()) == sanitised(widget._repr_html_())
    # but the controls, the script and what is on offer are
    for change in ({"w": 2.0}, {"each": 2}):
        moved = {"each": 3, "focus": 1, "real": real, **change}
        changed = md.viz.guidance_explorer(SAMPLES, LABELS, Thirds(), **moved)
        assert sanitised(changed._repr_html_()) != sanitised(widget._repr_html_())


def test_no_other_figure_is_touched_by_that():
    other = md.viz.reverse_explorer(torch.zeros(1, 2), 0.2, 25, points=10)
    left = sanitised(other._repr_html_())
    assert without_scripts(other._picture) in left
    assert json.dumps(other._data, separators=(",", ":")) in left


def test_without_real_pictures_there_is_no_level():
    widget = md.viz.guidance_explorer({0.0: SAMPLES[0.0]}, LABELS, Thirds(), each=1)
    assert "real" not in widget._data["computed"]
    assert json.loads(json.dumps(widget._data)) == widget._data


@pytest.mark.parametrize(
    ("value", "error", "decimals", "words"),
    [
        (-0.00002, 0.00001, 4, "> −0.0001"),
        (-0.00002, 0.00007, 4, "0.0000 ± 0.0001"),
        (0.0, 0.0, 4, "0.0000 ± 0.0000"),
        (-0.04, 0.01, 1, "> −0.1"),
        (-0.5, 0.0, 4, "−0.5000 ± 0.0000"),
    ],
)
def test_nearly_nothing_is_not_called_nothing(value, error, decimals, words):
    assert _with_error([value, error], decimals) == words


def test_a_classifier_that_is_all_but_sure():
    class Sure(Thirds):
        def forward(self, x):
            return 12 * self.features(x)

    widget = md.viz.guidance_explorer({9.0: pictures(9.0, LABELS)}, LABELS, Sure())
    assert -5e-5 < widget.figures["fidelity"][0][0] < 0
    assert widget.readout()["fidelity"] == "> −0.0001"


def test_weights_come_in_order_and_the_first_shown_is_the_smallest():
    widget = md.viz.guidance_explorer({2.0: SAMPLES[2.0], 0.5: SAMPLES[0.5]}, LABELS, Thirds())
    assert widget.weights == [0.5, 2.0]
    assert widget.state == {"w": 0.5, "show": "all"}
    assert "times that at w = 0.5;" in widget.readout(w=2.0)["sentence"]
