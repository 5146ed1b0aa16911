"""Convention 11, continued: the continuous face, further schedules, solvers and inversion.

A row is as in test_bad_input.py, whose check of completeness reads this table as well.
"""

import math
from collections.abc import Iterator

import pytest
import torch

from tests.unit.test_bad_input import Row, S, rows, wrong_count

FACE = S.continuous
NOT_REAL = [
    ("a word", "5", TypeError, ("must be a", "'5' (str)")),
    ("None", None, TypeError, ("must be a", "None")),
    ("a list", [1.0], TypeError, ("must be a", "[1.0] (list)")),
    ("a bool", True, TypeError, ("must be a", "True (bool)")),
    ("a bool tensor", torch.ones(3).bool(), TypeError, ("real numbers", "torch.bool")),
    ("a complex tensor", torch.ones(3).cfloat(), TypeError, ("real numbers", "torch.complex64")),
]


def continuous_rows() -> Iterator[Row]:
    wrong_t = [
        *[(what, value, kind, ("t must", *words[1:])) for what, value, kind, words in NOT_REAL],
        ("below 0", -0.1, IndexError, ("t = -0.1", "[0, 12]")),
        ("above T", 12.5, IndexError, ("t = 12.5", "[0, 12]")),
        ("NaN", math.nan, IndexError, ("t = nan", "[0, 12]")),
        ("below 0 in a tensor", torch.tensor([1, -0.5]), IndexError, ("t = -0.5", "[0, 12]")),
        ("above T in a tensor", torch.tensor([[13, 1]]), IndexError, ("t = 13", "[0, 12]")),
        ("NaN in a tensor", torch.tensor([math.nan]), IndexError, ("t = nan", "[0, 12]")),
    ]
    for name in ("alpha", "sigma", "log_snr"):
        yield from rows(f"ContinuousSchedule's {name}", "t", wrong_t, getattr(FACE, name))
    least = f"{FACE.log_snr(12):.6g}"
    wrong_log_snr = [
        *[(what, v, kind, ("log_snr must", *words[1:])) for what, v, kind, words in NOT_REAL],
        ("too low", -50.0, ValueError, ("log_snr = -50", least, "T = 12")),
        ("NaN", math.nan, ValueError, ("log_snr = nan", least)),
        ("-infinity", -math.inf, ValueError, ("log_snr = -inf", least)),
        ("too low in a tensor", torch.tensor([1, -50.0]), ValueError, ("log_snr = -50", least)),
    ]
    who = "ContinuousSchedule's t_of_log_snr"
    yield from rows(who, "log_snr", wrong_log_snr, FACE.t_of_log_snr)
    who = "ContinuousSchedule's times"
    ends = [
        ("the wrong way round", (1.0, 9.0), ValueError, ("start = 1, end = 9", "T = 12")),
        ("equal", (9.0, 9.0), ValueError, ("start = 9, end = 9",)),
        ("above T", (13.0, 1.0), ValueError, ("start = 13, end = 1", "(0, T = 12]")),
        ("an end in 0", (12.0, 0.0), ValueError, ("end = 0", "infinite")),
        ("a word", ("T", 1.0), TypeError, ("start must be a number", "'T'")),
        ("NaN", (12.0, math.nan), ValueError, ("end must lie", "nan")),
    ]
    yield from rows(who, "ends", ends, lambda v: FACE.times(*v, 5))
    yield from rows(who, "steps", wrong_count("steps"), lambda v: FACE.times(12.0, 1.0, v))


TABLE = [
    *continuous_rows(),
]


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [row[2:] for row in TABLE],
    ids=[f"{who}({what})" for who, what, *_ in TABLE],
)
def test_what_is_wrong_is_refused_and_named(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    assert caught.type is kind
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert not missing, f"the message {message!r} does not say {missing}"
    assert len(message) < 400
