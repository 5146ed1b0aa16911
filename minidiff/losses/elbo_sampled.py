r"""The evidence lower bound from a few times t, where summing over all of them would take too long."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.model import EpsModel
from ..base.rng import Generator, draw_times
from ..base.validate import check_positive_int, check_probabilities, check_schedule
from ..chain.schedule import NoiseSchedule
from .bound import bound_terms
from .elbo import L_T, Elbo, checked_likelihood, guessed


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
        One estimate for each example, float64, shape (B,), on the CPU. Their mean has the standard
        error :func:`~minidiff.losses.elbo.standard_error`, in which the luck of the draws is included.

    Raises:
        TypeError, ValueError: As :func:`~minidiff.elbo`; also if ``probabilities`` is not of shape (T+1,),
            negative, not of sum 1, or not 0 at t = 0 and 1.

    Source:
        Nichol and Dhariwal 2021, section 3.3.
    """
    check_schedule(schedule)
    likelihood = checked_likelihood(x_0, schedule, variance, likelihood, kind)
    p = check_probabilities("probabilities", probabilities, schedule.T)
    if p[:2].any():
        raise ValueError(
            f"probabilities must be 0 at t = 0 and 1 (L_0 is always computed); got {p[:2].tolist()}"
        )
    draws = check_positive_int("draws", draws)
    batch = check_positive_int("batch", batch)
    rows = torch.arange(len(x_0)).repeat(draws)
    # Each example once at t = 1, whose term is L_0, and as often as asked for at times drawn.
    drawn = torch.cat([torch.ones(len(x_0)).long(), draw_times(p, len(rows), generator)])
    rows = torch.cat([rows[: len(x_0)], rows])
    share = p * draws
    share[1] = 1
    total = L_T(x_0, schedule)
    for row, t in zip(torch.split(rows, batch), torch.split(drawn, batch), strict=True):
        x = x_0[row]
        x0_hat, v = guessed(eps_model, x, t, schedule, variance, kind, clip, None, generator)
        terms = bound_terms(x.double(), x0_hat, v, t, schedule, likelihood).cpu()
        total.index_add_(0, row, terms / share[t])
    return total / (x_0[0].numel() * math.log(2))
