"""Laws of the core that hold for every schedule, time, shape and type."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import minidiff as md
from minidiff.base.rng import BatchSlice, rand, randn

F64 = torch.float64

# Deterministic, so that a red run can be run again; no deadline, for machines differ.
settings.register_profile(
    "core",
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
core = settings(settings.get_profile("core"))

betas = st.lists(st.floats(1e-4, 0.9), min_size=1, max_size=30)
shapes = st.lists(st.integers(1, 4), min_size=2, max_size=4)
seeds = st.integers(0, 2**31)
numbers = st.floats(-3, 3)


@st.composite
def schedules(draw) -> md.NoiseSchedule:
    kind = draw(st.sampled_from(["free", "linear", "cosine"]))
    if kind == "free":
        return md.NoiseSchedule(draw(betas))
    T = draw(st.integers(21, 60))
    return md.linear_schedule(T, rescale=True) if kind == "linear" else md.cosine_schedule(T)


@st.composite
def places(draw) -> tuple[md.NoiseSchedule, torch.Tensor, torch.Tensor | int]:
    """A schedule, a batch of doubles, and a time: one int, or one for each example."""
    schedule = draw(schedules())
    shape = draw(shapes)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(draw(seeds)), dtype=F64)
    time = st.integers(1, schedule.T)
    if draw(st.booleans()):
        return schedule, x, draw(time)
    return schedule, x, torch.tensor(draw(st.lists(time, min_size=len(x), max_size=len(x))))


def like(x: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)


@core
@given(schedules())
def test_what_is_left_only_shrinks_and_the_posterior_is_surer(schedule):
    assert bool((schedule.alpha_bar.diff() < 0).all())
    assert bool(((schedule.alpha_bar > 0) & (schedule.alpha_bar <= 1)).all())
    assert bool((schedule.snr.diff() < 0).all())
    # at most beta: to know x_0 can only help (a rounding aside)
    assert bool((schedule.beta_tilde <= schedule.beta + 1e-15).all())
    assert bool((schedule.beta_tilde[2:] > 0).all())


@core
@given(st.integers(2, 2000))
def test_the_makers_grow_from_start_to_end(T):
    cosine = md.cosine_schedule(T)
    assert bool((cosine.beta[1:].diff() > 0).all())
    linear = md.linear_schedule(T, 0.001, 0.01)
    assert bool((linear.beta[1:].diff() > 0).all())
    assert (linear.beta[1], linear.beta[T]) == (0.001, 0.01)


@core
@given(places(), seeds, numbers)
def test_the_jump_is_linear_in_data_and_noise(place, seed, c):
    schedule, x, t = place
    y, z, u = (like(x, seed + i) for i in range(3))
    together = md.q_sample(x + c * y, t, schedule, noise=z + c * u)
    apart = md.q_sample(x, t, schedule, noise=z) + c * md.q_sample(y, t, schedule, noise=u)
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


@core
@given(places(), seeds)
def test_the_weights_of_the_jump_keep_the_variance_at_1(place, seed):
    schedule, x, t = place
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    signal = md.q_sample(one, t, schedule, noise=zero)
    noise = md.q_sample(zero, t, schedule, noise=one)
    torch.testing.assert_close(signal**2 + noise**2, one, rtol=0, atol=1e-14)


@core
@given(places(), seeds)
def test_a_jump_and_a_step_make_a_longer_jump(place, seed):
    """In their weights: of the data exactly, of the noise in squares."""
    schedule, x, t = place
    assume(not isinstance(t, torch.Tensor) and t > 1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    data = md.q_step(md.q_sample(one, t - 1, schedule, noise=zero), t, schedule, noise=zero)
    torch.testing.assert_close(data, md.q_sample(one, t, schedule, noise=zero), rtol=0, atol=1e-12)
    older = md.q_step(md.q_sample(zero, t - 1, schedule, noise=one), t, schedule, noise=zero)
    newer = md.q_step(zero, t, schedule, noise=one)
    whole = md.q_sample(zero, t, schedule, noise=one)
    torch.testing.assert_close(older**2 + newer**2, whole**2, rtol=0, atol=1e-12)


@core
@given(places(), seeds)
def test_the_posterior_is_of_the_forward_process(place, seed):
    """Averaged over x_t given x_0, the posterior's mean and variance are those of x_{t-1}."""
    schedule, x_0, t = place
    zero, one = torch.zeros_like(x_0), torch.ones_like(x_0)
    x_t = md.q_sample(x_0, t, schedule, noise=zero)  # the mean of x_t
    mean, variance = md.q_posterior(x_t, x_0, t, schedule)
    before = md.gather(schedule.alpha_bar, t - 1, x_0)
    torch.testing.assert_close(mean, before.sqrt() * x_0, rtol=0, atol=1e-10)
    gain, _ = md.q_posterior(one, zero, t, schedule)
    spread = gain**2 * (1 - md.gather(schedule.alpha_bar, t, x_0)) + variance
    torch.testing.assert_close(spread, (1 - before).expand(x_0.shape), rtol=0, atol=1e-10)


