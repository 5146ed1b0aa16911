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


@pytest.fixture(scope="module")
def told(house, trained) -> dict:
    """What Python says of it in the copy: all that is asked, in one process."""
    code = """
import json, torch
import minidiff as md

told = {"recipes": list(md.recipes.RECIPES)}
net, schedule = md.load("run")
kind = type(net)
told["back"] = [kind.__module__, kind.__name__, net.predicts, list(net.takes), schedule.T]
run = md.recipes.run("made_up", out="whole", progress=False)
same = [torch.equal(a, b) for a, b in zip(run.net.parameters(), net.parameters())]
told["whole"] = [run.steps, all(same), len(same)]
print(json.dumps(told))
"""
    return json.loads(run(house, "-c", code).splitlines()[-1])


def test_it_is_found(told):
    assert "made_up" in told["recipes"]


def test_killed_and_resumed_it_is_the_same_as_in_one_go(told):
    assert told["whole"] == [400, True, 4]


def test_it_comes_back_as_what_it_is(told):
    place = "minidiff.systems.beyond.made_up"
    assert told["back"] == [place, "Painter", "v", ["slope", "shade"], 20]


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
    net = ("import sys, minidiff as md", "print(md.load(sys.argv[1])[0].predicts)")
    assert run(house, "-c", "; ".join(net), tmp_path / "made_up.safetensors").strip() == "v"


def test_it_ships_with_the_library_and_is_made_again(house):
    own = house / "minidiff" / "weights"
    code = """
import json, sys
import minidiff as md
from minidiff import recipes

for steps in (20, 30):
    recipes.main(["made_up", "--steps", str(steps)])
    with open(sys.argv[1], encoding="utf-8") as card:
        print("told", json.load(card)["steps"], "made_up" in md.available(), md.load("made_up")[0].predicts)
"""
    said = run(house, "-c", code, own / "made_up.json").splitlines()
    told = [line for line in said if line.startswith("told")]
    assert told == ["told 20 True v", "told 30 True v"]
    assert "| `made_up` | paints a stroke |" in (own / "README.md").read_text(encoding="utf-8")
    assert not list(own.glob("*.part"))
