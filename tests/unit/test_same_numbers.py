"""The numbers are those of the library before its modules were moved and checks left its functions.

`python -m benchmarks.before --store tests/unit/same_numbers.json` wrote the table, by the code of commit
d2afdb5 with the weights of today, and compares both commits to the last bit. After a training of what ships,
write it again. Another processor has other last bits: here a tolerance decides.
"""

import json
import math
from pathlib import Path

import pytest

from benchmarks import what_it_computes
from benchmarks.before import summary

TABLE = json.loads(Path(__file__).with_name("same_numbers.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["sampled", "measured", "trained"])
def test_the_numbers_are_what_they_were(part):
    made = getattr(what_it_computes, part)()
    for name, x in made.items():
        assert summary(x) == pytest.approx(TABLE[name], rel=2e-3, abs=2e-4), name


def test_the_table_is_whole():
    kinds = {name.partition(",")[0].partition(":")[0] for name in TABLE}
    assert kinds >= {"ddim_sample", "ddpm_sample", "flow.sample", "elbo", "train"}
    assert all(math.isfinite(value) for row in TABLE.values() for value in row)
