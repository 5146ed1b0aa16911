"""Laws of the continuous face, of solvers and of interpolation, for every schedule."""

from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import minidiff as md
from minidiff.sampling.solvers import SOLVERS, solve

F64 = torch.float64
laws = settings(
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
seeds = st.integers(0, 2**31)


@st.composite
def schedules(draw) -> md.NoiseSchedule:
    kind = draw(st.sampled_from(["free", "linear", "scaled linear", "cosine", "sigmoid"]))
    if kind == "free":
        return md.NoiseSchedule(draw(st.lists(st.floats(1e-4, 0.9), min_size=1, max_size=30)))
    T = draw(st.integers(21, 60))
    make = {
        "linear": lambda: md.linear_schedule(T, rescale=True),
        "scaled linear": lambda: md.scaled_linear_schedule(T, rescale=True),
        "cosine": lambda: md.cosine_schedule(T),
        "sigmoid": lambda: md.sigmoid_schedule(T),
    }
    return make[kind]()


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


@laws
@given(schedules(), st.booleans())
def test_the_curve_falls_through_the_table(schedule, zero_snr):
    if zero_snr and schedule.T > 1:
        schedule = md.rescale_zero_terminal_snr(schedule)
    face = schedule.continuous
    t = torch.linspace(0, schedule.T, 10 * schedule.T + 1, dtype=F64)
    log_snr = face.log_snr(t)
    assert bool((log_snr.diff() < 0).all())
    torch.testing.assert_close(
        face.alpha(t[::10]), schedule.alpha_bar.sqrt(), rtol=1e-11, atol=1e-15
    )
    again = face.log_snr(face.t_of_log_snr(log_snr))
    torch.testing.assert_close(again, log_snr, rtol=1e-9, atol=1e-9)


@laws
@given(schedules(), st.data())
def test_the_times_of_a_log_snr_walk_are_whole_and_fall_from_T_to_0(schedule, data):
    steps = data.draw(st.integers(1, schedule.T))
    times = md.log_snr_times(schedule, steps)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (schedule.T, 0)
    assert all(t > s for t, s in pairwise(times))
    assert {type(t) for t in times} == {int}


@pytest.mark.parametrize("solver", list(SOLVERS))
@laws
@given(schedules(), seeds, st.data())
def test_told_the_true_noise_every_solver_keeps_to_the_straight_way(solver, schedule, seed, data):
    """Where data and noise are known, every x_t is the same mixture of them, however long the steps."""
    inner = data.draw(st.sets(st.integers(1, schedule.T), min_size=1, max_size=8))
    times = [*sorted(inner, reverse=True), 0]
    x_0, eps = noise(seed, 2, 3), noise(seed + 1, 2, 3)
    x = md.q_sample(x_0, times[0], schedule, noise=eps)
    for state in solve(lambda x, t: eps, schedule, times, x, solver):
        alpha_bar = schedule.alpha_bar[int(state.t)]
        expected = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps
        torch.testing.assert_close(state.x, expected, rtol=1e-6, atol=1e-6)


@laws
@given(schedules(), seeds)
def test_one_step_up_and_down_with_the_same_noise_is_no_step(schedule, seed):
    x_0, eps = noise(seed, 2, 3), noise(seed + 1, 2, 3)
    x_T = md.invert(lambda x, t: eps, schedule, x_0, steps=schedule.T)
    assume(float(schedule.alpha_bar[-1]) > 1e-8)
    back = md.ddim_sample(lambda x, t: eps, schedule, x_T=x_T, steps=None)
    torch.testing.assert_close(back, x_0, rtol=1e-6, atol=1e-6)


@laws
@given(seeds, st.floats(0, 1), st.integers(2, 40), st.floats(0.1, 10))
def test_slerp_of_equal_lengths_keeps_the_length_and_has_no_preferred_side(seed, w, size, scale):
    x_a, x_b = noise(seed, 3, size), noise(seed + 1, 3, size)
    x_a, x_b = (scale * x / x.norm(dim=1, keepdim=True) for x in (x_a, x_b))
    assume(float((x_a + x_b).norm(dim=1).min()) > 1e-3 * scale)
    made = md.slerp(x_a, x_b, w)
    torch.testing.assert_close(
        made.norm(dim=1), torch.full((3,), scale, dtype=F64), rtol=1e-9, atol=0
    )
    torch.testing.assert_close(made, md.slerp(x_b, x_a, 1 - w), rtol=0, atol=1e-9 * scale)
