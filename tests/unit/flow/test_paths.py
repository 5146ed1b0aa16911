"""Conditional paths: their ends, their derivatives, and the way back from a velocity."""

import math

import pytest
import torch

import minidiff as md
from minidiff import flow

F64 = torch.float64
PATHS = [flow.ot_path(), flow.vp_path(), flow.vp_path(1.0, 3.0), flow.trigonometric_path()]
all_paths = pytest.mark.parametrize("path", PATHS, ids=str)


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = gen()
    return tuple(torch.randn(shape, generator=g, dtype=F64) for _ in range(2))


def test_the_straight_path_by_hand():
    noise, data = torch.tensor([[4.0, -2.0]]), torch.tensor([[8.0, 2.0]])
    x_t, velocity = flow.on_path(noise, data, 0.25)
    assert x_t.tolist() == [[5.0, -1.0]]
    assert velocity.tolist() == [[4.0, 4.0]]


@pytest.mark.parametrize("path", [PATHS[0], PATHS[3]], ids=str)
def test_noise_is_at_0_and_data_at_1(path):
    noise, data = pair(3, 2)
    for dtype in (F64, torch.float32):
        t = torch.tensor([0.0, 1.0], dtype=dtype)
        assert path(t).data.tolist() == pytest.approx([0, 1], abs=1e-16)
        assert path(t).noise.tolist() == [1, 0]
    assert torch.equal(flow.on_path(noise, data, 0.0, path)[0], noise)
    assert torch.equal(flow.on_path(noise, data, 1.0, path)[0], data)


def test_the_vp_path_ends_in_data_and_starts_with_a_trace_of_them():
    first, last = flow.vp_path()(0.0), flow.vp_path()(1.0)
    assert float(first.data) == pytest.approx(math.exp(-0.5 * 10.05), rel=1e-12)
    assert float(first.data**2 + first.noise**2) == pytest.approx(1, rel=1e-12)
    assert (float(last.data), float(last.noise)) == (1, 0)


@all_paths
def test_the_rates_are_the_derivatives(path):
    t = torch.linspace(0, path.end - 1e-3, 101, dtype=F64, requires_grad=True)
    w = path(t)
    for value, rate in ((w.data, w.data_rate), (w.noise, w.noise_rate)):
        (derivative,) = torch.autograd.grad(value.sum(), t, retain_graph=True)
        torch.testing.assert_close(rate, derivative, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("path", PATHS[1:], ids=str)
def test_variance_preserving_is_what_they_are(path):
    w = path(torch.linspace(0, 1, 101, dtype=F64))
    torch.testing.assert_close(w.data**2 + w.noise**2, torch.ones(101, dtype=F64))


@all_paths
def test_the_signal_to_noise_ratio_rises(path):
    w = path(torch.linspace(0, 0.999, 500, dtype=F64))
    assert bool(((w.data / w.noise).diff() > 0).all())


def test_the_vp_path_is_the_linear_schedule_in_the_limit():
    """β of one step is β(s) / T, so ᾱ after a share s of T steps tends to a² at t = 1 - s."""
    errors = []
    for T in (1000, 2000, 4000):
        schedule = md.linear_schedule(T, beta_1=0.1 / T, beta_T=20 / T)
        s = torch.arange(T + 1, dtype=F64) / T
        errors.append(float((flow.vp_path()(1 - s).data ** 2 - schedule.alpha_bar).abs().max()))
    assert errors[0] < 0.01
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.02)


def test_single_precision_keeps_the_last_noise():
    """1 - a² in float32 would have lost b near t = 1."""
    t = torch.tensor([0.9999, 1 - 1e-5])
    w, exact = flow.vp_path()(t), flow.vp_path()(t.double())
    torch.testing.assert_close(w.noise.double(), exact.noise, rtol=1e-5, atol=0)


@all_paths
@pytest.mark.parametrize("shape", [(5, 2), (5, 3, 4, 4), (5, 1)])
def test_both_ends_follow_from_point_and_velocity(path, shape):
    noise, data = pair(*shape)
    t = torch.tensor([0.0, 0.1, 0.5, 0.9, 0.999], dtype=F64)
    x_t, velocity = flow.on_path(noise, data, t, path)
    got = flow.data_and_noise(x_t, velocity, t, path)
    for ours, given in zip(got, (data, noise), strict=True):
        torch.testing.assert_close(ours, given, rtol=1e-9, atol=1e-9)


@all_paths
def test_a_number_is_that_time_for_every_example(path):
    noise, data = pair(3, 2, 2)
    for function in (flow.on_path, flow.data_and_noise):
        one = function(noise, data, 0.3, path)
        many = function(noise, data, torch.full((3,), 0.3, dtype=F64), path)
        for a, b in zip(one, many, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-14)


def test_each_example_has_its_own_time():
    noise, data = torch.zeros(3, 2, 2), torch.ones(3, 2, 2)
    x_t, _ = flow.on_path(noise, data, torch.tensor([0.0, 0.5, 1.0]))
    assert x_t[:, 0, 0].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64])
def test_answers_have_the_type_of_the_data(dtype):
    x = torch.ones(2, 3, dtype=dtype)
    for t in (0.3, torch.tensor([0.3, 0.4]), torch.tensor([0.3, 0.4], dtype=F64)):
        made = [*flow.on_path(x, x, t), *flow.data_and_noise(x, x, t, flow.vp_path())]
        assert {m.dtype for m in made} == {dtype}


def test_paths_are_told_apart_by_their_settings():
    assert repr(flow.vp_path(0.2)) == "vp_path(beta_min=0.2, beta_max=20)"
    assert flow.vp_path() == flow.vp_path()
    assert flow.vp_path() != flow.vp_path(0.2)
    assert flow.ot_path() != flow.trigonometric_path()
