"""Wrong programs that nobody thought of are refused, too: each reference, changed in one place."""

import functools

import pytest
from mutants import exercise_files, tally

from minidiff.check.bank import load

FILES = exercise_files()


@functools.cache
def counted(name):
    return tally(load(FILES[name]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # wrong programs are warned about
@pytest.mark.parametrize("name", FILES)
def test_changed_references_are_refused(name):
    found = counted(name)
    assert found.wrong >= 5
    assert found.refused >= 0.98 * found.wrong, found.passed


def test_there_are_enough_exercises_and_known_mistakes():
    """At least 24 and 120, over the whole library."""
    mistakes = [m for path in FILES.values() for m in load(path).mistakes]
    assert len(FILES) >= 24
    assert len(mistakes) >= 120


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_quarter_of_the_changed_references_are_named():
    tallies = [counted(name) for name in FILES]
    assert sum(one.named for one in tallies) >= 0.25 * sum(one.wrong for one in tallies)
