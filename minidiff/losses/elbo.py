r"""The evidence lower bound: how many nats does the model need for a picture, and at which t?

.. math::
    -\mathrm{ELBO} = \underbrace{D_\text{KL}\big(q(x_T \mid x_0) \,\|\, p(x_T)\big)}_{L_T}
    + \sum_{t=2}^{T} \underbrace{D_\text{KL}\big(q(x_{t-1} \mid x_t, x_0) \,\|\,
      p_\theta(x_{t-1} \mid x_t)\big)}_{L_{t-1}}
    + \underbrace{-\log p_\theta(x_0 \mid x_1)}_{L_0}

The network enters only through its guess :math:`\hat x_0(x_t, t)`: both Gaussians of a KL have the same
weight of :math:`x_t` in their means, so the means differ by a multiple of :math:`x_0 - \hat x_0`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import KINDS, EpsModel, prediction_of
from ..base.progress import with_bar
from ..base.rng import Generator
from ..base.rules.pixels import likelihood_of, made_of_8_bits
from ..base.rules.shapes import noise_holds_draws
from ..base.rules.tells import model_tells_x_0
from ..chain.gaussians import gaussian_kl
from ..chain.posterior import VARIANCES
from ..chain.schedule import NoiseSchedule
from .bound import LIKELIHOODS, bound_terms, kl_terms, mean_log_density
from .guess import Guesser


@dataclass(frozen=True)
class Elbo:
    r"""The terms of −ELBO for each example of a batch, in nats, summed over the example's entries.

    Attributes:
        L_T: Shape (B,): what is left of the data at T. No network in it.
        L_t: Shape (B, T+1): column t holds the slides' :math:`L_{t-1}` for t = 2..T; columns 0 and 1 are 0.
        L_0: Shape (B,): :math:`-\log p_\theta(x_0 \mid x_1)`.
        x0_error: Shape (B, T+1): column t holds the mean of :math:`(x_0 - \hat x_0(x_t, t))^2` over
            the entries, for t = 1..T; column 0 is 0. Its root is the distortion of lossy compression.
        entries: D, the number of entries of an example.
        variance: ``"small"``, ``"large"`` or ``"learned"``.
        likelihood: ``"discretised"`` or ``"density"``: what L_0 is.
    """

    L_T: Tensor
    L_t: Tensor
    L_0: Tensor
    x0_error: Tensor
    entries: int
    variance: str
    likelihood: str

    @property
    def negative_elbo(self) -> Tensor:
        r""":math:`L_T + \sum_t L_{t-1} + L_0`, nats, shape (B,): at least −log p_θ(x_0) on average."""
        return self.L_T + self.L_t.sum(dim=1) + self.L_0

    @property
    def bits_per_dim(self) -> Tensor:
        r""":math:`-\mathrm{ELBO} / (D \ln 2)`, shape (B,).

        For 8-bit pixels (``likelihood="discretised"``) a code of that many bits a pixel exists, and 8
        would be no compression at all. For a density the number depends on the data's unit.
        """
        return self.negative_elbo / (self.entries * math.log(2))

    @property
    def standard_error(self) -> float:
        """Standard error of the batch's mean bits per dimension; NaN for a batch of one."""
        return standard_error(self.bits_per_dim)

    def __repr__(self) -> str:
        return (
            f"Elbo({float(self.bits_per_dim.mean()):.4f} ± {self.standard_error:.4f} bits/dim over "
            f"{len(self.L_0)} examples, variance={self.variance!r}, likelihood={self.likelihood!r})"
        )