@core
@given(places())
def test_the_posteriors_weights_are_positive_and_its_variance_small(place):
    schedule, x, t = place
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    weight_t, variance = md.q_posterior(one, zero, t, schedule)
    weight_0, _ = md.q_posterior(zero, one, t, schedule)
    assert bool((weight_t >= 0).all())
    assert bool((weight_0 > 0).all())
    assert bool((variance >= 0).all())
    assert bool((variance <= md.gather(schedule.beta, t, x) + 1e-15).all())


@core
@given(
    places(),
    seeds,
    st.sampled_from([(F64, 1e-9), (torch.float32, 1e-2)]),
    st.permutations(["eps", "x0", "v", "score"]),
)
def test_conversions_undo_each_other(place, seed, precision, kinds):
    schedule, x, t = place
    dtype, tolerance = precision
    # each way divides by the signal or by the noise: with little of either, digits are lost
    left = md.gather(schedule.alpha_bar, t, x)
    assume(float(left.min()) > 1e-4 and float(left.max()) < 1 - 1e-5)
    x, said = x.to(dtype), like(x, seed).to(dtype)
    there, back = kinds[:2]
    made = md.convert(said, x, t, schedule, source=there, target=back)
    assert (made.dtype, made.shape) == (dtype, x.shape)
    again = md.convert(made, x, t, schedule, source=back, target=there)
    torch.testing.assert_close(again, said, rtol=tolerance, atol=tolerance)
    # and a way round by a third kind ends in the same place
    round_about = md.convert(made, x, t, schedule, source=back, target=kinds[2])
    direct = md.convert(said, x, t, schedule, source=there, target=kinds[2])
    scale = max(1.0, float(direct.abs().max()))
    torch.testing.assert_close(round_about / scale, direct / scale, rtol=0, atol=tolerance)


@st.composite
def jumps(draw) -> tuple[md.NoiseSchedule, int, int]:
    schedule = draw(schedules())
    t = draw(st.integers(1, schedule.T))
    return schedule, t, draw(st.integers(0, t - 1))


@core
@given(jumps(), st.floats(0, 1), seeds)
def test_a_step_keeps_the_marginals(jump, eta, seed):
    """Told the true noise, a step leads from q(x_t | x_0) to q(x_s | x_0) for every η (DDIM, lemma 1)."""
    schedule, t, s = jump
    x_0 = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed), dtype=F64)
    eps, zero = like(x_0, seed + 1), torch.zeros_like(x_0)
    x_t = md.q_sample(x_0, t, schedule, noise=eps)
    left = float(schedule.alpha_bar[s])
    mean, x0_hat = md.sample_step(eps, x_t, t, s, schedule, eta=eta, noise=zero)
    x_s, _ = md.sample_step(eps, x_t, t, s, schedule, eta=eta, noise=zero + 1)
    torch.testing.assert_close(x0_hat, x_0, rtol=1e-7, atol=1e-7)
    old = (mean - math.sqrt(left) * x_0) / eps  # the weight of the noise that was in x_t
    new = x_s - mean  # the weight of the fresh one
    torch.testing.assert_close(old**2 + new**2, zero + 1 - left, rtol=0, atol=1e-5)
    _, beta_tilde = md.step_variances(t, s, schedule)
    torch.testing.assert_close(new**2, zero + eta**2 * beta_tilde, rtol=0, atol=1e-12)


