"""What a live box is moved by: the short words for controls, their values, and what is refused."""

import pytest
import torch

from minidiff.viz.kernel.controls import Choice, Slider, Switch, Words, among, control_of

# word, default -> what it becomes, and its value at first
GIVEN = {
    "whole numbers": ((0, 10), None, Slider(0, 10), 5),
    "steps": ((0, 1000, 50), None, Slider(0, 1000, 50), 500),
    "reals": ((0.0, 1.0), None, Slider(0.0, 1.0), 0.5),
    "one real end": ((0, 1.5), None, Slider(0, 1.5), 0.75),
    "a real default": ((0, 10), 2.5, Slider(0, 10, None, 2.5), 2.5),
    "a default of nought": ((-5, 5), 0, Slider(-5, 5, None, 0), 0),
    "a menu": (["a", "b"], None, Choice({"a": "a", "b": "b"}), "a"),
    "a menu with a default": (["a", "b"], "b", Choice({"a": "a", "b": "b"}, first="b"), "b"),
    "a menu of numbers": ([0.5, 10.0], None, Choice({"0.5": 0.5, "10": 10.0}), 0.5),
    "a dict": ({"none": 0, "full": 1}, 1, Choice({"none": 0, "full": 1}, first=1), 1),
    "a tick": (True, None, Switch(True), True),
    "a tick whose default is no": (True, False, Switch(False), False),
    "a line": ("a word", None, Words("a word"), "a word"),
    "a control": (Slider(1, 2), None, Slider(1, 2), 1),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_short_word_becomes_a_control(case):
    wish, default, wanted, first = GIVEN[case]
    control = control_of("x", wish, default)
    assert control == wanted
    assert control.start({}) == first
    assert type(control.start({})) is type(first)


@pytest.mark.parametrize(
    ("wish", "default", "error", "words"),
    [
        (5, None, TypeError, r"x must say how it is moved: .* got 5"),
        ((1,), None, TypeError, "how it is moved"),
        ((1, 2, 3, 4), None, TypeError, "how it is moved"),
        (("a", "b"), None, TypeError, "how it is moved"),
        ((True, False), None, TypeError, "how it is moved"),
        ({1, 2}, None, TypeError, "how it is moved"),
        ((3, 3), None, ValueError, "from a lower number to a higher one"),
        ((5, 1), None, ValueError, "from a lower number to a higher one"),
        ((0, 1, 0), None, ValueError, "step above 0"),
        ((0, 1, -0.1), None, ValueError, "step above 0"),
        ((0, 10), 11, ValueError, "x is 11 at first, which is outside 0..10"),
        ((0, 10), -1, ValueError, "outside"),
        ([], None, ValueError, "empty menu"),
        ({}, None, ValueError, "empty menu"),
        (["a"], "b", ValueError, "'b' at first, which is not in its menu"),
    ],
)
def test_what_is_no_control_is_refused(wish, default, error, words):
    with pytest.raises(error, match=words):
        control_of("x", wish, default)


def test_a_slider_ends_where_another_control_says():
    slider = Slider(0, "T")
    assert slider.end({"T": 40}) == 40
    assert slider.end({"T": 40.0}) == 40
    assert slider.start({"T": 41}) == 20
    assert Slider(5, "T").end({"T": 2}) == 5, "never below its low end"


def test_a_slider_keeps_its_share_when_its_end_moves():
    assert Slider(0, "T").at_same_share(50, 100, 1000) == 500
    assert Slider(0, "T").at_same_share(1, 1000, 10) == 0
    assert Slider(10, "T").at_same_share(20, 30, 110) == 60
    assert Slider(0.0, "T").at_same_share(0.5, 1.0, 3.0) == 1.5
    assert Slider(3, "T").at_same_share(3, 3, 9) == 3, "where there was no way"


@pytest.mark.parametrize(
    ("control", "value", "other"),
    [
        (Slider(0, 10), 3, 7),
        (Slider(0.0, 1.0), 0.25, 0.75),
        (among([0.5, 1.0, 2.0]), 1.0, 2.0),
        (among(["a", "b"], slides=False), "a", "b"),
        (Choice({"no": None, "yes": 1}), None, 1),
        (Switch(), False, True),
        (Words(), "one", "two"),
    ],
)
def test_a_widget_is_put_and_read(control, value, other):
    widget = control.widget("words beside it", {})
    assert widget.description == "words beside it"
    for wanted in (value, other):
        control.put(widget, wanted)
        assert control.value(widget) == wanted


def test_a_menu_may_hold_tensors_of_the_same_values():
    one, two = torch.zeros(3), torch.zeros(3)
    control = Choice({"one": one, "two": two})
    widget = control.widget("x", {})
    control.put(widget, two)
    assert control.value(widget) is two


def test_a_slider_over_reals_has_a_hundred_steps():
    assert Slider(0.0, 2.0).widget("x", {}).step == pytest.approx(0.02)
    assert Slider(0, 1000).widget("x", {}).step == 1
    assert Slider(0, 1000, 50).widget("x", {}).step == 50
