"""A flow beside a diffusion: what both draw in few steps, and what Python says of it."""

import pytest
import torch

import minidiff as md
from minidiff.viz.hash_noise import normals
from minidiff.viz.walks import drawer


@pytest.fixture(scope="module")
def figure():
    return md.viz.live_flow(label=3, steps=4, seed=2)


@pytest.mark.parametrize("steps", [1, 4])
def test_both_walk_as_the_library_does_from_the_same_noise(figure, steps):
    states = figure.states(steps=steps, label=5)
    noise = normals(2, 1000, 4, 1, 16, 16).float()
    assert torch.equal(states[0].x, torch.cat([noise, noise]))
    diffusion, flow = drawer("digits16"), drawer("digits16_flow")
    model, velocity = (
        md.classifier_free_guidance(one.net, y=5, w=0.0) for one in (diffusion, flow)
    )
    with torch.no_grad():
        by_ddim = md.ddim_sample(model, diffusion.schedule, x_T=noise, steps=steps, clip=True)
    assert torch.equal(states[-1].x[:4], by_ddim)
    assert torch.equal(states[-1].x[4:], md.flow.sample(velocity, noise=noise, steps=steps))
    assert len(states) == steps + 1


def test_in_one_step_the_flow_is_near_the_average_and_diffusion_is_coarse(figure):
    """What the sentence says of one step."""
    images, labels = md.data.digits()
    for label in (3, 5, 8):
        average = images[labels == label].mean(0)
        x = figure.states(steps=1, label=label)[-1].x
        off = (x - average).square().mean((1, 2, 3)).sqrt()
        assert off[4:].max() < 0.12
        assert off[:4].min() > 0.5
    _, schedule = md.load("digits16")
    assert round(float(schedule.alpha_bar[1000].sqrt()), 3) == 0.006


def test_in_sixteen_steps_both_draw_what_was_asked_for(figure):
    reader, _ = md.load("digit_classifier16")
    assert reader(figure.states(steps=16)[-1].x).argmax(1).tolist() == [3] * 8


@pytest.mark.parametrize(
    ("controls", "numbers", "words"),
    [
        (
            {"frame": 0},
            ("1000", "0", "0"),
            "The same four noises for both. Press Play, and 4 steps make four 3s of them.",
        ),
        (
            {"frame": 0, "steps": 1, "label": 8},
            ("1000", "0", "0"),
            "The same four noises for both. Press Play, and one step makes four 8s of them.",
        ),
        (
            {"frame": 3, "steps": 16},
            ("812", "0.1875", "3"),
            "After 3 of 16 steps: diffusion has gone back to less noise, the flow has gone on towards data.",
        ),
        (
            {"frame": 1, "steps": 1},
            ("0", "1", "1"),
            "After one step, one guess each: the flow's is near the average digit. Diffusion's is coarse, "
            "for it divides the network's error by √ᾱ, which is 0.006 there.",
        ),
        (
            {"frame": 4},
            ("0", "1", "4"),
            "After 4 steps, each network has been asked 4 times for each digit. Compare the rows, then try "
            "fewer steps, and more.",
        ),
    ],
)
def test_what_it_writes(figure, controls, numbers, words):
    got = figure.readout(**controls)
    assert (got["t"], got["flow_t"], got["calls"]) == numbers
    assert got["sentence"] == words


def test_the_still_picture_has_a_row_for_each_network(figure):
    for word in ("diffusion, 4 steps", "flow matching, 4 steps"):
        assert f">{word}<" in figure._picture
    assert figure._picture.count("<image") == 8
