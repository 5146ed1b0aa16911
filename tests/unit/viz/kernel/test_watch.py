"""A training beside the notebook: what it gives, what it shows, and that Stop ends it."""

import threading
import time

import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.viz.kernel.faces import VIEW

SCHEDULE = md.linear_schedule(50, rescale=True)
POINTS = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
PICTURES = torch.zeros(16, 1, 8, 8)
FIXED = {"schedule": SCHEDULE, "batch": 8, "precision": "fp32", "compile": False}


def points_net():
    torch.manual_seed(0)
    return md.nn.MLP(2, width=16)


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def test_it_learns_what_train_learns():
    watched = md.viz.live_training(points_net(), POINTS, steps=30, **FIXED)
    run = watched.result()
    plain = md.train(points_net(), POINTS, steps=30, progress=False, **FIXED)
    assert run.losses == plain.losses
    assert not watched.running
    for a, b in zip(run.net.parameters(), plain.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_is_watched_and_stopped():
    watched = md.viz.live_training(points_net(), POINTS, steps=10**7, **FIXED)
    button, output = watched.widget.children
    wait_until(lambda: watched.run.steps >= 100)
    assert watched.running
    assert not button.disabled
    assert "Training." in output.value
    button.click()
    run = watched.result()
    assert button.disabled
    assert f"Stopped after {run.steps} steps" in output.value
    assert run.steps == len(run.losses) < 10**7
    assert 0 < run.done < 1
    assert run.net(torch.zeros(1, 2), torch.tensor([1])).shape == (1, 2)


def test_the_end_is_shown():
    watched = md.viz.live_training(points_net(), POINTS, steps=70, **FIXED)
    _, output = watched.widget.children
    run = watched.result()
    wait_until(lambda: "Finished." in output.value)
    loss = sum(run.losses) / 70
    for name, words in {"steps": "70", "loss": f"{loss:.4f}", "done": "100 %"}.items():
        assert f'data-readout="{name}">{words}<' in output.value
    assert 'aria-label="The loss of a training over 70 steps.' in output.value
    assert "<img" not in output.value, "points are no pictures"


def test_what_the_network_draws_is_shown():
    net = md.nn.TinyUNet(width=8)
    watched = md.viz.live_training(net, PICTURES, steps=3, sample_every=1, **FIXED)
    watched.result()
    shown = watched.shown()
    assert shown.picture.count("<img ") == 1
    assert 'alt="What the network draws after 3 steps."' in shown.picture


def test_a_sampler_of_ones_own_draws():
    drawn = []

    def sample(net, schedule, noise, **told):
        drawn.append(noise.shape)
        return noise.clamp(-1, 1)

    net = md.nn.TinyUNet(width=8)
    md.viz.live_training(net, PICTURES, steps=2, sample=sample, sample_every=1, **FIXED).result()
    assert drawn == [(20, 1, 8, 8)] * 2


def test_other_hooks_are_called_too():
    seen = []
    options = {**FIXED, "hooks": [lambda run: seen.append(run.steps)]}
    md.viz.live_training(points_net(), POINTS, steps=60, **options).result()
    assert seen == [50, 60]


def test_a_wrong_call_is_refused_at_once():
    threads = threading.active_count()
    with pytest.raises(TypeError, match="schedule"):
        md.viz.live_training(points_net(), POINTS, steps=3, schedule="linear")
    with pytest.raises(ValueError, match="steps"):
        md.viz.live_training(points_net(), POINTS, steps=0, **FIXED)
    with pytest.raises(ValueError, match="sample_every"):
        md.viz.live_training(points_net(), POINTS, steps=3, sample_every=0, **FIXED)
    with pytest.raises(TypeError, match="sample must be a function"):
        md.viz.live_training(points_net(), POINTS, steps=3, sample=3, **FIXED)
    wait_until(lambda: threading.active_count() == threads)


def test_what_ends_it_later_is_shown_and_raised():
    calls = []

    def loss(net, x_0, schedule, *, generator, **conditions):
        calls.append(1)
        if len(calls) > 5:
            raise ArithmeticError("of a sudden")
        return md.simple_loss(net, x_0, schedule, generator=generator)

    watched = md.viz.live_training(points_net(), POINTS, loss, steps=300, **FIXED)
    with pytest.raises(ArithmeticError, match="of a sudden"):
        watched.result()
    assert watched.shown().values["sentence"] == "ArithmeticError: of a sudden"
    assert watched.run.steps == 1


def test_both_faces():
    watched = md.viz.live_training(points_net(), POINTS, minutes=0.001, **FIXED)
    html = watched._repr_html_()
    assert html.startswith(
        '<div class="mdw-live"><p>Here a training of 0.001 minutes is watched.</p>'
    )
    assert "run this cell" in html
    bundle = watched._repr_mimebundle_()
    assert bundle["text/html"] == html
    assert bundle[VIEW]["model_id"] == watched.widget.model_id
    assert repr(watched) == "<minidiff live training: a training of 0.001 minutes>"
    watched.result()
    assert isinstance(watched.run.net, nn.Module)
