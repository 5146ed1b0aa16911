r"""One step of sampling: from noisy data and a prediction to data with less noise.

DDPM and DDIM share this step; they differ in how much fresh noise it adds (η). It never calls a model,
so a loop is free to call one twice, or to remember what it said before.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.rng import Generator, randn
from ..base.validate import (
    check_choice,
    check_floats,
    check_number,
    check_same_shape,
    check_schedule,
    check_step,
)
from ..chain.convert import KINDS, check_signal_left, converted
from ..chain.posterior import log_interpolation, variances_between
from ..chain.schedule import NoiseSchedule, alpha_bar_at

VARIANCES = ("small", "large", "learned")


def sample_step(
    prediction: Tensor,
    x_t: Tensor,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    *,
    kind: str = "eps",
    eta: float = 1.0,
    variance: str = "small",
    v: Tensor | None = None,
    clip: bool = False,
    noise: Tensor | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    r"""One step back, from :math:`x_t` to :math:`x_s` with any s < t.

    .. math::
        x_s = \sqrt{\bar\alpha_s}\,\hat x_0
            + \sqrt{1 - \bar\alpha_s - \sigma^2}\;\hat\epsilon + \sigma z,
        \qquad \sigma^2 = \eta^2\,\tilde\beta_{t\to s}

    With η = 1 and s = t - 1 this is line 4 of Algorithm 2 (written with the predicted x_0); with
    η = 0 nothing random is left and it is DDIM. No noise is added on the step into s = 0.

    Args:
        prediction: What the network said at :math:`x_t`, same shape.
        x_t: The noisy data, shape (B, ...).
        t: The time of ``x_t``, 1..T.
        s: The time to go to, 0..t-1.
        schedule: The noise schedule.
        kind: What the prediction is: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        eta: η of the DDIM paper, in [0, 1].
        variance: The variance of the added noise when η = 1: ``"small"`` is
            :math:`\tilde\beta_{t\to s}`, ``"large"`` is :math:`\beta_{t\to s}`, ``"learned"`` lies
            between them on a logarithmic scale. It never changes the mean.
        v: For ``"learned"``: the mixing weight, same shape as x_t; 0 means "small", 1 "large".
        clip: Limit :math:`\hat x_0` to [-1, 1] and derive :math:`\hat\epsilon` from it again. For
            pixels only, never for 2-D points or latents.
        noise: z, same shape as x_t; drawn when it is needed and not given.
        generator: Where to draw from.

    Returns:
        :math:`x_s` and :math:`\hat x_0`, both of x_t's shape.

    Raises:
        IndexError: If t or s is out of range.
        TypeError: If a tensor does not hold floating-point numbers, or t or s is not an int.
        ValueError: If shapes differ, an option is unknown or does not go with another one, or a
            tensor is empty or not finite.

    Source:
        Song et al. 2020 (DDIM), equations 12 and 16; Ho et al. 2020, algorithm 2; Nichol and
        Dhariwal 2021, equation 15 (learned); slides "Sampling algorithm", "Faster sampling: DDIMs".
    """
    check_schedule(schedule)
    check_floats("x_t", x_t)
    check_floats("prediction", prediction)
    check_same_shape("prediction", prediction, "x_t", x_t)
    check_step(t, s, schedule.T)
    check_options(kind, eta, variance)
    if kind in ("eps", "score"):
        check_signal_left(t, schedule, kind)
    if (v is not None) != (variance == "learned"):
        raise ValueError(
            f"v is the mixing weight of variance='learned': give both or neither; got "
            f"variance={variance!r} {'without' if v is None else 'with'} v"
        )
    if v is not None:
        check_floats("v", v)
        check_same_shape("v", v, "x_t", x_t)
    if noise is not None:
        check_floats("noise", noise)
        check_same_shape("noise", noise, "x_t", x_t)
    return stepped(prediction, x_t, t, s, schedule, kind, eta, variance, v, clip, noise, generator)


def stepped(
    prediction: Tensor,
    x_t: Tensor,
    t: float,
    s: float,
    schedule: NoiseSchedule,
    kind: str,
    eta: float,
    variance: str,
    v: Tensor | None,
    clip: bool,
    noise: Tensor | None,
    generator: Generator | None,
) -> tuple[Tensor, Tensor]:
    """The equation of :func:`sample_step` alone, for the loops: no checks, and two things more.

    Times may be real; and with η = 0 a step may go up (s > t), as inversion does.
    """
    x0_hat, eps = guesses(prediction, x_t, t, schedule, kind, clip)
    # On the way up no variance lies between the times, and none is needed.
    beta, beta_tilde = variances_between(t, s, schedule) if eta else (0.0, 0.0)
    sigma_2 = eta**2 * beta_tilde
    alpha_bar_s = alpha_bar_at(s, schedule)
    # Rounding may push the radicand a hair below 0 where it is 0 on paper (s = 0).
    mean = math.sqrt(alpha_bar_s) * x0_hat + math.sqrt(max(1 - alpha_bar_s - sigma_2, 0.0)) * eps
    if s == 0 or eta == 0:
        return mean, x0_hat
    std: float | Tensor = math.sqrt(sigma_2)
    if variance == "large":
        std = math.sqrt(beta)
    elif v is not None:
        std = torch.exp(log_interpolation(v, beta, beta_tilde) / 2)
    z = randn(x_t.shape, generator, x_t.device, x_t.dtype) if noise is None else noise
    return mean + std * z, x0_hat


def guesses(
    prediction: Tensor, x_t: Tensor, t: float, schedule: NoiseSchedule, kind: str, clip: bool
) -> tuple[Tensor, Tensor]:
    """What a prediction says of x_0 and of the noise, after the clip where there is one."""
    x0_hat = converted(prediction, x_t, t, schedule, kind, "x0")
    if clip:
        x0_hat = x0_hat.clamp(-1, 1)
        kind, prediction = "x0", x0_hat
    return x0_hat, converted(prediction, x_t, t, schedule, kind, "eps")


def check_options(kind: str, eta: float, variance: str) -> None:
    """Refuse unknown words, and an added noise that goes with DDPM only, away from η = 1."""
    check_choice("kind", kind, KINDS)
    check_choice("variance", variance, VARIANCES)
    check_number("eta", eta, 0, 1)
    if variance != "small" and eta != 1:
        raise ValueError(f"variance={variance!r} needs eta = 1 (DDPM), got eta = {eta:g}")
