"""Gaussian divergences and likelihoods against torch.distributions, integrals and counting."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

import minidiff as md

F64 = torch.float64
BYTES = torch.arange(256, dtype=F64) / 127.5 - 1


def numbers(shape, seed, low=-2.0, high=2.0):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=F64)


def test_kl_is_that_of_torch_distributions():
    m_1, m_2 = numbers((5, 4), 0), numbers((5, 4), 1)
    v_1, v_2 = numbers((5, 4), 2, 0.01, 3), numbers((5, 4), 3, 0.01, 3)
    expected = kl_divergence(Normal(m_1, v_1.sqrt()), Normal(m_2, v_2.sqrt()))
    torch.testing.assert_close(md.gaussian_kl(m_1, v_1, m_2, v_2), expected)


def test_kl_is_the_integral_it_stands_for():
    x = np.linspace(-30, 30, 400_001)
    log_p = -((x - 0.7) ** 2) / (2 * 0.5) - 0.5 * math.log(2 * math.pi * 0.5)
    log_q = -((x + 0.4) ** 2) / (2 * 1.7) - 0.5 * math.log(2 * math.pi * 1.7)
    integral = np.trapezoid(np.exp(log_p) * (log_p - log_q), x)
    assert float(md.gaussian_kl(0.7, 0.5, -0.4, 1.7)) == pytest.approx(integral, abs=1e-9)


def test_kl_takes_numbers_beside_tensors_of_any_shape():
    mean = numbers((2, 1, 3, 3), 0)
    each = torch.full_like(mean, 0.3)
    together = md.gaussian_kl(mean, 0.3, 0.1, 0.9)
    torch.testing.assert_close(
        together, md.gaussian_kl(mean, each, torch.full_like(mean, 0.1), 3 * each)
    )
    per_example = torch.tensor([0.3, 0.6], dtype=F64).reshape(2, 1, 1, 1)
    assert md.gaussian_kl(mean, per_example, 0.0, 1.0).shape == mean.shape


def test_kl_of_equal_gaussians_is_exactly_0():
    mean, variance = numbers((7, 2), 0), numbers((7, 2), 1, 1e-6, 3)
    assert not md.gaussian_kl(mean, variance, mean, variance).any()


def test_log_density_is_that_of_torch_distributions():
    x, mean = numbers((6, 3), 0), numbers((6, 3), 1)
    for variance in (0.2, numbers((6, 3), 2, 0.01, 3)):
        std = torch.as_tensor(variance, dtype=F64).sqrt()
        expected = Normal(mean, std.expand_as(mean)).log_prob(x)
        torch.testing.assert_close(md.gaussian_log_density(x, mean, variance), expected)


@pytest.mark.parametrize("std", [0.001, 0.0074, 0.1, 2.0])
@pytest.mark.parametrize("mean", [-1.3, -1.0, -0.501, 0.0, 0.7, 1.0])
def test_the_256_probabilities_sum_to_1(mean, std):
    means = torch.full((256,), mean, dtype=F64)
    log_p = md.discretised_log_likelihood(BYTES, means, std**2)
    assert (log_p <= 0).all()
    assert float(log_p.logsumexp(0)) == pytest.approx(0, abs=1e-12)


def test_each_bin_is_its_integral_with_erf():
    mean, std = 0.123, 0.2
    edges = [(-math.inf if v == 0 else (v - 0.5) / 127.5 - 1) for v in range(256)] + [math.inf]
    below = [0.5 * (1 + math.erf((edge - mean) / (std * math.sqrt(2)))) for edge in edges]
    expected = torch.tensor([b - a for a, b in pairwise(below)], dtype=F64)
    found = md.discretised_log_likelihood(BYTES, torch.full((256,), mean, dtype=F64), std**2)
    torch.testing.assert_close(found.exp(), expected, atol=1e-13, rtol=1e-9)


def test_far_tails_keep_their_logarithm():
    """A thousand standard deviations away the probability underflows; its logarithm does not."""
    std = 0.001
    log_p = md.discretised_log_likelihood(BYTES, torch.zeros(256, dtype=F64), std**2)
    x = float(BYTES[10])
    nearest = (abs(x) - 1 / 255) / std  # the edge that is nearer to the mean decides
    expected = -(nearest**2) / 2 - math.log(nearest * math.sqrt(2 * math.pi))
    assert float(log_p[10]) == pytest.approx(expected, rel=1e-6)
    assert torch.isfinite(log_p).all()
    mirrored = md.discretised_log_likelihood(-BYTES, torch.zeros(256, dtype=F64), std**2)
    torch.testing.assert_close(mirrored, log_p)


def test_a_wide_bin_is_a_density_times_its_width():
    """Where the Gaussian is wide, a bin's probability is the density times 2/255."""
    inner, mean = BYTES[1:-1], torch.full((254,), 0.1, dtype=F64)
    density = md.gaussian_log_density(inner, mean, 1.0) + math.log(2 / 255)
    torch.testing.assert_close(
        md.discretised_log_likelihood(inner, mean, 1.0), density, atol=1e-5, rtol=0
    )


def test_gradients_pass_through_every_bin():
    mean = torch.linspace(-1.5, 1.5, 256, dtype=F64, requires_grad=True)
    variance = torch.full((256,), 1e-4, dtype=F64, requires_grad=True)
    md.discretised_log_likelihood(BYTES, mean, variance).sum().backward()
    assert torch.isfinite(mean.grad).all()
    assert torch.isfinite(variance.grad).all()
    checked = (BYTES[[0, 60, 255]], torch.tensor([-0.9, -0.5, 0.95], dtype=F64, requires_grad=True))
    assert torch.autograd.gradcheck(
        lambda m: md.discretised_log_likelihood(checked[0], m, 0.01), checked[1]
    )


def test_float32_pixels_from_the_bundled_digits_are_taken():
    images, _ = md.data.digits("heldout")
    log_p = md.discretised_log_likelihood(images[:20], images[:20], 0.01)
    assert log_p.shape == (20, 1, 16, 16)


def test_a_row_and_a_column_of_normals_make_a_table():
    """Each has length 1 where the other is long."""
    down, along = torch.randn(4, 1, dtype=torch.float64), torch.randn(1, 3, dtype=torch.float64)
    found = md.gaussian_kl(down, 1.0, along, 1.0)
    assert found.shape == (4, 3)
    torch.testing.assert_close(found, (down - along) ** 2 / 2)
