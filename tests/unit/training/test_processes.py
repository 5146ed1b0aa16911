"""Two processes, really launched, train as one process with the double batch does."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import minidiff as md
from minidiff.base.files import CHECKPOINT, load_checkpoint
from minidiff.training.processes import find_processes

# The same training, alone or launched: only the batch of a process differs.
TRAINING = """
import minidiff as md
from minidiff.data.augment import warp

def training(batch, out, steps):
    x, y = md.data.digits("train", 8)
    net = md.TinyUNet(1, 10, width=8, multipliers=(1, 2), blocks=1, seed=0)
    md.train(net, (x[:300], y[:300]), schedule=md.linear_schedule(), steps=steps,
             batch=batch, lr=2e-3, warmup=5, augment=warp, out=out,
             checkpoint_every=5, sample_every=10, precision="fp32", device="cpu", progress=False)
"""
LAUNCHED = f"""
import sys
import torch
{TRAINING}
torch.set_num_threads(1)
training(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""
LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--nproc_per_node=2"],
    # For CPUs accelerate has a launcher through MPI only; this one starts the two just as well.
    "accelerate": ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2",
                   "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"],
}  # fmt: skip


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("script") / "train_digits.py"
    path.write_text(LAUNCHED)
    return path


def launch(script: Path, how: str, *arguments: object) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    flag = "--master_port" if how == "torchrun" else "--main_process_port"
    clean = {name: value for name, value in os.environ.items() if name != "WORLD_SIZE"}
    done = subprocess.run(
        [sys.executable, *LAUNCHERS[how], f"{flag}={port}", str(script), *map(str, arguments)],
        env={**clean, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def train_here(batch: int, out: Path, steps: int) -> dict:
    """The training in this process, alone; its last checkpoint."""
    space: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORLD_SIZE", raising=False)
        exec(TRAINING, space)
        space["training"](batch, out, steps)
    return load_checkpoint(out / CHECKPOINT)


@pytest.fixture(scope="module")
def run_alone(tmp_path_factory) -> Path:
    """The folder of a training in one process."""
    out = tmp_path_factory.mktemp("alone")
    train_here(16, out, 12)
    return out


@pytest.fixture(scope="module")
def alone(run_alone) -> dict:
    return load_checkpoint(run_alone / CHECKPOINT)


def assert_same_path(one: dict, other: dict) -> None:
    """Loss curves and averaged weights agree to rounding."""
    torch.testing.assert_close(
        torch.tensor(one["state"]["losses"]),
        torch.tensor(other["state"]["losses"]),
        rtol=1e-4,
        atol=1e-5,
    )
    for name, weight in one["state"]["ema"].items():
        torch.testing.assert_close(weight, other["state"]["ema"][name], rtol=1e-3, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("how", sorted(LAUNCHERS))
def test_two_processes_follow_one_with_the_double_batch(script, alone, tmp_path, how):
    launch(script, how, 8, tmp_path, 12)
    both = load_checkpoint(tmp_path / CHECKPOINT)
    assert_same_path(alone, both)
    assert both["settings"] == alone["settings"]  # so either can go on where the other stopped
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step_000010.png"]


@pytest.mark.slow
def test_one_process_alone_with_the_same_batch_differs(alone, tmp_path):
    """Guards the comparison above: it would notice if each process took the same rows."""
    half = train_here(8, tmp_path, 12)
    with pytest.raises(AssertionError):
        assert_same_path(alone, half)


@pytest.mark.slow
def test_refusal_in_the_first_process_ends_all(script, run_alone, tmp_path):
    shutil.copytree(run_alone, tmp_path, dirs_exist_ok=True)
    with pytest.raises(AssertionError, match="steps: 12 in the folder, 13 now"):
        launch(script, "torchrun", 8, tmp_path, 13)


def test_launched_without_accelerate_says_what_to_install(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"WORLD_SIZE=2.*pip install accelerate"):
        find_processes("cpu")


def test_alone_needs_no_accelerate(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    x = torch.linspace(-1, 1, 64).reshape(32, 2)
    run = md.train(
        md.MLP(2, width=16, depth=1), x, schedule=md.linear_schedule(), steps=2, progress=False
    )
    assert run.steps == 2
