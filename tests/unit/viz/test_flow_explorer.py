"""The flow explorer without a browser: its HTML, and the numbers that Python gives for it."""

import math
import re

import numpy as np
import pytest
import torch
from interactives import CENTRES, figure

import minidiff as md
from minidiff.viz.explorers.flow_explorer import between

MEANS = CENTRES.tolist()


@pytest.fixture(scope="module")
def widget():
    return figure("flow_explorer")


@pytest.fixture(scope="module")
def small():
    """A figure whose walk is short enough to be done again by hand."""
    return md.viz.flow_explorer(CENTRES, 0.2, steps=5, points=12, seed=3)


def path_weights(path, t):
    """How much of data and of noise is in x at t: the definitions of the three paths."""
    if path == "ot":
        return t, 1 - t
    if path == "trigonometric":
        return math.sin(math.pi / 2 * t), math.cos(math.pi / 2 * t)
    a = math.exp(-(0.1 * (1 - t) + 19.9 / 2 * (1 - t) ** 2) / 2)
    return a, math.sqrt(1 - a**2)


def mean_velocity(x, t, path, std):
    """Mean velocity of the paths through x at t: by Bayes' rule, one point and one centre at a time."""
    a, b = path_weights(path, t)
    h = 1e-6
    (a_up, b_up), (a_low, b_low) = (path_weights(path, t + sign * h) for sign in (1, -1))
    var = a**2 * std**2 + b**2
    out = []
    for point in x:
        gaps = [point - a * np.array(centre) for centre in MEANS]
        shares = [math.exp(-(gap @ gap) / (2 * var)) for gap in gaps]
        data = sum(
            share * (np.array(centre) + a * std**2 / var * gap)
            for share, centre, gap in zip(shares, MEANS, gaps, strict=True)
        ) / sum(shares)
        noise = (point - a * data) / b
        out.append((a_up - a_low) / (2 * h) * data + (b_up - b_low) / (2 * h) * noise)
    return np.array(out)


@pytest.mark.parametrize("path", ["ot", "vp", "trigonometric"])
def test_walk_takes_euler_steps_along_the_mean_velocity_of_the_pairs(small, path):
    x = md.viz.chain_noise(3, 0, 24).reshape(12, 2)
    states = small.walk(path, 5)
    assert len(states) == 6
    np.testing.assert_allclose(states[0], x, atol=1e-12)
    for i in range(5):
        x = x + mean_velocity(x, i / 5, path, 0.2) / 5
        np.testing.assert_allclose(states[i + 1], x, atol=1e-7)


@pytest.mark.parametrize("path", ["ot", "vp", "trigonometric"])
@pytest.mark.parametrize("std", [0.05, 0.15])
def test_exact_is_exact_to_the_digits_shown(path, std):
    widget = md.viz.flow_explorer(md.data.eight_means(), std, points=10, particle=1)
    states = widget.exact(path)
    finer = md.flow.flow_steps(widget.velocity(path), widget.noise, 200, solver="rk4")
    for state, other in zip(states, list(finer)[::2], strict=True):
        assert (state - other.x).norm(dim=1).max() < 1e-4


def test_readout_measures_the_distance_to_the_exact_flow(widget):
    out = widget.readout(path="vp", steps=4, t=0.37, particle=7)
    walk, exact = widget.walk("vp", 4), widget.exact("vp")
    here = walk[1] + (0.37 - 0.25) / 0.25 * (walk[2] - walk[1])
    assert out["error"] == f"{(walk[4] - exact[100]).norm(dim=1).mean():.3f}"
    assert out["gap"] == f"{(here - exact[37]).norm(dim=1).mean():.3f}" != out["error"]
    assert out["position"] == f"({here[6, 0]:.3f}, {here[6, 1]:.3f})"
    assert out["error"] in out["sentence"]
    assert out["gap"] in out["sentence"]
    assert "t = 0.37: with 4 Euler steps" in out["sentence"]


@pytest.mark.parametrize("path", ["ot", "vp", "trigonometric"])
def test_straightness_is_the_library_s(widget, path):
    S = md.flow.straightness(widget.velocity(path), widget.noise, 100, solver="rk4")
    for steps in (1, 30):  # a property of the flow, whatever the walk
        assert widget.readout(path=path, steps=steps)["straightness"] == f"{S.mean():.3f}"


