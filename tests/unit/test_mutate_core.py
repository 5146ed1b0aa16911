"""The tool that makes mistakes in the library: which tests it asks, in which order, and what it counts."""

import ast

import mutate_core
import pytest
from mutate_core import Mutant, difference, reached_by, stages, table

TEXT = '''"""A module."""

LIMIT = 20


def limited(
    x,
    low=0,
):
    """At most the limit."""
    if x < low and \\
            x < LIMIT:
        return low
    return min(x, LIMIT)


@decorated
def other(x):
    return x
'''
LINES = {11: {"a", "b"}, 13: {"a"}, 14: {"b"}, 19: {"c"}}


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        (12, {"a", "b"}),  # the second line of a condition: those that come to the condition
        (13, {"a"}),
        (14, {"b"}),
        (8, {"a", "b"}),  # a default: those that call the function
        (17, {"c"}),  # a decorator
        (3, {"a", "b", "c"}),  # a constant: all that come to the module
    ],
)
def test_tests_that_pass_over_the_statement(line, tests):
    assert reached_by(Mutant("m.py", line, "", 0, "", ""), TEXT, LINES) == tests


def test_a_line_that_nothing_reaches_asks_who_comes_to_the_module():
    assert reached_by(Mutant("m.py", 3, "", 0, "", ""), TEXT, {}) == set()


def test_tests_of_the_module_s_own_file_are_asked_as_well():
    own, of_all = "tests/unit/flow/test_paths.py::one", "tests/unit/test_signatures.py::one"
    tests = dict.fromkeys([own, of_all, "tests/unit/nn/test_paths.py::one"])
    for module in ("minidiff/flow/paths.py", "minidiff/flow/_paths.py"):
        assert mutate_core.beside(module, tests) == {own, of_all}


def test_the_likeliest_files_come_first_and_slow_tests_last():
    names = {
        "tests/unit/chain/test_schedule.py::one": True,
        "tests/unit/chain/test_makers.py::one": True,
        "tests/unit/losses/test_elbo.py::one": True,
        "tests/unit/test_contracts.py::one": True,
        "tests/unit/test_contracts.py::two": True,
        "tests/peers/test_schedules.py::one": False,
    }
    tests = {name: {"seconds": 1.0, "passed": True, "fast": fast} for name, fast in names.items()}
    asked = stages("minidiff/chain/schedule.py", {*names, "gone"}, tests)
    assert [kind for kind, _ in asked] == ["fast", "fast", "slow"]
    near, rest, slow = ([name.split("/")[-1] for name in some] for _, some in asked)
    assert set(near) == {"test_schedule.py::one", "test_makers.py::one", "test_elbo.py::one"}
    assert sorted(rest) == ["test_contracts.py::one", "test_contracts.py::two"]
    assert slow == ["test_schedules.py::one"]
    assert stages("minidiff/chain/schedule.py", {"gone"}, tests) == []


def test_what_was_changed_is_shown_in_words():
    assert difference("a = 1\n  b = 2\n", "a = 1\n  b = 3\n") == ("b = 2", "b = 3")


def test_shares_leave_out_what_computes_the_same(monkeypatch):
    def mutant(module, now):
        return Mutant(f"minidiff/{module}.py", 1, "AddNot", 0, "was", now)

    monkeypatch.setattr(
        mutate_core, "equivalent", lambda: {("minidiff/chain/a.py", "was", "same"): "why"}
    )
    results = [
        (mutant("chain/a", "same"), {"end": "survived"}),
        (mutant("chain/a", "one"), {"end": "fast"}),
        (mutant("chain/a", "two"), {"end": "fast"}),
        (mutant("nn/b", "three"), {"end": "slow"}),
        (mutant("recipes", "four"), {"end": "survived"}),
    ]
    rows = {row.split()[0]: row.split()[1:] for row in table(results).splitlines()[1:]}
    assert rows["chain"] == ["3", "1", "100.0%", "100.0%", "0"]
    assert rows["nn"] == ["1", "0", "0.0%", "100.0%", "0"]
    assert rows["recipes"] == ["1", "0", "0.0%", "0.0%", "1"]
    assert rows["all"] == ["5", "1", "50.0%", "75.0%", "1"]


def test_what_is_called_equivalent_is_still_there_and_can_be_read():
    for (module, was, now), why in mutate_core.equivalent().items():
        text = (mutate_core.ROOT / module).read_text(encoding="utf-8")
        ast.parse(text)
        lines = [line.strip() for line in text.splitlines()]
        assert all(part in lines for part in was.split(" ⏎ ") if part), f"{module}: {was}"
        assert was != now
        assert len(why) > 20
