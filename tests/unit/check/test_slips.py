"""Slips: what people do everywhere is named in every exercise, and nothing else is named after it."""

import inspect
import math
import re

import pytest
import torch
from make_assignments import stripped
from mutants import exercise_files

from minidiff.check.answers import write_sheet
from minidiff.check.bank import load
from minidiff.check.ladder import climb
from minidiff.check.slips import derived

FILES = exercise_files()
NAMES = list(FILES)


def find(name):
    return load(FILES[name])


# ---- no false names --------------------------------------------------------------------------


def each_part(result, change):
    """The result with each tensor, or number, changed."""
    if isinstance(result, tuple | list):
        return type(result)(each_part(x, change) for x in result)
    if isinstance(result, float):
        return float(change(torch.tensor(result, dtype=torch.float64)))
    return change(result) if torch.is_tensor(result) else result


def drawn(x):
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


CHANGES = {
    "noise": drawn,
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
    "constant": lambda x: torch.full_like(x, 0.37),
    "not a number": lambda x: x * math.nan,
    "7 % too large": lambda x: 1.07 * x,
    "a bit more": lambda x: x + 0.31,
    "with noise": lambda x: x + 0.05 * drawn(x),
    "bent": lambda x: torch.tanh(1.3 * x),
    "turned": lambda x: x.flatten().roll(1).reshape(x.shape),
    "flipped": lambda x: x.flatten().flip(0).reshape(x.shape),
}


def unrelated(exercise):
    """Wrong programs that have nothing to do with any slip, by name."""
    right = exercise.solution

    def changed(change):
        def program(*args):
            with torch.no_grad():
                result = right(*args)
                return each_part(result, lambda x: change(x.double()) if x.numel() else x)

        return program

    for name, change in CHANGES.items():
        yield name, changed(change)
    first = exercise.inputs(0)[0].args
    for i, x in enumerate(first):
        if torch.is_tensor(x):
            yield f"argument {i} as it is", lambda *args, i=i: args[i]
            yield f"argument {i} made larger", lambda *args, i=i: 1.07 * args[i]
            yield f"argument {i} for each part", lambda *args, i=i: (args[i], args[i])

    def mixed(*args):
        weights = iter((0.83, 0.29, 0.41, 0.37))
        return sum(next(weights) * x for x in args if torch.is_tensor(x))

    yield "some mixture", mixed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_in_another_way_gets_no_name(name):
    exercise = find(name)
    own = {m.name for m in exercise.mistakes}
    for kind, program in unrelated(exercise):
        told = climb(exercise, program)
        assert told.mistake is None or told.mistake in own, f"{kind}: {told.message}"


# v_from_eps(x_t, eps, ...) is (eps - sqrt(1 - ᾱ_t) x_t) / sqrt(ᾱ_t): x_0's formula with the two exchanged.
EQUAL = {("clean_from_noise", "v_from_eps")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_to_another_exercise_gets_no_name(name):
    exercise = find(name)
    own = {m.name for m in exercise.mistakes}
    for other in NAMES:
        answer = find(other)
        if (
            other != name
            and (name, other) not in EQUAL
            and len(answer.arguments) == len(exercise.arguments)
        ):
            told = climb(exercise, answer.solution)
            assert told.mistake is None or told.mistake in own, f"{other}: {told.message}"


# ---- what is named -----------------------------------------------------------------------------


class Early:
    """A schedule whose tables are a step late: entry t is what belongs to t - 1, as for who counts from 0."""

    def __init__(self, schedule):
        self._schedule = schedule

    def __getattr__(self, name):
        found = getattr(self._schedule, name)
        return found.roll(1) if name in ("alpha_bar", "alpha", "beta", "beta_tilde") else found


def by_name(name):
    return {given: i for i, given in enumerate(find(name).arguments)}


TIMED = [name for name in NAMES if {"t", "schedule"} <= by_name(name).keys()]


def early(name, program, guard=0):
    """A program that looks up every table at t - 1, but for times up to the guard."""
    at = by_name(name)

    def shifted(*args):
        t = torch.as_tensor(args[at["t"]])
        if bool((t <= guard).all()):
            return program(*args)
        return program(*(Early(x) if i == at["schedule"] else x for i, x in enumerate(args)))

    return shifted


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("guard", [0, 1, 2])
@pytest.mark.parametrize("name", TIMED)
def test_tables_at_t_minus_1_are_named(name, guard):
    """In every exercise, whatever the program looks like; with and without care for t = 1."""
    exercise, named = find(name), 0
    for program in (exercise.solution, *exercise.variants):
        told = climb(exercise, early(name, program, guard))
        if "must be a NoiseSchedule" in told.message:  # by a function of the library
            continue
        named += 1
        assert told.mistake is not None, f"{program.__name__}: {told}"
        assert " - 1" in told.message, f"{program.__name__}: {told}"
    assert named >= 2


def tensors_of_one_kind(name):
    """Pairs of arguments that could be taken for each other."""
    exercise = find(name)
    first = exercise.inputs(0)[0].args
    return [
        (i, j)
        for i in range(len(first))
        for j in range(i)
        if torch.is_tensor(first[i]) and torch.is_tensor(first[j])
        if first[i].shape == first[j].shape and first[i].dtype == first[j].dtype
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_arguments_in_another_order_are_named(name):
    exercise = find(name)
    for i, j in tensors_of_one_kind(name):
        for program in (exercise.solution, *exercise.variants):

            def exchanged(*args, program=program, i=i, j=j):
                args = list(args)
                args[i], args[j] = args[j], args[i]
                return program(*args)

            told = climb(exercise, exchanged)
            # One way to compute a tiny probability limits it, and another does not.
            if not told.passed and told.rung != "runs" and name != "discrete_nll":
                assert told.mistake is not None, f"{program.__name__}: {told}"


# ---- answer sheets -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in NAMES if not find(name).practice])
def test_students_are_told_the_same_slips(name, tmp_path):
    """Of a graded exercise they have the outcomes alone, in few numbers."""
    full = find(name)
    (tmp_path / f"{name}.py").write_text(stripped(FILES[name].read_text(encoding="utf-8")), "utf-8")
    sheet = tmp_path / f"{name}.safetensors"
    write_sheet(full, sheet)
    assert sheet.stat().st_size < 400_000
    theirs = load(tmp_path / f"{name}.py")
    for slip in derived(full.solution)[::7]:
        assert climb(theirs, slip.function) == climb(full, slip.function)
    code = inspect.getsource(full.solution)
    for slip in theirs.slips:
        assert slip.function is None
        assert not re.search(r"[a-z_]\.[a-z]|\[|==|lambda", slip.when), slip.when
        assert slip.when not in code


# ---- inputs --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in TIMED
        for kind in (0, 1, 2, 3, "T")
        if (name, kind) != ("learned_log_variance", 1)  # which has no t = 1
    ],
)
def test_what_is_wrong_at_few_times_is_refused(name, kind):
    """Right at all times but one, or only beyond those that people guard against."""
    exercise, at = find(name), by_name(name)

    def program(*args):
        t, schedule = torch.as_tensor(args[at["t"]]), args[at["schedule"]]
        hit = t <= 2 if kind == 0 else t == (schedule.T if kind == "T" else kind)
        result = exercise.solution(*args)
        return each_part(result, lambda x: 1.3 * x + 0.1) if bool(hit.any()) else result

    assert not climb(exercise, program).passed
