"""The likelihood of a flow, against densities that are known."""

import math

import pytest
import torch

import minidiff as md
from minidiff import flow
from minidiff.base.rng import randint

F64 = torch.float64


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def log_mixture(x, means, std, weights):
    """Log-density of a mixture at x (B, D), by its definition."""
    far = (x[:, None] - means).square().sum(2) / (2 * std**2)
    log_n = -far - means.shape[1] / 2 * math.log(2 * math.pi * std**2)
    return (log_n + weights.log()).logsumexp(1)


@pytest.mark.parametrize("std", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("path", [flow.ot_path(), flow.trigonometric_path()], ids=str)
def test_exact_on_gaussian_data(std, path):
    m = torch.tensor([[0.3, -0.5]], dtype=F64)
    data = m + std * torch.randn(20, 2, generator=gen(), dtype=F64)
    velocity = flow.exact_velocity(m, std, path=path)
    expected = md.gaussian_log_density(data, m.expand_as(data), std**2).sum(1)
    got = flow.log_likelihood(velocity, data)
    assert got.shape == (20,)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("solver", ["heun", "rk4", "dopri5"])
def test_exact_on_a_mixture_in_the_plane(solver):
    means = torch.tensor([[1.0, 0.5], [-1.0, 0.0]], dtype=F64)
    weights = torch.tensor([0.3, 0.7], dtype=F64)
    data = torch.randn(20, 2, generator=gen(), dtype=F64)
    velocity = flow.exact_velocity(means, 0.4, weights)
    steps = {"heun": 400, "rk4": 100, "dopri5": 1}[solver]
    got = flow.log_likelihood(velocity, data, steps, solver=solver, tolerance=1e-7)
    tolerance = 1e-2 if solver == "heun" else 1e-5
    expected = log_mixture(data, means, 0.4, weights)
    torch.testing.assert_close(got, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_falls_at_the_order_of_the_solver(solver, order):
    m, data = torch.tensor([[0.3]], dtype=F64), torch.linspace(-1, 1, 9, dtype=F64)[:, None]
    velocity = flow.exact_velocity(m, 0.5)
    expected = md.gaussian_log_density(data, m.expand_as(data), 0.25).sum(1)
    errors = [
        float((flow.log_likelihood(velocity, data, n, solver=solver) - expected).abs().max())
        for n in (100, 200)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_a_network_has_a_density_that_integrates_to_1():
    """Nothing about an untrained network is known but this."""
    net = md.MLP(2, width=16, depth=1, time_scale=10, seed=3).double()
    net.predicts = "velocity"
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1.5)
    axis = torch.linspace(-7, 7, 71, dtype=F64)
    points = torch.cartesian_prod(axis, axis)
    density = flow.log_likelihood(net, points, 20).exp()
    cell = float(axis[1] - axis[0]) ** 2
    assert float(density.sum()) * cell == pytest.approx(1, abs=2e-3)
    assert float(density.max()) > 1.2 / (2 * math.pi)  # it is not the noise's density any more


def test_hutchinson_is_right_on_average():
    g = gen()
    matrix = torch.randn(4, 4, generator=g, dtype=F64)
    data = torch.randn(3, 4, generator=g, dtype=F64)

    def velocity(x, t):
        return 0.3 * x @ matrix.T + x.sin()

    exact = flow.log_likelihood(velocity, data, 10)
    guesses = flow.log_likelihood(
        velocity, data.repeat(1000, 1), 10, divergence="hutchinson", generator=g
    ).reshape(1000, 3)
    error = guesses.std(0) / 1000**0.5
    assert float(error.min()) > 0.01
    assert bool(((guesses.mean(0) - exact).abs() < 4 * error).all())


def test_hutchinson_is_exact_where_the_derivative_has_only_a_diagonal():
    """Signs squared are 1: for v_i = f(x_i) no draw changes anything. (Gaussian probes would.)"""
    data = torch.randn(3, 5, generator=gen(), dtype=F64)
    exact = flow.log_likelihood(lambda x, t: x.sin(), data, 10)
    guess = flow.log_likelihood(lambda x, t: x.sin(), data, 10, divergence="hutchinson")
    torch.testing.assert_close(guess, exact)


def test_hutchinson_draws_from_the_generator_alone():
    data = torch.randn(3, 4, generator=gen())
    matrix = torch.randn(4, 4, generator=gen(1))

    def call(seed):
        return flow.log_likelihood(
            lambda x, t: x @ matrix, data, 2, divergence="hutchinson", generator=gen(seed)
        )

    state = torch.get_rng_state()
    first, again, other = call(1), call(1), call(2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    signs = randint(0, 1, (3, 4), gen(1)) * 2.0 - 1
    assert set(signs.flatten().tolist()) == {-1.0, 1.0}


def test_images_and_single_precision():
    m = torch.zeros(1, 1, 3, 3)
    data = 0.5 * torch.randn(4, 1, 3, 3, generator=gen())
    got = flow.log_likelihood(flow.exact_velocity(m, 0.5), data)
    assert got.dtype == torch.float32
    assert not got.requires_grad
    expected = md.gaussian_log_density(data, torch.zeros_like(data), 0.25).flatten(1).sum(1)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-3)


def test_a_shipped_way_of_guidance_can_be_differentiated():
    net = md.MLP(2, classes=3, width=8, depth=1, time_scale=1000).eval().requires_grad_(False)
    net.predicts = "velocity"
    velocity = md.classifier_free_guidance(net, 1, 0.5)
    with torch.no_grad():
        got = flow.log_likelihood(velocity, torch.zeros(2, 2), 3)
    assert bool(got.isfinite().all())


def test_a_linear_flow_gives_a_stretched_gaussian():
    """A linear flow x' = A x turns N(0, I) into N(0, e^A e^Aᵀ)."""
    matrix = torch.tensor([[0.5, 0.3], [0.0, -0.2]], dtype=F64)
    factor = torch.linalg.matrix_exp(matrix)
    target = torch.distributions.MultivariateNormal(torch.zeros(2, dtype=F64), factor @ factor.T)
    data = torch.randn(10, 2, generator=gen(), dtype=F64)
    got = flow.log_likelihood(lambda x, t: x @ matrix.T, data, 50)
    torch.testing.assert_close(got, target.log_prob(data), rtol=0, atol=1e-7)
