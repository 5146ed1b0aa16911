"""A new system is one file below ``minidiff/systems``: no other file is touched."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

import minidiff

PACKAGE = Path(minidiff.__file__).parent
SYSTEM = Path(__file__).with_name("made_up.py")


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A copy of the library with one file more."""
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(PACKAGE, root / "minidiff", ignore=shutil.ignore_patterns("__pycache__"))
    wing = root / "minidiff" / "systems" / "beyond"
    wing.mkdir()
    shutil.copy(SYSTEM, wing / "made_up.py")
    return root


def environment(house: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(house), "OMP_NUM_THREADS": "1"}


def run(house: Path, *words: object) -> str:
    """A command, run in the copy; gives what it printed."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(
        command, cwd=house, env=environment(house), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(house: Path, code: str) -> str:
    return run(house, "-c", "import minidiff as md, torch; " + code)


@pytest.fixture(scope="module")
def trained(house) -> Path:
    """Trained by the command line, killed on the way and started again."""
    out = house / "run"
    words = [sys.executable, "-m", "minidiff", "train", "made_up", "--out", out]
    first = subprocess.Popen([*words, "--steps", "400"], cwd=house, env=environment(house))
    grids = out / "samples"
    while first.poll() is None and not list(grids.glob("*.png")):
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    run(house, *words[1:], "--steps", "400")
    return out


def test_it_is_found(house):
    assert "made_up" in python(house, "print(*md.recipes.RECIPES)")


def test_killed_and_resumed_it_is_the_same_as_in_one_go(house, trained):
    code = (
        "run = md.recipes.run('made_up', out='whole', progress=False); net, _ = md.load('run');"
        "same = [torch.equal(a, b) for a, b in zip(run.net.parameters(), net.parameters())];"
        "print(run.steps, all(same), len(same))"
    )
    assert python(house, code).split()[-3:] == ["400", "True", "4"]


def test_it_comes_back_as_what_it_is(house, trained):
    code = (
        "net, schedule = md.load('run');"
        "print(type(net).__module__, type(net).__name__, net.predicts, net.takes, schedule.T)"
    )
    told = "minidiff.systems.beyond.made_up Painter v ('slope', 'shade') 20"
    assert python(house, code).strip() == told


def test_the_command_line_draws_by_its_own_sampler(house, trained):
    run(
        house,
        "-m",
        "minidiff",
        "sample",
        "run",
        "--n",
        4,
        "--steps",
        10,
        "--w",
        0,
        "--out",
        "x.png",
    )
    sheet = torch.from_numpy(imread(house / "x.png")[..., :3]).mean(dim=2)
    zoom = sheet.shape[1] // (4 * 9 + 1)
    first = sheet[zoom : 9 * zoom : zoom, zoom : 9 * zoom : zoom]
    assert first[0, 0] == 1  # the painter's mark
    assert first[:, 3:5].mean() > 0.8 > 0.3 > first[2:, [1, 6]].mean()


def test_grids_on_the_way_are_drawn_by_it_too(house, trained):
    grid = sorted((trained / "samples").glob("*.png"))[-1]
    sheet = torch.from_numpy(imread(grid)[..., :3]).mean(dim=2)
    zoom = sheet.shape[1] // (10 * 9 + 1)
    assert sheet[zoom, zoom] == 1


def test_it_is_scored_and_shipped(house, tmp_path):
    words = ["-m", "minidiff.recipes", "made_up", "--steps", 400, "--out", tmp_path]
    run(house, *words)
    card = json.loads((tmp_path / "made_up.json").read_text(encoding="utf-8"))
    assert card["about"] == "paints a stroke"
    assert card["scores"]["brightness"] > 0.6
    code = (
        f"net, schedule = md.load({str(tmp_path / 'made_up.safetensors')!r}); print(net.predicts)"
    )
    assert python(house, code).strip() == "v"


def test_it_ships_with_the_library_and_is_made_again(house):
    own = house / "minidiff" / "weights"
    for steps in (20, 30):
        run(house, "-m", "minidiff.recipes", "made_up", "--steps", steps)
        card = json.loads((own / "made_up.json").read_text(encoding="utf-8"))
        assert card["steps"] == steps
        code = "print('made_up' in md.available(), md.load('made_up')[0].predicts)"
        assert python(house, code).strip() == "True v"
    assert "| `made_up` | paints a stroke |" in (own / "README.md").read_text(encoding="utf-8")
    assert not list(own.glob("*.part"))
