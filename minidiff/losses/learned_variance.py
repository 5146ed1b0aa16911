r"""Learned variance: the network also says how sure it is, and is trained to say so.

A network with twice the channels predicts the noise with the first half and, with the other, where
between :math:`\tilde\beta_t` and :math:`\beta_t` the variance of a step lies.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ..base.conditions import ask, drop_conditions
from ..base.contracts import contract, unchecked
from ..base.model import Net, teaches
from ..base.rng import Generator, draw_times
from ..base.rules.choices import every_time_is_drawn
from ..base.rules.pixels import likelihood_of, trained_on_8_bits
from ..base.validate import check_same_shape
from ..chain.convert import x0_from_eps
from ..chain.forward import q_sample
from ..chain.posterior import split_variance
from ..chain.schedule import NoiseSchedule, gathered
from .bound import LIKELIHOODS, bound_terms
from .simple import TAUGHT, drawn


@teaches("eps")
@contract(
    f"""{TAUGHT}, probabilities: probabilities of schedule, likelihood: one of {LIKELIHOODS},
    label_dropout: number in [0, 1]""",
    every_time_is_drawn,
    trained_on_8_bits,
)
def vlb_loss(
    net: Net,
    x_0: Tensor,
    schedule: NoiseSchedule,
    y: Tensor | None = None,
    *,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    probabilities: Tensor | None = None,
    detach_mean: bool = False,
    likelihood: str | None = None,
    label_dropout: float = 0.1,
    generator: Generator | None = None,
    **conditions: Tensor | None,
) -> Tensor:
    r"""The variational bound in bits per dimension, from one t for each example.

    .. math::
        L_\text{vlb} \approx \frac{1}{D \ln 2} \cdot \frac{L_{t-1}}{p_t}, \qquad t \sim p

    On average over t this is :math:`\sum_t L_{t-1} + L_0`; :math:`L_T` has no network in it.

    Args:
        net: A network with twice the channels, see :func:`split_variance`.
        x_0: Clean data, shape (B, ...).
        schedule: The noise schedule.
        y: Labels, LongTensor (B,), for a network with classes.
        t: Times, LongTensor (B,); drawn from ``probabilities`` when not given.
        noise: :math:`\epsilon`, same shape as x_0; drawn when not given.
        probabilities: :math:`p_t`, shape (T+1,), above 0 for t = 1..T; all alike when not given. Drawing
            large terms more often makes the loss less noisy.
        detach_mean: Let the gradient reach the variance only.
        likelihood: See :func:`~minidiff.elbo`.
        label_dropout: See :func:`~minidiff.simple_loss`.
        generator: Where to draw from.
        **conditions: Further conditions by name, tensors (B, ...), for a network that takes them.

    Returns:
        The loss, one number with a gradient.

    Raises:
        ValueError: If the network has not twice the channels, or takes no such condition.

    Source:
        Nichol and Dhariwal 2021, equations 4 and 18.
    """
    p = alike(schedule.T) if probabilities is None else probabilities.detach().double().cpu()
    if t is None:
        t = draw_times(p, len(x_0), generator).to(x_0.device)
    t, noise = drawn(x_0, schedule, t, noise, generator)
    x_t = unchecked(q_sample)(x_0, t, schedule, noise)
    told = drop_conditions(net, {"y": y, **conditions}, label_dropout, generator, len(x_0))
    eps, v = two_heads(ask(net, x_t, t, told), x_0)
    x0_hat = unchecked(x0_from_eps)(x_t, eps.detach() if detach_mean else eps, t, schedule)
    likelihood = likelihood_of(x_0, likelihood)
    terms = unchecked(bound_terms)(x_0, x0_hat, v, t, schedule, likelihood=likelihood)
    return bits(terms / gathered(p, t, terms), x_0)


@teaches("eps")
@contract(
    f"""{TAUGHT}, vlb_weight: number in [0, inf], likelihood: one of {LIKELIHOODS},
    label_dropout: number in [0, 1]""",
    trained_on_8_bits,
)
def hybrid_loss(
    net: Net,
    x_0: Tensor,
    schedule: NoiseSchedule,
    y: Tensor | None = None,
    *,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    vlb_weight: float = 1e-3,
    likelihood: str | None = None,
    label_dropout: float = 0.1,
    generator: Generator | None = None,
    **conditions: Tensor | None,
) -> Tensor:
    r"""Teach the mean by :math:`L_\text{simple}` and the variance by the bound.

    .. math:: L_\text{hybrid} = L_\text{simple} + \lambda\, L_\text{vlb}

    In the second term the mean is held fixed (its gradient is stopped), so that only the variance
    listens to it, and the pictures stay as good as with :math:`L_\text{simple}` alone.

    Args:
        net: A network with twice the channels, see :func:`split_variance`.
        x_0: Clean data, shape (B, ...).
        schedule: The noise schedule.
        y: Labels, LongTensor (B,), for a network with classes.
        t: Times, LongTensor (B,) in 1..T; drawn uniformly when not given.
        noise: :math:`\epsilon`, same shape as x_0; drawn when not given.
        vlb_weight: λ, at least 0; the bound is in bits per dimension.
        likelihood: See :func:`~minidiff.elbo`.
        label_dropout: See :func:`~minidiff.simple_loss`.
        generator: Where to draw from.
        **conditions: Further conditions by name, tensors (B, ...), for a network that takes them.

    Returns:
        The loss, one number with a gradient.

    Raises:
        ValueError: If the network has not twice the channels, or takes no such condition.

    Source:
        Nichol and Dhariwal 2021, equation 16; slide "Learning the reverse process variance".
    """
    t, noise = drawn(x_0, schedule, t, noise, generator)
    x_t = unchecked(q_sample)(x_0, t, schedule, noise)
    told = drop_conditions(net, {"y": y, **conditions}, label_dropout, generator, len(x_0))
    eps, v = two_heads(ask(net, x_t, t, told), x_0)
    x0_hat = unchecked(x0_from_eps)(x_t, eps.detach(), t, schedule)
    likelihood = likelihood_of(x_0, likelihood)
    terms = unchecked(bound_terms)(x_0, x0_hat, v, t, schedule, likelihood=likelihood)
    p = gathered(alike(schedule.T), t, terms)
    return mse_loss(eps, noise) + vlb_weight * bits(terms / p, x_0)


def two_heads(output: Tensor, x_0: Tensor) -> tuple[Tensor, Tensor]:
    """The network's prediction and v, each of x_0's shape."""
    eps, v = split_variance(output)
    check_same_shape("the network's prediction (first half)", eps, "x_0", x_0)
    return eps, v


def bits(nats: Tensor, x_0: Tensor) -> Tensor:
    """The batch's mean in bits per dimension, of nats for each example."""
    return nats.mean() / (x_0[0].numel() * math.log(2))


def alike(T: int) -> Tensor:
    """Equal probabilities for t = 1..T, and 0 for t = 0."""
    return torch.tensor([0.0, *[1 / T] * T], dtype=torch.float64)
