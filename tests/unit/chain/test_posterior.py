"""q(x_{t-1} | x_t, x_0) against Bayes on a grid and against conditional Gaussian algebra."""

import math

import numpy as np
import pytest
import torch

import minidiff as md

F64 = torch.float64
SCHEDULE = md.linear_schedule(12, 0.05, 0.4)


def bayes_on_a_grid(x_t: float, x_0: float, t: int) -> tuple[float, float]:
    """Mean and variance of q(x_{t-1} | x_0) q(x_t | x_{t-1}), summed over a fine grid."""
    alpha_bar, beta = float(SCHEDULE.alpha_bar[t - 1]), float(SCHEDULE.beta[t])
    x = np.linspace(-12, 12, 200_001)
    log_prior = -((x - math.sqrt(alpha_bar) * x_0) ** 2) / (2 * (1 - alpha_bar))
    log_likelihood = -((x_t - math.sqrt(1 - beta) * x) ** 2) / (2 * beta)
    weight = np.exp(log_prior + log_likelihood - (log_prior + log_likelihood).max())
    weight /= weight.sum()
    mean = float((weight * x).sum())
    return mean, float((weight * (x - mean) ** 2).sum())


def gaussian_algebra(x_t: float, x_0: float, t: int, s: int) -> tuple[float, float]:
    """The same from the joint covariance of (x_s, x_t) given x_0, for any s < t."""
    a_s, a_t = float(SCHEDULE.alpha_bar[s]), float(SCHEDULE.alpha_bar[t])
    covariance = math.sqrt(a_t / a_s) * (1 - a_s)
    gain = covariance / (1 - a_t)
    mean = math.sqrt(a_s) * x_0 + gain * (x_t - math.sqrt(a_t) * x_0)
    return mean, (1 - a_s) - gain * covariance


@pytest.mark.parametrize("t", [2, 5, 12])
@pytest.mark.parametrize(("x_t", "x_0"), [(0.4, -0.8), (-2.0, 1.0), (0.0, 0.0)])
def test_bayes_on_a_grid_gives_the_same(t, x_t, x_0):
    mean, variance = md.q_posterior(
        torch.tensor([[x_t]], dtype=F64), torch.tensor([[x_0]], dtype=F64), t, SCHEDULE
    )
    grid_mean, grid_variance = bayes_on_a_grid(x_t, x_0, t)
    assert float(mean) == pytest.approx(grid_mean, abs=1e-8)
    assert float(variance) == pytest.approx(grid_variance, abs=1e-8)


@pytest.mark.parametrize("t", range(1, 13))
def test_conditional_gaussian_algebra_gives_the_same(t):
    mean, variance = md.q_posterior(
        torch.tensor([[0.4]], dtype=F64), torch.tensor([[-0.8]], dtype=F64), t, SCHEDULE
    )
    expected_mean, expected_variance = gaussian_algebra(0.4, -0.8, t, t - 1)
    assert float(mean) == pytest.approx(expected_mean, abs=1e-12)
    assert float(variance) == pytest.approx(expected_variance, abs=1e-12)


def test_at_t_1_the_answer_is_x_0_and_certain():
    x_t, x_0 = torch.tensor([[3.0]], dtype=F64), torch.tensor([[0.25]], dtype=F64)
    mean, variance = md.q_posterior(x_t, x_0, 1, md.linear_schedule())
    assert float(mean) == pytest.approx(0.25, abs=1e-11)
    assert float(variance) == 0


def test_the_second_answer_is_a_variance():
    _, variance = md.q_posterior(
        torch.zeros(1, 1).double(), torch.zeros(1, 1).double(), 7, SCHEDULE
    )
    assert float(variance) == float(SCHEDULE.beta_tilde[7])


def test_each_example_may_have_its_own_t():
    generator = torch.Generator().manual_seed(0)
    x_t, x_0 = (torch.randn(3, 1, 2, 2, generator=generator, dtype=F64) for _ in range(2))
    mean, variance = md.q_posterior(x_t, x_0, torch.tensor([1, 12, 6]), SCHEDULE)
    assert variance.shape == (3, 1, 1, 1)
    for i, t in enumerate((1, 12, 6)):
        one_mean, one_variance = md.q_posterior(x_t[i : i + 1], x_0[i : i + 1], t, SCHEDULE)
        torch.testing.assert_close(mean[i : i + 1], one_mean, rtol=0, atol=1e-15)
        assert float(variance[i]) == float(one_variance)


@pytest.mark.parametrize(("t", "s"), [(12, 0), (12, 11), (12, 4), (5, 2), (1, 0)])
def test_the_variances_of_a_longer_step(t, s):
    beta, beta_tilde = md.step_variances(t, s, SCHEDULE)
    kept = math.prod(float(SCHEDULE.alpha[i]) for i in range(s + 1, t + 1))
    assert beta == pytest.approx(1 - kept, abs=1e-12)
    assert beta_tilde == pytest.approx(gaussian_algebra(0.0, 0.0, t, s)[1], abs=1e-12)


def test_a_step_of_one_has_the_variances_of_the_tables():
    for t in range(1, SCHEDULE.T + 1):
        beta, beta_tilde = md.step_variances(t, t - 1, SCHEDULE)
        assert beta == pytest.approx(float(SCHEDULE.beta[t]), abs=1e-14)
        assert beta_tilde == pytest.approx(float(SCHEDULE.beta_tilde[t]), abs=1e-14)
