"""Four digits with guidance: what is drawn, and what Python says of it."""

import re

import pytest
import torch

import minidiff as md
from minidiff.viz.hash_noise import normals
from minidiff.viz.walks import drawer


@pytest.fixture(scope="module")
def figure():
    return md.viz.live_guidance(label=2, w=4.0, seed=5)


@pytest.mark.parametrize(("network", "size"), [("digits16", 16), ("digits28", 28)])
def test_four_are_drawn_as_ddim_does_with_guidance(figure, network, size):
    who, states = drawer(network), figure.states(network=network, label=6, w=3.0)
    x_T = normals(5, 1000, 4, 1, size, size).float()
    model = md.classifier_free_guidance(who.net, y=6, w=3.0)
    with torch.no_grad():
        drawn = md.ddim_sample(model, who.schedule, x_T=x_T, steps=20, clip=True)
    assert torch.equal(states[0].x, x_T)
    torch.testing.assert_close(states[-1].x, drawn, atol=1e-5, rtol=0)


def test_they_are_read_as_what_was_asked_for_and_get_bolder_with_w(figure):
    reader, _ = md.load("digit_classifier16")
    plain, guided = (figure.states(w=w)[-1].x for w in (0.0, 4.0))
    assert reader(guided).argmax(1).tolist() == [2] * 4
    assert float(guided.mean()) > float(plain.mean())


@pytest.mark.parametrize(
    ("controls", "calls", "scale", "words"),
    [
        (
            {"frame": 0},
            "0",
            "5",
            "1000: nothing but noise. Press Play, and it becomes four 2s, with w = 4.",
        ),
        (
            {"frame": 0, "w": 0.5, "label": 8},
            "0",
            "1.5",
            "1000: nothing but noise. Press Play, and it becomes four 8s, with w = 0.5.",
        ),
        (
            {"frame": 7, "w": 1.5},
            "14",
            "2.5",
            "650: the network answers twice a step, with the label and without. The first answer is pushed "
            "on by 1.5 times the difference.",
        ),
        (
            {"frame": 7, "w": 0.0},
            "7",
            "1",
            "650: the network is asked once a step, with the label.",
        ),
        (
            {"frame": 20, "network": "digits28"},
            "40",
            "5",
            "0: four 2s, pulled towards their label. Are they clearer than with w = 0? Are they more alike?",
        ),
        (
            {"frame": 20, "w": 0.0},
            "20",
            "1",
            "0: four 2s without guidance. Move w: the same noises are drawn with it.",
        ),
    ],
)
def test_what_it_writes(figure, controls, calls, scale, words):
    got = figure.readout(**controls)
    assert (got["calls"], got["scale"], got["sentence"]) == (calls, scale, f"t = {words}")


def test_the_still_picture_compares_with_no_guidance_where_there_is_some(figure):
    for widget, rows in (
        (figure, ["w = 0", "w = 4"]),
        (md.viz.live_guidance(label=2, w=0.0, seed=5), ["w = 0"]),
    ):
        assert re.findall(r">(w = [\d.]+)<", widget._picture) == rows
        assert widget._picture.count("<image") == 4 * len(rows)
