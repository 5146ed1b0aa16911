"""Laws of flow matching, for every path, solver, schedule and size."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minidiff as md
from minidiff import flow

F64 = torch.float64
laws = settings(derandomize=True, deadline=None, max_examples=40)
seeds = st.integers(0, 2**31)
sizes = st.integers(1, 12)
dims = st.integers(1, 4)
solvers = st.sampled_from(list(flow.SOLVERS))
betas = st.lists(st.floats(1e-3, 0.9), min_size=1, max_size=12)
paths = st.one_of(
    st.just(flow.ot_path()),
    st.just(flow.trigonometric_path()),
    st.builds(
        lambda low, more: flow.vp_path(low, low + more), st.floats(0.05, 5), st.floats(0, 30)
    ),
)


def batch(seed: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(shape, generator=g, dtype=F64) for _ in range(2))


@laws
@given(paths, seeds, sizes, st.floats(0, 0.999))
def test_point_and_velocity_say_all_about_a_pair(path, seed, n, t):
    noise, data = batch(seed, n, 2)
    x_t, u_t = flow.on_path(noise, data, t, path)
    w = path(t)
    if float(w.data) > 1e-3:  # with less of the data in x_t, rounding is divided by as little
        got_data, got_noise = flow.data_and_noise(x_t, u_t, t, path)
        torch.testing.assert_close(got_data, data, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(got_noise, noise, rtol=1e-6, atol=1e-6)


@laws
@given(paths, st.floats(0.01, 0.95))
def test_rates_are_rates(path, t):
    h = 1e-6
    before, now, after = path(t - h), path(t), path(t + h)
    for name in ("data", "noise"):
        slope = (getattr(after, name) - getattr(before, name)) / (2 * h)
        torch.testing.assert_close(getattr(now, f"{name}_rate"), slope, rtol=1e-5, atol=1e-5)


@laws
@given(seeds, sizes, dims)
def test_a_coupling_is_a_permutation_that_never_costs_more(seed, n, d):
    noise, data = batch(seed, n, d)
    order = flow.ot_coupling(noise, data)
    assert sorted(order.tolist()) == list(range(n))
    before, after = (data - noise).square().sum(), (data - noise[order]).square().sum()
    assert float(after) <= float(before) + 1e-9
    # What is paired best stays so, and moving all data alike changes nothing.
    assert flow.ot_coupling(noise[order], data).tolist() == list(range(n))
    assert torch.equal(flow.ot_coupling(noise, data + 3.0), order)


@laws
@given(seeds, sizes, st.integers(1, 4))
def test_a_coupling_keeps_to_the_labels(seed, n, classes):
    noise, data = batch(seed, n, 2)
    y = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))
    order = flow.ot_coupling(noise, data, y)
    assert torch.equal(y[order], y)
    assert sorted(order.tolist()) == list(range(n))


@laws
@given(solvers, seeds, st.integers(1, 6), st.floats(-3, 3))
def test_a_straight_flow_needs_one_step(solver, seed, steps, c):
    noise, data = batch(seed, 3, 2)
    got = flow.sample(lambda x, t: data - noise + 0 * x, noise=noise, steps=steps, solver=solver)
    torch.testing.assert_close(got, data)
    assert float(flow.straightness(lambda x, t: c + 0 * x, noise, steps + 1).max()) < 1e-20


@laws
@given(solvers, seeds, st.integers(2, 20))
def test_a_walk_can_be_broken_and_taken_up(solver, seed, steps):
    noise, means = batch(seed, 3, 2)
    velocity = flow.exact_velocity(means, 0.5)
    *first, middle = flow.flow_steps(velocity, noise, times=[0.0, 0.2, 0.5], solver=solver)
    rest = flow.sample(velocity, noise=middle.x, times=[0.5, 0.9, 1.0], solver=solver)
    whole = flow.sample(velocity, noise=noise, times=[0.0, 0.2, 0.5, 0.9, 1.0], solver=solver)
    assert torch.equal(rest, whole)
    assert len(first) == 2


@settings(laws, max_examples=10)
@given(seeds, st.floats(0.3, 3), st.floats(-2, 2), st.sampled_from(["rk4", "heun"]))
def test_likelihoods_follow_a_move_and_a_stretch(seed, s, m, solver):
    """A flow to N(m, s²) has the density of N(m, s²)."""
    data, _ = batch(seed, 4, 1)
    mean = torch.tensor([[m]], dtype=F64)
    got = flow.log_likelihood(flow.exact_velocity(mean, s), data, 100, solver=solver)
    expected = md.gaussian_log_density(data, mean.expand_as(data), s**2).flatten()
    torch.testing.assert_close(got, expected, rtol=5e-3, atol=5e-3)


@laws
@given(betas, seeds, st.floats(0, 1))
def test_diffusion_and_flow_name_the_same_places(beta, seed, share):
    schedule = md.NoiseSchedule(beta)
    x_t, _ = batch(seed, 3, 2)
    t = torch.full((3,), share * schedule.T, dtype=F64)
    x, tau = flow.to_flow(x_t, t, schedule)
    assert bool(((tau > 0) & (tau <= 1)).all())
    again, time = flow.to_diffusion(x, tau, schedule)
    torch.testing.assert_close(again, x_t, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(time, t, rtol=1e-4, atol=1e-4)


@laws
@given(betas, seeds)
def test_a_model_seen_from_the_other_side_and_back_is_itself(beta, seed):
    schedule = md.NoiseSchedule(beta)
    x_t, means = batch(seed, schedule.T, 2)
    eps_model = md.exact.mixture(means, 0.5, None, schedule)
    t = torch.arange(1, schedule.T + 1)

    def whole(x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        assert bool((real - real.round()).abs().max() < 1e-4)
        return eps_model(x, real.round().long())

    velocity = flow.velocity_from_eps_model(whole, schedule)
    again = flow.eps_model_from_velocity(velocity, schedule)
    torch.testing.assert_close(again(x_t, t), eps_model(x_t, t), rtol=1e-5, atol=1e-5)
