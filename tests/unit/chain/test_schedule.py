"""Schedule tables against the formulas, worked out with 28 digits by loops of their own."""

import math
import warnings
from decimal import Decimal

import numpy as np
import pytest
import torch

import minidiff as md


def exact_tables(beta: list[Decimal]) -> dict[str, list[Decimal]]:
    """The four tables, far beyond rounding, by a loop over t = 0..T."""
    tables = {"beta": [Decimal(0)], "alpha": [Decimal(1)], "alpha_bar": [Decimal(1)]}
    tables["beta_tilde"] = [Decimal(0)]
    for b in beta:
        before = tables["alpha_bar"][-1]
        now = before * (1 - b)
        tables["beta"].append(b)
        tables["alpha"].append(1 - b)
        tables["alpha_bar"].append(now)
        tables["beta_tilde"].append((1 - before) / (1 - now) * b)
    return tables


def assert_tables(schedule: md.NoiseSchedule, beta: list[Decimal]) -> None:
    for name, column in exact_tables(beta).items():
        ours = getattr(schedule, name)
        assert ours.dtype == torch.float64
        assert ours.tolist() == pytest.approx([float(value) for value in column], abs=1e-12), name


@pytest.mark.parametrize(
    ("T", "beta_1", "beta_T"), [(1000, 1e-4, 0.02), (7, 0.1, 0.3), (2, 0.5, 0.1)]
)
def test_linear_tables_are_the_formula(T, beta_1, beta_T):
    first, last = Decimal(beta_1), Decimal(beta_T)
    beta = [first + Decimal(t - 1) / (T - 1) * (last - first) for t in range(1, T + 1)]
    assert_tables(md.linear_schedule(T, beta_1, beta_T), beta)


@pytest.mark.parametrize("T", [25, 100, 2000])
def test_rescaled_linear_tables_are_the_formula(T):
    first, last, scale = Decimal("1e-4"), Decimal("0.02"), Decimal(1000) / T
    beta = [scale * (first + Decimal(t - 1) / (T - 1) * (last - first)) for t in range(1, T + 1)]
    assert_tables(md.linear_schedule(T, rescale=True), beta)


@pytest.mark.parametrize(("T", "s"), [(1000, 0.008), (50, 0.008), (10, 0.2), (1, 0.008)])
def test_cosine_tables_are_the_formula(T, s):
    f = [math.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2 for t in range(T + 1)]
    schedule = md.cosine_schedule(T, s)
    alpha_bar = [f[t] / f[0] for t in range(T)]
    assert schedule.alpha_bar[:T].tolist() == pytest.approx(alpha_bar, abs=1e-12)
    beta = [min(1 - f[t] / f[t - 1], 0.999) for t in range(1, T + 1)]
    assert_tables(schedule, [Decimal(b) for b in beta])


def test_the_cosine_limit_bites_only_the_last_beta():
    beta = md.cosine_schedule(1000).beta
    assert float(beta[1000]) == 0.999
    assert float(beta[:1000].max()) < 0.999


def test_any_betas_make_a_schedule():
    beta = [0.3, 0.01, 0.9, 1e-5, 0.5]
    assert_tables(md.NoiseSchedule(beta), [Decimal(b) for b in beta])


@pytest.mark.parametrize("make", [list, tuple, np.array, lambda b: torch.tensor(b).double()])
def test_lists_arrays_and_tensors_give_the_same_tables(make):
    beta = [0.25, 0.5, 0.125]  # exact in every floating-point type
    assert md.NoiseSchedule(make(beta)).beta.tolist() == [0, *beta]


def test_a_list_of_betas_is_not_rounded_to_float32():
    assert md.NoiseSchedule([0.1, 0.2]).beta.tolist() == [0.0, 0.1, 0.2]


def test_a_schedule_keeps_its_own_copy():
    beta = torch.full((3,), 0.1, dtype=torch.float64, requires_grad=True)
    schedule = md.NoiseSchedule(beta)
    with torch.no_grad():
        beta[0] = 0.5
    assert float(schedule.beta[1]) == 0.1
    assert not schedule.beta.requires_grad


