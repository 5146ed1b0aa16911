"""md.viz.live: a function of one's own with controls."""

import pytest
import torch
from interactives import sanitised

import minidiff as md
from minidiff.viz.widget import number

SCHEDULE = md.cosine_schedule(100)


def noisy(t, digit=3, *, loud=False):
    x = torch.full((1, 1, 8, 8), digit / 10)
    x_t = md.q_sample(x, t, SCHEDULE, generator=torch.Generator().manual_seed(0))
    return x_t, {"mean": x_t.mean(), "loud": loud}


def test_each_move_calls_the_function():
    box = md.viz.live(noisy, t=(0, 100), digit=[1, 2, 3], loud=False)
    assert box.state == {"t": 50, "digit": 3, "loud": False}
    for t in (1, 80):
        _, said = noisy(t)
        shown = box.move(t=t)
        assert shown.values["mean"] == number(float(said["mean"]))
        assert shown.picture == md.viz.live(noisy, t=[t]).shown.picture.replace(
            f"t = {t}.", f"t = {t}, digit = 3, loud = False."
        )


def test_arguments_without_controls_keep_their_defaults():
    box = md.viz.live(noisy, t=(0, 100))
    assert box.state == {"t": 50}
    assert box.shown.values["loud"] == "False"


def test_a_page_gets_the_first_answer_and_how_to_move_it():
    box = md.viz.live(noisy, t=(0, 100))
    html = box._repr_html_()
    assert box.shown.html() in html
    assert html.endswith("<p>In a notebook, run this cell to move the figure.</p></div>")
    other = md.viz.live(noisy, t=[3])._repr_html_()
    assert html != other
    assert sanitised(html) == sanitised(other), "what was computed is not compared"


def test_its_picture_says_what_it_is():
    box = md.viz.live(noisy, t=(0, 100), digit=[1, 2, 3])
    assert box.shown.picture.startswith('<img alt="What noisy shows for t = 50, digit = 3."')
    shown = box.move(t=7, digit=2)
    assert shown.picture.startswith('<img alt="What noisy shows for t = 7, digit = 2."')


def test_an_end_follows_another_argument():
    box = md.viz.live(lambda T, t: {"left": T - t}, T=(10, 100), t=(0, "T"))
    assert box.move(T=20).values["left"] == "10"


def keywords(**given):
    return given["a"]


@pytest.mark.parametrize(
    ("function", "controls", "error", "words"),
    [
        (3, {}, TypeError, "function must be a function, got 3"),
        (noisy, {}, TypeError, r"the function needs t: give it a control, such as t=\(0, 10\)"),
        (
            noisy,
            {"t": (0, 9), "x": (0, 1)},
            TypeError,
            "a control 'x', but the function takes t, digit, loud",
        ),
        (lambda: 1, {"x": (0, 1)}, TypeError, "takes no arguments"),
        (noisy, {"t": 5}, TypeError, "t must say how it is moved"),
        (
            noisy,
            {"t": (0, "digit"), "digit": (1, 4)},
            ValueError,
            "ends at 'digit', which is no control before",
        ),
        (
            lambda a, b: 1,
            {"a": ["x"], "b": (0, "a")},
            TypeError,
            "b ends at a, whose value is no number: 'x'",
        ),
        (
            lambda a, b=9: 1,
            {"a": [5], "b": (0, "a")},
            ValueError,
            "b is 9 at first, which is above its end, 5",
        ),
        (lambda a: object(), {"a": [5]}, TypeError, "cannot be shown"),
    ],
)
def test_what_does_not_go_together_is_refused(function, controls, error, words):
    with pytest.raises(error, match=words):
        md.viz.live(function, **controls)


def test_any_name_goes_where_the_function_takes_any():
    assert md.viz.live(keywords, a=[7]).shown.values == {"value": "7"}


def test_an_argument_may_be_called_function():
    assert md.viz.live(lambda function: function, function=[7]).shown.values == {"value": "7"}
