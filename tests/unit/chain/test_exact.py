"""The closed-form denoisers against numerical integration and the gradient of the log density."""

import math

import pytest
import torch
from torch import Tensor

import minidiff as md

F64 = torch.float64
SCHEDULE = md.linear_schedule(12, 0.05, 0.4)
POINTS = torch.linspace(-3, 3, 7, dtype=F64)[:, None]


def integrated(log_density, x_t: float, t: int) -> float:
    """E[eps | x_t] as a ratio of two sums over a grid of x_0, for one-dimensional data."""
    alpha_bar = float(SCHEDULE.alpha_bar[t])
    x_0 = torch.linspace(-6, 6, 200_001, dtype=F64)
    eps = (x_t - math.sqrt(alpha_bar) * x_0) / math.sqrt(1 - alpha_bar)
    weight = (log_density(x_0) - eps**2 / 2).softmax(0)
    return float((weight * eps).sum())


def log_normal(x: Tensor, mean: float, std: float) -> Tensor:
    return -((x - mean) ** 2) / (2 * std**2) - math.log(std)


@pytest.mark.parametrize("t", [1, 4, 12])
def test_gaussian_is_the_integral(t):
    said = md.exact.gaussian(0.3, 0.5, SCHEDULE)(POINTS, t)
    expected = [integrated(lambda x: log_normal(x, 0.3, 0.5), float(x), t) for x in POINTS]
    assert said.flatten().tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("t", [1, 4, 12])
def test_mixture_is_the_integral(t):
    def log_density(x: Tensor) -> Tensor:
        parts = [math.log(w) + log_normal(x, m, s) for w, m, s in PARTS]
        return torch.stack(parts).logsumexp(0)

    weights, means, stds = (torch.tensor(column, dtype=F64) for column in zip(*PARTS, strict=True))
    model = md.exact.mixture(means[:, None], stds, weights, SCHEDULE)
    expected = [integrated(log_density, float(x), t) for x in POINTS]
    assert model(POINTS, t).flatten().tolist() == pytest.approx(expected, abs=1e-9)


PARTS = [(0.2, -1.0, 0.3), (0.5, 0.4, 0.2), (0.3, 1.5, 0.6)]  # weight, mean, standard deviation


