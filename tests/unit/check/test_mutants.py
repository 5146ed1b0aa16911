"""Wrong programs that nobody thought of are refused, too: each reference, changed in one place."""

import pytest
from mutants import exercise_files, tally

from minidiff.check.bank import load

FILES = exercise_files()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # wrong programs are warned about
@pytest.mark.parametrize("name", FILES)
def test_changed_references_are_refused(name):
    counted = tally(load(FILES[name]))
    assert counted.wrong >= 5
    assert counted.refused >= 0.98 * counted.wrong, counted.passed


def test_there_are_enough_exercises_and_known_mistakes():
    """At least 24 and 120, over the whole library."""
    mistakes = [m for path in FILES.values() for m in load(path).mistakes]
    assert len(FILES) >= 24
    assert len(mistakes) >= 120
