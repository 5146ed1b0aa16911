"""The house: its picture is of today, and its rooms and functions keep to their limits."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import house
import pytest

WHOLE = {
    "ifs": '''
        def f(x):
            """Text."""
            if x < 0:
                raise ValueError(
                    "below"
                )
            if x > 1:
                x = 1
            if x:
                if y:
                    raise TypeError
            return x
    ''',
    "rules and contracts": '''
        @contract(
            "x: floats",
            rule,
        )
        @other("x")
        def f(x):
            return x

        def rule(x):
            """ValueError: If x is odd."""
            check_odd(x)
            if x: raise ValueError
    ''',
    "calls": """
        check_floats("x", x)
        n = check_count("n", n)
        _check_beta(beta)
        validate.check_t(t)
        checked(x)
        if x:
            check_floats("x", x)
        else:
            raise ValueError
    """,
}
COUNTED = {
    "ifs": {4: "raise", 5: "raise", 6: "raise", 7: "raise", 10: "raise", 11: "raise", 12: "raise"},
    "rules and contracts": {
        **dict.fromkeys((2, 3, 4, 5), "contract"),
        **dict.fromkeys((10, 11, 12, 13), "rule"),
    },
    "calls": {2: "call", 3: "call", 4: "call", 5: "call", 8: "call"},
}


@pytest.mark.parametrize("what", WHOLE)
def test_check_lines_are_counted(what):
    assert house.check_lines(textwrap.dedent(WHOLE[what])) == COUNTED[what]


def test_functions_are_measured():
    known = {f.name: f for f in house.functions()}
    q_sample = known["minidiff.chain.forward.q_sample"]
    assert (q_sample.parameters, q_sample.lines, q_sample.public) == (5, 2, True)
    assert known["minidiff.nn.unet.TinyUNet.forward"].public
    assert known["minidiff.nn.unet.TinyUNet.forward"].parameters == 3
    assert not known["minidiff.check.reach.called_by_the_library"].public
    assert known["minidiff.check.reach.called_by_the_library"].lines == 5
    assert not known[
        "minidiff.sampling.guidance.classifier_free_guidance.<locals>.eps_model"
    ].public


def test_rooms_stand_above_what_they_import():
    floors, arrows = house.floors(), house.arrows()
    assert floors["base"] == 1
    assert arrows["base"] == set()
    assert "base" in arrows["chain"]
    assert all(floors[room] > floors[other] for room in arrows for other in arrows[room])
    assert all(house.needed(room) <= arrows[room] for room in arrows)
    assert "base" not in house.needed("losses")  # through chain


def test_the_picture_is_of_today():
    hint = "run: python tools/house.py --picture"
    assert house.PICTURE.read_text(encoding="utf-8") == house.picture(), hint


def test_the_picture_is_the_same_in_every_run():
    script = "import hashlib, house; print(hashlib.sha256(house.picture().encode()).hexdigest())"
    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": "tools", "PYTHONHASHSEED": seed},
            cwd=house.ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")  # by which sets have another order
    }
    assert len(runs) == 1


def test_few_rooms():
    assert len(house.entries()) <= house.MOST_ENTRIES, house.entries()


def test_functions_are_small():
    assert not house.too_many_parameters()
    assert not house.too_many_lines()


def test_every_exception_is_one():
    over = {
        f.name
        for f in house.functions()
        if f.lines > house.MOST_LINES or (f.parameters > house.MOST_PARAMETERS and not f.public)
    }
    assert set(house.EXCEPTIONS) <= over


def test_checks_are_a_small_part_of_the_core():
    share = house.share_of_the_core()
    assert share <= house.MOST_CHECKS, f"{share:.1%}; python tools/house.py says where"


def test_contributing_shows_the_picture():
    text = (Path(house.ROOT) / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"({house.PICTURE.relative_to(house.ROOT)})" in text
