"""The guidance field without a browser: its HTML, and the numbers that Python gives for it."""

import json
import math
import re

import numpy as np
import pytest
import torch
from interactives import CENTRES, CLASSES

import minidiff as md
from minidiff.viz.widget import number


@pytest.fixture(scope="module")
def small():
    return md.viz.guidance_field(CENTRES, 0.3, CLASSES, 50, y=1, s=2.5, t=20)


def test_the_page_s_data_hold_no_last_bits():
    circle = [[math.cos(k), math.sin(k)] for k in range(3)]
    data = md.viz.guidance_field(torch.tensor(circle), 0.3, CLASSES)._data
    for value in np.ravel(data["means"]):
        assert value == round(value, 5)
    assert "-0.0," not in json.dumps(data)


def by_hand(point, t, y, s):
    """Score, classifier's gradient and their sum for the small figure, by differences of densities."""
    beta = [20 * (1e-4 + i / 49 * (0.02 - 1e-4)) for i in range(50)]
    a_bar = math.prod(1 - b for b in beta[:t])
    var = a_bar * 0.3**2 + 1 - a_bar

    def log_q(x, classes):
        gaps = [
            ((x - math.sqrt(a_bar) * np.array(m)) ** 2).sum()
            for m, label in zip(CENTRES.tolist(), CLASSES.tolist(), strict=True)
            if label in classes
        ]
        return math.log(sum(math.exp(-gap / (2 * var)) for gap in gaps))

    def slope(f):
        h = 1e-5
        return np.array([(f(point + d) - f(point - d)) / (2 * h) for d in h * np.eye(2)])

    score = slope(lambda x: log_q(x, {0, 1}))
    gradient = slope(lambda x: log_q(x, {y}) - log_q(x, {0, 1}))
    probability = math.exp(log_q(point, {y}) - log_q(point, {0, 1}))
    return score, gradient, score + s * gradient, probability


@pytest.mark.parametrize(("y", "s", "t"), [(1, 2.5, 20), (0, 0, 50), (0, 10, 5)])
def test_readout_is_the_gradient_of_the_densities(small, y, s, t):
    point = np.array([0.7, -0.3])
    out = small.readout(y=str(y), s=s, t=t, x1=0.7, x2=-0.3)
    *vectors, probability = by_hand(point, t, y, s)
    for name, expected in zip(("score", "gradient", "guided"), vectors, strict=True):
        shown = [float(v) for v in out[name].strip("()").split(",")]
        np.testing.assert_allclose(shown, expected, atol=6e-4)
        assert out[name] in out["sentence"]
    assert float(out["probability"]) == pytest.approx(probability, abs=6e-4)
    assert out["alpha_bar_t"] == number(float(small.schedule.alpha_bar[t]))


def test_at_scale_1_the_field_is_the_score_of_the_class_alone(small):
    x = 2 * torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alone = md.exact.mixture(CENTRES[CLASSES == 0].double(), 0.3, None, small.schedule)
    for t in (1, 20, 50):
        score = md.score_from_eps(x, alone(x, t), t, small.schedule)
        torch.testing.assert_close(small.field(x, y="0", s=1, t=t)["guided"], score)


def test_sentence_says_what_the_scale_means(small):
    assert "no guidance" in small.readout(s=0)["sentence"]
    assert "between all classes" in small.readout(s=0.4)["sentence"]
    assert "exact score of class 1 alone" in small.readout(s=1)["sentence"]
    assert "further from the other classes" in small.readout(s=3)["sentence"]


def test_nought_has_no_sign(small):
    centre = md.viz.guidance_field(
        torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 0.3, torch.tensor([0, 1])
    )
    out = centre.readout(x1=0, x2=0)
    assert out["score"] == "(0.000, 0.000)"
    assert "-0.000" not in "".join(out.values())


def test_still_picture_has_the_arrows_of_three_scales(small):
    paths = re.findall(r'<path d="(M[^"]+)"', small._picture)
    assert len(paths) == 3
    for path, left, s in zip(paths, (10, 230, 450), (0, 1, 3), strict=True):
        starts = np.array(re.findall(r"M([\d.]+) ([\d.]+)l", path), float)
        moves = np.array(re.findall(r"l(-?[\d.]+) (-?[\d.]+)", path), float)
        limit = small._data["limit"]
        x = np.stack([(starts[:, 0] - left) / 100 - 1, 1 - (starts[:, 1] - 6) / 100], 1) * limit
        field = small.field(torch.from_numpy(x), s=s)["guided"].numpy() * [1, -1]
        assert len(x) == 169
        long = np.linalg.norm(moves, axis=1) > 3  # of short ones a tenth of a pixel hides the way
        cosine = (moves * field).sum(1) / np.linalg.norm(moves, axis=1).clip(1e-9)
        cosine /= np.linalg.norm(field, axis=1)
        assert long.sum() > 100
        assert cosine[long].min() > 0.98
