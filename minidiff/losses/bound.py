r"""One term of the evidence lower bound, for any guess of x_0 and any variance."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.rules.pixels import first_of_8_bits
from ..base.rules.shapes import an_error_for_each_t
from ..chain.gaussians import (
    discretised_log_likelihood,
    gaussian_kl,
    gaussian_log_density,
)
from ..chain.posterior import (
    FIXED_VARIANCES,
    log_interpolation,
    model_variance,
    posterior_weights,
)
from ..chain.schedule import NoiseSchedule, gathered

LIKELIHOODS = ("discretised", "density")


@contract(
    f"x_0: batch, x0_hat and v: like x_0, t: time of schedule, likelihood: one of {LIKELIHOODS}",
    first_of_8_bits,
)
def bound_terms(
    x_0: Tensor,
    x0_hat: Tensor,
    v: Tensor,
    t: Tensor,
    schedule: NoiseSchedule,
    *,
    likelihood: str = "discretised",
) -> Tensor:
    r""":math:`L_{t-1}`, or at t = 1 :math:`L_0`, for a variance between the two fixed ones.

    .. math::
        L_{t-1} = D_\text{KL}\big(\mathcal N(\tilde\mu_t(x_t, x_0), \tilde\beta_t)\,\|\,
        \mathcal N(\tilde\mu_t(x_t, \hat x_0), \Sigma)\big), \qquad
        L_0 = -\log p_\theta(x_0 \mid x_1)

    Args:
        x_0: Clean data, shape (B, ...).
        x0_hat: The guess of it at t, same shape.
        v: The mixing weight, same shape, see :func:`~minidiff.chain.posterior.log_interpolation`: 0 for the
            small variance, 1 for the large one, or what the network says. At t = 1 it
            mixes :math:`\beta_1` and :math:`\tilde\beta_2`.
        t: LongTensor (B,) in 1..T, or one int for all.
        schedule: The noise schedule.
        likelihood: ``"discretised"`` for 8-bit pixels, ``"density"`` for continuous data.

    Returns:
        Nats of each example, summed over its entries, shape (B,), with a gradient.

    Source:
        Ho et al. 2020, equations 5 and 13; Nichol and Dhariwal 2021, equations 4 to 7 and 15.
    """
    # β̃_2 at t = 1, where β̃ is 0
    small = gathered(unchecked(model_variance)(schedule, "small"), t, x_0)
    variance = unchecked(log_interpolation)(v, gathered(schedule.beta, t, x_0), small).exp()
    weight_0, _ = unchecked(posterior_weights)(schedule)
    apart = gathered(weight_0, t, x_0) * (x_0 - x0_hat)
    terms = unchecked(gaussian_kl)(apart, small, 0.0, variance)
    if len(first := _first(t, x_0)):
        log_p = discretised_log_likelihood if likelihood == "discretised" else gaussian_log_density
        L_0 = -unchecked(log_p)(x_0[first], x0_hat[first], variance[first])
        terms = terms.index_put((first,), L_0)
    return terms.reshape(len(x_0), -1).sum(1)


def _first(t: int | Tensor, x_0: Tensor) -> Tensor:
    """The rows of the batch at t = 1."""
    return (torch.as_tensor(t) == 1).expand(len(x_0)).nonzero().flatten()


@contract(f"x0_error: floats, variance: one of {FIXED_VARIANCES}", an_error_for_each_t)
def kl_terms(x0_error: Tensor, schedule: NoiseSchedule, variance: str = "small") -> Tensor:
    r""":math:`L_{t-1}` for one entry, from the mean squared error of the guess of :math:`x_0`.

    The two Gaussians' means are :math:`w^{(0)}_t (x_0 - \hat x_0)` apart
    (:func:`~minidiff.chain.posterior.posterior_weights`), so

    .. math::
        \mathbb E\, D_\text{KL} = \frac12 \left( \log\frac{\sigma_t^2}{\tilde\beta_t}
        + \frac{\tilde\beta_t}{\sigma_t^2} - 1 \right)
        + \frac{\big(w^{(0)}_t\big)^2}{2 \sigma_t^2}\, \mathbb E (x_0 - \hat x_0)^2

    Args:
        x0_error: :math:`\mathbb E (x_0 - \hat x_0)^2` at each t, shape (B, T+1).
        schedule: The noise schedule.
        variance: :math:`\sigma_t^2`, see :func:`~minidiff.model_variance`.

    Returns:
        Nats an entry, shape (B, T+1). Column t holds :math:`L_{t-1}`, columns 0 and 1 are 0.

    Source:
        Ho et al. 2020, equation 8, with the constant C written out; slide "Loss function".
    """
    weight_0, _ = unchecked(posterior_weights)(schedule)
    sigma_2 = unchecked(model_variance)(schedule, variance)
    # A KL grows with the square of the distance, so its mean is the KL at the root mean square.
    apart = weight_0 * x0_error.double().sqrt()
    terms = torch.zeros_like(apart)
    posterior, wider = schedule.beta_tilde[None, 2:], sigma_2[None, 2:]
    terms[:, 2:] = unchecked(gaussian_kl)(apart[:, 2:], posterior, 0.0, wider)
    return terms


def mean_log_density(error: Tensor, schedule: NoiseSchedule, variance: str) -> Tensor:
    """Mean of log p_θ(x_0 | x_1), an entry, for a mean squared error: it is linear in the square."""
    sigma_2 = float(unchecked(model_variance)(schedule, variance)[1])
    return unchecked(gaussian_log_density)(error.sqrt(), torch.zeros_like(error), sigma_2)
