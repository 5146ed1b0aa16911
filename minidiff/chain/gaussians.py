r"""Distances and likelihoods of Gaussians: the bricks of the ELBO."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.validate import check_floats, check_same_shape, shown

Number = float | Tensor

#: Half the distance of 2/255 between two neighbouring 8-bit values in [-1, 1]
HALF_BIN = 1 / 255

#: An open end in standard deviations, beyond all numbers but finite, so that a gradient may pass
FAR = 1e4


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

    Raises:
        TypeError: If an argument is not made of real numbers.
        ValueError: If a variance is not positive, or the number of dimensions differs.

    Source:
        Bishop 2006, exercise 1.30; slide "Loss function".
    """
    names = ("mean_1", "var_1", "mean_2", "var_2")
    given = dict(zip(names, (mean_1, var_1, mean_2, var_2), strict=True))
    tensors = [x for x in given.values() if isinstance(x, Tensor)]
    like = max(tensors, key=torch.Tensor.dim, default=torch.zeros((), dtype=torch.float64))
    m_1, v_1, m_2, v_2 = (_as_tensor(name, x, like) for name, x in given.items())
    for name, variance in (("var_1", v_1), ("var_2", v_2)):
        if not bool((variance > 0).all()):
            raise ValueError(
                f"{name} must be positive, got {float(variance.min()):g}; it is the variance"
            )
    return kl_apart(m_1 - m_2, v_1, v_2)


def kl_apart(difference: Tensor, var_1: Tensor, var_2: Tensor) -> Tensor:
    """The equation of :func:`gaussian_kl` alone, for means that differ by ``difference``."""
    ratio = var_1 / var_2
    return (ratio - ratio.log() - 1 + difference.square() / var_2) / 2


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

    Raises:
        TypeError: If an argument does not hold real numbers.
        ValueError: If shapes differ, or the variance is not positive.

    Source:
        Bishop 2006, equation 1.46.
    """
    variance = _checked(x, mean, var)
    return -((x - mean).square() / variance + (2 * math.pi * variance).log()) / 2


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

    Raises:
        TypeError: If an argument does not hold real numbers.
        ValueError: If x is not made of 8-bit values in [-1, 1], shapes differ, or the variance is not
            positive.

    Source:
        Ho et al. 2020, equation 13.
    """
    variance = _checked(x, mean, var)
    check_8_bit("x", x)
    std = variance.sqrt()
    upper = torch.where(x > 1 - HALF_BIN, FAR, (x + HALF_BIN - mean) / std)
    lower = torch.where(x < -1 + HALF_BIN, -FAR, (x - HALF_BIN - mean) / std)
    # log Φ is exact in the lower tail, however small Φ is; a bin in the upper one is mirrored.
    mirror = lower > 0
    upper, lower = torch.where(mirror, -lower, upper), torch.where(mirror, -upper, lower)
    log_upper: Tensor = torch.special.log_ndtr(upper)
    log_share: Tensor = torch.log(-torch.expm1(torch.special.log_ndtr(lower) - log_upper))
    return log_upper + log_share


def check_8_bit(name: str, x: Tensor) -> None:
    """Refuse values that are not v / 127.5 - 1 for a whole v in 0..255."""
    v = (x.detach().double() + 1) * 127.5
    wrong = ((v - v.round()).abs() > 1e-3) | (v < -1e-3) | (v > 255 + 1e-3)
    if wrong.any():
        raise ValueError(
            f"{name} must hold 8-bit values scaled to [-1, 1] (v / 127.5 - 1 for v = 0..255), got "
            f"{float(x[wrong][0]):g} ({int(wrong.sum())} of {x.numel()} entries do not fit); round "
            f"resized images to 8 bits again, or take likelihood='density' for continuous data"
        )


def _checked(x: Tensor, mean: Tensor, var: Number) -> Tensor:
    check_floats("x", x)
    check_floats("mean", mean)
    check_same_shape("mean", mean, "x", x)
    variance = _as_tensor("var", var, x)
    if not bool((variance > 0).all()):
        raise ValueError(f"var must be positive, got {float(variance.min()):g}")
    return variance


def _as_tensor(name: str, value: Number, like: Tensor) -> Tensor:
    if isinstance(value, Tensor) and value.is_floating_point():
        number = value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    else:
        raise TypeError(f"{name} must be a number or a tensor of floats, got {shown(value)}")
    if not torch.isfinite(number.detach()).all():
        raise ValueError(f"{name} holds NaN or infinity")
    if number.dim() not in (0, like.dim()) or any(
        n not in (1, m) and m != 1 for n, m in zip(number.shape, like.shape, strict=False)
    ):
        raise ValueError(
            f"{name} has shape {tuple(number.shape)}, which does not go with "
            f"{tuple(like.shape)}: give a number, or a tensor with as many dimensions"
        )
    return number
