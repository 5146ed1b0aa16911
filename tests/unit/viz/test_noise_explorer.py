"""The explorer of the forward process without a browser: the numbers that Python gives for it."""

import math

import numpy as np
import torch

import minidiff as md
from minidiff.viz.schedules import make_schedule
from minidiff.viz.widget import number


def test_straight_is_the_nice_property_and_chain_is_the_chain():
    x_0 = (torch.arange(64).reshape(1, 1, 8, 8) * 4 / 255) * 2 - 1  # exact in 8 bits
    widget = md.viz.noise_explorer(x_0, T=50, seed=3)
    schedule = make_schedule({"schedule": "linear", "T": 50, "beta_1": 1e-4, "beta_T": 0.02})
    a = float(schedule.alpha_bar[30])
    eps = md.viz.chain_noise(3, 0, 64).reshape(8, 8)
    clean = x_0[0, 0].double().numpy()
    straight = widget.state_at("straight", t=30)
    np.testing.assert_allclose(straight, a**0.5 * clean + (1 - a) ** 0.5 * eps, atol=1e-6)
    x = clean
    for t in range(1, 31):
        beta = float(schedule.beta[t])
        z = md.viz.chain_noise(3, t, 64).reshape(8, 8)
        x = math.sqrt(1 - beta) * x + math.sqrt(beta) * z
    np.testing.assert_allclose(widget.state_at("chain", t=30), x, atol=1e-6)
    np.testing.assert_allclose(widget.state_at("chain", t=0), clean, atol=1e-6)


def test_noise_readout_gives_the_pixels_mean_and_standard_deviation():
    widget = md.viz.noise_explorer()
    x = widget.state_at("straight", 4, "cosine", 600).numpy()
    out = widget.readout(view="straight", picture=4, schedule="cosine", t=600)
    assert (out["mean"], out["std"]) == (f"{x.mean():.3f}", f"{x.std():.3f}")
    both = widget.readout(view="compare", picture=4, t=600)
    assert (both["mean_cosine"], both["std_cosine"]) == (out["mean"], out["std"])
    assert both["alpha_bar_t_cosine"] == out["alpha_bar_t"] in both["sentence"]
    assert both["alpha_bar_t_linear"] == number(float(md.linear_schedule().alpha_bar[600]))


def test_the_digits_shown_are_bundled_ones_in_order():
    images, y = md.data.digits("train", size=28)
    shown = md.viz.noise_explorer().pictures
    for digit in range(10):
        gap = (images[y == digit][:, 0].double() - shown[digit]).abs().flatten(1).amax(1)
        assert gap.min() < 1e-6
