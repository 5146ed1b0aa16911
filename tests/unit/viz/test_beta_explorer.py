"""The explorer of the noise schedule without a browser: the numbers that Python gives for it."""

import math
import re

import minidiff as md
from minidiff.viz.schedules import make_schedule
from minidiff.viz.widget import number


def test_beta_readout_is_the_formula():
    T, t = 300, 120
    out = md.viz.beta_explorer(T=T, beta_1=2e-4, beta_T=0.03).readout(t=t)
    beta = [2e-4 + (i - 1) / (T - 1) * (0.03 - 2e-4) for i in range(1, T + 1)]
    a = math.prod(1 - b for b in beta[:t])
    end = math.prod(1 - b for b in beta)
    assert out["beta_t"] == number(beta[t - 1])
    assert out["alpha_bar_t"] == number(a)
    assert out["sqrt_alpha_bar_t"] == number(math.sqrt(a))
    assert out["sqrt_one_minus_alpha_bar_t"] == number(math.sqrt(1 - a))
    assert out["snr_t"] == number(a / (1 - a))
    assert out["alpha_bar_T"] == number(end)


def test_beta_readout_of_the_cosine_schedule_and_of_t_0():
    widget = md.viz.beta_explorer()
    out = widget.readout(schedule="cosine", T=50, s=0.02, t=20)
    f = [math.cos((t / 50 + 0.02) / 1.02 * math.pi / 2) ** 2 for t in (0, 20)]
    assert out["alpha_bar_t"] == number(f[1] / f[0])
    clean = widget.readout(t=0)
    assert (clean["alpha_bar_t"], clean["snr_t"], clean["beta_t"]) == ("1.000", "∞", "0")


def test_beta_sentence_tells_noise_from_a_picture_that_is_still_there():
    widget = md.viz.beta_explorer()
    assert widget.readout(T=100)["sentence"].startswith("Not yet noise: after all 100 steps, 0.36")
    said = widget.readout()["sentence"]
    first = int(re.search(r"from t = (\d+) on", said)[1])
    alpha_bar = md.linear_schedule().alpha_bar
    assert alpha_bar[first] < 0.01 <= alpha_bar[first - 1]


def test_making_a_schedule_that_ends_early_does_not_warn(recwarn):
    make_schedule({"schedule": "linear", "T": 100, "beta_1": 1e-4, "beta_T": 0.02})
    md.viz.noise_explorer(T=100)
    assert not recwarn.list
