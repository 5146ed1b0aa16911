r"""Distances and likelihoods of Gaussians: the bricks of the ELBO."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.rules.pixels import x_is_8_bit
from ..base.rules.shapes import shapes_go_together, var_goes_with_x

Number = float | Tensor

#: Half the distance of 2/255 between two neighbouring 8-bit values in [-1, 1]
HALF_BIN = 1 / 255

#: An open end in standard deviations, beyond all numbers but finite, so that a gradient may pass
FAR = 1e4


def as_tensors(*values: Number) -> list[Tensor]:
    """Tensors as they are, numbers in the type and place of the tensor with the most dimensions."""
    tensors = [x for x in values if isinstance(x, Tensor)]
    like = max(tensors, key=Tensor.dim, default=torch.zeros((), dtype=torch.float64))
    return [
        x if isinstance(x, Tensor) else torch.as_tensor(x, dtype=like.dtype, device=like.device)
        for x in values
    ]


@contract("mean_1: value, var_1: variance, mean_2: value, var_2: variance", shapes_go_together)
def gaussian_kl(mean_1: Number, var_1: Number, mean_2: Number, var_2: Number) -> Tensor:
    r"""KL divergence between two Gaussians, entry by entry, in nats.

    .. math::
        D_\text{KL}\big(\mathcal N(\mu_1, \sigma_1^2) \,\|\, \mathcal N(\mu_2, \sigma_2^2)\big)
        = \frac12 \left( \log\frac{\sigma_2^2}{\sigma_1^2} + \frac{\sigma_1^2}{\sigma_2^2}
          + \frac{(\mu_1 - \mu_2)^2}{\sigma_2^2} - 1 \right)

    For independent entries the divergence of the whole is the *sum* over the entries. The slides keep
    only the term with the means; the other three vanish when both variances are equal.

    Args:
        mean_1: :math:`\mu_1`, a number or a tensor.
        var_1: :math:`\sigma_1^2 > 0`, the variance (not the standard deviation).
        mean_2: :math:`\mu_2`.
        var_2: :math:`\sigma_2^2 > 0`.

    Returns:
        The divergence of each entry, at least 0. A number, or a tensor without dimensions, goes with
        any shape; tensors may also differ where one of them has length 1 (a variance for each
        example, shape (B, 1, 1, 1)).

    Source:
        Bishop 2006, exercise 1.30; slide "Loss function".
    """
    mean_1, var_1, mean_2, var_2 = as_tensors(mean_1, var_1, mean_2, var_2)
    ratio = var_1 / var_2
    return (ratio - ratio.log() - 1 + (mean_1 - mean_2).square() / var_2) / 2


@contract("x: floats, mean: like x, var: variance", var_goes_with_x)
def gaussian_log_density(x: Tensor, mean: Tensor, var: Number) -> Tensor:
    r"""Logarithm of a Gaussian density, entry by entry, in nats.

    .. math::
        \log \mathcal N(x; \mu, \sigma^2)
        = -\frac{(x - \mu)^2}{2\sigma^2} - \frac12 \log(2\pi\sigma^2)

    It is a density: it may be positive, and it changes when the data are scaled.

    Args:
        x: Where, shape (B, ...).
        mean: :math:`\mu`, same shape.
        var: :math:`\sigma^2 > 0`, a number, or a tensor that fits x.

    Source:
        Bishop 2006, equation 1.46.
    """
    x, mean, var = as_tensors(x, mean, var)
    return -((x - mean).square() / var + (2 * math.pi * var).log()) / 2


@contract("x: floats, mean: like x, var: variance", var_goes_with_x, x_is_8_bit)
def discretised_log_likelihood(x: Tensor, mean: Tensor, var: Number) -> Tensor:
    r"""Log-probability of 8-bit values under a Gaussian, entry by entry, in nats.

    An 8-bit value v in 0..255 is stored as :math:`x = v / 127.5 - 1`. It stands for a bin that reaches
    half way to its neighbours; the two outermost bins are open:

    .. math::
        P(x) = \int_{\delta_-(x)}^{\delta_+(x)} \mathcal N(u; \mu, \sigma^2)\, du, \quad
        \delta_\pm(x) = x \pm \tfrac{1}{255}, \quad
        \delta_-(-1) = -\infty, \ \delta_+(1) = \infty

    The probabilities of all 256 values therefore sum to 1. With
    :math:`\Phi(z) = \frac12\big(1 + \operatorname{erf}(z / \sqrt 2)\big)` the integral is
    :math:`\Phi\big(\frac{\delta_+ - \mu}{\sigma}\big) - \Phi\big(\frac{\delta_- - \mu}{\sigma}\big)`.
    Far from the mean both vanish in floating point, so their logarithms are subtracted instead: nothing
    is cut off at a smallest probability.

    Args:
        x: 8-bit values scaled to [-1, 1], shape (B, ...).
        mean: :math:`\mu`, same shape.
        var: :math:`\sigma^2 > 0`, a number, or a tensor that fits x.

    Returns:
        :math:`\log P(x)`, at most 0, same shape as x.

    Source:
        Ho et al. 2020, equation 13.
    """
    x, mean, var = as_tensors(x, mean, var)
    std = var.sqrt()
    upper = torch.where(x > 1 - HALF_BIN, FAR, (x + HALF_BIN - mean) / std)
    lower = torch.where(x < -1 + HALF_BIN, -FAR, (x - HALF_BIN - mean) / std)
    # log Φ is exact in the lower tail, however small Φ is; a bin in the upper one is mirrored.
    mirror = lower > 0
    upper, lower = torch.where(mirror, -lower, upper), torch.where(mirror, -upper, lower)
    log_upper: Tensor = torch.special.log_ndtr(upper)
    log_share: Tensor = torch.log(-torch.expm1(torch.special.log_ndtr(lower) - log_upper))
    return log_upper + log_share
