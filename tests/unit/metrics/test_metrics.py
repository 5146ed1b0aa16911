"""Metrics against closed forms, scipy and brute force."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from torch import nn

from minidiff import metrics


def rows(n: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(
        (n, width), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def covariance(width: int, seed: int) -> torch.Tensor:
    x = rows(width + 3, width, seed)
    return x.T @ x


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Threshold(nn.Module):
    """Class 1 for images of positive mean; its one feature is that mean, halved by dropout in training."""

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.ones(()))
        self.batches = []

    def features(self, x):
        self.batches.append(len(x))
        return self.dropout(self.scale * x.flatten(1).mean(dim=1, keepdim=True))

    def forward(self, x):
        mean = self.features(x)
        return torch.cat([-mean, mean], dim=1)


# Fréchet distance


def test_frechet_of_two_numbers_is_the_closed_form():
    mean, var = torch.tensor([[1.0], [4.0]]), torch.tensor([[[9.0]], [[4.0]]])
    distance = metrics.frechet_gaussians(mean[0], var[0], mean[1], var[1])
    assert distance == pytest.approx((1 - 4) ** 2 + (3 - 2) ** 2)


def test_frechet_of_independent_features_adds_up():
    std_a, std_b = rows(1, 5, 1).abs()[0], rows(1, 5, 2).abs()[0]
    mean = rows(2, 5, 3)
    distance = metrics.frechet_gaussians(
        mean[0], torch.diag(std_a**2), mean[1], torch.diag(std_b**2)
    )
    expected = ((mean[0] - mean[1]) ** 2 + (std_a - std_b) ** 2).sum()
    assert distance == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize("width", [1, 2, 7, 64])
def test_frechet_of_gaussians_agrees_with_scipys_matrix_root(width):
    cov_a, cov_b = covariance(width, 1), covariance(width, 2)
    mean_a, mean_b = rows(2, width, 3)
    root = sqrtm((cov_a @ cov_b).numpy()).real
    expected = ((mean_a - mean_b) ** 2).sum() + torch.trace(cov_a + cov_b) - 2 * np.trace(root)
    found = metrics.frechet_gaussians(mean_a, cov_a, mean_b, cov_b)
    assert found == pytest.approx(float(expected), rel=1e-9)


def test_frechet_of_singular_covariances():
    """A feature that never moves, as a dead unit's, is no obstacle."""
    cov = torch.diag(torch.tensor([4.0, 0.0], dtype=torch.float64))
    mean = torch.zeros(2, dtype=torch.float64)
    assert metrics.frechet_gaussians(mean, cov, mean, 0 * cov) == pytest.approx(4)
    assert metrics.frechet_gaussians(mean, cov, mean, cov.flip(0, 1)) == pytest.approx(8)


def test_frechet_of_rows_fits_mean_and_unbiased_covariance():
    a, b = rows(30, 4, 1), 2 * rows(50, 4, 2) + 1
    expected = metrics.frechet_gaussians(
        a.mean(0), torch.from_numpy(np.cov(a.T)), b.mean(0), torch.from_numpy(np.cov(b.T))
    )
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)
    # float32 features, as a network gives them, are not worse off
    assert metrics.frechet_distance(a.float(), b.float()) == pytest.approx(expected, rel=1e-5)


def test_the_bootstrap_error_is_the_spread_of_fresh_draws():
    def draw(seed):
        a, b = rows(400, 2, seed), rows(300, 2, 10_000 + seed) + torch.tensor([1.0, 0.0])
        return a[a[:, 0].argsort()], b[b[:, 0].argsort()]  # so that each row counts

    fresh = np.std([metrics.frechet_distance(*draw(seed)) for seed in range(300)])
    errors = [
        metrics.frechet_bootstrap(*draw(seed), n=100, generator=generator(seed))
        for seed in range(10)
    ]
    assert np.mean(errors) == pytest.approx(fresh, rel=0.2)


def test_the_bootstrap_draws_from_its_generator_alone():
    a, b, before = rows(20, 2, 1), rows(20, 2, 2), torch.get_rng_state()
    first = metrics.frechet_bootstrap(a, b, 5, generator(1))
    assert metrics.frechet_bootstrap(a, b, 5, generator(1)) == first
    assert metrics.frechet_bootstrap(a, b, 5, generator(2)) != first
    assert torch.equal(torch.get_rng_state(), before)


