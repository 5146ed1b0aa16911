"""A training that is killed goes on, and ends where it would have ended."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import minidiff as md
from minidiff.base.files import CHECKPOINT, DamagedFileError, load_checkpoint
from minidiff.training.loop import train

# A child can be told to kill itself in the n-th call of a system function that writing a checkpoint goes
# through, so that each moment of a write is met for certain. All children are forked off one process that has
# done nothing but import, which is most of what a short training costs.
PARENT = """
import os, signal, sys
import torch
import torch._dynamo  # or each child's first optimizer would bring it in, for seconds
import minidiff as md
from minidiff.training.loop import train

real = {"fsync": os.fsync, "replace": os.replace}
torch.set_num_threads(1)

def die_at(moment, count):
    calls = 0

    def die(*arguments):
        nonlocal calls
        calls += 1
        if calls == count:
            if moment == "after-replace":
                real["replace"](*arguments)
            if moment == "half-written":
                with open(arguments[0], "r+b") as file:
                    file.truncate(os.path.getsize(arguments[0]) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return real["fsync" if moment == "fsync" else "replace"](*arguments)

    if moment == "fsync":
        os.fsync = die
    elif moment != "never":
        os.replace = die

def child(out):
    x, y = md.data.digits("train", 8)
    net = md.TinyUNet(1, 10, width=8, multipliers=(1, 2), blocks=1, dropout=0.1)
    run = train(net, (x[:200], y[:200]), schedule=md.linear_schedule(), steps=40, batch=8, warmup=5,
                out=out, checkpoint_every=3, sample_every=None, device="cpu",
                precision="fp32", progress=False)
    print("ended", run.steps, flush=True)

for line in sys.stdin:
    moment, count, out = line.rstrip("\\n").split(" ", 2)
    pid = os.fork()
    if pid == 0:
        try:
            die_at(moment, int(count))
            child(out)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    print(pid, flush=True)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Child:
    """A training in a process of its own."""

    def __init__(self, parent: subprocess.Popen, out: Path, moment: str) -> None:
        name, _, count = moment.partition(":")
        self.parent = parent
        parent.stdin.write(f"{name} {count or 0} {out}\n")
        parent.stdin.flush()
        self.pid = int(parent.stdout.readline())

    def ended(self) -> tuple[str, int]:
        """What it printed, and the code it ended with."""
        said = ""
        while not (line := self.parent.stdout.readline()).startswith("exit "):
            assert line, "the parent is gone"
            said += line
        return said, int(line.split()[1])

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.kill(self.pid, signal.SIGKILL)

    def runs(self) -> bool:
        """Whether there will be more to wait for: what a child says stands in the parent's pipe."""
        return not select.select([self.parent.stdout], [], [], 0)[0]


@pytest.fixture(scope="module")
def start():
    """Starts a child: start(folder, moment)."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as parent:
        yield lambda out, moment="never": Child(parent, out, moment)
        parent.stdin.close()


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory) -> dict:
    out = tmp_path_factory.mktemp("undisturbed")
    assert start(out).ended() == ("ended 40\n", 0)
    return load_checkpoint(out / CHECKPOINT)


def assert_same(left: object, right: object, place: str = "") -> None:
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), place
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), place
        for key in left.keys() - {"seconds"}:
            assert_same(left[key], right[key], f"{place}/{key}")
    else:
        assert left == right, place


@pytest.mark.slow
def test_killed_at_every_moment_of_a_write(start, undisturbed, tmp_path):
    # A write syncs twice: its file, then the folder; so "fsync:4" has the second new file in place.
    moments = ["fsync:1", "replace:1", "half-written:3", "after-replace:2", "fsync:4", "replace:2"]
    steps = []
    for moment in moments:
        assert start(tmp_path, moment).ended() == ("", -signal.SIGKILL), moment
        written = tmp_path / CHECKPOINT
        steps.append(load_checkpoint(written)["state"]["step"] if written.exists() else 0)
    assert steps == [0, 0, 3, 9, 15, 18]  # a write counts once its file has taken the name
    assert start(tmp_path).ended() == ("ended 40\n", 0)
    assert_same(undisturbed, load_checkpoint(tmp_path / CHECKPOINT))


@pytest.mark.slow
def test_killed_from_outside_at_random_times(start, undisturbed, tmp_path):
    kills = 0
    for delay in (0.0, 0.05, 0.15):
        child = start(tmp_path)
        before = time.monotonic()
        seen = (tmp_path / CHECKPOINT).stat().st_mtime_ns if kills else 0
        while child.runs() and time.monotonic() - before < 60:
            written = tmp_path / CHECKPOINT
            if written.exists() and written.stat().st_mtime_ns != seen:
                break  # it trains: the first write of this child is there
            time.sleep(0.002)
        time.sleep(delay)
        child.kill()
        kills += child.ended()[1] == -signal.SIGKILL
    assert kills >= 1
    assert "ended 40\n" in start(tmp_path).ended()[0]
    assert_same(undisturbed, load_checkpoint(tmp_path / CHECKPOINT))


def settings(**changes) -> dict:
    x = torch.linspace(-1, 1, 64).reshape(32, 2)
    given = {
        "net": md.MLP(2, width=16, depth=1),
        "data": x,
        "schedule": md.linear_schedule(),
        "steps": 4,
        "batch": 4,
        "progress": False,
        "device": "cpu",
    }
    return {**given, **changes}


def other_loss(net, x_0, schedule, y=None, *, generator=None):
    return md.simple_loss(net, x_0, schedule, generator=generator)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("network", {"net": md.MLP(2, width=32, depth=1)}),
        ("data", {"data": torch.linspace(-1, 0.9, 64).reshape(32, 2)}),
        ("loss", {"loss": other_loss}),
        ("schedule", {"schedule": md.cosine_schedule()}),
        ("schedule", {"schedule": md.linear_schedule(beta_T=0.021)}),
        ("steps", {"steps": 5}),
        ("batch of all processes", {"batch": 5}),
        ("lr", {"lr": 1e-3}),
        ("weight_decay", {"weight_decay": 0.0}),
        ("warmup", {"warmup": 1}),
        ("ema", {"ema": 0.5}),
        ("clip_norm", {"clip_norm": None}),
        ("precision", {"precision": "bf16"}),
        ("augment", {"augment": lambda x_0, generator: x_0}),
        ("seed", {"seed": 1}),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path, name, change):
    train(**settings(out=tmp_path, precision="fp32"))
    with pytest.raises(ValueError, match="other settings") as refusal:
        train(**{**settings(out=tmp_path, precision="fp32"), **change})
    lines = [line for line in str(refusal.value).splitlines() if line.startswith("  ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"  {name}: ")
    assert " in the folder, " in lines[0]


def test_finished_run_says_so_and_trains_nothing(tmp_path, capsys):
    first = train(**settings(out=tmp_path))
    before = (tmp_path / CHECKPOINT).read_bytes()
    assert capsys.readouterr().out == ""
    second = train(**settings(out=tmp_path))
    assert "is finished (4 steps)" in capsys.readouterr().out
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert second.losses == first.losses
    assert_same(first.net.state_dict(), second.net.state_dict())
    assert_same(first.raw_net.state_dict(), second.raw_net.state_dict())


def test_fresh_starts_over_and_leaves_other_files_alone(tmp_path):
    first = train(**settings(out=tmp_path))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "step_000500.png").write_bytes(b"old")
    second = train(**settings(out=tmp_path, seed=1, fresh=True))
    assert second.losses != first.losses
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list((tmp_path / "samples").iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
def test_damaged_checkpoint_is_named(tmp_path, damage):
    train(**settings(out=tmp_path))
    path = tmp_path / CHECKPOINT
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "foreign":
        content = bytearray(b"something else, long enough to hold a seal" * 10)
    else:
        content = bytearray()
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="fresh=True") as refusal:
        train(**settings(out=tmp_path))
    assert str(path) in str(refusal.value)
    train(**settings(out=tmp_path, fresh=True))


def test_precision_that_was_chosen_first_is_kept(tmp_path, monkeypatch):
    module = sys.modules["minidiff.training.algorithm"]
    monkeypatch.setattr(module, "choose_precision", lambda net, x, precision: "bf16")
    with pytest.raises(KeyboardInterrupt):
        train(**settings(out=tmp_path, checkpoint_every=1, loss=interrupted_after(2)))
    monkeypatch.setattr(module, "choose_precision", lambda net, x, precision: "fp32")
    run = train(**settings(out=tmp_path, checkpoint_every=1, loss=interrupted_after(10)))
    assert run.precision == "bf16"
    assert run.steps == 4


def interrupted_after(calls: int):
    """A loss during whose call number ``calls + 1`` someone presses Ctrl-C."""
    left = [calls]

    def loss(net, x_0, schedule, y=None, *, generator=None):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return md.simple_loss(net, x_0, schedule, generator=generator)

    return loss
