"""The interactive figures without a browser: their HTML, and the numbers that Python gives for them."""

import base64
import io
import math
import re

import numpy as np
import pytest
import torch

import minidiff as md
from minidiff.viz.schedules import make_schedule
from minidiff.viz.still import figure, text
from minidiff.viz.widget import Widget, nice_values, number, png, script


def test_data_cannot_end_the_script():
    class Rude(Widget):
        name = "beta_explorer"

    html = Rude({"word": "</script><b>"}, figure("alt", 1, 1, []), "rude")._repr_html_()
    assert html.count("</script>") == 1
    assert "<b>" not in html


def test_scripts_lose_comments_and_nothing_else():
    whole = "".join(script("common.js").split())
    assert "//----" not in whole
    assert "Math.min(1-f(t)/f(t-1),0.999)" in whole


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (0, "0"),
        (1, "1.000"),
        (0.02, "0.02000"),
        (0.9999999, "1.000"),
        (9.9996, "10.00"),
        (12345.6, "12346"),
        (99999.9, "1.000e5"),
        (123456.7, "1.235e5"),
        (0.001, "0.001000"),
        (4.0358e-5, "4.036e-5"),
        (-0.5, "-0.5000"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_number(x, words):
    assert number(x) == words


def test_nice_values_are_the_nearest_doubles_and_hold_what_is_asked():
    values = nice_values(1e-3, 0.02, 0.0137)
    assert values[:3] == [0.001, 0.0012, 0.0015]
    assert values[-3:] == [0.012, 0.0137, 0.015, 0.02][-3:]
    assert values == sorted(set(values))


def test_png_holds_the_pixels():
    from matplotlib.image import imread

    pixels = np.random.default_rng(0).integers(0, 256, (5, 7), np.uint8)
    address = png(pixels)
    assert address.startswith("data:image/png;base64,")
    seen = imread(io.BytesIO(base64.b64decode(address.split(",")[1])), format="png")
    assert np.array_equal((seen * 255).round(), pixels)
    with pytest.raises(ValueError, match="65535"):
        png(np.zeros((300, 300), np.uint8))


def test_still_text_is_escaped():
    assert "&lt;b&gt; &amp;" in text(0, 0, "<b> &")


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


def test_another_t_in_readout_follows_the_slider():
    widget = md.viz.beta_explorer(T=1000)
    assert widget.readout(T=20)["alpha_bar_t"] == widget.readout(T=20, t=10)["alpha_bar_t"]


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        ({"t": 1001}, IndexError, "t = 1001 is outside 0..1000"),
        ({"t": -1}, IndexError, "t = -1"),
        ({"schedule": "cos"}, ValueError, "schedule must be one of"),
        ({"view": "film"}, ValueError, "view must be one of"),
        ({"picture": 10}, IndexError, "picture = 10 is outside 0..9"),
    ],
)
def test_readout_refuses_what_a_control_cannot_say(controls, error, words):
    with pytest.raises(error, match=words):
        md.viz.noise_explorer().readout(**controls)
    if not {"view", "picture"} & set(controls):
        with pytest.raises(error, match=words):
            md.viz.beta_explorer().readout(**controls)


def test_making_a_schedule_that_ends_early_does_not_warn(recwarn):
    make_schedule({"schedule": "linear", "T": 100, "beta_1": 1e-4, "beta_T": 0.02})
    md.viz.noise_explorer(T=100)
    assert not recwarn.list


def test_unknown_controls_are_named():
    with pytest.raises(TypeError, match=r"no control 'steps'; there are schedule, T"):
        md.viz.beta_explorer().readout(steps=3)
    with pytest.raises(TypeError, match=r"no control 'T'; there are view, picture"):
        md.viz.noise_explorer().readout(T=3)


def test_chain_noise_is_standard_normal_and_independent():
    z = np.stack([md.viz.chain_noise(0, t, 784) for t in range(1, 1001)])
    n = z.size
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)
    for shifted in ((z[1:], z[:-1]), (z[:, 1:], z[:, :-1]), (z[:, 28:], z[:, :-28])):
        assert abs((shifted[0] * shifted[1]).mean()) < 4 / math.sqrt(shifted[0].size)
    other = md.viz.chain_noise(1, 1, 784)
    assert abs((z[0] * other).mean()) < 4 / math.sqrt(784)


def test_chain_noise_never_repeats_itself_even_in_the_largest_figure():
    z = np.stack([md.viz.chain_noise(0, t, 64 * 64) for t in range(1, 2001)])
    assert len(np.unique(z)) == z.size


def test_chain_noise_follows_scipy_s_normal_distribution():
    from scipy.stats import kstest

    z = np.concatenate([md.viz.chain_noise(7, t, 1000) for t in range(20)])
    assert kstest(z, "norm").pvalue > 1e-3


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


@pytest.mark.parametrize(
    ("make", "arguments", "error", "words"),
    [
        (md.viz.beta_explorer, {"T": 1}, ValueError, "T must be at least 2"),
        (md.viz.beta_explorer, {"T": 20_000}, ValueError, "T must be at most 10000"),
        (md.viz.beta_explorer, {"T": 10.0}, TypeError, "T must be an integer"),
        (md.viz.beta_explorer, {"beta_1": 0}, ValueError, "beta_1"),
        (md.viz.beta_explorer, {"beta_T": 1}, ValueError, "beta_T"),
        (md.viz.beta_explorer, {"s": -0.1}, ValueError, "s must lie in"),
        (md.viz.beta_explorer, {"schedule": "cos"}, ValueError, "schedule must be one of 'linear'"),
        (md.viz.noise_explorer, {"T": 3000}, ValueError, "T must be at most 2000"),
        (md.viz.noise_explorer, {"view": "film"}, ValueError, "view must be one of 'chain'"),
        (md.viz.noise_explorer, {"schedule": "x"}, ValueError, "schedule must be one of"),
        (md.viz.noise_explorer, {"t": 1001}, IndexError, r"t = 1001 is outside 0..1000"),
        (md.viz.noise_explorer, {"t": 2.5}, TypeError, "t must be an int"),
        (md.viz.noise_explorer, {"seed": -1}, ValueError, "seed"),
        (md.viz.noise_explorer, {"seed": 0.5}, TypeError, "seed must be an integer"),
        (md.viz.noise_explorer, {"x_0": np.zeros((1, 1, 8, 8))}, TypeError, "x_0 must be a torch"),
        (
            md.viz.noise_explorer,
            {"x_0": torch.zeros(1, 1, 8, 8, dtype=torch.uint8)},
            TypeError,
            "x_0 must hold floating-point",
        ),
        (md.viz.noise_explorer, {"x_0": torch.zeros(1, 3, 8, 8)}, ValueError, "grey pictures"),
        (md.viz.noise_explorer, {"x_0": torch.zeros(8, 8)}, ValueError, "grey pictures"),
        (md.viz.noise_explorer, {"x_0": torch.zeros(13, 1, 8, 8)}, ValueError, "up to 12"),
        (md.viz.noise_explorer, {"x_0": torch.zeros(1, 1, 65, 8)}, ValueError, "at most 64"),
        (md.viz.noise_explorer, {"x_0": torch.full((1, 1, 8, 8), 1.5)}, ValueError, r"\[-1, 1\]"),
        (md.viz.noise_explorer, {"x_0": torch.full((1, 1, 8, 8), torch.nan)}, ValueError, "NaN"),
    ],
)
def test_bad_arguments_are_named(make, arguments, error, words):
    with pytest.raises(error, match=words):
        make(**arguments)
