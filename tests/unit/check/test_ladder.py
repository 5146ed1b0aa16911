"""The ladder: each rung stops what belongs there, and says so."""

import numpy as np
import pytest
import torch

import minidiff as md
from minidiff.check import Case, Exercise
from minidiff.check.exercise import NotAsAskedError
from minidiff.check.ladder import attempted, climb


def twice() -> Exercise:
    exercise = Exercise("twice", "Give $2x$.", "twice(x)", "eq-nice", hints=("Add.", "x + x"))

    @exercise.cases
    def cases(generator):
        return [
            Case("one", (torch.tensor([1.0]),)),
            Case("many", (torch.randn(2, 3, generator=generator),)),
        ]

    @exercise.reference
    def solution(x):
        return 2 * x

    @exercise.mistake("You squared x.", "Twice is not squared.")
    def squared(x):
        return x * x

    @exercise.mistake(
        "You asked for an entry that is not there.", "Take all of x.", "eq-forward-draw"
    )
    def out_of_range(x):
        return 2 * x[7]

    return exercise


def bare(x): ...


def with_words(x):
    """Only words."""


def passing(x):
    pass


def refusing(x):
    raise NotImplementedError("to do")


def giving_none(x):
    """Words, and nothing."""
    return None


def stub_class():
    class Block(torch.nn.Module):
        """To do."""

    return Block


@pytest.mark.parametrize("function", [bare, with_words, passing, refusing, giving_none, None, ...])
def test_nothing_written_is_no_mistake(function):
    assert not attempted(function)
    feedback = climb(twice(), function)
    assert feedback.status == "not attempted"
    assert "twice(x)" in str(feedback)


def test_written_is_attempted():
    assert attempted(lambda x: None)
    assert attempted(test_written_is_attempted)
    assert not attempted(stub_class())
    assert attempted(torch.add)


def wrong(function, rung: str, *words: str):
    feedback = climb(twice(), function)
    assert feedback.status == "wrong"
    assert feedback.rung == rung, feedback
    for word in words:
        assert word in str(feedback), feedback
    return feedback


def test_signature():
    wrong(3, "signature", "int", "twice(x)")
    wrong(lambda: 1, "signature", "1 arguments", "()")
    wrong(lambda x, y: x, "signature", "(x, y)")
    assert climb(twice(), lambda anything: 2 * anything).passed
    assert climb(twice(), lambda *x: 2 * x[0]).passed
    assert climb(twice(), lambda x, more=1: 2 * x).passed


def fails_inside(x):
    shape = x.shape
    return shape.nothing


def test_own_error_at_own_line():
    feedback = wrong(fails_inside, "runs", "AttributeError", "return shape.nothing")
    line = fails_inside.__code__.co_firstlineno + 2
    assert f"line {line}" in str(feedback)
    assert "Traceback" not in str(feedback)

    def deep(x):
        return torch.ones(3, 4) @ x

    # The error happens inside torch; the line shown is the student's.
    wrong(deep, "runs", "RuntimeError", "return torch.ones")


def test_whole_error_is_shown_if_asked():
    def helper(x):
        return x.nothing

    def jump_between(x_s, s, t, schedule, noise):
        print("not shown")
        return helper(x_s)

    short = md.check(jump_between)
    assert "Traceback" not in str(short)
    assert short.details[-1] == "md.check(jump_between, traceback=True) shows the whole error"
    whole = md.check(jump_between, traceback=True)
    assert whole.details[:-1] == short.details[:-1]
    lines = whole.details[-1].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[2].strip() == "return helper(x_s)"
    assert any(line.strip() == "return x.nothing" for line in lines)
    assert lines[-1] == "AttributeError: 'Tensor' object has no attribute 'nothing'"
    assert "own_error" not in whole.details[-1]

    def wrong_numbers(x_s, s, t, schedule, noise):
        return x_s

    asked, not_asked = (md.check(wrong_numbers, "jump_between", traceback=b) for b in (True, False))
    assert asked == not_asked


def test_type_shape_and_kind():
    wrong(lambda x: print(end=""), "gives numbers", "None", "return")
    wrong(lambda x: "2x", "gives numbers", "a str where numbers are expected")
    wrong(lambda x: ..., "gives numbers", "it gave back ... where", "template")
    wrong(lambda x: (2 * x, x), "gives numbers", "a tuple or list of 2 where one value", "stack")
    wrong(lambda x: {"x": 2 * x}, "gives numbers", "a dict with x where one value")
    wrong(lambda x: {1: x, 2: x}, "gives numbers", "a dict with 1, 2 where one value")
    wrong(lambda x: (2 * x).tolist(), "gives numbers", "list of 1 where one value", "torch.tensor")
    wrong(lambda x: [], "gives numbers", "an empty list")
    wrong(lambda x: (x, "x"), "gives numbers", "a str at [1] where numbers")
    wrong(lambda x: (2 * x).sum(), "shape", "()", "(1,)")
    wrong(lambda x: (2 * x).long(), "kind", "int64")
    wrong(lambda x: (2 * x).to_sparse(), "gives numbers", "a sparse tensor")
    wrong(lambda x: (2 * x).to("meta"), "gives numbers", "without memory")
    wrong(lambda x: np.array(["2x"]), "gives numbers", "an array of <U2")
    wrong(lambda x: 2**70, "gives numbers", "an array of object")
    assert climb(twice(), lambda x: (2 * x).numpy()).passed
    assert climb(twice(), lambda x: 2 * x.double()).passed
    assert climb(twice(), lambda x: np.asarray(2 * x)).passed
    assert climb(twice(), lambda x: np.array(np.asarray(2 * x)[::-1])[::-1]).passed


