r"""Conditional paths: how one example of the data is joined to one of the noise.

Every path here is :math:`x_t = a_t\,\text{data} + b_t\,\text{noise}`, and its velocity is the
derivative :math:`\dot a_t\,\text{data} + \dot b_t\,\text{noise}`. Time runs from 0, where there is
noise, to 1, where there is data.

====================== ============================== ==========================
path                   :math:`a_t`                    :math:`b_t`
====================== ============================== ==========================
``ot_path``            :math:`t`                      :math:`1 - t`
``vp_path``            :math:`e^{-\frac12 B(1 - t)}`  :math:`\sqrt{1 - a_t^2}`
``trigonometric_path`` :math:`\sin(\pi t / 2)`        :math:`\cos(\pi t / 2)`
====================== ============================== ==========================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.shapes import beside


class Weights(NamedTuple):
    r"""What data and noise are multiplied by at a time, and how fast both change."""

    #: Weight of the data
    data: Tensor
    #: Weight of the noise
    noise: Tensor
    #: Derivative of the data's weight by time
    data_rate: Tensor
    #: Derivative of the noise's weight by time
    noise_rate: Tensor


@dataclass(frozen=True)
class Path:
    r"""A conditional path. Called with times t in [0, 1] of any shape, it gives :class:`Weights`.

    Attributes:
        name: The call that makes it; two paths with the same name are the same.
        weights: The function behind the call, without checks.
        end: The last time at which the velocity is used: 1, or a little less where it grows without
            bound towards 1.
    """

    name: str
    weights: Callable[[Tensor], Weights] = field(compare=False)
    end: float = 1.0

    @contract("t: flow time")
    def __call__(self, t: float | Tensor) -> Weights:
        """Give the weights at t, same shape as t; float64 for a plain number."""
        times = t if isinstance(t, Tensor) else torch.tensor(float(t), dtype=torch.float64)
        return self.weights(times)

    def __repr__(self) -> str:
        return self.name


def ot_path() -> Path:
    r"""The straight line from noise to data, run through at constant speed.

    .. math:: x_t = t\,\text{data} + (1 - t)\,\text{noise}, \qquad u = \text{data} - \text{noise}

    The name is short for "conditional optimal transport": among all ways to move *one* Gaussian onto
    *one* example this is the cheapest. It does not make the flow of all examples together the cheapest.

    Source:
        Lipman et al. 2023, equations 20 and 22 with :math:`\sigma_\text{min} = 0`; slide "Flux".
    """

    def weights(t: Tensor) -> Weights:
        one = torch.ones_like(t)
        return Weights(t, 1 - t, one, -one)

    return Path("ot_path()", weights)


@contract("beta_min: number in (0, inf), beta_max: number in [beta_min, inf]")
def vp_path(beta_min: float = 0.1, beta_max: float = 20.0) -> Path:
    r"""The path that diffusion takes, with time turned round: variance-preserving, continuous.

    .. math::
        a_t = e^{-\frac12 B(1 - t)}, \qquad b_t = \sqrt{1 - a_t^2}, \qquad
        B(s) = \int_0^s \beta(r)\,dr = \beta_\text{min}\, s
            + \tfrac12 (\beta_\text{max} - \beta_\text{min})\, s^2

    With the default numbers it is the linear schedule for infinitely many steps. At t = 0 a trace of
    the data is left (:math:`a_0 = 0.0066`), as at T in diffusion. Towards t = 1 the velocity grows
    like :math:`1/\sqrt{1 - t}`, so it is used up to ``end``, which is :math:`1 - 10^{-5}`.

    Args:
        beta_min: :math:`\beta` where the data are, positive.
        beta_max: :math:`\beta` where the noise is, at least ``beta_min``.

    Source:
        Lipman et al. 2023, equation 18 and appendix E.1; Song et al. 2021, equation 32.
    """

    def weights(t: Tensor) -> Weights:
        s = 1 - t
        total = beta_min * s + (beta_max - beta_min) / 2 * s**2  # B(s)
        beta = beta_min + (beta_max - beta_min) * s
        a = torch.exp(-total / 2)
        b = torch.sqrt(-torch.expm1(-total))  # 1 - a² would lose its digits near t = 1
        return Weights(a, b, a * beta / 2, -(a**2) * beta / (2 * b))

    return Path(f"vp_path(beta_min={beta_min:g}, beta_max={beta_max:g})", weights, end=1 - 1e-5)


def trigonometric_path() -> Path:
    r"""A quarter of a circle: variance-preserving, with a finite velocity everywhere.

    .. math::
        x_t = \sin(\tfrac\pi2 t)\,\text{data} + \cos(\tfrac\pi2 t)\,\text{noise}

    Source:
        Albergo and Vanden-Eijnden 2023, equation 5; the cosine schedule without its offset.
    """

    def weights(t: Tensor) -> Weights:
        a = torch.sin(math.pi / 2 * t)
        b = torch.sin(math.pi / 2 * (1 - t))  # the cosine, and exactly 0 at t = 1
        return Weights(a, b, math.pi / 2 * b, -math.pi / 2 * a)

    return Path("trigonometric_path()", weights)


@contract("data: floats, noise: like data, t: flow time, path: path")
def on_path(
    noise: Tensor, data: Tensor, t: float | Tensor, path: Path | None = None
) -> tuple[Tensor, Tensor]:
    r"""The point at time t on the path of each pair, and the velocity there.

    .. math::
        x_t = a_t\,\text{data} + b_t\,\text{noise}, \qquad
        u_t = \dot a_t\,\text{data} + \dot b_t\,\text{noise}

    Args:
        noise: Where the paths begin, shape (B, ...).
        data: Where they end, same shape.
        t: Times in [0, ``path.end``]: a number, or floats (B,).
        path: The path; None means :func:`ot_path`.

    Returns:
        :math:`x_t` and the velocity, same shape each.

    Source:
        Lipman et al. 2023, equations 11 and 14.
    """
    a, b, a_rate, b_rate = weights_beside(t, data, path)
    return a * data + b * noise, a_rate * data + b_rate * noise


@contract("x: floats, velocity: like x, t: flow time, path: path")
def data_and_noise(
    x: Tensor, velocity: Tensor, t: float | Tensor, path: Path | None = None
) -> tuple[Tensor, Tensor]:
    r"""Both ends of the path that runs through x with the given velocity.

    The two equations of :func:`on_path`, solved for data and noise:

    .. math::
        \text{data} = \frac{b_t u - \dot b_t x}{\dot a_t b_t - a_t \dot b_t}, \qquad
        \text{noise} = \frac{\dot a_t x - a_t u}{\dot a_t b_t - a_t \dot b_t}

    On the straight path they are :math:`x + (1 - t)\,u` and :math:`x - t\,u`. For a network's velocity
    they are its guesses: means over all pairs whose path runs through x at that time.

    Args:
        x: Where the path is at time t, shape (B, ...).
        velocity: u, same shape.
        t: Times in [0, ``path.end``]: a number, or floats (B,).
        path: The path; None means :func:`ot_path`.

    Returns:
        Data and noise, same shape each.
    """
    a, b, a_rate, b_rate = weights_beside(t, x, path)
    scale = a_rate * b - a * b_rate
    return (b * velocity - b_rate * x) / scale, (a_rate * x - a * velocity) / scale


def weights_beside(t: float | Tensor, x: Tensor, path: Path | None) -> Weights:
    """The weights at t, shaped, typed and placed so that they multiply x example by example."""
    weights = (path or ot_path()).weights
    if not isinstance(t, Tensor):
        numbers = weights(torch.tensor(float(t), dtype=torch.float64))
        return Weights(*(number.to(x.dtype) for number in numbers))
    return Weights(*(beside(weight.to(x.dtype), x) for weight in weights(t.to(x.device))))
