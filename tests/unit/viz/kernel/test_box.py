"""One object with two faces: what a kernel's controls do, and what a page gets."""

import pytest

import minidiff as md
from minidiff.viz.kernel.box import LiveBox
from minidiff.viz.kernel.controls import Slider, among
from minidiff.viz.kernel.faces import VIEW
from minidiff.viz.kernel.shown import Shown


class Calls:
    """A function that remembers what it was called with."""

    def __init__(self):
        self.states = []

    def __call__(self, **state):
        self.states.append(state)
        if state.get("word") == "bad":
            raise ValueError("no <such> word")
        return Shown(values={name: str(value) for name, value in state.items()})


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def box(calls):
    controls = {
        "T": Slider(10, 100, first=50),
        "t": Slider(0, "T", first=20),
        "u": Slider(0, "t", first=10),
        "word": among(["good", "bad"], slides=False),
    }
    return LiveBox(
        calls, controls, twin=lambda shown: f"<p>{shown.values['t']}</p>", summary="a box"
    )


def widgets(box):
    row, _ = box.widget.children
    return dict(zip(box.controls, row.children, strict=True))


def output(box):
    return box.widget.children[1].value


def test_it_answers_at_once_and_once(box, calls):
    assert calls.states == [{"T": 50, "t": 20, "u": 10, "word": "good"}]
    assert repr(box) == "<minidiff live box: a box>"


def test_both_faces_are_in_one_bundle(box):
    bundle = box._repr_mimebundle_()
    assert bundle["text/html"] == box._repr_html_() == "<p>20</p>"
    assert bundle["text/plain"] == repr(box)
    assert bundle[VIEW]["model_id"] == box.widget.model_id
    assert box.widget is box.widget


def test_the_page_keeps_the_first_answer(box):
    box.move(t=3)
    assert box._repr_html_() == "<p>20</p>"


def test_a_widget_that_moves_calls_the_function_once(box, calls):
    widgets(box)["t"].value = 25
    assert calls.states[1:] == [{"T": 50, "t": 25, "u": 13, "word": "good"}]
    assert 'data-readout="t">25<' in output(box)
    assert box.shown.values["t"] == "25"


def test_sliders_keep_their_share_when_their_end_moves(box, calls):
    moved = widgets(box)
    moved["T"].value = 100
    assert calls.states[1:] == [{"T": 100, "t": 40, "u": 20, "word": "good"}]
    assert (moved["t"].max, moved["t"].value) == (100, 40)
    assert (moved["u"].max, moved["u"].value) == (40, 20)
    moved["T"].value = 10
    assert (moved["t"].max, moved["t"].value) == (10, 4)
    assert len(calls.states) == 3


def test_code_can_move_it(box, calls):
    assert box.move(t=30, word="good").values["t"] == "30"
    assert len(calls.states) == 2
    assert widgets(box)["t"].value == 30
    box.move(t=7)
    assert widgets(box)["t"].value == 7
    assert 'data-readout="t">7<' in output(box)
    with pytest.raises(TypeError, match="there is no control 'x'; there are T, t, u, word"):
        box.move(x=1)


def test_an_error_stands_where_the_answer_would_and_goes_again(box):
    moved = widgets(box)
    moved["word"].value = 1
    assert output(box) == (
        '<pre role="alert" style="white-space:pre-wrap">ValueError: no &lt;such&gt; word</pre>'
    )
    moved["word"].value = 0
    assert 'data-readout="word">good<' in output(box)
    with pytest.raises(ValueError, match="no <such> word"):
        box.move(word="bad")


def test_an_error_at_first_is_raised():
    with pytest.raises(ZeroDivisionError):
        md.viz.live(lambda n: 1 / n, n=(0, 1))


def test_labels_stand_beside_the_controls(calls):
    box = LiveBox(calls, {"a": Slider(0, 1)}, twin=lambda shown: "", summary="", labels={"a": "α"})
    assert widgets(box)["a"].description == "α"