@core
@given(jumps(), seeds)
def test_without_fresh_noise_two_steps_by_the_true_noise_are_one(jump, seed):
    schedule, t, s = jump
    assume(t - s > 1)
    x_0 = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed), dtype=F64)
    eps = like(x_0, seed + 1)
    x_t = md.q_sample(x_0, t, schedule, noise=eps)
    half, _ = md.sample_step(eps, x_t, t, (t + s) // 2, schedule, eta=0.0)
    twice, _ = md.sample_step(eps, half, (t + s) // 2, s, schedule, eta=0.0)
    once, _ = md.sample_step(eps, x_t, t, s, schedule, eta=0.0)
    torch.testing.assert_close(twice, once, rtol=1e-7, atol=1e-7)


@core
@given(jumps(), seeds, st.floats(0, 1))
def test_a_clipped_prediction_stays_in_range_and_nothing_is_nan(jump, seed, eta):
    schedule, t, s = jump
    x_t = 5 * torch.randn(2, 3, generator=torch.Generator().manual_seed(seed))
    x_s, x0_hat = md.sample_step(like(x_t, seed), x_t, t, s, schedule, eta=eta, clip=True)
    assert float(x0_hat.abs().max()) <= 1
    assert bool(torch.isfinite(x_s).all())


@core
@given(jumps())
def test_the_variances_of_a_step_are_ordered(jump):
    schedule, t, s = jump
    beta, beta_tilde = md.step_variances(t, s, schedule)
    assert 0 <= beta_tilde <= beta < 1
    assert (beta_tilde == 0) == (s == 0)


@settings(core, max_examples=300)
@given(st.integers(1, 3000), st.data())
def test_sampling_times_fall_strictly_from_T_to_0(T, data):
    steps = data.draw(st.integers(1, T))
    times = md.sampling_times(T, steps)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (T, 0)
    gaps = [t - s for t, s in pairwise(times)]
    assert min(gaps) >= 1
    assert max(gaps) - min(gaps) <= 2  # as even as rounding allows


@core
@given(st.integers(1, 12), st.data())
def test_a_walk_visits_exactly_its_times(T, data):
    inner = data.draw(st.sets(st.integers(1, T), min_size=1))
    times = [*sorted(inner, reverse=True), 0]
    asked = []

    def model(x, t):
        asked.append(t.tolist())
        return torch.zeros_like(x)

    schedule = md.NoiseSchedule([0.1] * T)
    states = list(md.sampling_steps(model, schedule, (2, 1), times=times))
    assert [state.t for state in states] == times
    assert asked == [[t, t] for t in times[:-1]]


@core
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), seeds, st.sampled_from([randn, rand]))
def test_the_slices_of_any_partition_make_the_whole(sizes, seed, draw):
    def fresh() -> torch.Generator:
        return torch.Generator().manual_seed(seed)

    total, start, parts = sum(sizes), 0, []
    for size in sizes:
        parts.append(draw((size, 3), BatchSlice(fresh(), start, total)))
        start += size
    assert torch.equal(torch.cat(parts), draw((total, 3), fresh()))


@core
@given(places(), numbers, st.floats(0.01, 2))
def test_the_exact_gaussian_denoiser_undoes_its_own_forward_process(place, mean, std):
    """Its prediction of x_0 is linear in x_t, right on average, and never wider than the data."""
    schedule, x, t = place
    model = md.exact.gaussian(mean, std, schedule)
    center = md.q_sample(torch.full_like(x, mean), t, schedule, noise=torch.zeros_like(x))
    at_center = md.x0_from_eps(center, model(center, t), t, schedule)
    torch.testing.assert_close(at_center, torch.full_like(x, mean), rtol=0, atol=1e-8)
    slope = md.x0_from_eps(center + 1, model(center + 1, t), t, schedule) - at_center
    left = md.gather(schedule.alpha_bar, t, x)
    variance_of_guess = slope**2 * (left * std**2 + 1 - left)
    assert bool((variance_of_guess <= std**2 * (1 + 1e-6)).all())


@pytest.mark.parametrize("w", [0.0, 1.0, 3.0])
@core
@given(seed=seeds)
def test_guidance_is_affine_between_its_two_predictions(w, seed):
    class Net:
        null_label = 2

        def __call__(self, x, t, y):
            return torch.stack([x[i] * (1 + y[i]) for i in range(len(x))])

    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(seed), dtype=F64)
    t, y = torch.ones(3).long(), torch.tensor([0, 1, 2])
    said = md.classifier_free_guidance(Net(), y, w)(x, t)
    cond, uncond = Net()(x, t, y), Net()(x, t, torch.full((3,), 2))
    torch.testing.assert_close(said - cond, w * (cond - uncond), rtol=0, atol=1e-12)
