"""Hooks are called when they should be, see the run as it stands, and change nothing."""

import functools
import math

import pytest
import torch

import minidiff as md
from minidiff.base.files import CHECKPOINT, load_checkpoint
from minidiff.training.hooks import ProgressBar

X = torch.linspace(-1, 1, 128).reshape(64, 2)


def points_run(**changes) -> md.Run:
    given = {"schedule": md.linear_schedule(), "steps": 120, "batch": 8, "device": "cpu"}
    net = md.MLP(2, width=16, depth=1)
    return md.train(net, X, **{**given, "progress": False, **changes})


class Every:
    """A hook with a count of its own."""

    def __init__(self, every: int | None) -> None:
        self.every = every
        self.calls = []

    def __call__(self, run: md.Run) -> None:
        self.calls.append((run.steps, len(run.losses), run.done))


@pytest.mark.parametrize(
    ("every", "steps"), [(40, [40, 80, 120]), (70, [70, 120]), (200, [120]), (None, [120])]
)
def test_is_called_after_so_many_steps_and_at_the_end(every, steps):
    hook = Every(every)
    points_run(hooks=[hook])
    assert hook.calls == [(n, n, n / 120) for n in steps]  # all losses have been read


def test_a_function_is_called_whenever_the_loss_was_read():
    calls = []
    points_run(hooks=[lambda run: calls.append(run.steps)])
    assert calls == [50, 100, 120]


def test_sees_the_run_as_it_stands():
    seen = []

    def look(run):
        assert not run.net.training
        assert run.raw_net.training
        assert all(math.isfinite(loss) for loss in run.losses)
        seen.append(run.net.head.weight.clone())

    run = points_run(hooks=[look])
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[-1], run.net.head.weight)


def test_changes_nothing():
    """A hook that draws, reads and samples leaves the training the way it went."""

    def busy(run):
        torch.rand(3)
        md.ddim_sample(run.net, run.schedule, (2, 2), steps=2)

    busy.every = 7
    assert points_run().losses == points_run(hooks=[busy]).losses


def test_an_error_in_a_hook_is_the_callers_and_the_checkpoint_stays(tmp_path):
    def full(run):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        points_run(hooks=[full], out=tmp_path, checkpoint_every=30)
    assert load_checkpoint(tmp_path / CHECKPOINT)["state"]["step"] == 30


@pytest.mark.parametrize(
    ("hooks", "kind", "message"),
    [
        (print, TypeError, "hooks must be a list of functions"),
        ({print}, TypeError, "hooks must be a list of functions"),
        ([print, 3], TypeError, r"hooks\[1\] must be a function hook\(run\), got 3"),
        ([Every(0)], ValueError, r"hooks\[0\]\.every must be at least 1, got 0"),
        ([Every(2.5)], TypeError, r"hooks\[0\]\.every must be an integer"),
    ],
)
def test_refuses_what_is_no_hook(hooks, kind, message):
    with pytest.raises(kind, match=message):
        points_run(hooks=hooks)


def test_the_bar_shows_how_far_it_is(capsys):
    points_run(progress=True)
    shown = capsys.readouterr().err
    assert "120/120" in shown
    assert "loss=" in shown
    points_run(progress=False)
    assert capsys.readouterr().err == ""


def test_the_bar_of_a_run_by_the_clock_guesses_its_length():
    run = functools.partial(
        md.Run, None, None, None, precision="fp32", out=None, seconds=1.0, batch=8
    )
    bar = ProgressBar(None, 0)
    bar(run(losses=[1.0] * 50, steps=50, done=0.25))
    assert bar.bar.total == 200
    assert bar.bar.n == 50
    bar(run(losses=[1.0] * 210, steps=210, done=1.0))
    assert bar.bar.total == 210
    assert bar.bar.disable  # closed


class Bar:
    """Stands in for tqdm's: what happens to it, in order."""

    n, total = 0, None
    seen: list

    def __init__(self, **kwargs):
        Bar.seen = []

    def update(self, n):
        self.n += n
        Bar.seen.append(self.n)

    def set_postfix(self, **kwargs):
        pass

    def close(self):
        Bar.seen.append("closed")


def test_the_bar_moves_with_each_step_and_not_only_where_losses_are_read(monkeypatch):
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    points_run(steps=7, progress=True)
    assert Bar.seen == [1, 2, 3, 4, 5, 6, 7, 7, "closed"]


def test_the_bar_is_closed_before_a_hook_prints_below_it(monkeypatch):
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    points_run(steps=2, progress=True, hooks=[lambda run: Bar.seen.append("hook")])
    assert Bar.seen[-2:] == ["closed", "hook"]