@pytest.mark.parametrize("t", [1, 4, 12, torch.tensor([1, 2, 5, 12, 7])], ids=str)
def test_mixture_is_the_gradient_of_the_log_density(t):
    """In several dimensions: eps = -√(1 - ᾱ) ∇ log q(x_t), by automatic differentiation."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(3, 2, 2, generator=generator, dtype=F64)
    std, weights = torch.tensor([0.1, 0.5, 1.0]).double(), torch.tensor([1.0, 3.0, 0.5]).double()
    x_t = torch.randn(5, 2, 2, generator=generator, dtype=F64).requires_grad_()
    alpha_bar = SCHEDULE.alpha_bar[t].reshape(-1, 1)  # (1, 1) or (B, 1)
    variance = alpha_bar * std**2 + 1 - alpha_bar  # (·, K)
    distance_2 = (x_t[:, None] - alpha_bar.sqrt()[..., None, None] * means).square().sum((2, 3))
    log_q = (weights.log() - distance_2 / (2 * variance) - 2 * variance.log()).logsumexp(1)
    (score,) = torch.autograd.grad(log_q.sum(), x_t)
    expected = -(1 - alpha_bar).sqrt()[..., None] * score
    said = md.exact.mixture(means, std, weights, SCHEDULE)(x_t.detach(), t)
    torch.testing.assert_close(said, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("t", [1, 6, 12])
def test_a_mixture_of_one_is_a_gaussian(t):
    mean = torch.tensor([[0.2, -0.7]], dtype=F64)
    one = md.exact.mixture(mean, 0.4, None, SCHEDULE)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    expected = md.exact.gaussian(mean[0], 0.4, SCHEDULE)(x, t)
    torch.testing.assert_close(one(x, t), expected, rtol=0, atol=1e-11)


def test_a_gaussian_may_differ_from_entry_to_entry():
    mean, std = torch.tensor([0.0, 1.0]), torch.tensor([0.1, 2.0])
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    together = md.exact.gaussian(mean, std, SCHEDULE)(x, 6)
    for i in range(2):
        alone = md.exact.gaussian(float(mean[i]), float(std[i]), SCHEDULE)(x[:, i : i + 1], 6)
        torch.testing.assert_close(together[:, i : i + 1], alone, rtol=0, atol=1e-8)


@pytest.mark.parametrize("t", [1, 6, 12])
def test_ideal_is_the_average_of_the_data_by_likelihood(t):
    generator = torch.Generator().manual_seed(0)
    data = torch.rand(4, 1, 2, 2, generator=generator, dtype=F64) * 2 - 1
    x_t = md.q_sample(data[:3], t, SCHEDULE, generator=generator)
    said = md.x0_from_eps(x_t, md.exact.ideal(data, SCHEDULE)(x_t, t), t, SCHEDULE)
    alpha_bar = float(SCHEDULE.alpha_bar[t])
    for i in range(3):
        log_likelihood = torch.tensor(
            [
                -float((x_t[i] - math.sqrt(alpha_bar) * x_0).square().sum()) / (2 * (1 - alpha_bar))
                for x_0 in data
            ]
        )
        share = log_likelihood.double().softmax(0)
        mean = sum(float(r) * x_0 for r, x_0 in zip(share, data, strict=True))
        torch.testing.assert_close(said[i], mean, rtol=0, atol=1e-5)


def test_ideal_gives_back_the_data_and_nothing_else():
    data = torch.tensor([[-1.0, 1.0], [0.5, 0.5], [1.0, -1.0]], dtype=F64)
    schedule = md.linear_schedule(100, rescale=True)
    model = md.exact.ideal(data, schedule)
    x = md.ddpm_sample(
        model, schedule, (60, 2), generator=torch.Generator().manual_seed(0), dtype=F64
    )
    distance, nearest = torch.cdist(x, data).min(1)
    assert float(distance.max()) < 1e-6
    assert nearest.unique().tolist() == [0, 1, 2]


def test_no_denoiser_has_a_smaller_loss_than_the_ideal_one():
    generator = torch.Generator().manual_seed(0)
    data = torch.rand(3, 2, generator=generator)
    ideal = md.exact.ideal(data, SCHEDULE)
    x_0 = data[torch.randint(0, 3, (4000,), generator=generator)]
    t = torch.randint(1, 13, (4000,), generator=generator)
    noise = torch.randn(4000, 2, generator=generator)

    def loss(model) -> float:
        return float(md.simple_loss(model, x_0, SCHEDULE, t=t, noise=noise))

    best = loss(ideal)
    assert best < loss(md.exact.gaussian(data.mean(0), data.std(0), SCHEDULE))
    assert best < loss(lambda x, t: 0.95 * ideal(x, t))
    assert best < loss(lambda x, t: 1.05 * ideal(x, t))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("t", [3, torch.tensor([3, 12])], ids=str)
def test_shape_and_type_of_x_t_are_kept(t, dtype):
    x = torch.zeros(2, 1, 2, 2, dtype=dtype)
    for model in (
        md.exact.gaussian(0.3, 0.1, SCHEDULE),
        md.exact.ideal(torch.rand(5, 1, 2, 2), SCHEDULE),
    ):
        assert model(x, t).shape == x.shape
        assert model(x, t).dtype == dtype


def test_shares_stay_sharp_in_single_precision():
    """Two pictures that differ in one pixel: the other 783 must not blur their shares.

    x_t is exactly the second one's mean, so the share of the first one follows from that pixel alone.
    """
    schedule, difference = md.linear_schedule(), 0.02
    data = torch.ones(2, 1, 28, 28)
    data[1, 0, 0, 0] -= difference
    x_t = md.q_sample(data[1:], 1, schedule, noise=torch.zeros(1, 1, 28, 28))
    said = md.x0_from_eps(x_t, md.exact.ideal(data, schedule)(x_t, 1), 1, schedule)
    alpha_bar = float(schedule.alpha_bar[1])
    share = 1 / (1 + math.exp(alpha_bar * difference**2 / (2 * (1 - alpha_bar))))
    expected = 1 - difference + share * difference
    assert float(said[0, 0, 0, 0]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make", ["gaussian", "mixture", "ideal"])
def test_real_times_continue_the_whole_ones(make, dtype):
    """At whole t the table's answer; between, that of a table in which this very time is an entry."""
    data = torch.tensor([[-1.0, 1.0], [0.5, 0.5]])
    models = {
        "gaussian": lambda schedule: md.exact.gaussian(0.3, 0.1, schedule),
        "mixture": lambda schedule: md.exact.mixture(data, 0.2, None, schedule),
        "ideal": lambda schedule: md.exact.ideal(data, schedule),
    }
    model = models[make](SCHEDULE)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 2, generator=generator, dtype=dtype)
    t = torch.tensor([1, 7, 12])
    near = {"rtol": 1e-5 if dtype == torch.float32 else 1e-11, "atol": 1e-6}
    torch.testing.assert_close(model(x, t.double()), model(x, t), **near)
    torch.testing.assert_close(model(x, 7.0), model(x, 7), **near)
    alpha_bar = SCHEDULE.continuous.alpha(6.25) ** 2
    between = models[make](md.NoiseSchedule([1 - alpha_bar]))
    assert model(x, 6.25).dtype == dtype
    torch.testing.assert_close(model(x, 6.25), between(x, 1), **near)
    torch.testing.assert_close(model(x, torch.full((3,), 6.25)), between(x, 1), **near)