def test_one_step_is_a_schedule():
    assert md.linear_schedule(1, 0.3, 0.4).beta.tolist() == [0.0, 0.3]
    assert md.NoiseSchedule([0.3]).T == 1


def test_the_signal_to_noise_ratio():
    schedule = md.NoiseSchedule([0.2, 0.5])
    assert schedule.snr.tolist() == pytest.approx([math.inf, 0.8 / 0.2, 0.4 / 0.6])


def test_the_figures_of_the_paper():
    schedule = md.linear_schedule()
    assert schedule.T == 1000
    assert float(schedule.alpha_bar[1000]) == pytest.approx(4.04e-5, rel=2e-3)


def test_too_few_steps_with_the_default_ends_warn_and_name_the_way_out():
    with pytest.warns(UserWarning, match=r"T = 100, alpha_bar_T = 0\.36 .*rescale=True"):
        md.linear_schedule(100)


@pytest.mark.parametrize(
    "arguments", [{}, {"T": 100, "rescale": True}, {"T": 2000}, {"T": 10, "beta_T": 0.5}]
)
def test_no_warning_where_nothing_is_amiss(arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        md.linear_schedule(**arguments)


def test_rescaling_to_a_beta_of_one_is_refused_not_nan():
    with pytest.raises(ValueError, match=r"T = 20 makes beta_T = 1,.* take T > 20"):
        md.linear_schedule(20, rescale=True)
    assert bool((md.linear_schedule(21, rescale=True).beta < 1).all())


def test_zero_terminal_snr_must_be_asked_for():
    with pytest.raises(ValueError, match=r"beta_2 = 1\.0 is outside .*zero_terminal_snr=True"):
        md.NoiseSchedule([0.5, 1.0])
    schedule = md.NoiseSchedule([0.5, 1.0], zero_terminal_snr=True)
    assert schedule.alpha_bar.tolist() == [1.0, 0.5, 0.0]
    with pytest.raises(ValueError, match=r"beta_1 = 1\.0"):
        md.NoiseSchedule([1.0, 0.5], zero_terminal_snr=True)


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        (md.linear_schedule(12, 0.05, 0.4), 12),
        (md.NoiseSchedule([0.5, 1.0], zero_terminal_snr=True), 1),
        (md.NoiseSchedule([1 - 1e-12] * 40), 26),  # float64 has nothing below 5e-324
    ],
)
def test_the_last_time_with_any_signal(schedule, last):
    assert schedule.last_signal == last
    signal = schedule.alpha_bar > 0
    assert signal[: last + 1].all()
    assert not signal[last + 1 :].any()


def test_the_repr_says_what_it_is():
    assert repr(md.linear_schedule()) == "NoiseSchedule('linear', T=1000, alpha_bar_T=4.04e-05)"
    assert (
        repr(md.NoiseSchedule([0.5], name="mine")) == "NoiseSchedule('mine', T=1, alpha_bar_T=0.5)"
    )


def test_gather_shapes_its_answer_for_the_batch():
    schedule = md.linear_schedule()
    x = torch.zeros(3, 1, 4, 4)
    t = torch.tensor([1, 500, 1000])
    picked = md.gather(schedule.alpha_bar, t, x)
    assert picked.shape == (3, 1, 1, 1)
    assert picked.dtype == torch.float32
    assert picked.flatten().tolist() == [float(schedule.alpha_bar[i].float()) for i in t]
    one = md.gather(schedule.alpha_bar, 500, x)
    assert one.shape == ()
    assert float(one) == float(picked[1])


def test_gather_reaches_t_0_but_not_round_the_corner():
    schedule = md.linear_schedule()
    x = torch.zeros(1, 2)
    assert float(md.gather(schedule.alpha_bar, 0, x)) == 1
    for t in (-1, torch.tensor([-1]), 1001):
        with pytest.raises(IndexError, match=r"outside 0\.\.1000"):
            md.gather(schedule.alpha_bar, t, x)
