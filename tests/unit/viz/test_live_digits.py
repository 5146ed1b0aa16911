"""The figure in which a network draws in the page: what it draws, and what Python says of it."""

import pytest
import torch

import minidiff as md
from minidiff.viz.hash_noise import normals
from minidiff.viz.walks import drawer


@pytest.fixture(scope="module")
def figure():
    return md.viz.live_digits(label=4, w=1.5, steps=10, seed=3)


FIRST = "nothing but noise. Press Play, and it becomes "


def test_python_walks_as_ddim_from_the_page_s_noise(figure):
    states = figure.states(label=4, w=1.5, steps=10, seed=3)
    x_T = normals(3, 1000, 1, 1, 16, 16).float()
    assert torch.equal(states[0].x, x_T)
    who = drawer("digits16")
    guided = md.classifier_free_guidance(who.net, y=4, w=1.5)
    with torch.no_grad():
        drawn = md.ddim_sample(guided, who.schedule, x_T=x_T, steps=10, clip=True)
    assert torch.equal(states[-1].x, drawn)
    reader, _ = md.load("digit_classifier16")
    assert int(reader(drawn).argmax()) == 4


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({}, {"t": "1000", "calls": "0"}),
        ({"label": 2}, {"sentence": f"t = 1000: {FIRST}a 2, in 10 steps with w = 1.5."}),
        ({"label": 8}, {"sentence": f"t = 1000: {FIRST}an 8, in 10 steps with w = 1.5."}),
        ({"frame": 4}, {"t": "600", "calls": "8"}),
        ({"frame": 4, "w": 0.0}, {"t": "600", "calls": "4"}),
        (
            {"frame": 20, "steps": 20},
            {"t": "0", "sentence": "t = 0: a digit that nobody has written."},
        ),
    ],
)
def test_what_it_writes(figure, controls, expected):
    got = figure.readout(**controls)
    assert {name: got[name] for name in expected} == expected
