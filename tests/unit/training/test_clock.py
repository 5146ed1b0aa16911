"""A training's clock: steps or minutes, and what an earlier part has taken."""

import time

import pytest
import torch

from minidiff.training.clock import Clock
from minidiff.training.processes import Processes

ALONE = Processes(torch.device("cpu"))


@pytest.fixture
def at(monkeypatch):
    """Say what the system's clock shows."""
    return lambda seconds: monkeypatch.setattr(time, "monotonic", lambda: seconds)


def test_steps_are_counted():
    clock = Clock(200, None, 0.0, ALONE)
    assert [clock.part_done(step) for step in (0, 50, 200, 250)] == [0, 0.25, 1, 1.25]


def test_minutes_have_sixty_seconds_and_an_earlier_part_counts(at):
    at(1000.0)
    clock = Clock(None, 4.0, 60.0, ALONE)
    assert clock.part_done(7) == 60 / 240
    at(1060.0)
    assert clock.part_done(7) == 120 / 240
    assert clock.seconds() == 120
    at(1180.0)
    assert clock.part_done(7) == 1