def test_look_of_an_exercise_may_refuse():
    exercise = twice()

    @exercise.observed
    def look(result, args):
        if not isinstance(result, torch.Tensor):
            raise NotAsAskedError(f"a {type(result).__name__}, not a tensor")
        return result

    assert climb(exercise, lambda x: 2 * x).passed
    assert "it gave back a float, not a tensor." in str(climb(exercise, lambda x: 2.0))


def test_prints_are_shown_once(capsys):
    def talks(x):
        print("here")
        return 2 * x

    assert climb(twice(), talks).passed
    assert capsys.readouterr().out == "here\n"


def test_where_zeros_are_expected_rounding_is_no_mistake():
    exercise = Exercise("nothing", "0", "nothing(x)", "eq-nice", ("0",))
    exercise.cases(lambda generator: [Case("ones", (torch.ones(3),))])
    exercise.reference(lambda x: 0 * x)
    assert climb(exercise, lambda x: 0 * x + 6e-8).passed
    assert not climb(exercise, lambda x: 0 * x + 1e-6).passed


def test_finite_and_values():
    wrong(lambda x: x / 0, "finite", "1 of 1 numbers", "NaN or infinite")
    feedback = wrong(
        lambda x: x + 1, "values", "many", "got", "expected", "passes: one", "fails: many"
    )
    assert "first difference at [0, 0]" in str(feedback)
    wrong(lambda x: x + torch.rand(()), "repeats", "another answer each time")


def test_numbers_are_written_so_that_they_differ():
    exercise = twice()
    exercise.rtol = 1e-9
    feedback = climb(exercise, lambda x: x.double() * (2 + 1e-7))
    assert "got 2.0000001, expected 2;" in str(feedback)


def test_known_mistakes_are_named_at_any_rung():
    feedback = wrong(lambda t: t**2, "values", "You squared x.", "Twice is not squared.", "eq-nice")
    assert feedback.mistake == "squared"
    feedback = wrong(lambda t: t[9] * 2, "runs", "not there", "eq-forward-draw")
    assert feedback.mistake == "out_of_range"


def test_another_error_of_the_same_type_is_not_the_known_one():
    def other(x):
        raise IndexError("something else")

    assert wrong(other, "runs", "something else").mistake is None


def test_argument_may_be_overwritten():
    assert climb(twice(), lambda x: x.mul_(2)).passed


def test_a_table_may_be_overwritten():
    exercise = Exercise("last", "", "last(schedule)", "", hints=())
    exercise.reference(lambda schedule: schedule.beta[-1])
    schedule = md.linear_schedule()
    exercise.cases(lambda generator: [Case("one", (schedule,))])
    before = schedule.beta.clone()
    assert climb(exercise, lambda schedule: schedule.beta.sub_(1)[-1] + 1).passed
    assert torch.equal(schedule.beta, before)


def test_an_exercise_that_is_still_being_written_is_worked_out_anew():
    exercise = twice()
    assert climb(exercise, lambda x: 2 * x).passed
    exercise.mistake("You halved x.", "Half is not twice.")(lambda x: x / 2)
    assert climb(exercise, lambda x: x / 2).message == "You halved x."
    exercise.reference(lambda x: 3 * x)
    assert climb(exercise, lambda x: 3 * x).passed
    exercise.cases(lambda generator: [Case("none", (torch.zeros(2),))])
    assert climb(exercise, lambda x: x).passed
    exercise.observed(lambda result, args: result + 1)
    assert climb(exercise, lambda x: x).passed


def test_file_without_a_reference_is_the_instructors_mistake():
    exercise = Exercise("empty", "", "empty(x)", "", hints=())
    with pytest.raises(ValueError, match="empty has no reference"):
        climb(exercise, lambda x: x)
    exercise.reference(lambda x: x)
    with pytest.raises(ValueError, match="has no cases"):
        climb(exercise, lambda x: x)
    exercise.cases(lambda generator: [Case("c", (1,))])
    exercise.reference(lambda x: x.nothing)
    with pytest.raises(ValueError, match="reference of empty fails at c"):
        climb(exercise, lambda x: x)


def test_panel_shows_what_the_text_says():
    feedback = climb(twice(), lambda x: x + 1)
    panel = feedback._repr_html_()
    for line in (feedback.message, *feedback.details):
        assert line.replace("'", "&#x27;") in panel
    assert 'role="status"' in panel
    injected = climb(twice(), lambda x: "<script>")
    assert "<script" not in injected._repr_html_()
    assert climb(twice(), lambda x: 2 * x).message == "visible checks passed."


def test_hints_and_solutions():
    md.check(lambda x_s, s, t, schedule, noise: x_s, "jump_between")
    first, second = md.check.hint(), md.check.hint(2)
    assert first.text != second.text
    assert "hint(2)" in str(first)
    last = md.check.hint(len(md.check.find("jump_between").hints))
    assert "last one" in last.after
    assert md.check.solution().text.startswith("def jump_between")
    assert "<pre" in md.check.solution()._repr_html_()
    assert md.check.hint(9) == last
    with pytest.raises(ValueError, match="hints 1 to 3, not 0"):
        md.check.hint(0)
    with pytest.raises(TypeError, match="number must be"):
        md.check.hint("more")
    with pytest.raises(ValueError, match="there is no exercise 'nothing'"):
        md.check.hint(exercise="nothing")
    with pytest.raises(ValueError, match="Did you mean 'jump_between'"):
        md.check.hint(exercise="jump_betwen")
    with pytest.raises(ValueError, match="there is no exercise '<lambda>'"):
        md.check(lambda x: x)
    with pytest.raises(ValueError, match="which exercise"):
        md.check(3)


def test_graded_solutions_stay_with_the_instructor():
    exercise = twice()
    exercise.practice = False
    with pytest.raises(ValueError, match="graded"):
        exercise.shown_solution()
