"""Velocities in closed form, against what they are by definition."""

import pytest
import torch

import minidiff as md
from minidiff import flow

F64 = torch.float64
PATHS = [flow.ot_path(), flow.vp_path(), flow.trigonometric_path()]
MEANS = torch.tensor([[1.0, 0.5], [-1.0, 0.0], [0.3, -1.2]], dtype=F64)
WEIGHTS = torch.tensor([0.2, 0.5, 0.3], dtype=F64)
all_paths = pytest.mark.parametrize("path", PATHS, ids=str)


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@all_paths
def test_it_is_the_mean_velocity_of_all_pairs_that_pass(path):
    """Monte Carlo: many pairs, those that pass near x at time t, and their mean velocity."""
    g, n, t = gen(), 1_000_000, 0.6
    k = torch.multinomial(WEIGHTS, n, replacement=True, generator=g)
    data = MEANS[k, :1] + 0.3 * torch.randn(n, 1, generator=g, dtype=F64)
    noise = torch.randn(n, 1, generator=g, dtype=F64)
    x_t, u_t = flow.on_path(noise, data, t, path)
    velocity = flow.exact_velocity(MEANS[:, :1], 0.3, WEIGHTS, path)
    for x in (-0.8, 0.0, 0.7):
        near = (x_t - x).abs() < 0.02
        passing = u_t[near]
        error = float(md.standard_error(passing))
        assert len(passing) > 3000
        said = float(velocity(torch.tensor([[x]], dtype=F64), t))
        # Within the window the velocity itself changes a little, by its slope times 0.02 at most.
        assert abs(said - float(passing.mean())) < 4 * error + 0.01


@all_paths
def test_one_gaussian_by_the_rule_for_jointly_gaussian_variables(path):
    m, s, t = torch.tensor([0.3, -0.5], dtype=F64), torch.tensor([0.5, 2.0], dtype=F64), 0.4
    a, b, a_rate, b_rate = path(t)
    x = torch.randn(20, 2, generator=gen(), dtype=F64)
    covariance, variance = a_rate * a * s**2 + b_rate * b, a**2 * s**2 + b**2
    expected = a_rate * m + covariance / variance * (x - a * m)
    got = flow.exact_velocity(m[None], s[None], path=path)(x, t)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_a_mixture_of_equal_parts_is_one_part():
    x, t = torch.randn(20, 2, generator=gen(), dtype=F64), torch.linspace(0, 1, 20, dtype=F64)
    one = flow.exact_velocity(MEANS[:1], 0.5)(x, t)
    three = flow.exact_velocity(MEANS[:1].repeat(3, 1), 0.5, WEIGHTS)(x, t)
    torch.testing.assert_close(three, one, rtol=1e-12, atol=1e-12)


def test_widths_in_all_their_forms():
    x, t = torch.randn(20, 2, generator=gen(), dtype=F64), torch.linspace(0, 1, 20, dtype=F64)
    one = flow.exact_velocity(MEANS, 0.5, WEIGHTS)(x, t)
    for std in (torch.full((3,), 0.5), torch.full((3, 2), 0.5)):
        torch.testing.assert_close(flow.exact_velocity(MEANS, std, WEIGHTS)(x, t), one)
    by_component = flow.exact_velocity(MEANS, torch.tensor([0.1, 0.5, 0.9]))(x, t)
    by_entry = flow.exact_velocity(MEANS, torch.tensor([[0.1], [0.5], [0.9]]).expand(3, 2))(x, t)
    torch.testing.assert_close(by_component, by_entry)
    assert not torch.allclose(by_component, one)


@all_paths
def test_components_of_different_widths(path):
    """Shares by Bayes' rule on torch's own Gaussians; in each component, jointly Gaussian variables."""
    x, t = torch.randn(20, 2, generator=gen(), dtype=F64), 0.4
    a, b, a_rate, b_rate = path(t)
    by_entry = torch.tensor([[0.1, 0.7], [0.5, 0.2], [0.9, 0.3]], dtype=F64)
    for std in (by_entry, by_entry[:, :1].expand(3, 2)):
        variance = a**2 * std**2 + b**2
        log_p = torch.distributions.Normal(a * MEANS, variance.sqrt()).log_prob(x[:, None]).sum(2)
        share = (log_p + WEIGHTS.log()).softmax(1)[..., None]
        slope = (a_rate * a * std**2 + b_rate * b) / variance
        expected = (share * (a_rate * MEANS + slope * (x[:, None] - a * MEANS))).sum(1)
        given = std if std is by_entry else std[:, 0]
        got = flow.exact_velocity(MEANS, given, WEIGHTS, path)(x, t)
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_beyond_the_end_of_a_path_the_last_velocity_stands_in():
    x, path = torch.randn(5, 2, generator=gen(), dtype=F64), flow.vp_path()
    velocity = flow.exact_velocity(MEANS, 0.3, path=path)
    last = velocity(x, path.end)
    assert bool(last.isfinite().all())
    for t in (1.0, torch.ones(5, dtype=F64)):
        torch.testing.assert_close(velocity(x, t), last, rtol=1e-12, atol=0)


def test_close_points_are_told_apart_in_single_precision():
    points = torch.tensor([[0.3], [0.301]])
    velocity = flow.exact_velocity(points, 3e-4)
    x = torch.linspace(0.2995, 0.3015, 9)[:, None]
    torch.testing.assert_close(
        velocity(x, 0.9999), velocity(x.double(), 0.9999).float(), rtol=1e-5, atol=1e-6
    )


def test_weights_need_no_sum_of_1():
    x = torch.randn(20, 2, generator=gen(), dtype=F64)
    a, b = (flow.exact_velocity(MEANS, 0.5, w)(x, 0.5) for w in (WEIGHTS, 7 * WEIGHTS))
    torch.testing.assert_close(a, b)
    assert not torch.allclose(a, flow.exact_velocity(MEANS, 0.5)(x, 0.5))


@all_paths
def test_it_carries_noise_to_the_mixture(path):
    """In one dimension a flow keeps the order of points, so it maps quantiles to quantiles."""
    velocity = flow.exact_velocity(MEANS[:, :1], 0.3, WEIGHTS, path)
    noise = torch.linspace(-3, 3, 61, dtype=F64)[:, None]
    data = flow.sample(velocity, noise=noise, steps=500, solver="rk4")
    share = torch.special.ndtr((data - MEANS[:, 0]) / 0.3) @ WEIGHTS[:, None]
    # The VP path starts from a mixture that is not quite the noise's own distribution.
    trace = float(path(0.0).data)
    torch.testing.assert_close(share, torch.special.ndtr(noise), rtol=0, atol=1e-8 + 0.3 * trace)


def test_images_keep_their_shape_and_type():
    means = torch.randn(3, 1, 4, 4, generator=gen())
    x = torch.randn(5, 1, 4, 4, generator=gen())
    got = flow.exact_velocity(means, 0.5)(x, torch.full((5,), 0.5))
    flat = flow.exact_velocity(means.flatten(1), 0.5)(x.flatten(1), 0.5)
    assert got.shape == x.shape
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.flatten(1), flat)


def test_points_draw_everything_to_themselves():
    """With no width the velocity points at the mean of the points, each by its share."""
    points = torch.tensor([[1.0], [-1.0]], dtype=F64)
    velocity = flow.exact_velocity(points, 0.0)
    data = flow.sample(velocity, noise=torch.tensor([[2.0], [0.1], [-0.1]], dtype=F64), steps=200)
    assert data.flatten().tolist() == pytest.approx([1, 1, -1], abs=1e-9)
