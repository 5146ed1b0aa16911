"""Laws that every distance obeys, on random sets of points."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minidiff import metrics

widths, seeds = st.integers(1, 6), st.integers(0, 2**31)
many = settings(deadline=None, max_examples=40, derandomize=True)


def root_frechet(a, b):
    return math.sqrt(metrics.frechet_distance(a, b))


def sliced(a, b):
    return metrics.sliced_wasserstein(a, b, 16, torch.Generator().manual_seed(0))


DISTANCES = [root_frechet, sliced]


def sets(width: int, seed: int, count: int) -> list[torch.Tensor]:
    """Sets of different size, place and shape."""
    generator = torch.Generator().manual_seed(seed)

    def randn(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return [
        randn(width + 2 + 3 * i, width) @ randn(width, width) + randn(width) for i in range(count)
    ]


def rotation(width: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(sets(width, seed + 1, 1)[0][:width]).Q


@pytest.mark.parametrize("distance", DISTANCES)
@many
@given(width=widths, seed=seeds)
def test_symmetry_and_the_triangle_inequality(distance, width, seed):
    a, b, c = sets(width, seed, 3)
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-7)
    assert distance(a, c) <= (distance(a, b) + distance(b, c)) * (1 + 1e-9)


@pytest.mark.parametrize("distance", DISTANCES)
@many
@given(width=widths, seed=seeds)
def test_zero_on_the_same_points_in_any_order_and_only_there(distance, width, seed):
    a, b = sets(width, seed, 2)
    assert distance(a, a.flip(0)) < 1e-6 * (1 + float(a.norm()))
    assert distance(a, b) > 1e-4


@pytest.mark.parametrize("distance", DISTANCES)
@many
@given(width=widths, seed=seeds, scale=st.floats(0.1, 10))
def test_units_and_origin_do_not_matter(distance, width, seed, scale):
    a, b = sets(width, seed, 2)
    moved = distance(scale * a + 3, scale * b + 3)
    assert moved == pytest.approx(scale * distance(a, b), rel=1e-6)


@many
@given(width=widths, seed=seeds)
def test_frechet_distance_does_not_see_a_rotation(width, seed):
    a, b = sets(width, seed, 2)
    turn = rotation(width, seed)
    turned = metrics.frechet_distance(a @ turn, b @ turn)
    assert turned == pytest.approx(metrics.frechet_distance(a, b), rel=1e-7)


@many
@given(width=widths, seed=seeds)
def test_sliced_wasserstein_bounds_the_distance_of_the_means(width, seed):
    """Along every direction the means are no farther apart than the distributions."""
    a, b = sets(width, seed, 2)
    directions = torch.Generator().manual_seed(0)
    pooled = sliced(a.mean(0, keepdim=True), b.mean(0, keepdim=True))
    assert pooled <= metrics.sliced_wasserstein(a, b, 16, directions) * (1 + 1e-9)


@many
@given(width=widths, seed=seeds)
def test_nearest_distance_is_0_on_members_and_falls_as_candidates_join(width, seed):
    a, b = sets(width, seed, 2)
    assert torch.equal(metrics.nearest_distance(a, torch.cat([b, a])), torch.zeros(len(a)).double())
    fewer, more = (metrics.nearest_distance(a, x) for x in (b[:1], b))
    assert (more <= fewer * (1 + 1e-12)).all()
    turn = rotation(width, seed)
    turned = metrics.nearest_distance(a @ turn, b @ turn)
    torch.testing.assert_close(turned, more, rtol=1e-9, atol=1e-12)
