"""A picture of one's own, from a file: what the function gets, in ipywidgets 8 and 7."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import minidiff as md
from minidiff.viz.kernel.upload import picture_in


def file_of(array, kind="PNG"):
    content = io.BytesIO()
    Image.fromarray(array).save(content, format=kind)
    return content.getvalue()


class Widget:
    def __init__(self, value):
        self.value = value


WHITE_LEFT = np.repeat(np.array([[255] * 20 + [0] * 20], np.uint8), 40, 0)


@pytest.mark.parametrize(
    "value",
    [
        lambda content: ({"name": "a.png", "content": memoryview(content)},),
        lambda content: {"a.png": {"metadata": {"name": "a.png"}, "content": content}},
    ],
    ids=["ipywidgets 8", "ipywidgets 7"],
)
def test_a_file_becomes_a_grey_picture(value):
    control = md.viz.picture_upload(4)
    x = control.value(Widget(value(file_of(WHITE_LEFT))))
    assert x.shape == (1, 1, 4, 4)
    assert x.dtype == torch.float32
    assert (x[0, 0, :, 0] == 1).all()
    assert (x[0, 0, :, 3] == -1).all()
    assert (x[0, 0, :, 1] > 0.5).all()
    assert (x[0, 0, :, 2] < -0.5).all(), "antialiased"


def test_a_wide_coloured_picture_is_cut_and_grey():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert (picture_in(file_of(wide, "JPEG"), "a.jpg", 2) == 1).all()


@pytest.mark.parametrize(
    "value",
    [
        lambda c: ({"name": "a.txt", "content": c},),
        lambda c: {"a.txt": {"metadata": {"name": "a.txt"}, "content": c}},
    ],
)
def test_what_is_no_picture_is_named(value):
    with pytest.raises(
        ValueError, match=r"a\.txt cannot be read as a picture .*take a PNG or a JPEG"
    ):
        md.viz.picture_upload().value(Widget(value(b"words")))


def test_before_there_is_a_file():
    assert md.viz.picture_upload(3).start({})[0, 0].tolist() == [[-1, 0, 1]] * 3
    mine = torch.zeros(1, 1, 3, 3)
    assert md.viz.picture_upload(3, mine).start({}) is mine


@pytest.mark.parametrize(
    ("size", "first", "words"),
    [
        (0, None, "size must be at least 1"),
        (65, None, "size must be at most 64, got 65"),
        (3, torch.zeros(3, 3), r"first must have shape \(1, 1, 3, 3\), got \(3, 3\)"),
    ],
)
def test_bad_arguments_are_refused(size, first, words):
    with pytest.raises(ValueError, match=words):
        md.viz.picture_upload(size, first)


def test_its_widget_is_a_button_that_takes_one_picture():
    button = md.viz.picture_upload().widget("yours", {})
    assert (button.accept, button.multiple, button.description) == ("image/*", False, "yours")