# What a classifier says


def test_features_come_in_batches_and_without_dropout():
    classifier, images = Threshold().train(), rows(7, 12).float().reshape(7, 3, 2, 2)
    found = metrics.features(classifier, images, batch=3)
    assert classifier.batches == [3, 3, 1]
    assert classifier.training
    assert not found.requires_grad
    torch.testing.assert_close(found, images.flatten(1).mean(dim=1, keepdim=True))


def test_a_module_is_set_back_to_training_even_after_an_error():
    class Broken(Threshold):
        def features(self, x):
            assert not self.training
            raise RuntimeError("broken")

    classifier = Broken()
    with pytest.raises(RuntimeError, match="broken"):
        metrics.features(classifier, torch.zeros(2, 1, 2, 2))
    assert classifier.training


def test_a_classifier_need_not_be_a_module():
    class Plain:
        def __call__(self, x):
            return torch.cat([-self.features(x), self.features(x)], dim=1)

        def features(self, x):
            return x.flatten(1).mean(dim=1, keepdim=True)

    images = torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1)
    assert metrics.accuracy(Plain(), images, torch.tensor([0, 1])).value == 1
    assert metrics.features(Plain(), images).shape == (2, 1)


def test_accuracy_and_its_binomial_error():
    images = torch.tensor([-1.0, -0.5, 0.5, 1.0, 0.2]).reshape(5, 1, 1, 1)
    value, error = metrics.accuracy(Threshold(), images, torch.tensor([0, 0, 1, 1, 0]), batch=2)
    assert value == pytest.approx(4 / 5)
    assert error == pytest.approx((0.8 * 0.2 / 5) ** 0.5)


def test_fidelity_is_the_mean_log_probability_of_the_right_class():
    images = torch.tensor([-1.0, 0.5, 2.0]).reshape(3, 1, 1, 1)
    value, error = metrics.fidelity(Threshold(), images, torch.tensor([0, 1, 0]), batch=2)
    # logits are (-mean, mean), so p(1) = 1 / (1 + exp(-2 mean))
    log_p = [-np.log1p(np.exp(-2 * m)) for m in (1.0, 0.5, -2.0)]
    assert value == pytest.approx(np.mean(log_p))
    assert error == pytest.approx(np.std(log_p, ddof=1) / 3**0.5)


class Pixels(nn.Module):
    """Features are the pixels themselves."""

    def features(self, x):
        return x.flatten(1)

    def forward(self, x):
        return x.flatten(1)


def test_diversity_is_the_trace_of_the_covariance_within_a_class():
    x, labels = rows(12, 4), torch.tensor([0, 1, 0, 1, 3, 0, 3, 3, 1, 0, 0, 0])
    value, _ = metrics.diversity(Pixels(), x.reshape(12, 1, 2, 2).float(), labels)
    expected = np.mean([np.trace(np.cov(x[labels == k].T)) for k in (0, 1, 3)])
    assert value == pytest.approx(expected, rel=1e-5)
    # Where a class lies does not matter, only how wide it is.
    moved = (x + 5 * labels[:, None]).reshape(12, 1, 2, 2).float()
    assert metrics.diversity(Pixels(), moved, labels).value == pytest.approx(value, rel=1e-4)


def test_the_error_of_diversity_is_its_spread_over_fresh_draws():
    labels, wide = torch.arange(60) % 3, torch.tensor([0.5, 1.0, 2.0])
    found = []
    for seed in range(200):
        x = rows(60, 4, seed).float() * wide[labels][:, None]
        found.append(metrics.diversity(Pixels(), x.reshape(60, 1, 2, 2), labels))
    values, errors = np.array(found).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.2)
    assert values.mean() == pytest.approx(4 * (0.25 + 1 + 4) / 3, rel=0.05)


# Nearest neighbours


def test_nearest_agrees_with_brute_force_whatever_the_chunk():
    a, b = rows(23, 12, 1).reshape(23, 3, 2, 2), rows(31, 12, 2).reshape(31, 3, 2, 2)
    gaps = (a[:, None] - b[None]).flatten(2).norm(dim=2)
    for chunk in (1, 5, 31, 1024):
        distance, row = metrics.nearest(a, b, chunk=chunk)
        torch.testing.assert_close(distance, gaps.min(dim=1).values)
        assert torch.equal(row, gaps.argmin(dim=1))
        assert torch.equal(metrics.nearest_distance(a, b, chunk), distance)


