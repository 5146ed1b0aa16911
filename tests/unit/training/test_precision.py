"""The choice between float32 and bfloat16."""

import pytest
import torch

from minidiff.nn import MLP, TinyUNet
from minidiff.training import precision

CPU = torch.device("cpu")
X = torch.zeros(2, 1, 8, 8)


@pytest.fixture
def gain(monkeypatch):
    """Say what the measurement gives."""

    def say(factor: float) -> None:
        monkeypatch.setattr(precision, "bfloat16_gain", lambda device: factor)

    return say


def test_auto_follows_the_measurement(gain):
    net = TinyUNet(width=4, multipliers=(1,))
    gain(1.6)
    assert precision.choose_precision(net, CPU, "auto") == "bf16"
    gain(precision.GAIN)
    assert precision.choose_precision(net, CPU, "auto") == "bf16"
    gain(0.9)
    assert precision.choose_precision(net, CPU, "auto") == "fp32"
    gain(1.1)  # faster, but not worth the digits
    assert precision.choose_precision(net, CPU, "auto") == "fp32"


def test_a_network_without_convolutions_stays_in_float32(gain):
    gain(10)
    assert precision.choose_precision(MLP(width=8), CPU, "auto") == "fp32"


@pytest.mark.parametrize("asked", ["fp32", "bf16"])
def test_what_is_asked_for_is_not_measured(asked, monkeypatch):
    monkeypatch.delattr(precision, "bfloat16_gain")
    assert precision.choose_precision(TinyUNet(width=4), CPU, asked) == asked


def test_the_measurement_compares_both_and_puts_the_threads_back(monkeypatch):
    seen = []

    def timed(device: torch.device, dtype: torch.dtype) -> float:
        seen.append((dtype, torch.get_num_threads()))
        slow_once = 100.0 if len(seen) < 3 else 1.0  # other work on the machine does not decide
        return slow_once * (3.0 if dtype == torch.float32 else 2.0)

    monkeypatch.setattr(precision, "_time_convolution", timed)
    threads = torch.get_num_threads()
    precision.bfloat16_gain.cache_clear()
    try:
        assert precision.bfloat16_gain(CPU) == pytest.approx(1.5)
        count = len(seen)
        assert precision.bfloat16_gain(CPU) == pytest.approx(1.5)
        assert len(seen) == count  # once a process
    finally:
        precision.bfloat16_gain.cache_clear()
    assert {dtype for dtype, _ in seen} == {torch.float32, torch.bfloat16}
    assert {n for _, n in seen} == {1}
    assert torch.get_num_threads() == threads


def test_it_measures_something():
    precision.bfloat16_gain.cache_clear()
    assert 0.01 < precision.bfloat16_gain(CPU) < 100


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast(name, dtype):
    conv = torch.nn.Conv2d(1, 1, 1)
    with precision.autocast(CPU, name):
        assert conv(X).dtype == dtype
    assert conv.weight.dtype == torch.float32
