"""Going on with more steps, more minutes or another learning rate: by saying so, and written down."""

import pytest
import torch

import minidiff as md
from minidiff.base.files import CHECKPOINT, load_checkpoint, save_checkpoint
from minidiff.training.doctor import report
from minidiff.training.folder import _check_length
from minidiff.training.settings import Change
from minidiff.training.state import lr_factor

X = torch.linspace(-1, 1, 64).reshape(32, 2)


def points_run(out, **changes) -> md.Run:
    given = {"schedule": md.linear_schedule(), "steps": 4, "batch": 4, "lr": 1e-2}
    given |= {"progress": False, "device": "cpu", "precision": "fp32", "warmup": 0, "out": out}
    return md.train(md.MLP(2, width=16, depth=1), X, **{**given, **changes})


def test_more_steps(tmp_path):
    first = points_run(tmp_path)
    more = points_run(tmp_path, steps=10, extend=True)
    assert more.steps == len(more.losses) == 10
    assert more.losses[:4] == first.losses
    assert more.history == [Change(4, "steps", 4, 10)]
    assert first.history == []
    again = points_run(tmp_path, steps=10)  # the new settings are the run's own now
    assert again.steps == 10
    assert again.history == more.history


def test_more_steps_and_another_learning_rate_in_turn(tmp_path):
    points_run(tmp_path)
    points_run(tmp_path, steps=10, extend=True)
    last = points_run(tmp_path, steps=12, lr=1e-3, extend=True)
    assert last.history == [
        Change(4, "steps", 4, 10),
        Change(10, "steps", 10, 12),
        Change(10, "lr", 1e-2, 1e-3),
    ]
    assert load_checkpoint(tmp_path / CHECKPOINT)["settings"]["lr"] == 1e-3


def test_more_minutes(tmp_path):
    first = points_run(tmp_path, steps=None, minutes=0.005)
    more = points_run(tmp_path, steps=None, minutes=0.015, extend=True)
    assert more.steps > first.steps
    assert more.seconds >= 0.9
    assert more.history == [Change(first.steps, "minutes", 0.005, 0.015)]


def test_the_learning_rate_follows_the_new_length(tmp_path, monkeypatch):
    rates = []
    real = torch.optim.AdamW.step

    def step(optimizer, *arguments, **settings):
        rates.append(optimizer.param_groups[0]["lr"])
        return real(optimizer, *arguments, **settings)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    points_run(tmp_path)
    points_run(tmp_path, steps=8, lr=5e-3, extend=True)
    wanted = [1e-2 * lr_factor(n, n / 4, 0) for n in range(4)]
    wanted += [5e-3 * lr_factor(n, n / 8, 0) for n in range(4, 8)]
    assert rates == pytest.approx(wanted)


def stopped_after(calls: int):
    left = [calls]

    def loss(net, x_0, schedule, *, generator=None):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return md.simple_loss(net, x_0, schedule, generator=generator)

    return loss


def test_an_extended_run_that_is_stopped_goes_on_to_the_same_weights(tmp_path):
    """The same call does it: what extend= changed was written down once a batch had gone through."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    given = {"steps": 10, "lr": 5e-3, "extend": True, "checkpoint_every": 2}
    for out in (whole, parts):
        points_run(out, loss=stopped_after(4))
    wanted = points_run(whole, loss=stopped_after(6), **given)
    for batches, noted in ((0, 0), (1, 2)):
        with pytest.raises(KeyboardInterrupt):
            points_run(parts, loss=stopped_after(batches), **given)
        assert len(load_checkpoint(parts / CHECKPOINT)["history"]) == noted
    with pytest.raises(KeyboardInterrupt):
        points_run(parts, loss=stopped_after(3), **given)
    got = points_run(parts, loss=stopped_after(9), **given)
    assert got.losses == wanted.losses
    assert got.history == wanted.history
    for ours, theirs in zip(got.net.parameters(), wanted.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_run_from_before_all_this_goes_on(tmp_path):
    """Its checkpoint says neither what the network predicts nor what was changed."""
    with pytest.raises(KeyboardInterrupt):
        points_run(tmp_path, loss=stopped_after(2), checkpoint_every=1)
    saved = load_checkpoint(tmp_path / CHECKPOINT)
    for name in ("predicts", "sample", "history"):
        del saved[name]
    del saved["settings"]["predicts"]
    save_checkpoint(tmp_path / CHECKPOINT, saved)
    run = points_run(tmp_path, loss=stopped_after(2), checkpoint_every=1)
    assert (run.steps, run.net.predicts, run.history) == (4, "eps", [])


def test_without_saying_so_it_is_refused_and_the_way_is_named(tmp_path):
    points_run(tmp_path)
    with pytest.raises(ValueError, match="steps: 4 in the folder, 10 now") as refusal:
        points_run(tmp_path, steps=10)
    assert "extend=True to go on with other steps, minutes or lr" in str(refusal.value)
    assert load_checkpoint(tmp_path / CHECKPOINT)["settings"]["steps"] == 4


def test_other_settings_stay_as_they_are(tmp_path):
    points_run(tmp_path)
    with pytest.raises(ValueError, match="extend=True changes steps, minutes, lr only") as refusal:
        points_run(tmp_path, steps=10, seed=1, extend=True)
    assert "seed: 0 in the folder, 1 now" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 3}, "steps=3 counts from the start of the run, which has had 4 already"),
        ({"lr": 1e-3}, "steps=4 counts from the start .* give more"),
        ({"steps": None, "minutes": 1e-9}, "minutes=1e-09 counts from the start"),
        ({"fresh": True}, "extend=True goes on with the run in out="),
        ({"out": None}, "extend=True goes on with the run in out="),
        ({"out": "nowhere"}, "holds no training that could be extended"),
    ],
)
def test_refuses_what_extends_nothing(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    points_run(tmp_path / "run")
    with pytest.raises(ValueError, match=message):
        points_run(**{"out": tmp_path / "run", "extend": True, **change})
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT)["history"] == []


def test_the_doctor_tells_of_a_run(tmp_path):
    points_run(tmp_path)
    points_run(tmp_path, steps=6, extend=True)
    lines, well = report(tmp_path)
    text = "\n".join(lines)
    assert well
    assert "6 steps in" in text
    assert "finished; predicts eps; trains in fp32" in text
    assert "lr = 0.01" in text
    assert "from step 4 on: steps = 6, before 4" in text
    lines, well = report(tmp_path / "nothing")
    assert not well
    assert "nothing" in lines[0]


@pytest.mark.parametrize(("minutes", "fine"), [(2.99, False), (3.0, False), (3.01, True)])
def test_minutes_that_are_over_are_no_new_length(minutes, fine):
    state, settings = {"step": 5, "seconds": 180.0}, {"steps": None, "minutes": minutes}
    if fine:
        _check_length(state, settings)
    else:
        with pytest.raises(ValueError, match="which has had 3 already"):
            _check_length(state, settings)
