"""Hooks that watch: a held-out loss by the same draws, TensorBoard's curves."""

import builtins
import functools
import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import minidiff as md
from minidiff.training.watch import HeldOutLoss, TensorBoard

S = md.linear_schedule(20, 0.01, 0.3)
POINTS = torch.randn(64, 2, generator=md.seeded(0))
HELD = torch.randn(32, 2, generator=md.seeded(1))


def run(hooks=(), steps=6, **options):
    given = {"schedule": S, "steps": steps, "batch": 8, "device": "cpu", "progress": False}
    return md.train(md.MLP(2, width=8, depth=1), POINTS, hooks=hooks, **{**given, **options})


def test_the_same_network_has_the_same_loss_and_another_one_another():
    held = HeldOutLoss(HELD, every=2, batch=16, batches=2)
    after = run([held])
    assert held.steps == [2, 4, 6]
    assert len({*held.values}) == 3
    again = HeldOutLoss(HELD, batch=16, batches=2)
    for _ in range(2):
        again(after)
    assert again.values == [held.values[-1]] * 2


def test_it_is_the_mean_of_the_loss_over_its_batches():
    held = HeldOutLoss(HELD, every=None, batch=16, batches=3, seed=5)
    after = run([held])
    generator, losses = md.seeded(5), []
    for _ in range(3):
        row = torch.randint(0, 32, (16,), generator=generator)
        with torch.no_grad():
            losses.append(md.simple_loss(after.net, HELD[row], S, generator=generator))
    assert held.values == [pytest.approx(float(torch.stack(losses).mean()), rel=1e-6)]


def test_watching_changes_nothing():
    alone, watched = run(), run([HeldOutLoss(HELD, every=1, batch=4, batches=1)])
    assert alone.losses == watched.losses
    for a, b in zip(alone.net.parameters(), watched.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_loss_and_labels():
    net = md.MLP(2, 3, width=8, depth=1)
    labels = torch.arange(64) % 3
    held = HeldOutLoss(
        (HELD, labels[:32]), functools.partial(md.simple_loss, label_dropout=0.0), batches=1
    )
    given = {"schedule": S, "steps": 2, "batch": 8, "device": "cpu", "progress": False}
    md.train(net, (POINTS, labels), hooks=[held], **given)
    assert len(held.values) == 1


def test_looking_keeps_no_gradients():
    seen = []

    def loss(net, x_0, schedule, generator):
        seen.append(torch.is_grad_enabled())
        return md.simple_loss(net, x_0, schedule, generator=generator)

    HeldOutLoss(HELD, loss, batch=4, batches=1)(run())
    assert seen == [False]


def curves(folder):
    """What TensorBoard itself reads there: name → steps and values."""
    reader = EventAccumulator(str(folder))
    reader.Reload()
    names = reader.Tags()["scalars"]
    return {name: [(e.step, e.value) for e in reader.Scalars(name)] for name in names}


def test_tensorboard_reads_every_step_once_and_the_curves_of_others(tmp_path):
    held = HeldOutLoss(HELD, every=2, batch=4, batches=1)
    after = run([held, TensorBoard(tmp_path, every=2, also={"held out": held})])
    assert curves(tmp_path) == {
        "loss": [*enumerate(after.losses, 1)],
        "held out": [*zip(held.steps, held.values, strict=True)],
    }
    assert held.steps == [2, 4, 6]


def test_the_file_is_open_until_the_training_ends(tmp_path, monkeypatch):
    board = TensorBoard(tmp_path, every=2)
    closed = []
    monkeypatch.setattr(board.writer, "close", lambda: closed.append(board.written["loss"]))
    run([board])
    assert closed == [6]


def test_a_curve_can_be_followed_while_the_network_trains(tmp_path):
    seen = []

    class Look:
        every = 2

        def __call__(self, after):
            seen.append(len(curves(tmp_path)["loss"]))

    run([TensorBoard(tmp_path, every=2), Look()])
    assert seen == [2, 4, 6]


def test_without_tensorboard_it_says_what_to_install(monkeypatch, tmp_path):
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError("No module named 'tensorboard'")
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoard(tmp_path)
