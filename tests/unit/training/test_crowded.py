"""Two threads beside busy programs: it is said, with what to do, and only where it is so."""

import os
import warnings

import pytest
import torch

import minidiff as md
from minidiff.training import crowded

POINTS = torch.randn(8, 2, generator=md.seeded(0))


@pytest.fixture
def machine(monkeypatch):
    """A machine with two cores: with so much to do, and so many threads of torch."""

    def make(load: float, threads: int) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    return make


def train():
    md.train(
        md.MLP(2, width=8, depth=1),
        POINTS,
        schedule=md.linear_schedule(20, 0.01, 0.3),
        steps=1,
        batch=4,
        device="cpu",
        progress=False,
    )


def test_threads_that_will_wait_for_each_other_are_warned_of_at_the_readers_line(machine):
    machine(load=5.2, threads=2)
    with pytest.warns(UserWarning, match=r"load of 5\.2 on 2 cores.*set_num_threads\(1\)") as told:
        train()
    assert [warning.filename for warning in told] == [__file__]


@pytest.mark.parametrize(("load", "threads"), [(2.4, 2), (3.0, 2), (0.1, 2), (5.2, 1)])
def test_otherwise_nothing_is_said(machine, load, threads):
    machine(load, threads)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train()


def test_a_gpu_does_the_work_itself(machine):
    machine(load=5.2, threads=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crowded.warn_if_crowded(torch.device("cuda"))


@pytest.mark.parametrize("missing", [AttributeError, OSError])
def test_a_system_that_does_not_tell_its_load_is_no_busy_one(monkeypatch, missing):
    def unknown():
        raise missing

    monkeypatch.setattr(os, "getloadavg", unknown, raising=False)
    assert crowded.load() == 0
