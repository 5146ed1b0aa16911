"""The DDIM explorer without a browser: its HTML, its frames, and the numbers that Python gives for them."""

import base64
import math

import numpy as np
import pytest
import torch
from interactives import SHORT, noise, sanitised, wavy

import minidiff as md
from minidiff.viz.frames import frame_png, frames_text, grey_levels
from minidiff.viz.widget import number

X_T = noise(2, 1, 6, 5)
OPTIONS = {"steps": (1, 4, 25), "etas": (0.0, 0.7)}


@pytest.fixture(scope="module")
def widget():
    return md.viz.ddim_explorer(wavy, SHORT, X_T, **OPTIONS)


# ---- frames ----------------------------------------------------------------------------------


def test_sixteen_levels_of_grey_from_black_to_white():
    x = torch.tensor([-3.0, -1, -0.999, 0.05, 0.999, 1, 7])
    assert grey_levels(x).tolist() == [0, 0, 0, 8, 15, 15, 15]
    back = torch.from_numpy(grey_levels(torch.linspace(-1, 1, 501)).astype(float)) / 7.5 - 1
    assert float((back - torch.linspace(-1, 1, 501)).abs().max()) <= 1 / 15 + 1e-6


@pytest.mark.parametrize("count", [6, 7])
def test_two_pixels_are_a_byte(count):
    levels = np.arange(count, dtype=np.uint8) + 9
    levels[-1] = 3
    text = frames_text(levels)
    assert text.startswith("frames:")
    packed = base64.b64decode(text.removeprefix("frames:"))
    unpacked = [half for byte in packed for half in (byte >> 4, byte & 15)]
    assert len(packed) == 3 + count % 2
    assert unpacked[:count] == levels.tolist()


def test_a_still_frame_is_a_png_of_the_same_grey():
    address = frame_png(np.array([[0, 15], [7, 1]], np.uint8))
    assert address.startswith("data:image/png;of=frames;base64,")
    stored = base64.b64decode(address.split("base64,")[1])
    assert bytes([0, 0, 255, 0, 119, 17]) in stored  # each row begins with its filter, 0


def test_nothing_that_a_network_drew_is_compared(widget):
    """Another net draws other frames, of which the sanitised page shows nothing; other times it shows."""
    other = md.viz.ddim_explorer(lambda x, t: 0.3 * x, SHORT, X_T, **OPTIONS)
    pages = [one._repr_html_() for one in (widget, other)]
    assert pages[0] != pages[1]
    assert sanitised(pages[0]) == sanitised(pages[1])
    assert len(sanitised(pages[0])) > 20_000  # the script and the rest are still there
    longer = md.viz.ddim_explorer(wavy, SHORT, X_T, steps=(1, 4, 26), etas=(0.0, 0.7))
    assert sanitised(longer._repr_html_()) != sanitised(pages[0])


# ---- the page --------------------------------------------------------------------------------


def test_small_pictures_make_a_small_page(widget):
    assert len(widget._repr_html_().encode()) < 45_000


def test_the_figure_of_the_chapter_is_small():
    """Two digits in six numbers of steps and three of η: the payload of chapter 11."""
    page = md.viz.ddim_explorer(wavy, md.linear_schedule(), noise(2, 1, 16, 16))._repr_html_()
    assert len(page.encode()) < 110_000


# ---- what it shows ---------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("steps", [1, 4, 25])
def test_the_frames_are_those_of_the_librarys_walk(widget, steps, eta):
    generator = torch.Generator().manual_seed(2)
    options = {"x_T": X_T, "steps": steps, "eta": eta, "generator": generator}
    states = list(md.sampling_steps(wavy, SHORT, **options))
    walk, kept = widget.walk(steps, eta, 2), widget.stops[steps]
    assert kept == {1: [0, 1], 4: [0, 1, 2, 3, 4], 25: [0, 5, 10, 15, 20, 25]}[steps]
    for k, stop in enumerate(kept):
        assert np.array_equal(walk.x[k], grey_levels(states[stop].x[:, 0]))
        if k:
            assert np.array_equal(walk.guess[k - 1], grey_levels(states[stop].x0_hat[:, 0]))
    assert np.array_equal(walk.x[-1], walk.guess[-1])  # why the page stores it once
    assert np.array_equal(walk.x[0], widget.walk(1, 0.0, 1).x[0])


def test_readout_measures_the_frames(widget):
    one, other = widget.walk(25, 0.7, 1), widget.walk(25, 0.7, 2)
    out = widget.readout(steps=25, eta=0.7, frame=3)

    def apart(a, b):
        return f"{np.sqrt(np.mean((a / 7.5 - b / 7.5) ** 2)):.3f}"

    assert (out["t"], out["calls"]) == ("40", "15 of 25")
    assert out["apart"] == apart(one.x[3], other.x[3]) != "0.000"
    assert out["to_go"] == apart(one.guess[2], one.x[-1]) != "0.000"
    # the step that led here went from 44 to 40
    a_bar = SHORT.alpha_bar
    sigma_2 = (1 - a_bar[40]) / (1 - a_bar[44]) * (1 - a_bar[44] / a_bar[40])
    assert out["sigma"] == number(0.7 * math.sqrt(sigma_2))
    assert out["apart"] in out["sentence"]


def test_sentences_of_the_ends_and_of_eta_0(widget):
    start = widget.readout(steps=4, eta=0.7, frame=0)
    assert start["sentence"] == "t = 100: both walks start from the same noise. Press Play."
    assert (start["sigma"], start["to_go"], start["apart"]) == ("–", "–", "0.000")
    end = widget.readout(steps=4, eta=0.7, frame=4)
    assert (end["sigma"], end["to_go"]) == ("0", "0.000")  # no noise is added on the step into 0
    assert end["apart"] != "0.000"
    assert "decides too" in end["sentence"]
    for frame in (1, 4):
        same = widget.readout(steps=4, eta=0.0, frame=frame)
        assert (same["sigma"], same["apart"]) == ("0", "0.000")
        assert "one and the same" in same["sentence"]
    once = widget.readout(steps=1, eta=0.7, frame=1)
    assert once["apart"] == "0.000"
    assert "changes nothing" in once["sentence"]


def test_shown_first_is_the_middle_of_ten_steps_or_of_the_most():
    ten = md.viz.ddim_explorer(wavy, SHORT, X_T, steps=(5, 10, 20), etas=(1.0,))
    assert ten.state == {"steps": 10, "eta": 1.0, "frame": 3}
    most = md.viz.ddim_explorer(wavy, SHORT, X_T, steps=(2, 3), etas=(1.0, 0.0))
    assert most.state == {"steps": 3, "eta": 1.0, "frame": 2}


def test_clipping_reaches_the_walk(widget):
    clipped = md.viz.ddim_explorer(lambda x, t: -x, SHORT, X_T, steps=(4,), clip=True)
    free = md.viz.ddim_explorer(lambda x, t: -x, SHORT, X_T, steps=(4,))
    assert not np.array_equal(clipped.walk(4, 0.0, 1).x, free.walk(4, 0.0, 1).x)
