"""The choice between float32 and bfloat16, and drawing in the latter."""

import pytest
import torch

import minidiff as md
from minidiff.nn import MLP, TinyUNet, precision

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


# ---- drawing -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits16():
    return md.load("digits16")


def test_a_network_in_bfloat16_says_nearly_the_same(digits16):
    net, schedule = digits16
    x_t = md.q_sample(md.data.digits("heldout")[0][:20], 300, schedule, generator=md.seeded(0))
    y = torch.arange(20) % 10
    with torch.no_grad():
        exact, rounded = net(x_t, 300, y), md.with_precision(net, "bf16")(x_t, 300, y)
    assert rounded.dtype == torch.float32
    apart = float((rounded - exact).abs().mean())
    assert 1e-5 < apart < 0.01  # bfloat16 keeps three digits: as near as that, and not the same


def test_whoever_asks_a_network_of_its_classes_and_kind_asks_through_it():
    net = TinyUNet(width=4, multipliers=(1,), classes=3)
    net.predicts = "v"
    fast = md.with_precision(net, "bf16")
    guided = md.classifier_free_guidance(fast, y=2, w=1.5)
    assert guided.predicts == "v"
    x_t = torch.randn(2, 1, 8, 8, generator=md.seeded(1))
    expected = md.classifier_free_guidance(net, y=2, w=1.5)(x_t, torch.tensor([5, 6]))
    torch.testing.assert_close(guided(x_t, torch.tensor([5, 6])), expected, rtol=0, atol=0.02)
    with pytest.raises(IndexError, match=r"0\.\.2"):
        md.classifier_free_guidance(fast, y=4)


def test_a_guided_digit_is_the_same_to_the_eye(digits16):
    net, schedule = digits16
    drawn = [
        md.ddim_sample(
            md.classifier_free_guidance(model, y=torch.arange(10), w=1.0),
            schedule,
            (10, 1, 16, 16),
            steps=10,
            clip=True,
            generator=md.seeded(2),
        )
        for model in (net, md.with_precision(net, "bf16"))
    ]
    assert drawn[1].dtype == torch.float32
    apart = (drawn[0] - drawn[1]).abs().flatten(1).mean(dim=1)  # of the 2 between black and white
    assert float(apart.max()) < 0.05
    assert float(apart.max()) > 0


def test_a_model_that_is_a_function_and_says_a_pair():
    conv = torch.nn.Conv2d(1, 2, 3, padding=1)

    def eps_model(x_t, t):
        return md.split_variance(conv(x_t))

    said = md.with_precision(eps_model, "bf16")(X + 0.3, torch.tensor([1, 2]))
    assert isinstance(said, tuple)
    for part, exact in zip(said, eps_model(X + 0.3, 1), strict=True):
        assert part.dtype == torch.float32
        assert not torch.equal(part, exact)
        torch.testing.assert_close(part, exact, rtol=0, atol=0.02)


def test_in_float32_a_model_is_left_as_it_is(gain):
    net = TinyUNet(width=4, multipliers=(1,))
    assert md.with_precision(net, "fp32") is net
    gain(1.1)
    assert md.with_precision(net) is net
    gain(1.6)
    assert md.with_precision(net) is not net
    conv = torch.nn.Conv2d(1, 1, 1)

    def eps_model(x_t, t):
        return conv(x_t)

    fast = md.with_precision(eps_model)
    assert fast is not eps_model
    assert fast(X + 0.3, 1).dtype == torch.float32  # and not that of the product
    mlp = MLP(width=8)
    assert md.with_precision(mlp) is mlp


def test_another_word_for_a_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be one of 'auto', 'fp32', 'bf16'"):
        md.with_precision(MLP(width=8), "fp16")
