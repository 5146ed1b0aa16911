"""What every interactive figure is made of: its page, its numbers in words, the values of its sliders."""

import base64
import io
import math

import numpy as np
import pytest

from minidiff.viz.still import figure, text
from minidiff.viz.widget import Widget, fixed, nice_values, number, png, script, tenths, vector


def test_data_cannot_end_the_script():
    class Rude(Widget):
        name = "beta_explorer"

    html = Rude({"word": "</script><b>"}, figure("alt", 1, 1, []), "rude")._repr_html_()
    assert html.count("</script>") == 1
    assert "<b>" not in html


def test_scripts_lose_comments_and_nothing_else():
    whole = "".join(script("common.js", "schedules.js").split())
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


def test_tenths_are_whole_numbers_divided_and_hold_what_is_asked():
    assert tenths(0.3, 0.25) == [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.25, 0.3]
    assert len(tenths(3.0)) == 61


def test_a_vector_s_noughts_have_no_sign():
    assert vector([-0.0001, 1.23456]) == "(0.000, 1.235)"
    assert fixed(-0.0006) == "-0.001"


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
