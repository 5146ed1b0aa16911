"""The schedule explorer without a browser: its HTML, and the numbers that Python gives for it."""

import math
import re

import numpy as np
import pytest
import torch
from interactives import figure

import minidiff as md
from minidiff.viz.widget import number

SCHEDULES = {
    "linear": lambda T, s: md.linear_schedule(T, rescale=True),
    "cosine": lambda T, s: md.cosine_schedule(T, s),
    "scaled_linear": lambda T, s: md.scaled_linear_schedule(T, rescale=True),
    "sigmoid_beta": lambda T, s: md.sigmoid_beta_schedule(T, rescale=True),
    "sigmoid": lambda T, s: md.sigmoid_schedule(T),
    "zero_snr": lambda T, s: md.rescale_zero_terminal_snr(md.linear_schedule(T, rescale=True)),
}


@pytest.fixture(scope="module")
def widget():
    return figure("schedule_explorer")


@pytest.mark.parametrize("T", [25, 400, 1000])
@pytest.mark.parametrize("name", SCHEDULES)
def test_each_entry_of_the_menu_is_the_library_s_schedule(widget, name, T):
    for row in ("top", "bottom"):
        shown = widget.schedule(row, **{row: name, "T": T, "s": 0.02})
        assert torch.equal(shown.beta, SCHEDULES[name](T, 0.02).beta)


def test_the_menu_offers_what_python_knows(widget):
    assert [name for name, _ in widget._data["menu"]] == list(SCHEDULES)


def test_a_row_shows_the_nice_property_with_one_noise_for_all():
    x_0 = torch.rand(2, 1, 5, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    widget = md.viz.schedule_explorer(x_0, 100, bottom="sigmoid", seed=7)
    rounded = ((x_0[1, 0].double() + 1) * 127.5).round() / 127.5 - 1
    noise = md.viz.chain_noise(7, 0, 20).reshape(5, 4)
    for row, schedule in (("top", SCHEDULES["linear"]), ("bottom", SCHEDULES["sigmoid"])):
        for t in (1, 40, 100):
            left = float(schedule(100, 0).alpha_bar[t])
            wanted = math.sqrt(left) * rounded.numpy() + math.sqrt(1 - left) * noise
            np.testing.assert_allclose(widget.state_at(row, t, picture=1), wanted, atol=1e-12)
    assert torch.equal(widget.state_at("top", 0, picture=1), rounded)


def test_readout_names_the_time_at_which_the_other_row_is_as_noisy(widget):
    out = widget.readout(t=500)
    linear, cosine = md.linear_schedule().alpha_bar, md.cosine_schedule().alpha_bar
    assert out["alpha_bar_t_top"] == number(float(linear[500]))
    assert out["log_snr_t_bottom"] == number(math.log(cosine[500] / (1 - cosine[500])))
    there, here = (int(out[f"like_{row}"].removeprefix("t = ")) for row in ("top", "bottom"))
    assert cosine[there] <= linear[500] < cosine[there - 1]
    assert linear[here] <= cosine[500] < linear[here - 1]
    assert f"as noisy as the lower one is at t = {there}." in out["sentence"]
    few = [int((table < 0.01).sum()) for table in (linear, cosine)]
    assert out["sentence"].endswith(f"variance: linear {few[0]}, cosine {few[1]}.")


def test_readout_at_the_ends(widget):
    clean = widget.readout(t=0)
    assert [clean[f"log_snr_t_{row}"] for row in ("top", "bottom")] == ["∞", "∞"]
    assert clean["like_top"] == clean["like_bottom"] == "t = 0"
    noise = widget.readout(top="zero_snr", t=1000)
    assert noise["alpha_bar_t_top"] == "0"
    assert noise["log_snr_t_top"] == "-∞"
    assert noise["like_top"] == "never"
    assert "noisier than the lower one ever gets" in noise["sentence"]
    alike = widget.readout(bottom="linear", t=123)
    assert alike["like_top"] == alike["like_bottom"] == "t = 123"


def test_still_picture_shows_both_rows(widget):
    pictures = re.findall(r'href="(data:image/png[^"]+)"', widget._picture)
    assert len(set(pictures)) == 11  # twice six times, and t = 0 is alike in both
    assert re.findall(r">(linear|cosine)<", widget._picture) == ["linear", "cosine"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda w: w.state_at("middle", 1), ValueError, "row must be one of 'top', 'bottom'"),
        (lambda w: w.state_at("top", 1001), IndexError, "t = 1001"),
        (lambda w: w.state_at("top", 1, picture=10), IndexError, "picture = 10"),
    ],
)
def test_state_at_refuses_what_is_not_there(widget, call, error, words):
    with pytest.raises(error, match=words):
        call(widget)
