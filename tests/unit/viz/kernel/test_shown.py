"""What a live box makes of a function's answer."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

import minidiff as md
from minidiff.viz.kernel.shown import Shown, answer_of, drawing_of, picture_of


@pytest.fixture
def pyplot():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.close("all")
    yield plt
    plt.close("all")


def pixels(html):
    (address,) = re.findall(r'src="data:image/png;base64,([^"]*)"', html)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address))).convert("RGB"))


def test_texts_carry_their_names():
    html = Shown(values={"a": "1", "b <": "x & y", "sentence": "So."}).html()
    assert 'a = <span data-readout="a">1</span>' in html
    assert 'data-readout="b &lt;">x &amp; y</span>' in html
    assert "b &lt; = <span" in html
    assert html.endswith('<p data-readout="sentence">So.</p>')


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("alpha_bar_t", "ᾱ_t"),
        ("alpha_bar_t_top", "ᾱ_t (top)"),
        ("like_bottom", "as noisy as the other at (bottom)"),
        ("mine", "mine"),
        ("top", "top"),
    ],
)
def test_names_of_figures_have_their_symbols(name, symbol):
    html = Shown(values={name: "1"}).html()
    assert f'>{symbol} = <span data-readout="{name}">1<' in html


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "3"),
        (True, "True"),
        ("words", "words"),
        (0.123456, "0.1235"),
        (-1.5e-7, "-1.500e-7"),
        (float("nan"), "nan"),
        (float("inf"), "∞"),
        (torch.tensor(0.25), "0.2500"),
        (torch.tensor([7]), "7"),
        (np.float32(0.5), "0.5000"),
    ],
)
def test_one_value(value, words):
    assert answer_of(lambda: value, "").values == {"value": words}
    assert answer_of(lambda: {"name": value}, "").values == {"name": words}


def test_pictures_are_shown_pixel_by_pixel():
    x = torch.tensor([[[-1.0, 1.0], [0.0, 1.0]]])
    seen = pixels(picture_of(x, "alt"))
    assert seen.shape == (4, 4, 3), "a gap of one around two by two"
    assert seen[1:3, 1:3, 0].tolist() == [[0, 255], [128, 255]]
    for shape in ((2, 2), (1, 2, 2), (1, 1, 2, 2)):
        assert picture_of(x.reshape(shape), "alt") == picture_of(x, "alt")


def test_pictures_stand_in_rows_of_ten():
    assert pixels(picture_of(torch.zeros(20, 1, 8, 8), "")).shape == (19, 91, 3)
    assert pixels(picture_of(torch.zeros(3, 3, 8, 8), "")).shape == (10, 28, 3)
    assert pixels(picture_of(torch.zeros(20, 1, 8, 8), "", 5)).shape == (37, 46, 3)


def test_a_picture_has_its_words():
    assert '<img alt="a &quot;b&quot;"' in picture_of(torch.zeros(1, 1, 2, 2), 'a "b"')


def test_a_figure_is_shown_once_and_closed(pyplot):
    def given_back():
        figure, axes = pyplot.subplots()
        axes.plot([1, 2])
        return figure

    def its_axes():
        return given_back().axes[0]

    def left_open():
        pyplot.plot([1, 2])

    for draw in (given_back, its_axes, left_open, lambda: md.viz.plot_losses([2.0, 1.0])):
        shown = answer_of(draw, "a line")
        assert shown.picture.count("<img ") == 1, draw
        assert pyplot.get_fignums() == []


def test_a_figure_of_somebody_else_stays_open(pyplot):
    mine = pyplot.figure()
    answer_of(lambda: pyplot.plot([1, 2]) and None, "")
    assert pyplot.get_fignums() == [mine.number]


def test_a_figure_is_half_as_wide_as_its_pixels(pyplot):
    html = drawing_of(md.viz.plot_losses([2.0, 1.0]), "")
    width = int(re.search(r"width:(\d+)px", html)[1])
    assert pixels(html).shape[1] in (2 * width, 2 * width + 1)


def test_a_tuple_holds_several_things():
    shown = answer_of(lambda: (torch.zeros(1, 1, 2, 2), {"a": 1}, Shown("<b>", {"c": "2"})), "")
    assert shown.picture.startswith("<img ")
    assert shown.picture.endswith("<b>")
    assert shown.values == {"a": "1", "c": "2"}


@pytest.mark.parametrize("answer", [object(), {"a": [1]}, torch.zeros(3), (1, {2})])
def test_what_cannot_be_shown_is_refused(answer):
    with pytest.raises(TypeError, match="a live function gives a figure"):
        answer_of(lambda: answer, "")


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"images must be \(N, 1 or 3, H, W\)"):
        answer_of(lambda: torch.zeros(5, 2, 8, 8), "")


def test_figures_of_a_function_that_fails_are_closed(pyplot):
    def fails():
        pyplot.figure()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer_of(fails, "")
    assert pyplot.get_fignums() == []
