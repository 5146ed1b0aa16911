"""The page "Your own pictures" is played as it stands, with fewer steps."""

import re
import subprocess

import matplotlib
import own_pictures
import pytest
from PIL import Image

from minidiff.__main__ import main

FEWER = {
    r"--n 36": "--n 36 --steps 2",
    r"--steps \d+ --out": "--steps 2 --out",
    r"--steps \d+ --extend": "--steps 3 --extend",
}
FEWER_IN_PYTHON = {r"steps=1500": "steps=2", r"steps=50": "steps=2", r"width=16": "width=4"}


def shortened(text: str, fewer: dict[str, str]) -> str:
    for long, short in fewer.items():
        text = re.sub(long, short, text)
    return text


@pytest.mark.slow
def test_the_page_works_from_files_to_film(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    files, *lines = own_pictures.blocks("python")
    exec(files, {})
    assert len(list((tmp_path / "shapes").rglob("*.png"))) == 360
    first, *others = (shortened(" ".join(c), FEWER) for c in own_pictures.commands())
    done = subprocess.run(first.split(" "), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (promised,) = own_pictures.blocks("text")
    assert promised in done.stdout
    for command in others:  # the same program, without a new Python for each
        _, *module, arguments = command.split(" ", 3)
        assert module == ["-m", "minidiff"]
        assert main(arguments.split(" ")) == 0, command
    with Image.open("samples.gif") as film:
        assert film.n_frames == 3
    with Image.open("samples.png") as picture:
        assert picture.info["label"] == "triangles"
        assert picture.size == ((9 * 17 + 1) * 4, (4 * 17 + 1) * 4)
    names: dict = {}
    for block in lines:
        exec(shortened(block, FEWER_IN_PYTHON), names)
    assert names["x"].shape == (9, 3, 16, 16)
    assert names["nearest"].shape == (9,)


def test_the_picture_was_made_by_the_pages_own_command():
    with Image.open(own_pictures.PICTURE) as picture:
        about = picture.info
    assert own_pictures.SAMPLE in own_pictures.PAGE.read_text(encoding="utf-8")
    assert (about["network"], about["n"], about["seed"]) == ("runs/shapes", "36", "0")