def test_a_copy_has_distance_0_among_many_and_far_from_the_origin():
    b = 1000 + rows(500, 256).float()
    distance, row = metrics.nearest(b[40:90], b, chunk=64)
    assert torch.equal(distance, torch.zeros(50, dtype=torch.float64))
    assert row.tolist() == list(range(40, 90))


def test_nearest_never_makes_a_larger_table_than_it_was_told(monkeypatch):
    sizes, cdist = [], torch.cdist
    monkeypatch.setattr(torch, "cdist", lambda a, b: sizes.append((len(a), len(b))) or cdist(a, b))
    metrics.nearest(rows(25, 2, 1), rows(33, 2, 2), chunk=10)
    assert len(sizes) == 3 * 4
    assert max(max(pair) for pair in sizes) == 10


# Sliced Wasserstein distance


def test_on_a_line_it_is_the_cost_of_the_best_pairing():
    a, b = rows(20, 1, 1), 3 * rows(20, 1, 2) + 1
    cost = (a - b.T).square()
    expected = cost[linear_sum_assignment(cost)].mean().sqrt()
    assert metrics.sliced_wasserstein(a, b, 3) == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(4, 6), (6, 4), (3, 7), (1, 5), (49, 98)])
def test_sets_of_different_sizes_count_alike(n, m):
    """Repeating each point does not change a distribution, and can make the sizes equal."""
    a, b = rows(n, 1, 1), rows(m, 1, 2) + 1
    equal = metrics.sliced_wasserstein(a.repeat_interleave(m, 0), b.repeat_interleave(n, 0), 1)
    assert metrics.sliced_wasserstein(a, b, 1) == pytest.approx(equal, rel=1e-10)


def test_a_shift_costs_its_length_seen_from_every_side():
    """The mean over directions of (theta . c)^2 is |c|^2 / D."""
    a, shift = rows(50, 4, 1), torch.tensor([3.0, 0.0, 4.0, 0.0])
    found = metrics.sliced_wasserstein(a, a + shift, 20_000, generator())
    assert found == pytest.approx(5 / 4**0.5, rel=0.02)


def test_it_sees_a_missing_mode_and_draws_from_its_generator_alone():
    two = torch.tensor([[-2.0, 0.0], [2.0, 0.0]])
    both, one = two.repeat(50, 1), two[:1].repeat(100, 1)
    before = torch.get_rng_state()
    first = metrics.sliced_wasserstein(both, one, generator=generator(1))
    assert first > 1
    assert metrics.sliced_wasserstein(both, one, generator=generator(1)) == first
    assert metrics.sliced_wasserstein(both, one, generator=generator(2)) != first
    assert torch.equal(torch.get_rng_state(), before)


# Bad input

NAN = torch.full((5, 2), float("nan"))
GOOD, IMAGES, LABELS = rows(5, 2), torch.zeros(5, 1, 2, 2), torch.zeros(5, dtype=torch.int64)
EYE, ZERO = torch.eye(2), torch.zeros(2)
TWO_SETS = [
    metrics.frechet_distance,
    metrics.frechet_bootstrap,
    metrics.nearest,
    metrics.nearest_distance,
    metrics.sliced_wasserstein,
]


@pytest.mark.parametrize("metric", TWO_SETS)
@pytest.mark.parametrize(
    ("a", "b", "error", "message"),
    [
        (NAN, GOOD, ValueError, "a holds NaN"),
        (GOOD, NAN, ValueError, "b holds NaN"),
        (GOOD.long(), GOOD, TypeError, "a must hold floating-point"),
        (GOOD, GOOD.numpy(), TypeError, "b must be a torch.Tensor"),
        (GOOD, GOOD[:0], ValueError, "b is empty"),
        (GOOD[:, 0], GOOD, ValueError, r"a must have shape \(N, \.\.\.\).*got \(5,\)"),
        (GOOD, rows(5, 3), ValueError, r"a and b must have the same shape.*\(5, 2\) and \(5, 3\)"),
    ],
)
def test_two_sets_are_checked_by_name(metric, a, b, error, message):
    with pytest.raises(error, match=message):
        metric(a, b)


