r"""One step of sampling: from noisy data and a prediction to data with less noise.

DDPM and DDIM share this step; they differ in how much fresh noise it adds (η). It never calls a model,
so a loop is free to call one twice, or to remember what it said before.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import KINDS
from ..base.rng import Generator, noise_like
from ..base.rules.choices import noise_suits_eta, v_is_learned
from ..base.rules.tells import kind_tells
from ..chain.convert import convert
from ..chain.posterior import VARIANCES, log_interpolation, step_variances
from ..chain.schedule import NoiseSchedule, alpha_bar_at


@contract(
    f"""x_t: floats, prediction: like x_t, t: one time of schedule, s: time below t, kind: one of {KINDS},
    eta: number in [0, 1], variance: one of {VARIANCES}, v and noise: like x_t""",
    noise_suits_eta,
    kind_tells,
    v_is_learned,
)
def sample_step(
    prediction: Tensor,
    x_t: Tensor,
    t: float,
    s: float,
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

    Source:
        Song et al. 2020 (DDIM), equations 12 and 16; Ho et al. 2020, algorithm 2; Nichol and
        Dhariwal 2021, equation 15 (learned); slides "Sampling algorithm", "Faster sampling: DDIMs".
    """
    x0_hat, eps_hat = guesses(prediction, x_t, t, schedule, kind=kind, clip=clip)
    sigma_2, std = spread(t, s, schedule, eta=eta, variance=variance, v=v)
    alpha_bar_s = alpha_bar_at(s, schedule)
    towards_noise = math.sqrt(max(1 - alpha_bar_s - sigma_2, 0.0))  # on paper never below 0
    x_s = math.sqrt(alpha_bar_s) * x0_hat + towards_noise * eps_hat
    if std is not None:
        x_s = x_s + std * noise_like(x_t, noise, generator)
    return x_s, x0_hat


def guesses(
    prediction: Tensor, x_t: Tensor, t: float, schedule: NoiseSchedule, *, kind: str, clip: bool
) -> tuple[Tensor, Tensor]:
    """What a prediction says of x_0 and of the noise, after the clip where there is one."""
    said = unchecked(convert)
    x0_hat = said(prediction, x_t, t, schedule, source=kind, target="x0")
    if clip:
        x0_hat = x0_hat.clamp(-1, 1)
        kind, prediction = "x0", x0_hat
    return x0_hat, said(prediction, x_t, t, schedule, source=kind, target="eps")


def spread(
    t: float, s: float, schedule: NoiseSchedule, *, eta: float, variance: str, v: Tensor | None
) -> tuple[float, float | Tensor | None]:
    r"""The :math:`\sigma^2` of the step's mean, and the standard deviation of what is added, if anything is.

    With η = 0 a step may also go up (s > t), as inversion does: no variance lies between, none is needed.
    """
    if eta == 0:
        return 0.0, None
    beta, beta_tilde = unchecked(step_variances)(t, s, schedule)
    sigma_2 = eta**2 * beta_tilde
    if s == 0:
        return sigma_2, None
    if v is not None:
        return sigma_2, torch.exp(log_interpolation(v, beta, beta_tilde) / 2)
    return sigma_2, math.sqrt(beta if variance == "large" else sigma_2)
