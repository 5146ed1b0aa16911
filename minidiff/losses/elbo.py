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
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import unchecked
from ..base.model import EpsModel, pair
from ..base.rng import Generator, randn
from ..base.validate import (
    check_choice,
    check_floats,
    check_positive_int,
    check_same_shape,
    check_schedule,
)
from ..chain.convert import KINDS, check_signal_left, convert
from ..chain.forward import q_sample
from ..chain.gaussians import check_8_bit, gaussian_kl
from ..chain.posterior import VARIANCES
from ..chain.schedule import NoiseSchedule
from .bound import LIKELIHOODS, bound_terms, kl_terms, mean_log_density


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


def elbo(
    eps_model: EpsModel,
    x_0: Tensor,
    schedule: NoiseSchedule,
    *,
    variance: str = "small",
    likelihood: str | None = None,
    kind: str = "eps",
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
            ``"learned"`` the model returns the pair (prediction, v), v the mixing weight between them.
        likelihood: ``"discretised"`` takes L_0 as the probability of 8-bit values, ``"density"`` as a
            density of continuous data. By default images (four dimensions) are 8-bit and
            anything else is continuous.
        kind: What the model predicts: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        clip: Limit :math:`\hat x_0` to [-1, 1], for pixels.
        noise: ε to use for all t, shape (draws, B, ...); drawn afresh for each t when not given.
        draws: How many draws of ε for each example and t.
        generator: Where to draw from.
        batch: How many noisy examples the model gets at once.
        progress: Show a progress bar.

    Returns:
        The terms, float64, on the CPU.

    Raises:
        TypeError: If x_0 or the noise does not hold floating-point numbers.
        ValueError: If an option is unknown, shapes differ, x_0 is empty, not finite, or not made of
            8-bit values where L_0 is discretised.

    Source:
        Ho et al. 2020, equations 5, 8 and 13; slide "Loss function", appendix B. The sign is that
        of the braces there: all terms are what training makes small.
    """
    check_schedule(schedule)
    likelihood = checked_likelihood(x_0, schedule, variance, likelihood, kind)
    draws = check_positive_int("draws", draws) if noise is None else _draws_in(noise, x_0)
    batch = check_positive_int("batch", batch)
    closed = not clip and variance != "learned"
    expected_error = getattr(eps_model, "expected_error", None) if closed else None
    visited = list(range(1, schedule.T + 1))
    D = x_0[0].numel()
    error = torch.zeros(len(x_0), schedule.T + 1, dtype=torch.float64)
    nats = torch.zeros_like(error)
    if expected_error is not None:
        for t in visited:
            error[:, t] = expected_error(x_0.double(), t).reshape(len(x_0), -1).mean(1).cpu()
        nats[:, 2:] = D * kl_terms(error, schedule, variance)[:, 2:]
        if likelihood == "density":
            nats[:, 1] = -D * mean_log_density(error[:, 1], schedule, variance)
        visited = [1] if likelihood == "discretised" else []

    for t, draw, row in _with_bar(_calls(visited, draws, len(x_0), batch), progress):
        x, eps = x_0[row], None if noise is None else noise[draw, row]
        x0_hat, v = guessed(eps_model, x, t, schedule, variance, kind, clip, eps, generator)
        terms = bound_terms(x.double(), x0_hat, v, t, schedule, likelihood).cpu()
        nats.index_put_((row, t), terms / draws, accumulate=True)
        if expected_error is None:
            squares = (x.double() - x0_hat).square().reshape(len(x), -1).mean(1).cpu()
            error.index_put_((row, t), squares / draws, accumulate=True)

    L_0 = nats[:, 1].clone()
    nats[:, 1] = 0
    return Elbo(L_T(x_0, schedule), nats, L_0, error, D, variance, likelihood)


def L_T(x_0: Tensor, schedule: NoiseSchedule) -> Tensor:
    r"""What is left of the data at T, :math:`D_\text{KL}\big(q(x_T \mid x_0) \,\|\, \mathcal N(0, I)\big)`.

    .. math::
        L_T = \frac12 \sum_i \left( \bar\alpha_T\, x_{0,i}^2 - \bar\alpha_T - \log(1 - \bar\alpha_T) \right)

    Args:
        x_0: Clean data, shape (B, ...).
        schedule: The noise schedule.

    Returns:
        Nats for each example, summed over its entries; float64, shape (B,), on the CPU.

    Raises:
        TypeError, ValueError: If x_0 is no batch of finite floating-point numbers.

    Source:
        Ho et al. 2020, equation 5 and section 3.1.
    """
    check_schedule(schedule)
    check_floats("x_0", x_0)
    alpha_bar_T = float(schedule.alpha_bar[-1])
    mean = math.sqrt(alpha_bar_T) * x_0.detach().double().cpu()
    return gaussian_kl(mean, 1 - alpha_bar_T, 0.0, 1.0).reshape(len(x_0), -1).sum(1)


def standard_error(values: Tensor) -> float:
    """Standard error of the mean of independent values (N,); NaN for a single one."""
    check_floats("values", values)
    return float(values.std() / math.sqrt(len(values)))


def checked_likelihood(
    x_0: Tensor, schedule: NoiseSchedule, variance: str, likelihood: str | None, kind: str
) -> str:
    """Check what all estimates of the ELBO take; give the likelihood's name, chosen or by default."""
    check_floats("x_0", x_0)
    check_choice("variance", variance, VARIANCES)
    check_choice("kind", kind, KINDS)
    if kind in ("eps", "score"):
        check_signal_left(schedule.T, schedule, kind)
    if likelihood is None:
        likelihood = "discretised" if x_0.dim() == 4 else "density"
    check_choice("likelihood", likelihood, LIKELIHOODS)
    if likelihood == "discretised":
        check_8_bit("x_0", x_0)
    return likelihood


def _draws_in(noise: Tensor, x_0: Tensor) -> int:
    check_floats("noise", noise)
    if noise.shape[1:] != x_0.shape:
        raise ValueError(
            f"noise must have shape (draws, B, ...) = (draws, {', '.join(map(str, x_0.shape))}); "
            f"got {tuple(noise.shape)}"
        )
    return len(noise)


def _calls(
    times: Sequence[int], draws: int, examples: int, batch: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """All (t, draw, example), cut into as few calls of the model as ``batch`` allows."""
    if not times:
        return []
    every = (torch.tensor(times), torch.arange(draws), torch.arange(examples))
    t, draw, row = torch.cartesian_prod(*every).T
    return list(zip(t.split(batch), draw.split(batch), row.split(batch), strict=True))


def guessed(
    model: EpsModel,
    x_0: Tensor,
    t: Tensor,
    schedule: NoiseSchedule,
    variance: str,
    kind: str,
    clip: bool,
    noise: Tensor | None,
    generator: Generator | None,
) -> tuple[Tensor, Tensor]:
    r""":math:`\hat x_0(x_t, t)` for a draw of x_t, and the variance's mixing weight, both in double."""
    if noise is None:
        noise = randn(x_0.shape, generator, x_0.device, x_0.dtype)
    with torch.no_grad():
        x_t = unchecked(q_sample)(x_0, t, schedule, noise)
        answer = model(x_t, t.to(x_0.device))
    prediction, v = pair(answer) if variance == "learned" else (answer, None)
    check_same_shape("what eps_model returned", prediction, "x_t", x_t)
    if v is None:
        v = torch.full_like(x_t, float(variance == "large"))
    check_same_shape("v, which eps_model returned,", v, "x_t", x_t)
    x0_hat = unchecked(convert)(
        prediction.double(), x_t.double(), t, schedule, source=kind, target="x0"
    )
    return x0_hat.clamp(-1, 1) if clip else x0_hat, v.double()


def _with_bar(calls: list[tuple[Tensor, Tensor, Tensor]], progress: bool) -> Any:
    if not progress:
        return calls
    from tqdm.auto import tqdm

    return tqdm(calls, desc="ELBO", unit="call")
