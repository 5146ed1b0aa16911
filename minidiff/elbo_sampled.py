r"""The evidence lower bound from a few times t, where summing over all of them would take too long."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .draw import Generator, rand
from .elbo import L_T, Elbo, checked_likelihood, guessed, kl_terms, log_p_of_x_0
from .posterior import model_variance
from .sample import EpsModel
from .schedule import NoiseSchedule
from .validate import check_floats, check_positive_int, check_schedule


def importance_of_times(terms: Elbo) -> Tensor:
    r"""With which probability to draw t, so that a few draws tell the sum over all t best.

    .. math:: p_t \propto \sqrt{\mathbb E\big[ L_{t-1}^2 \big]}, \qquad t = 2, \dots, T

    Args:
        terms: The terms of some examples. They must not be those that :func:`sampled_bits_per_dim` is
            then asked about: probabilities that know the answer bias it.

    Returns:
        Float64, shape (T+1,), indexed by t, of sum 1; entries 0 and 1 are 0.

    Raises:
        ValueError: If the chain has one step only: nothing to draw.

    Source:
        Nichol and Dhariwal 2021, equation 18.
    """
    size = terms.L_t.square().mean(dim=0).sqrt()
    if not float(size.sum()) > 0:
        raise ValueError("terms.L_t is 0 everywhere: there are no times to choose from")
    return size / size.sum()


def sampled_bits_per_dim(
    eps_model: EpsModel,
    x_0: Tensor,
    schedule: NoiseSchedule,
    probabilities: Tensor,
    *,
    draws: int = 10,
    variance: str = "small",
    likelihood: str | None = None,
    kind: str = "eps",
    clip: bool = False,
    generator: Generator | None = None,
    batch: int = 256,
) -> Tensor:
    r"""Bits per dimension from a few times t, drawn by importance; right on average.

    .. math::
        -\mathrm{ELBO} \approx L_T + L_0 + \frac1n \sum_{i=1}^{n} \frac{L_{t_i - 1}}{p_{t_i}},
        \qquad t_i \sim p

    Args:
        eps_model: As for :func:`~minidiff.elbo`, and so are the arguments below that are not named here.
        x_0: Clean data, shape (B, ...).
        schedule: The noise schedule.
        probabilities: :math:`p_t`, shape (T+1,), from :func:`importance_of_times`.
        draws: n, how many times each example draws.
        variance: See :func:`~minidiff.elbo`.
        likelihood: See :func:`~minidiff.elbo`.
        kind: See :func:`~minidiff.elbo`.
        clip: See :func:`~minidiff.elbo`.
        generator: Where to draw from.
        batch: How many noisy examples the model gets at once.

    Returns:
        One estimate for each example, float64, shape (B,), on the CPU. Their mean has the
        standard error :func:`~minidiff.elbo.standard_error`, in which the luck of the draws is included.

    Raises:
        TypeError, ValueError: As :func:`~minidiff.elbo`; also if ``probabilities`` is not of shape (T+1,),
            negative, not of sum 1, or not 0 at t = 0 and 1.

    Source:
        Nichol and Dhariwal 2021, section 3.3.
    """
    check_schedule(schedule)
    likelihood = checked_likelihood(x_0, schedule, variance, likelihood, kind)
    p = _checked_probabilities(probabilities, schedule.T)
    draws = check_positive_int("draws", draws)
    batch = check_positive_int("batch", batch)
    uniform = rand((draws * len(x_0),), generator).double()
    # Times 0 and 1 have no share: the smallest t whose cumulated share exceeds the number drawn.
    drawn = torch.searchsorted(p.cumsum(0), uniform, right=True).clamp(max=schedule.T)
    rows = torch.arange(len(x_0)).repeat(draws)
    sigma_2 = model_variance(schedule, variance)
    total = L_T(x_0, schedule)
    for row in torch.split(rows[: len(x_0)], batch):
        first = torch.ones_like(row)
        x0_hat = guessed(eps_model, x_0[row], first, schedule, kind, clip, None, generator)
        total[row] -= log_p_of_x_0(x_0[row], x0_hat, float(sigma_2[1]), likelihood)
    for row, t in zip(torch.split(rows, batch), torch.split(drawn, batch), strict=True):
        x0_hat = guessed(eps_model, x_0[row], t, schedule, kind, clip, None, generator)
        error = torch.zeros(len(row), schedule.T + 1, dtype=torch.float64)
        picked = torch.arange(len(row))
        error[picked, t] = (x_0[row].double() - x0_hat).square().reshape(len(row), -1).mean(1).cpu()
        term = kl_terms(error, schedule, variance)[picked, t] * x_0[0].numel()
        total.index_add_(0, row, term / (p[t] * draws))
    return total / (x_0[0].numel() * math.log(2))


def _checked_probabilities(p: Tensor, T: int) -> Tensor:
    check_floats("probabilities", p)
    if p.shape != (T + 1,):
        raise ValueError(f"probabilities must have shape (T+1,) = ({T + 1},), got {tuple(p.shape)}")
    p = p.detach().double().cpu()
    if (p < 0).any() or p[:2].any() or abs(float(p.sum()) - 1) > 1e-6:
        raise ValueError(
            f"probabilities must be at least 0, sum to 1 and be 0 at t = 0 and 1; got a sum of "
            f"{float(p.sum()):g}, a smallest entry of {float(p.min()):g} and {p[:2].tolist()} at 0 and 1"
        )
    return p