def test_one_step_of_the_straight_path_leads_to_the_mean_of_the_data(small):
    ends = small.walk("ot", 1)[1]
    np.testing.assert_allclose(ends, np.mean(MEANS, axis=0) + np.zeros((12, 2)), atol=1e-12)


def test_more_steps_come_nearer(widget):
    for path in ("ot", "vp", "trigonometric"):
        errors = [float(widget.readout(path=path, steps=n)["error"]) for n in (2, 10, 50)]
        assert errors[0] > 3 * errors[1] > 9 * errors[2] > 0


def test_the_exact_flow_ends_in_the_data(widget):
    means = md.data.eight_means().double()
    for path in ("ot", "vp", "trigonometric"):
        away = torch.cdist(widget.exact(path)[-1], means).amin(1)
        # Distances from the centre of a Gaussian in the plane: sqrt(2) s in the quadratic mean.
        assert float(away.square().mean().sqrt()) == pytest.approx(
            math.sqrt(2) * md.data.EIGHT_STD, rel=0.35
        )
        assert torch.cdist(widget.exact(path)[-1], means).argmin(1).unique().numel() == 8


@pytest.mark.parametrize("path", ["ot", "vp", "trigonometric"])
def test_pairs_run_from_the_particles_to_data_drawn_without_looking(small, path):
    z = md.viz.chain_noise(3, 1, 24).reshape(12, 2)
    data = np.array([MEANS[i % 3] for i in range(12)]) + 0.2 * z
    for t in (0, 0.3, 0.9):
        a, b = path_weights(path, t)
        np.testing.assert_allclose(
            small.pairs(path, t), a * data + b * small.noise.numpy(), atol=1e-9
        )
    np.testing.assert_allclose(small.pairs(path, 1), data, atol=0.01)


def test_the_particle_followed_at_first_is_the_most_bent_one(widget):
    S = md.flow.straightness(widget.velocity("ot"), widget.noise, 100, solver="rk4")
    assert widget.state["particle"] == 1 + int(S.argmax()) > 1
    assert md.viz.flow_explorer(particle=3).state["particle"] == 3


def test_between_runs_straight_from_state_to_state():
    walk = [torch.tensor([[float(v), 0.0]]) for v in (0, 1, 4)]
    assert [float(between(walk, t)[0, 0]) for t in (0, 0.25, 0.5, 0.75, 1)] == [0, 0.5, 1, 2.5, 4]


def test_sentence_names_both_ends_and_what_is_drawn(widget):
    assert widget.readout(t=0)["sentence"].startswith("t = 0: pure noise. With 8 Euler steps")
    assert widget.readout(t=0)["gap"] == "0.000"
    end = widget.readout(t=1, steps=1)
    assert end["sentence"].startswith(f"t = 1: after 1 Euler step the particles are {end['error']}")
    assert end["gap"] == end["error"]
    assert end["sentence"].endswith("Its ways never meet at the same time.")
    assert widget.readout(compare="pairs")["sentence"].endswith("They cross as they like.")
    assert widget.readout(compare="none")["sentence"].endswith("it will be 0.073.")


def test_t_is_rounded_to_what_the_slider_can_say(widget):
    assert widget.readout(t=0.123) == widget.readout(t=0.12)
    assert md.viz.flow_explorer(t=0.297).state["t"] == 0.3


def test_bundled_data_are_those_of_the_library(widget):
    assert torch.allclose(widget.data.means, md.data.eight_means().double(), atol=1e-5)
    assert widget.data.std == md.data.EIGHT_STD


def test_still_picture_shows_the_walk(small):
    paths = re.findall(r'<path d="(M[^"]+)"', small._picture)
    assert len(paths) == 7  # six clouds, and ways in the last
    walk, limit = small.walk("ot", 5), small._limit
    for place, d in enumerate([*paths[:5], paths[6]]):
        shown = np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", d), float)
        x = walk[place].numpy()
        x = x[(np.abs(x) <= limit).all(1)]
        assert len(x) > 8
        np.testing.assert_allclose(
            shown[:, 0], 6 + 110 * place + (x[:, 0] / limit + 1) * 50, atol=0.051
        )
        np.testing.assert_allclose(shown[:, 1], 6 + (1 - x[:, 1] / limit) * 50, atol=0.051)
    assert paths[5].count("L") >= 8 * 8
