"""The toy distributions are those that their docstring gives."""

import math

import pytest
import torch
from scipy import stats

import minidiff as md
from minidiff.base.rng import BatchSlice, rand, randint, randn
from minidiff.data import EIGHT_STD, TOY, eight_means, toy

N = 20_000


def draw(name: str, n: int = N, seed: int = 0) -> torch.Tensor:
    return toy(name, n, torch.Generator().manual_seed(seed)).double()


def uniform_p(u: torch.Tensor) -> float:
    """How likely so uneven a sample is, were it uniform on [0, 1]."""
    return float(stats.kstest(u.numpy(), "uniform").pvalue)


def normal_p(z: torch.Tensor) -> float:
    return float(stats.kstest(z.numpy().ravel(), "norm").pvalue)


def angle(x: torch.Tensor) -> torch.Tensor:
    return torch.atan2(x[:, 1], x[:, 0])


def test_eight_gaussians_is_the_mixture_that_the_formula_gives():
    x, means = draw("eight_gaussians"), eight_means().double()
    k = torch.cdist(x, means).argmin(dim=1)  # 8 standard deviations separate neighbours
    assert stats.chisquare(k.bincount(minlength=8)).pvalue > 0.001
    assert normal_p((x - means[k]) / 0.15) > 0.001
    assert EIGHT_STD == 0.15


def test_eight_means_lie_on_a_circle_counter_clockwise():
    means = eight_means()
    torch.testing.assert_close(means[0], torch.tensor([1.6, 0.0]))
    torch.testing.assert_close(means[2], torch.tensor([0.0, 1.6]), rtol=0, atol=1e-6)
    torch.testing.assert_close(means.norm(dim=1), torch.full((8,), 1.6))


def test_ring_has_a_normal_radius_and_a_uniform_angle():
    x = draw("ring")
    assert normal_p((x.norm(dim=1) - 1.6) / 0.1) > 0.001
    assert uniform_p(angle(x) / (2 * math.pi) + 0.5) > 0.001


def distance_to_curve(x: torch.Tensor, curve: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    nearest = torch.cdist(x, curve.double()).min(dim=1)
    return nearest.values, nearest.indices / (len(curve) - 1)


def test_two_moons_are_half_circles_with_noise():
    x = draw("two_moons", 4000)
    theta = torch.linspace(0, math.pi, 2001, dtype=torch.float64)
    upper = 4 / 3 * torch.stack([theta.cos() - 0.5, theta.sin() - 0.25], dim=1)
    gap, place = zip(*(distance_to_curve(x, moon) for moon in (upper, -upper)), strict=True)
    on_upper = gap[0] < gap[1]
    assert abs(float(on_upper.double().mean()) - 0.5) < 0.03
    # Away from the ends the distance to the curve is the noise across it.
    place, gap = torch.where(on_upper, *place), torch.minimum(*gap)
    middle = (place > 0.1) & (place < 0.9)
    assert float(gap[middle].square().mean().sqrt()) == pytest.approx(0.1, rel=0.05)
    assert uniform_p((place[middle] - 0.1) / 0.8) > 0.001


def test_the_swiss_roll_is_a_spiral_with_noise():
    x = draw("swiss_roll", 4000)
    a = 1.5 * math.pi * (1 + 2 * torch.linspace(0, 1, 4001, dtype=torch.float64))
    spiral = 2 / (4.5 * math.pi) * torch.stack([a * a.cos(), a * a.sin()], dim=1)
    gap, place = distance_to_curve(x, spiral)
    middle = (place > 0.05) & (place < 0.95)
    assert float(gap[middle].square().mean().sqrt()) == pytest.approx(0.05, rel=0.05)
    assert uniform_p((place[middle] - 0.05) / 0.9) > 0.001


@pytest.mark.parametrize("name", TOY)
def test_every_set_is_about_centred_and_reaches_to_about_2(name):
    x = draw(name)
    assert x.mean(dim=0).abs().max() < 0.3
    assert x.std(dim=0).min() > 0.5
    assert x.std(dim=0).max() < 1.2
    assert 1.8 < x.abs().max() < 2.5


@pytest.mark.parametrize("name", TOY)
def test_a_process_sees_its_rows_of_the_whole_batch(name):
    whole = toy(name, 10, torch.Generator().manual_seed(1))
    part = toy(name, 4, BatchSlice(torch.Generator().manual_seed(1), start=3, total=10))
    torch.testing.assert_close(part, whole[3:7])


@pytest.mark.parametrize("name", TOY)
def test_a_given_generator_leaves_the_global_one_alone(name):
    before = torch.get_rng_state()
    toy(name, 5, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(3)
    first = toy(name, 5)
    torch.manual_seed(3)
    assert torch.equal(toy(name, 5), first)
    torch.set_rng_state(before)


def test_device_moves_the_points():
    assert toy("ring", 3, device="meta").device.type == "meta"


@pytest.mark.parametrize(
    ("name", "n", "error", "message"),
    [
        ("moons", 5, ValueError, "name must be one of 'two_moons', .*'ring'; got 'moons'"),
        ("ring", 0, ValueError, "n must be at least 1, got 0"),
        ("ring", -3, ValueError, "n must be at least 1, got -3"),
        ("ring", 5.0, TypeError, "n must be an integer, got 5.0"),
        ("ring", True, TypeError, "n must be an integer, got True"),
    ],
)
def test_bad_input_is_refused_by_name(name, n, error, message):
    with pytest.raises(error, match=message):
        toy(name, n)


@pytest.mark.parametrize(
    ("name", "std"), [("two_moons", 0.1), ("swiss_roll", 0.05), ("eight_gaussians", 0.15)]
)
def test_noise_has_two_coordinates_that_know_nothing_of_each_other(name, std):
    """What is drawn before it comes out again from the same seed, without the noise."""
    g = md.seeded(0)
    if name == "two_moons":
        turn = math.pi * rand((N,), g).double()
        moon = (torch.stack([turn.cos(), turn.sin()], 1) - torch.tensor([0.5, 0.25])) * (4 / 3)
        clean = (2 * randint(0, 1, (N, 1), g) - 1) * moon
    elif name == "swiss_roll":
        turn = 1.5 * math.pi * (1 + 2 * rand((N,), g).double())
        clean = 2 / (4.5 * math.pi) * turn[:, None] * torch.stack([turn.cos(), turn.sin()], 1)
    else:
        clean = eight_means().double()[randint(0, 7, (N,), g)]
    noise = (draw(name) - clean) / std
    torch.testing.assert_close(noise, randn((N, 2), g).double(), atol=1e-4, rtol=0)
    assert normal_p(noise) > 0.001
    torch.testing.assert_close(noise.T.cov(), torch.eye(2, dtype=torch.float64), atol=0.05, rtol=0)