@contract(
    f"""x_0: floats, variance: one of {VARIANCES}, likelihood: one of {LIKELIHOODS}, kind: one of {KINDS},
    noise: floats, draws and batch: count""",
    model_tells_x_0,
    made_of_8_bits,
    noise_holds_draws,
)
def elbo(
    eps_model: EpsModel,
    x_0: Tensor,
    schedule: NoiseSchedule,
    *,
    variance: str | None = None,
    likelihood: str | None = None,
    kind: str | None = None,
    clip: bool = False,
    noise: Tensor | None = None,
    draws: int = 1,
    generator: Generator | None = None,
    batch: int = 256,
    progress: bool = False,
) -> Elbo:
    r"""Every term of −ELBO, for each example: the whole chain is visited, t = 1..T.

    Of an expectation over :math:`x_t \sim q(x_t \mid x_0)` this takes the mean of ``draws`` draws, one
    after the other: memory holds one batch of noisy data, however large T is. A model that knows the
    expectation (:func:`minidiff.chain.exact.gaussian`) is asked for it, and nothing is drawn; only
    the discretised L_0 has no closed form.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        x_0: Clean data, shape (B, ...); images are (B, C, H, W) in [-1, 1].
        schedule: The noise schedule.
        variance: Of :math:`p_\theta(x_{t-1} \mid x_t)`: ``"small"`` is :math:`\tilde\beta_t`,
            ``"large"`` is :math:`\beta_t`; see :func:`~minidiff.model_variance` for t = 1. With
            ``"learned"`` the model also says v, the mixing weight between them: by the pair (prediction, v),
            or by twice the channels. None takes what is learned where it is there, else the small one.
        likelihood: ``"discretised"`` takes L_0 as the probability of 8-bit values, ``"density"`` as a
            density of continuous data. By default images (four dimensions) are 8-bit and
            anything else is continuous.
        kind: What the model predicts, ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``; None takes what the
            model says itself (``eps_model.predicts``), or else the noise.
        clip: Limit :math:`\hat x_0` to [-1, 1], for pixels.
        noise: ε to use for all t, shape (draws, B, ...); drawn afresh for each t when not given.
        draws: How many draws of ε for each example and t.
        generator: Where to draw from.
        batch: How many noisy examples the model gets at once.
        progress: Show a progress bar.

    Returns:
        The terms, float64, on the CPU.

    Raises:
        ValueError: If the model's answer has another shape than x_t.
        TypeError: If it is no tensor, or no pair where the variance is learned.

    Source:
        Ho et al. 2020, equations 5, 8 and 13; slide "Loss function", appendix B. The sign is that
        of the braces there: all terms are what training makes small.
    """
    bound = unchecked(bound_terms)
    guess = Guesser(eps_model, schedule, variance, prediction_of(eps_model, kind), clip)
    likelihood = likelihood_of(x_0, likelihood)
    draws = draws if noise is None else len(noise)
    times: Sequence[int] = range(1, schedule.T + 1)
    D = x_0[0].numel()
    error = torch.zeros(len(x_0), schedule.T + 1, dtype=torch.float64)
    nats = torch.zeros_like(error)
    closed = guess.expected_error is not None
    if closed:
        error[:, 1:] = _expected_errors(guess, x_0)
        guess.variance = guess.variance or "small"
        nats = D * _closed_terms(error, schedule, guess.variance, likelihood)
        times = [1] if likelihood == "discretised" else []

    for t, draw, row in with_bar(_calls(times, draws, len(x_0), batch), progress, "ELBO", "call"):
        x, eps = x_0[row], None if noise is None else noise[draw, row]
        x0_hat, v = guess(x, t, eps, generator)
        terms = bound(x.double(), x0_hat, v, t, schedule, likelihood=likelihood).cpu()
        nats.index_put_((row, t), terms / draws, accumulate=True)
        if not closed:
            squares = (x.double() - x0_hat).square().reshape(len(x), -1).mean(1).cpu()
            error.index_put_((row, t), squares / draws, accumulate=True)

    L_0 = nats[:, 1].clone()
    nats[:, 1] = 0
    return Elbo(
        unchecked(L_T)(x_0, schedule), nats, L_0, error, D, guess.variance or "small", likelihood
    )


@contract("x_0: floats")
def L_T(x_0: Tensor, schedule: NoiseSchedule) -> Tensor:
    r"""What is left of the data at T, :math:`D_\text{KL}\big(q(x_T \mid x_0) \,\|\, \mathcal N(0, I)\big)`.

    .. math::
        L_T = \frac12 \sum_i \left( \bar\alpha_T\, x_{0,i}^2 - \bar\alpha_T - \log(1 - \bar\alpha_T) \right)

    Args:
        x_0: Clean data, shape (B, ...).
        schedule: The noise schedule.

    Returns:
        Nats for each example, summed over its entries; float64, shape (B,), on the CPU.

    Source:
        Ho et al. 2020, equation 5 and section 3.1.
    """
    alpha_bar_T = float(schedule.alpha_bar[-1])
    mean = math.sqrt(alpha_bar_T) * x_0.detach().double().cpu()
    return unchecked(gaussian_kl)(mean, 1 - alpha_bar_T, 0.0, 1.0).reshape(len(x_0), -1).sum(1)


@contract("values: floats")
def standard_error(values: Tensor) -> float:
    """Standard error of the mean of independent values (N,); NaN for a single one."""
    return float(values.std() / math.sqrt(len(values)))


def _expected_errors(guess: Guesser, x_0: Tensor) -> Tensor:
    """The mean squared error of the guess at t = 1..T, from the model itself, shape (B, T)."""
    error = guess.expected_error
    assert error is not None
    exact = x_0.double()
    per_entry = (error(exact, t).reshape(len(x_0), -1) for t in range(1, guess.schedule.T + 1))
    return torch.stack([entries.mean(1).cpu() for entries in per_entry], dim=1)


def _closed_terms(error: Tensor, schedule: NoiseSchedule, variance: str, likelihood: str) -> Tensor:
    """Nats an entry, shape (B, T+1), out of mean squared errors; only a discretised L_0 is left at 0."""
    nats = unchecked(kl_terms)(error, schedule, variance)
    if likelihood == "density":
        nats[:, 1] = -mean_log_density(error[:, 1], schedule, variance)
    return nats


def _calls(
    times: Sequence[int], draws: int, examples: int, batch: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """All (t, draw, example), cut into as few calls of the model as ``batch`` allows."""
    if not times:
        return []
    every = (torch.tensor(times), torch.arange(draws), torch.arange(examples))
    t, draw, row = torch.cartesian_prod(*every).T
    return list(zip(t.split(batch), draw.split(batch), row.split(batch), strict=True))
