"""Two digits that start a little apart: where they start, how far they get, what Python says of it."""

import math
import re

import pytest
import torch

import minidiff as md
from minidiff.viz.hash_noise import normals
from minidiff.viz.live_figure import address
from minidiff.viz.walks import drawer


@pytest.fixture(scope="module")
def figure():
    return md.viz.live_ddim(steps=10, seed=3)


def apart(a, b):
    return math.sqrt(
        sum((u - v) ** 2 for u, v in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))
        / a.numel()
    )


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_the_second_start_is_turned_towards_another_noise(figure, share):
    first, second = figure.states(share=share)[0].x
    x_T, other = normals(3, 1000, 2, 1, 16, 16).float()
    assert torch.equal(first, x_T)
    angle = share * math.pi / 2
    torch.testing.assert_close(second, math.cos(angle) * x_T + math.sin(angle) * other)
    if share == 1:
        torch.testing.assert_close(second, other)


def test_a_start_that_is_turned_is_as_normal_as_any():
    starts = torch.stack(
        [md.viz.live_ddim(share=0.5, noise=k, steps=5).states()[0].x[1] for k in range(1, 9)]
    )
    assert abs(float(starts.mean())) < 4 / math.sqrt(starts.numel())
    assert abs(float(starts.var()) - 1) < 4 * math.sqrt(2 / starts.numel())


def test_both_walk_as_ddim_does(figure):
    who, states = drawer("digits16"), figure.states(share=0.5)
    model = md.classifier_free_guidance(who.net, y=3, w=0.0)
    with torch.no_grad():
        drawn = md.ddim_sample(model, who.schedule, x_T=states[0].x, steps=10, clip=True)
    assert torch.equal(states[-1].x, drawn)


def test_the_noises_are_those_of_the_seeds_that_follow(figure):
    assert torch.equal(figure.states(noise=4)[0].x, md.viz.live_ddim(seed=6).states()[0].x)


def test_without_fresh_noise_what_starts_together_stays_together(figure):
    for x, guess in figure.distances(share=0.0):
        assert x < 1e-5
        assert guess < 1e-5
    ends = [figure.distances(share=share)[-1][0] for share in (0.02, 0.2, 1.0)]
    assert ends == sorted(ends)
    assert ends[0] < 0.1 < 0.25 < ends[-1]


def test_fresh_noise_is_each_digit_s_own(figure):
    distances = figure.distances(share=0.0, eta=1.0)
    assert distances[0][0] == 0
    assert distances[1][0] > 0.1
    assert distances[-1][0] > 0.25


def test_distances_are_roots_of_means_of_squares(figure):
    states = figure.states(eta=0.5)
    assert figure.distances(eta=0.5)[4] == pytest.approx(
        (apart(*states[4].x), apart(*states[4].x0_hat))
    )


def test_it_opens_half_way(figure):
    assert figure.state == {"share": 0.2, "eta": 0.0, "steps": 10, "noise": 1, "frame": 5}
    assert md.viz.live_ddim(steps=5).state["frame"] == 2


def test_kept_numbers_say_what_the_read_outs_say(figure):
    kept = figure._data["computed"]["numbers"]
    assert len(kept) == 11
    for k, (x, guess) in enumerate(kept):
        got = figure.readout(frame=k)
        assert (got["apart"], got["guesses"]) == (f"{x:.2f}", f"{guess:.2f}" if k else "–")
        assert x == float(f"{x:.11e}")


@pytest.mark.parametrize(
    ("controls", "calls", "words"),
    [
        (
            {"frame": 0, "share": 0.0, "eta": 0.25, "steps": 50},
            "0",
            "1000: both start from the same noise. Press Play: 50 steps with η = 0.25.",
        ),
        (
            {"frame": 0},
            "0",
            "1000: the two noises are # apart, any two noises about 1.41 (the root of the mean squared "
            "difference). Press Play: 10 steps with η = 0.",
        ),
        ({"frame": 5}, "5", "500: no step adds noise. The two pictures are # apart."),
        (
            {"frame": 5, "eta": 0.25},
            "5",
            "500: each step adds fresh noise, to each digit its own. The two pictures are # apart.",
        ),
        (
            {"frame": 10},
            "10",
            "0: they started # apart and end # apart. No step added noise: only the starts decided.",
        ),
        (
            {"frame": 50, "steps": 50, "eta": 1.0},
            "50",
            "0: they started # apart and end # apart. Fresh noise, to each digit its own, decided too.",
        ),
    ],
)
def test_what_it_writes(figure, controls, calls, words):
    got, distances = figure.readout(**controls), figure.distances(**controls)
    said = {2: [distances[0][0], distances[-1][0]], 1: [distances[controls["frame"]][0]], 0: []}
    for number in said[words.count("#")]:
        words = words.replace("#", f"{number:.2f}", 1)
    assert (got["calls"], got["sentence"]) == (calls, f"t = {words}")


def test_any_two_noises_are_root_two_apart(figure):
    """What the sentence says of noises that have nothing in common."""
    starts = [figure.distances(share=1.0, noise=k, steps=5)[0][0] for k in range(1, 9)]
    assert sum(starts) / 8 == pytest.approx(math.sqrt(2), abs=0.03)
    assert re.search(r"about 1\.41", figure.readout(frame=0)["sentence"])


def test_the_still_picture_has_a_row_for_each_digit(figure):
    words = re.findall(r">([a-z][^<]+)</text>", figure._picture)
    assert words == ["first noise, t = 1000 to 0", "second noise, 0.2 of the way to another"]
    addresses = re.findall(r'href="([^"]+)"', figure._picture)
    assert addresses[:6] == [address(state.x[0]) for state in figure.states()[::2]]
    assert addresses[6:] == [address(state.x[1]) for state in figure.states()[::2]]
