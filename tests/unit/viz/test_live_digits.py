"""The figure in which a network draws in the page: what it holds, and what Python says of it."""

import json
import re

import pytest
import torch

import minidiff as md
from minidiff.sampling.walk import sampling_times
from minidiff.viz.engine import page_network, script_of
from minidiff.viz.hash_noise import normals

FIGURE = md.viz.live_digits(label=4, w=1.5, steps=10, seed=3)

FIRST = "nothing but noise. Press Play, and it becomes "


def told(widget):
    data = re.search(r"const data = (\{.*\});\n?let tries", widget._repr_html_(), re.DOTALL)
    return json.loads(data[1])


def test_it_holds_the_walks_and_not_the_network():
    data = told(FIGURE)
    _, schedule = md.load("digits16")
    for n in (10, 20, 50):
        walk = data["walks"][str(n)]
        assert walk["times"] == sampling_times(1000, n)
        for t in walk["times"]:
            assert walk["alphaBar"][str(t)] == pytest.approx(
                float(schedule.alpha_bar[t]), rel=1e-10
            )
    assert (data["network"], data["size"], data["none"]) == ("digits16", 16, 10)
    assert len(FIGURE._repr_html_()) < 60_000


def test_the_network_comes_along_where_it_is_asked_to():
    with_it = md.viz.live_digits(label=4, w=1.5, steps=10, seed=3, embed=True)._repr_html_()
    assert with_it.startswith(FIGURE._repr_html_())
    assert script_of("digits16", page_network("digits16")) in with_it


def test_python_walks_as_ddim_from_the_page_s_noise():
    states = FIGURE.states(label=4, w=1.5, steps=10, seed=3)
    x_T = normals(3, 1000, 1, 1, 16, 16).float()
    assert torch.equal(states[0].x, x_T)
    guided = md.classifier_free_guidance(FIGURE.net, y=4, w=1.5)
    with torch.no_grad():
        drawn = md.ddim_sample(guided, FIGURE.schedule, x_T=x_T, steps=10, clip=True)
    assert torch.equal(states[-1].x, drawn)
    reader, _ = md.load("digit_classifier16")
    assert int(reader(drawn).argmax()) == 4


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({}, {"t": "1000", "calls": "0"}),
        ({"label": 2}, {"sentence": f"t = 1000: {FIRST}a 2, in 10 steps with w = 1.5."}),
        ({"frame": 4}, {"t": "600", "calls": "8"}),
        ({"frame": 4, "w": 0.0}, {"t": "600", "calls": "4"}),
        (
            {"frame": 20, "steps": 20},
            {"t": "0", "sentence": "t = 0: a digit that nobody has written."},
        ),
    ],
)
def test_what_it_writes(controls, expected):
    got = FIGURE.readout(**controls)
    assert {name: got[name] for name in expected} == expected
