"""One digit's walk, by DDPM or DDIM: what it draws, and what Python says of it."""

import math
import re
from itertools import pairwise

import pytest
import torch

import minidiff as md
from minidiff.viz.hash_noise import normals
from minidiff.viz.walks import drawer


@pytest.fixture(scope="module")
def figure():
    return md.viz.live_walk(label=7, steps=20, seed=3)


READER, _ = md.load("digit_classifier16")


def test_ddim_is_that_of_the_library(figure):
    who, states = drawer("digits16"), figure.states(way="DDIM")
    model = md.classifier_free_guidance(who.net, y=7, w=0.0)
    x_T = normals(3, 1000, 1, 1, 16, 16).float()
    with torch.no_grad():
        drawn = md.ddim_sample(model, who.schedule, x_T=x_T, steps=20, clip=True)
    assert torch.equal(states[-1].x, drawn)
    assert [state.t for state in states] == md.sampling_times(1000, 20)


def test_ddpm_takes_its_fresh_noise_from_the_page_s_generator(figure):
    who, states = drawer("digits16"), figure.states()
    x, times = normals(3, 1000, 1, 1, 16, 16).float(), md.sampling_times(1000, 20)
    for k, (t, s) in enumerate(pairwise(times)):
        with torch.no_grad():
            eps = who.net(x, torch.tensor([t]), torch.tensor([7]))
        z = normals(3, s, 1, 1, 16, 16).float()
        x, guess = md.sample_step(eps, x, t, s, who.schedule, eta=1.0, clip=True, noise=z)
        torch.testing.assert_close(states[k + 1].x, x, atol=1e-5, rtol=0)
        torch.testing.assert_close(states[k + 1].x0_hat, guess, atol=1e-5, rtol=0)
    assert int(READER(states[-1].x).argmax()) == 7


def test_both_ways_start_alike_and_end_elsewhere(figure):
    ddpm, ddim = figure.states(), figure.states(way="DDIM")
    assert torch.equal(ddpm[0].x, ddim[0].x)
    assert torch.equal(ddpm[1].x0_hat, ddim[1].x0_hat)  # the first guess sees the same noise
    assert float((ddpm[-1].x - ddim[-1].x).square().mean()) > 0.01


def test_it_opens_on_its_way(figure):
    assert figure.state == {"way": "DDPM", "steps": 20, "label": 7, "frame": 14}
    assert figure.readout()["t"] == "300"


@pytest.mark.parametrize(("steps", "frame"), [(10, 1), (20, 7), (50, 49), (100, 60)])
def test_sigma_is_that_of_the_step_that_led_here(figure, steps, frame):
    _, schedule = md.load("digits16")
    t, s = md.sampling_times(1000, steps)[frame - 1 : frame + 1]
    a_t, a_s = (float(schedule.alpha_bar[time]) for time in (t, s))
    sigma = math.sqrt((1 - a_s) / (1 - a_t) * (1 - a_t / a_s))
    said = figure.readout(steps=steps, frame=frame)["sigma"]
    assert float(said) == pytest.approx(sigma, abs=5.1e-4)
    assert figure.readout(steps=steps, frame=frame, way="DDIM")["sigma"] == "0"


@pytest.mark.parametrize(
    ("controls", "calls", "words"),
    [
        (
            {"frame": 0},
            "0",
            "1000: nothing but noise. Press Play, and 20 steps of DDPM make a 7 of it.",
        ),
        (
            {"frame": 0, "label": 8, "way": "DDIM", "steps": 10},
            "0",
            "1000: nothing but noise. Press Play, and 10 steps of DDIM make an 8 of it.",
        ),
        (
            {"frame": 12},
            "12",
            "400: the step went a little towards the guess, and added fresh noise of standard deviation "
            "0.567.",
        ),
        (
            {"frame": 12, "way": "DDIM"},
            "12",
            "400: the step went a little towards the guess, and added no noise.",
        ),
        ({"frame": 20}, "20", "0: the digit is finished. The last step adds no noise."),
        (
            {"frame": 20, "way": "DDIM"},
            "20",
            "0: the digit is finished. No step added noise: the start decided all.",
        ),
    ],
)
def test_what_it_writes(figure, controls, calls, words):
    got = figure.readout(**controls)
    assert (got["calls"], got["sentence"]) == (calls, f"t = {words}")


def test_before_the_first_step_there_is_no_sigma(figure):
    assert figure.readout(frame=0)["sigma"] == "–"
    assert figure.readout(frame=20)["sigma"] == "0"


def test_the_still_picture_has_six_states_and_the_guesses_of_five(figure):
    assert re.findall(r">(t = \d+|guess)<", figure._picture) == [
        "t = 1000",
        *(word for t in (800, 600, 400, 200, 0) for word in (f"t = {t}", "guess")),
    ]
    assert figure._picture.count("<image") == 11
