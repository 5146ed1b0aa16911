"""The noise that the page makes by itself: standard normal, independent, never the same twice."""

import math

import numpy as np

import minidiff as md


def test_chain_noise_is_standard_normal_and_independent():
    z = np.stack([md.viz.chain_noise(0, t, 784) for t in range(1, 1001)])
    n = z.size
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)
    for shifted in ((z[1:], z[:-1]), (z[:, 1:], z[:, :-1]), (z[:, 28:], z[:, :-28])):
        assert abs((shifted[0] * shifted[1]).mean()) < 4 / math.sqrt(shifted[0].size)
    other = md.viz.chain_noise(1, 1, 784)
    assert abs((z[0] * other).mean()) < 4 / math.sqrt(784)


def test_chain_noise_never_repeats_itself_even_in_the_largest_figure():
    z = np.stack([md.viz.chain_noise(0, t, 64 * 64) for t in range(1, 2001)])
    assert len(np.unique(z)) == z.size


def test_chain_noise_follows_scipy_s_normal_distribution():
    from scipy.stats import kstest

    z = np.concatenate([md.viz.chain_noise(7, t, 1000) for t in range(20)])
    assert kstest(z, "norm").pvalue > 1e-3
