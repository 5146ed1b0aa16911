"""The forward process: one step, the chain, and the jump that stands for the chain."""

import math

import pytest
import torch

import minidiff as md

F64 = torch.float64


@pytest.fixture
def schedule() -> md.NoiseSchedule:
    return md.linear_schedule(12, 0.05, 0.4)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_a_step_is_its_equation(schedule):
    x, z = randn(2, 3), randn(2, 3, seed=1)
    beta = float(schedule.beta[5])
    expected = [
        math.sqrt(1 - beta) * a + math.sqrt(beta) * b
        for a, b in zip(x.flatten().tolist(), z.flatten().tolist(), strict=True)
    ]
    assert md.q_step(x, 5, schedule, noise=z).flatten().tolist() == pytest.approx(
        expected, abs=1e-14
    )


def test_a_jump_is_its_equation(schedule):
    x, z = randn(2, 3), randn(2, 3, seed=1)
    left = math.prod(1 - float(b) for b in schedule.beta[1:6])
    expected = [
        math.sqrt(left) * a + math.sqrt(1 - left) * b
        for a, b in zip(x.flatten().tolist(), z.flatten().tolist(), strict=True)
    ]
    assert md.q_sample(x, 5, schedule, z).flatten().tolist() == pytest.approx(expected, abs=1e-14)


def test_the_chain_has_the_mean_and_variance_of_the_nice_property(schedule):
    """Row 0 of the batch walks without noise; row j meets a noise of 1 in step j alone.

    The chain is linear, so row 0 is the mean and the other rows give, by difference, the weight of
    each step's noise: their squares sum to the variance, without any sampling error.
    """
    T, x_0 = schedule.T, 0.7
    x = torch.full((T + 1, 1), x_0, dtype=F64)
    for t in range(1, T + 1):
        unit = torch.zeros_like(x)
        unit[t] = 1
        x = md.q_step(x, t, schedule, noise=unit)
        left = float(schedule.alpha_bar[t])
        assert float(x[0]) == pytest.approx(math.sqrt(left) * x_0, abs=1e-12)
        assert float((x - x[0]).square().sum()) == pytest.approx(1 - left, abs=1e-12)


def test_the_drawn_chain_and_the_drawn_jump_agree_in_distribution(schedule):
    generator = torch.Generator().manual_seed(0)
    start = torch.full((50_000, 1), 0.7, dtype=F64)
    chain = start
    for t in range(1, 9):
        chain = md.q_step(chain, t, schedule, generator=generator)
    jump = md.q_sample(start, 8, schedule, generator=generator)
    deviation = math.sqrt(1 - float(schedule.alpha_bar[8]))
    error = deviation / math.sqrt(
        len(start)
    )  # of a mean; of a standard deviation: 1 / sqrt(2) of it
    for x in (chain, jump):
        assert float(x.mean()) == pytest.approx(
            0.7 * float(schedule.alpha_bar[8].sqrt()), abs=4 * error
        )
        assert float(x.std()) == pytest.approx(deviation, abs=4 * error)


@pytest.mark.parametrize("function", [md.q_step, md.q_sample])
def test_each_example_may_have_its_own_t(function, schedule):
    x, z = randn(3, 1, 2, 2), randn(3, 1, 2, 2, seed=1)
    together = function(x, torch.tensor([1, 12, 6]), schedule, noise=z)
    for i, t in enumerate((1, 12, 6)):
        alone = function(x[i : i + 1], t, schedule, noise=z[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-15)


@pytest.mark.parametrize("function", [md.q_step, md.q_sample])
def test_without_noise_it_is_drawn_from_the_generator(function, schedule):
    x = randn(4, 2)
    drawn = function(x, 3, schedule, generator=torch.Generator().manual_seed(5))
    assert torch.equal(drawn, function(x, 3, schedule, noise=randn(4, 2, seed=5)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("t", [3, torch.tensor([3, 4])])
@pytest.mark.parametrize("function", [md.q_step, md.q_sample])
def test_the_type_of_the_data_is_kept(function, t, dtype, schedule):
    assert function(torch.ones(2, 3, dtype=dtype), t, schedule).dtype == dtype


def test_the_data_are_not_changed(schedule):
    x = randn(2, 2)
    before = x.clone()
    md.q_sample(x, 3, schedule)
    md.q_step(x, 3, schedule)
    assert torch.equal(x, before)