@pytest.mark.parametrize("metric", [metrics.frechet_distance, metrics.frechet_bootstrap])
@pytest.mark.parametrize(("n", "m", "name"), [(2, 9, "a"), (9, 2, "b")])
def test_a_covariance_needs_more_rows_than_features(metric, n, m, name):
    with pytest.raises(ValueError, match=f"{name} has 2 rows of 2 features.*at least 3"):
        metric(rows(n, 2, 1), rows(m, 2, 2))
    assert metric(rows(3, 2, 1), rows(9, 2, 2)) > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: metrics.frechet_bootstrap(GOOD, GOOD, 1),
            ValueError,
            "n must be at least 2, got 1",
        ),
        (lambda: metrics.frechet_bootstrap(GOOD, GOOD, 2.5), TypeError, "n must be an integer"),
        (lambda: metrics.nearest(GOOD, GOOD, 0), ValueError, "chunk must be at least 1"),
        (lambda: metrics.nearest_distance(GOOD, GOOD, "9"), TypeError, "chunk must be an integer"),
        (lambda: metrics.sliced_wasserstein(GOOD, GOOD, 0), ValueError, "projections must be at"),
        (lambda: metrics.features(Threshold(), NAN), ValueError, "images holds NaN"),
        (lambda: metrics.features(Threshold(), LABELS), TypeError, "images must hold floating"),
        (lambda: metrics.features(Threshold(), IMAGES, 0), ValueError, "batch must be at least 1"),
        (lambda: metrics.accuracy(Threshold(), IMAGES[:0], LABELS), ValueError, "images is empty"),
        (lambda: metrics.accuracy(Threshold(), IMAGES, [0] * 5), TypeError, "labels.*got list"),
        (lambda: metrics.accuracy(Threshold(), IMAGES, LABELS.int()), TypeError, "labels.*int32"),
        (
            lambda: metrics.accuracy(Threshold(), IMAGES, LABELS[:1]),
            ValueError,
            r"labels must have shape \(5,\).*got \(1,\)",
        ),
        (
            lambda: metrics.accuracy(Threshold(), IMAGES, LABELS + 2),
            IndexError,
            r"labels holds 2, but the classifier knows only 0\.\.1",
        ),
        (lambda: metrics.accuracy(Threshold(), IMAGES, LABELS - 1), IndexError, "labels holds -1"),
        (lambda: metrics.fidelity(Threshold(), NAN, LABELS), ValueError, "images holds NaN"),
        (lambda: metrics.fidelity(Threshold(), IMAGES, LABELS + 2), IndexError, "labels holds 2"),
        (
            lambda: metrics.fidelity(Threshold(), IMAGES[:1], LABELS[:1]),
            ValueError,
            "1 image; a standard error takes at least 2",
        ),
        (lambda: metrics.diversity(Threshold(), NAN, LABELS), ValueError, "images holds NaN"),
        (lambda: metrics.diversity(Threshold(), IMAGES, LABELS - 1), IndexError, "labels holds -1"),
        (
            lambda: metrics.diversity(Threshold(), IMAGES, torch.tensor([0, 0, 0, 1, 1])),
            ValueError,
            r"labels holds class 1 2 time\(s\).*at least 3 images",
        ),
        (
            lambda: metrics.frechet_gaussians(ZERO, EYE, torch.zeros(3), EYE),
            ValueError,
            r"mean_b has shape \(3,\)",
        ),
        (
            lambda: metrics.frechet_gaussians(EYE, EYE, EYE, EYE),
            ValueError,
            r"mean_a must have shape \(D,\)",
        ),
        (
            lambda: metrics.frechet_gaussians(ZERO, EYE, ZERO, torch.eye(3)),
            ValueError,
            r"cov_b must have shape \(2, 2\), got \(3, 3\)",
        ),
        (
            lambda: metrics.frechet_gaussians(ZERO, torch.ones(2, 2).triu(), ZERO, EYE),
            ValueError,
            "cov_a must be symmetric",
        ),
        (
            lambda: metrics.frechet_gaussians(ZERO, EYE, ZERO, -EYE),
            ValueError,
            "cov_b has the negative eigenvalue -1",
        ),
        (
            lambda: metrics.frechet_gaussians(ZERO, EYE / 0, ZERO, EYE),
            ValueError,
            "cov_a holds NaN or infinity",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
