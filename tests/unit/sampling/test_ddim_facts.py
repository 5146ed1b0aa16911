"""The slides' two facts about DDIM: every η has the same marginals, and η = 0 has no randomness.

The first is why DDIM needs no training of its own: the loss sees only q(x_t | x_0). It is shown in
closed form for the whole chain: all is linear, so rows of 1s show the weights of independent normals.
"""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

import minidiff as md

F64 = torch.float64
SCHEDULE = md.linear_schedule()
TIMES = [1000, 990, 500, 499, 20, 1]
M, S = 0.3, 0.5


def weights_along_the_chain(eta: float) -> list[tuple[int, Tensor]]:
    """At each time the weights of x_0, of the first noise and of each later draw in x_t.

    The chain is the family that the DDIM paper starts from: it goes back from x_t while knowing x_0.
    """
    rows = 2 + len(TIMES)  # x_0, the noise at T, and one draw a step
    x_0, eps = torch.zeros(rows, 1, dtype=F64), torch.zeros(rows, 1, dtype=F64)
    x_0[0], eps[1] = 1, 1
    x = md.q_sample(x_0, TIMES[0], SCHEDULE, noise=eps)
    found = [(TIMES[0], x.flatten())]
    for draw, (t, s) in enumerate(pairwise(TIMES)):
        z = torch.zeros_like(x)
        z[2 + draw] = 1
        x, _ = md.sample_step(x_0, x, t, s, SCHEDULE, kind="x0", eta=eta, noise=z)
        found.append((s, x.flatten()))
    return found


@pytest.mark.parametrize("eta", [0.0, 0.2, 0.5, 1.0])
def test_for_every_eta_the_marginals_are_those_of_the_forward_process(eta):
    for t, weights in weights_along_the_chain(eta):
        alpha_bar = float(SCHEDULE.alpha_bar[t])
        of_data, of_noise = float(weights[0]), float(weights[1:].square().sum())
        # q(x_t | x_0), and with it the marginal of x_t over Gaussian data
        assert of_data == pytest.approx(alpha_bar**0.5, abs=1e-12)
        assert of_noise == pytest.approx(1 - alpha_bar, abs=1e-12)
        mean, variance = of_data * M, (of_data * S) ** 2 + of_noise
        assert mean == pytest.approx(alpha_bar**0.5 * M, abs=1e-12)
        assert variance == pytest.approx(alpha_bar * S**2 + 1 - alpha_bar, abs=1e-12)


def test_what_differs_is_how_two_times_hang_together():
    """With η = 0 the noise at T decides the noise at 1; with η = 1 next to nothing of it is left."""
    left = {
        eta: float(weights_along_the_chain(eta)[-1][1][1]) / (1 - SCHEDULE.alpha_bar[1]) ** 0.5
        for eta in (0.0, 0.5, 1.0)
    }
    assert left[0.0] == pytest.approx(1, abs=1e-10)
    assert left[0.0] > left[0.5] > left[1.0]
    assert left[1.0] < 0.01


def net(x: Tensor, t: Tensor) -> Tensor:
    return 0.6 * x + 0.2 * torch.sin(2 * x)


def ends(eta: float, seeds: tuple[int, int]) -> list[Tensor]:
    x_T = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    return [
        md.ddim_sample(
            net, SCHEDULE, x_T=x_T, steps=10, eta=eta, generator=torch.Generator().manual_seed(seed)
        )
        for seed in seeds
    ]


def test_with_eta_0_the_noise_at_T_decides_everything():
    first, second = ends(0.0, (1, 2))
    assert torch.equal(first, second)
    for eta in (0.1, 1.0):
        first, second = ends(eta, (1, 2))
        assert not torch.equal(first, second)


def test_with_eta_0_no_number_is_drawn():
    generator = torch.Generator().manual_seed(7)
    before = generator.get_state()
    md.ddim_sample(net, SCHEDULE, x_T=torch.ones(3, 2), steps=10, generator=generator)
    assert torch.equal(generator.get_state(), before)
    md.ddim_sample(net, SCHEDULE, x_T=torch.ones(3, 2), steps=10, eta=0.5, generator=generator)
    assert not torch.equal(generator.get_state(), before)
