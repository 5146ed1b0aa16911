"""What all figures share in which networks draw: what they hold, keep and compute, without a browser."""

import base64
import json
import re

import numpy as np
import pytest
import torch
from films import FILMS
from interactives import MAKERS, sanitised

import minidiff as md
from minidiff.viz import live_figure as live
from minidiff.viz.frames import grey_levels
from minidiff.viz.hash_noise import normals
from minidiff.viz.live_figure import a_digit
from minidiff.viz.widget import script

KEEP = [name for name in FILMS if name != "live_digits"]  # which opens with its noise


@pytest.fixture(params=FILMS)
def name(request):
    return request.param


@pytest.fixture
def widget(name):
    return MAKERS[name](**FILMS[name][0])


def told(widget):
    data = re.search(r"const data = (\{.*\});\n?let tries", widget._repr_html_(), re.DOTALL)
    return json.loads(data[1])


def test_no_figure_is_left_out():
    assert FILMS.keys() == {name for name in MAKERS if name.startswith("live_")}


def test_it_holds_walks_and_no_network(widget):
    data = told(widget)
    assert [one["network"] for one in data["networks"]] == [d.name for d in widget.drawers]
    assert "minidiffNetwork(" not in widget._repr_html_().replace("minidiffNetwork =", "")
    for one in data["networks"]:
        _, schedule = md.load(one["network"])
        assert one["size"] == md.weights.example_shape(one["network"])[-1]
        assert one["none"] == 10
        assert one["walks"].keys() == set(map(str, data["steps"]))
        for n, walk in one["walks"].items():
            if schedule is None:
                assert walk == {"times": [k / int(n) for k in range(int(n) + 1)]}
                continue
            assert walk["times"] == md.sampling_times(1000, int(n))
            bars = {t: float(schedule.alpha_bar[t]) for t in walk["times"]}
            assert walk["alphaBar"] == pytest.approx(
                {str(t): bar for t, bar in bars.items()}, rel=1e-10
            )


def test_networks_come_along_where_they_are_asked_to(name, widget, monkeypatch):
    monkeypatch.setattr(live, "page_network", lambda name: [name])
    monkeypatch.setattr(live, "script_of", lambda name, program: f"network({name}, {program});")
    page = MAKERS[name](**FILMS[name][0], embed=True)._repr_html_()
    rest = page.removeprefix(widget._repr_html_())
    names = [drawer.name for drawer in widget.drawers]
    assert rest == "".join(f"<script>network({name}, {[name]});</script>" for name in names)


def test_the_first_walk_is_kept_in_sixteen_greys(name, widget):
    data = told(widget)
    if name not in KEEP:
        assert "computed" not in data
        assert data["state"]["frame"] == 0
        return
    text = data["computed"]["frames"].removeprefix("frames:")
    both = np.frombuffer(base64.b64decode(text), np.uint8)
    levels = np.stack([both >> 4, both & 15], 1).reshape(-1)
    states = widget.states()
    pictures, size = len(states[0].x), states[0].x.shape[-1]
    kept = levels.reshape(len(states) - 1, pictures, 2, 1, size, size)
    for k, state in enumerate(states[1:]):
        np.testing.assert_array_equal(kept[k, :, 0], grey_levels(state.x))
        np.testing.assert_array_equal(kept[k, :, 1], grey_levels(state.x0_hat))


@pytest.mark.parametrize(("name", "steps"), [("live_walk", 100), ("live_ddim", 50)])
def test_what_would_be_too_much_is_not_kept(name, steps):
    few, many = (MAKERS[name](steps=steps, network=f"digits{size}") for size in (16, 28))
    assert few.state["frame"] > 0
    assert many.state["frame"] == 0
    assert "computed" not in told(many)
    assert max(len(one._repr_html_().encode()) for one in (few, many)) < 100_000
    assert many.readout()["t"] == "1000"


def test_nothing_that_a_network_drew_is_compared(widget):
    """Another machine draws other last bits, which a notebook that is run again must not be measured by."""
    page = sanitised(widget._repr_html_())
    assert len(page) > 20_000
    for mark in ('"frames:', ";of=frames;base64", '"computed"', "svg+xml;base64"):
        assert mark not in page
    assert page.count("COMPUTED") == 1 + (widget.name in KEEP)


def test_pictures_side_by_side_share_the_noise_of_a_step(widget):
    """The pictures of a figure start from one row of numbers, of which a page makes the first so many."""
    start = widget.states(seed=5)[0].x
    size = start.shape[-1]
    pictures = {"live_flow": 4, "live_ddim": 1}.get(widget.name, len(start))
    expected = normals(5, 1000, pictures, 1, size, size).float()
    assert torch.equal(start[:pictures], expected)


def test_another_seed_draws_something_else_and_a_walk_is_computed_once(widget):
    assert not torch.equal(widget.states(seed=5)[-1].x, widget.states(seed=6)[-1].x)
    assert widget.states(seed=5) is widget.states(seed=5, frame=1)
    assert widget.states() is widget.states(seed=widget.seed)


def test_states_of_a_control_that_is_not_there_are_refused(widget):
    with pytest.raises(TypeError, match="there is no control 'eta_2'"):
        widget.states(eta_2=1)


def test_an_article_goes_before_each_digit():
    assert [a_digit(k) for k in (0, 1, 7, 8, 9)] == ["a 0", "a 1", "a 7", "an 8", "a 9"]


def test_the_worker_s_code_is_there_once(widget):
    code = script("hash_noise.js", "engine.js", "walks.js", "worker.js")
    assert told(widget)["worker"] == code
    assert widget._repr_html_().count("function* walkFromNoise") == 1
