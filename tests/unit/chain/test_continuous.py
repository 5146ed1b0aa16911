"""The continuous face: the table at whole times, a smooth falling curve between, and its inverse."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch

import minidiff as md
from minidiff.chain.schedule import signal_and_noise

F64 = torch.float64
ROUGH = md.NoiseSchedule([0.5, 0.01, 0.9, 1e-5, 0.3, 0.3, 0.001, 0.9], name="rough")
ZERO_SNR = md.NoiseSchedule([0.1, 0.4, 0.5, 1.0], zero_terminal_snr=True, name="zero")
SCHEDULES = [md.linear_schedule(), md.cosine_schedule(), ROUGH, md.NoiseSchedule([0.5])]


@pytest.mark.parametrize("schedule", [*SCHEDULES, ZERO_SNR], ids=str)
def test_whole_times_are_the_tables(schedule):
    face, t = schedule.continuous, torch.arange(schedule.T + 1)
    near = {"rtol": 1e-12, "atol": 1e-15}
    torch.testing.assert_close(face.alpha(t), schedule.alpha_bar.sqrt(), **near)
    torch.testing.assert_close(face.sigma(t), (1 - schedule.alpha_bar).sqrt(), **near)
    # 1 - ᾱ has lost digits where ᾱ is near 1
    torch.testing.assert_close(face.log_snr(t), schedule.snr.log(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("schedule", [*SCHEDULES, ZERO_SNR], ids=str)
def test_both_weights_at_once_are_each_of_them(schedule):
    face, times, x = schedule.continuous, torch.rand(9, dtype=F64) * schedule.T, torch.zeros(9)
    for t in (times, *times.tolist(), 0.0, float(schedule.T)):
        for both, one in zip(
            signal_and_noise(t, schedule, x.double()), (face.alpha, face.sigma), strict=True
        ):
            assert torch.equal(torch.as_tensor(both), torch.as_tensor(one(t)))
    for wrong in (-0.1, schedule.T + 0.1, math.nan, times - schedule.T - 1):
        with pytest.raises(IndexError, match=r"is outside \[0, "):
            signal_and_noise(wrong, schedule, x)


@pytest.mark.parametrize("schedule", [*SCHEDULES, ZERO_SNR], ids=str)
def test_the_three_hang_together(schedule):
    face = schedule.continuous
    t = torch.linspace(0, schedule.T, 777, dtype=F64)
    alpha, sigma = face.alpha(t), face.sigma(t)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(t), rtol=0, atol=1e-14)
    # log-SNR is of the variances: twice the λ = log(α / σ) of the papers on solvers
    expected = 2 * (alpha / sigma).log()
    torch.testing.assert_close(face.log_snr(t), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("schedule", [*SCHEDULES, ZERO_SNR], ids=str)
def test_the_curve_falls_everywhere(schedule):
    t = torch.linspace(0, schedule.T, 20 * schedule.T + 1, dtype=F64)
    for name, sign in (("alpha", -1), ("sigma", 1), ("log_snr", -1)):
        values = getattr(schedule.continuous, name)(t)
        assert bool((sign * values.diff() > 0).all()), name


def test_equal_steps_make_a_power():
    """β the same in every step: ᾱ(t) = (1 - β)^t is a straight line in the logarithm."""
    face = md.NoiseSchedule([0.3] * 9).continuous
    t = torch.linspace(0, 9, 101, dtype=F64)
    torch.testing.assert_close(face.alpha(t), 0.7 ** (t / 2), rtol=0, atol=1e-14)


def test_a_known_curve_is_met_between_the_steps():
    """The VP process with a straight β(t) has log ᾱ(t) = -(a t + b t²), whatever the number of steps."""
    T, a, b = 100, 0.002, 1e-3

    def log_alpha_bar(t):
        return -(a * t + b * t**2)

    n = torch.arange(T + 1, dtype=F64)
    face = md.NoiseSchedule(-log_alpha_bar(n).diff().expm1()).continuous
    # the natural spline has no bend at its two ends; 20 steps further in that is forgotten
    t = torch.linspace(20, 80, 1001, dtype=F64)
    torch.testing.assert_close(2 * face.alpha(t).log(), log_alpha_bar(t), rtol=0, atol=1e-12)


def test_a_smooth_schedule_has_a_continuous_second_derivative():
    face, h = md.linear_schedule().continuous, 1e-3
    for t in (1.0, 2.0, 500.0, 998.0):
        left = [2 * math.log(face.alpha(t - k * h)) for k in (0, 1, 2)]
        right = [2 * math.log(face.alpha(t + k * h)) for k in (0, 1, 2)]
        bends = [(y[0] - 2 * y[1] + y[2]) / h**2 for y in (left, right)]
        assert bends[0] == pytest.approx(bends[1], abs=1e-7)  # they are about 2e-5
        assert bends[0] < -1e-5


@pytest.mark.parametrize("schedule", SCHEDULES[:2], ids=str)
def test_the_time_of_a_log_snr_undoes_the_log_snr_of_a_time(schedule):
    face = schedule.continuous
    t = torch.cat([torch.logspace(-9, 0, 91, dtype=F64), torch.linspace(1, 1000, 4001, dtype=F64)])
    torch.testing.assert_close(face.t_of_log_snr(face.log_snr(t)), t, rtol=1e-11, atol=0)
    log_snr = torch.linspace(-9, 30, 401, dtype=F64)
    torch.testing.assert_close(
        face.log_snr(face.t_of_log_snr(log_snr)), log_snr, rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("schedule", [*SCHEDULES, ZERO_SNR], ids=str)
def test_the_inverse_meets_both_ends_and_every_step(schedule):
    face, t = schedule.continuous, torch.arange(schedule.T + 1, dtype=F64)
    assert face.t_of_log_snr(math.inf) == 0
    least = face.log_snr(schedule.T)
    assert face.t_of_log_snr(least) == schedule.T
    assert face.t_of_log_snr(math.nextafter(least, -math.inf)) == schedule.T  # a rounding below
    # where the curve of a rough table is all but flat, a rounding in height is a large one in time
    near = 1e-4 if schedule is ROUGH else 1e-11
    torch.testing.assert_close(face.t_of_log_snr(face.log_snr(t)), t, rtol=0, atol=near)


def test_with_zero_terminal_snr_the_signal_falls_straight_to_0():
    face = ZERO_SNR.continuous
    assert (face.alpha(4.0), face.sigma(4.0), face.log_snr(4.0)) == (0, 1, -math.inf)
    assert face.alpha(3.25) == pytest.approx(0.75 * face.alpha(3.0), rel=1e-14)
    assert face.t_of_log_snr(-math.inf) == 4
    assert face.t_of_log_snr(face.log_snr(3.25)) == pytest.approx(3.25, abs=1e-13)
    only = md.NoiseSchedule([1.0], zero_terminal_snr=True).continuous
    assert only.alpha(0.25) == pytest.approx(0.75, rel=1e-14)
    assert only.t_of_log_snr(only.log_snr(0.25)) == pytest.approx(0.25, rel=1e-14)


def test_a_signal_too_small_for_a_double_still_has_a_logarithm():
    schedule = md.NoiseSchedule([0.9] * 400)
    assert schedule.alpha_bar[400] == 0
    assert schedule.continuous.log_snr(400.0) == pytest.approx(400 * math.log(0.1))


def test_a_number_gives_a_number_and_a_tensor_a_double_tensor_of_its_shape():
    face = md.linear_schedule().continuous
    for t in (500, 500.0, np.float64(500), np.int64(500)):
        assert type(face.alpha(t)) is float
        assert face.alpha(t) == face.alpha(500.0)
    for t in (torch.tensor(500), torch.full((2, 3), 500.0), torch.full((2, 3), 500.0).half()):
        for made in (face.alpha(t), face.sigma(t), face.log_snr(t)):
            assert (made.shape, made.dtype) == (t.shape, F64)
        back = face.t_of_log_snr(face.log_snr(t))
        assert (back.shape, back.dtype) == (t.shape, F64)
    assert type(face.t_of_log_snr(0.0)) is float


def test_times_are_evenly_spread_in_log_snr():
    face = md.linear_schedule().continuous
    times = face.times(900, 20.5, 7)
    assert (len(times), times[0], times[-1]) == (8, 900, 20.5)
    assert {type(t) for t in times} == {float}
    log_snr = face.log_snr(torch.tensor(times, dtype=F64))
    rise = (log_snr[-1] - log_snr[0]) / 7
    torch.testing.assert_close(log_snr.diff(), rise.expand(7), rtol=0, atol=1e-11)
    assert face.times(900, 20, 1) == [900, 20]


def test_no_even_times_start_without_any_signal():
    with pytest.raises(ValueError, match=r"start = 4 is -infinity .*take start = 3 or below"):
        ZERO_SNR.continuous.times(4, 1, 3)
    assert len(ZERO_SNR.continuous.times(3.9, 1, 3)) == 4


def test_the_face_is_made_once_and_travels_with_its_schedule():
    schedule = md.linear_schedule()
    assert schedule.continuous is schedule.continuous
    for twin in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert twin.continuous.alpha(3.3) == schedule.continuous.alpha(3.3)


def test_of_several_times_that_are_outside_the_first_is_named():
    with pytest.raises(IndexError, match=r"t = 1001\.5 is outside \[0, 1000\]"):
        md.linear_schedule().continuous.alpha(torch.tensor([3.0, 1001.5, 2000.0]))
