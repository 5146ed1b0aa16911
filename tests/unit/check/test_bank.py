"""Every exercise of the bank: its mistakes are told apart, and nothing right is called wrong."""

import inspect
import itertools
import re
from pathlib import Path

import pytest
import torch
from mutants import exercise_files

import minidiff as md
from minidiff.check.answers import SEEDS
from minidiff.check.bank import load
from minidiff.check.ladder import climb
from minidiff.check.outcome import call, same
from minidiff.check.reach import out_of_reach

ROOT = Path(__file__).parents[3]
FILES = exercise_files()
NAMES = list(FILES)


def find(name):
    return load(FILES[name])


MISTAKES = [(name, mistake.name) for name in NAMES for mistake in find(name).mistakes]
CORRECT = [(name, variant.__name__) for name in NAMES for variant in find(name).variants]


def outcomes(exercise, function):
    cases = [case for seed in SEEDS for case in exercise.inputs(seed)]
    return [call(function, case, exercise.observe) for case in cases]


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_each_mistake_gets_its_own_message(name, mistake):
    exercise = find(name)
    wanted = next(m for m in exercise.mistakes if m.name == mistake)
    feedback = climb(exercise, wanted.function)
    assert feedback.mistake == mistake
    assert feedback.message == wanted.done
    assert feedback.why == wanted.why
    assert not feedback.passed


@pytest.mark.parametrize("name", NAMES)
def test_no_two_mistakes_of_an_exercise_give_the_same(name):
    exercise = find(name)
    seen = {m.name: outcomes(exercise, m.function) for m in exercise.mistakes}
    for a, b in itertools.combinations(seen, 2):
        alike = all(same(x, y, exercise.rtol) for x, y in zip(seen[a], seen[b], strict=True))
        assert not alike, f"the inputs of {name} do not tell {a} from {b}"


@pytest.mark.parametrize(("name", "variant"), CORRECT)
def test_each_right_way_passes(name, variant):
    exercise = find(name)
    function = next(v for v in exercise.variants if v.__name__ == variant)
    feedback = climb(exercise, function)
    assert feedback.passed, str(feedback)


@pytest.mark.parametrize("name", NAMES)
def test_exercise_is_whole(name):
    exercise = find(name)
    assert exercise.name == name
    assert exercise.signature.startswith(f"{name}(")
    assert climb(exercise, exercise.solution).passed
    assert len(exercise.hints) >= 2
    assert len(exercise.mistakes) >= 4
    assert len(exercise.variants) >= 2
    assert "$" in exercise.statement
    source = inspect.getsource(exercise.solution)
    assert f"def {name}(" in source or f"class {name}(" in source
    for mistake in exercise.mistakes:
        assert mistake.done[0].isupper()
        assert mistake.why.endswith((".", "?"))


def test_messages_are_not_repeated_across_exercises():
    said = [m.done + m.why for name in NAMES for m in find(name).mistakes]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_can_be_put_out_of_reach(name):
    exercise = find(name)
    assert exercise.out_of_reach
    with out_of_reach(exercise.out_of_reach):
        pass  # each name leads to a function of the library


def public(name: str) -> bool:
    """Whether each part of a dotted name is one that a student would write."""
    found = md
    for part in name.split(".")[1:]:
        known = getattr(found, "__all__", None)
        if part not in known if known else part.startswith("_") and part != "__init__":
            return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize("name", NAMES)
def test_lists_name_what_is_public_or_say_why_not(name):
    text = FILES[name].read_text(encoding="utf-8")
    for one in find(name).out_of_reach:
        before, _, after = text.partition(f'"{one}"')
        listed = before[before.index("out_of_reach=") :]
        assert public(one) or "# " in listed + after.splitlines()[0], f"{one}: why no public name?"


def labels() -> set[str]:
    """Every label of an equation in the book."""
    found = set()
    for path in (*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("book/*.md")):
        found |= set(re.findall(r"\b(?:eq|ex)-[a-z0-9-]+", path.read_text(encoding="utf-8")))
    return found


def test_the_book_explains_each_mistake():
    known = labels()
    for name in NAMES:
        exercise = find(name)
        for see in (exercise.see, *(m.see for m in exercise.mistakes)):
            assert see in known, f"{name}: {see} is no label of the book"


@pytest.mark.parametrize("name", NAMES)
def test_inputs_depend_on_the_seed_alone(name):
    exercise = find(name)

    def tensors(x):
        if isinstance(x, torch.nn.Module):
            return list(x.parameters())
        if isinstance(x, bool | int | float):
            return [torch.tensor(x)]
        return [x] if torch.is_tensor(x) else []

    def flat(seed):
        args = [x for case in exercise.inputs(seed) for x in case.args]
        return [tensor for x in args for tensor in tensors(x)]

    first, second, other = flat(0), flat(0), flat(1)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(first, other, strict=True)
    )
