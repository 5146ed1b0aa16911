r"""The evidence lower bound from a few times t, where summing over all of them would take too long."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import KINDS, EpsModel, prediction_of
from ..base.rng import Generator, draw_times
from ..base.rules.choices import drawn_from_2, some_term_is_there
from ..base.rules.pixels import likelihood_of, made_of_8_bits
from ..base.rules.tells import model_tells_x_0
from ..chain.posterior import VARIANCES
from ..chain.schedule import NoiseSchedule
from .bound import LIKELIHOODS, bound_terms
from .elbo import L_T, Elbo
from .guess import Guesser


@contract("", some_term_is_there)
def importance_of_times(terms: Elbo) -> Tensor:
    r"""With which probability to draw t, so that a few draws tell the sum over all t best.

    .. math:: p_t \propto \sqrt{\mathbb E\big[ L_{t-1}^2 \big]}, \qquad t = 2, \dots, T

    Args:
        terms: The terms of some examples. They must not be those that :func:`sampled_bits_per_dim` is
            then asked about: probabilities that know the answer bias it.

    Returns:
        Float64, shape (T+1,), indexed by t, of sum 1; entries 0 and 1 are 0.

    Source:
        Nichol and Dhariwal 2021, equation 18.
    """
    size = terms.L_t.square().mean(dim=0).sqrt()
    return size / size.sum()


@contract(
    f"""x_0: floats, variance: one of {VARIANCES}, likelihood: one of {LIKELIHOODS}, kind: one of {KINDS},
    probabilities: probabilities of schedule, draws and batch: count""",
    model_tells_x_0,
    made_of_8_bits,
    drawn_from_2,
)
def sampled_bits_per_dim(
    eps_model: EpsModel,
    x_0: Tensor,
    schedule: NoiseSchedule,
    probabilities: Tensor,
    *,
    draws: int = 10,
    variance: str | None = None,
    likelihood: str | None = None,
    kind: str | None = None,
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
        ValueError: If the model's answer has another shape than x_t.
        TypeError: If it is no tensor, or no pair where the variance is learned.

    Source:
        Nichol and Dhariwal 2021, section 3.3.
    """
    bound = unchecked(bound_terms)
    guess = Guesser(eps_model, schedule, variance, prediction_of(eps_model, kind), clip)
    likelihood = likelihood_of(x_0, likelihood)
    p = probabilities.detach().double().cpu()
    rows = torch.arange(len(x_0)).repeat(draws)
    # Each example once at t = 1, whose term is L_0, and as often as asked for at times drawn.
    drawn = torch.cat([torch.ones(len(x_0)).long(), draw_times(p, len(rows), generator)])
    rows = torch.cat([rows[: len(x_0)], rows])
    share = p * draws
    share[1] = 1
    total = unchecked(L_T)(x_0, schedule)
    for row, t in zip(torch.split(rows, batch), torch.split(drawn, batch), strict=True):
        x = x_0[row]
        x0_hat, v = guess(x, t, None, generator)
        terms = bound(x.double(), x0_hat, v, t, schedule, likelihood=likelihood).cpu()
        total.index_add_(0, row, terms / share[t])
    return total / (x_0[0].numel() * math.log(2))
