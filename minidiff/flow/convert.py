r"""The map between diffusion and flow matching: one network, seen from both sides.

Diffusion's :math:`x_t = a\,x_0 + b\,\epsilon`, with :math:`a = \sqrt{\bar\alpha_t}` and
:math:`b = \sqrt{1 - \bar\alpha_t}`, and the straight path's
:math:`x_\tau = \tau\,\text{data} + (1 - \tau)\,\text{noise}` are the same mixture at another scale, and
under another name of the time:

.. math::
    \tau = \frac{a}{a + b}, \qquad x_\tau = \frac{x_t}{a + b}, \qquad
    \text{velocity} = \hat x_0 - \hat\epsilon

The signal-to-noise ratio :math:`a / b = \tau / (1 - \tau)` says which times belong together. A velocity u
and what a diffusion's network predicts give each other:

.. math::
    u = \frac{x_t - (a + b)\,\epsilon}{a} = \frac{(a + b)\,x_0 - x_t}{b} = (a - b)\,x_t - (a + b)\,v
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import PREDICTIONS, EpsModel, prediction_of, stands_for
from ..base.rules.tells import noise_tells_at_the_end
from ..base.shapes import beside
from ..base.validate import check_same_shape
from ..base.walks import check_flow_time
from ..chain.exact import widest
from ..chain.posterior import apart
from ..chain.schedule import NoiseSchedule, signal_and_noise
from .velocity import Velocity, asked, time_dtype

FROM_VELOCITY = ("eps", "v")


@contract("x_t: tensor, t: real time of each of schedule")
def to_flow(
    x_t: Tensor, t: float | Tensor, schedule: NoiseSchedule
) -> tuple[Tensor, float | Tensor]:
    r"""Where a point of the diffusion lies on the straight path: :math:`x_t / (a + b)`, :math:`a / (a + b)`.

    Args:
        x_t: The noisy data, shape (B, ...).
        t: Times in [0, T], whole or real (the schedule's continuous face): a number, or (B,).
        schedule: The noise schedule.

    Returns:
        The point of the flow, same shape, and its time in [0, 1], a number for a number and else (B,).
    """
    one_each = x_t.new_empty(len(x_t), dtype=widest(x_t))
    a, b = signal_and_noise(_plain(t), schedule, one_each)
    total, tau = a + b, a / (a + b)
    if not (isinstance(total, Tensor) and isinstance(tau, Tensor)):
        return x_t / total, tau
    return x_t / beside(total.to(x_t.dtype), x_t), tau.to(time_dtype(x_t))


@contract("x: tensor, t: flow time")
def to_diffusion(
    x: Tensor, t: float | Tensor, schedule: NoiseSchedule
) -> tuple[Tensor, float | Tensor]:
    r"""Where a point of the straight path lies in the diffusion: :func:`to_flow` backwards.

    .. math::
        x_{t'} = \frac{x}{\sqrt{t^2 + (1 - t)^2}}, \qquad
        \log \mathrm{SNR}(t') = 2 \log \frac{t}{1 - t}

    Args:
        x: The point of the flow, shape (B, ...).
        t: Its time in [0, 1]: a number, or floats (B,).
        schedule: The noise schedule.

    Returns:
        The point of the diffusion, same shape, and its real time in [0, T], a number for a number and
        else (B,).

    Raises:
        ValueError: If the schedule never becomes as noisy as the flow is at t.
    """
    tau = torch.as_tensor(t, dtype=torch.float64).cpu()
    log_snr, least = 2 * torch.logit(tau), schedule.continuous.log_snr(float(schedule.T))
    # The time of T, rounded to float32, may lie a trifle before it.
    log_snr = torch.where(log_snr > least - 1e-5, log_snr.clamp(min=least), log_snr)
    time = schedule.continuous.t_of_log_snr(log_snr)
    a, b = _weights(tau)
    x_t = x * beside((a + b).to(x.dtype), x)
    return x_t, time.to(x.device, time_dtype(x)) if isinstance(t, Tensor) else float(time)


@contract(f"kind: one of {PREDICTIONS}", noise_tells_at_the_end)
def velocity_from_eps_model(
    eps_model: EpsModel, schedule: NoiseSchedule, *, kind: str | None = None
) -> Velocity:
    r"""A diffusion network as the velocity of a flow: :math:`\hat x_0 - \hat\epsilon`.

    The model is asked where the flow's point lies in the diffusion (:func:`to_diffusion`), so it must
    take real times; networks do. Outside the times that it was trained on, the nearest one stands in:
    between the data and step 1 it is asked at t = 1, and where the flow is noisier than the schedule
    ever becomes, the velocity is that of the noisiest place.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with real t, floats (B,) in [1, T].
        schedule: The noise schedule that it was trained with.
        kind: What it predicts: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``; None takes what the model says
            itself (``eps_model.predicts``), or else the noise. A velocity is given back as it is.

    Returns:
        ``velocity(x, t)`` for :func:`~minidiff.flow.sample` and its kin.

    Source:
        The equations above; Lipman et al. 2023, section 4.1.
    """
    said = prediction_of(eps_model, kind)
    if said == "velocity":
        return eps_model
    a_T = schedule.alpha_bar[-1].sqrt()
    earliest = float(a_T / (a_T + (1 - schedule.alpha_bar[-1]).sqrt()))

    def velocity(x: Tensor, t: float | Tensor) -> Tensor:
        check_flow_time(t, len(x))
        tau = torch.as_tensor(t, dtype=torch.float64).cpu().expand(len(x)).clamp(min=earliest)
        x_t, time = unchecked(to_diffusion)(x, tau, schedule)
        assert isinstance(time, Tensor)
        prediction, _ = apart(eps_model(x_t, time.clamp(min=1)), x_t)
        check_same_shape("what eps_model returned", prediction, "x_t", x_t)
        # By the flow's time the weights are exact; the diffusion's time is rounded, as the data are.
        a, b = (beside(weight.to(x.dtype), x) for weight in _weights(tau))
        return _velocity(prediction, x_t, a, b, said)

    return stands_for(velocity, eps_model, "velocity")


@contract(f"velocity: velocity, kind: one of {FROM_VELOCITY}")
def eps_model_from_velocity(
    velocity: Velocity, schedule: NoiseSchedule, *, kind: str = "eps"
) -> EpsModel:
    r"""A flow's network as the noise prediction of a diffusion: :math:`\hat\epsilon = (x_t - a u) / (a + b)`.

    Args:
        velocity: u, called ``velocity(x, t)`` with t of shape (B,) in [0, 1]; trained on the straight path.
        schedule: The noise schedule that the samplers will follow; any will do.
        kind: What it is to predict: ``"eps"``, or ``"v"``, which tells the data from pure noise, too.

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddim_sample` and its kin; t is an int, a LongTensor
        (B,), or real.
    """

    def eps_model(x_t: Tensor, t: float | Tensor) -> Tensor:
        x, tau = to_flow(x_t, t, schedule)
        u = asked(velocity, x, tau)
        a, b = signal_and_noise(t, schedule, x_t)
        return ((a - b) * x_t - u if kind == "v" else x_t - a * u) / (a + b)

    return stands_for(eps_model, velocity, kind)


def for_diffusion(
    model: Any, schedule: NoiseSchedule, kind: str | None = None
) -> tuple[EpsModel, str]:
    """A model that can be asked along a diffusion, and what it predicts there.

    Args:
        model: Any model; one that predicts a velocity is asked at the times of its flow.
        schedule: The noise schedule.
        kind: What it predicts; None takes what the model says itself, or else the noise.
    """
    said = prediction_of(model, kind)
    if said == "velocity":
        return unchecked(eps_model_from_velocity)(model, schedule, kind="v"), "v"
    return model, said


def _velocity(prediction: Tensor, x_t: Tensor, a: Tensor, b: Tensor, kind: str) -> Tensor:
    """Data minus noise, by the equations at the head of this page; the score is -eps / b."""
    if kind == "x0":
        return ((a + b) * prediction - x_t) / b
    if kind == "v":
        return (a - b) * x_t - (a + b) * prediction
    noise = -b * prediction if kind == "score" else prediction
    return (x_t - (a + b) * noise) / a


def _weights(tau: Tensor) -> tuple[Tensor, Tensor]:
    """The weights a and b of data and noise in a diffusion, at a time of the flow."""
    scale = (tau**2 + (1 - tau) ** 2).rsqrt()
    return tau * scale, (1 - tau) * scale


def _plain(t: float | Tensor) -> float | Tensor:
    """A time as the schedule takes it: an int or a float, or a tensor of floats or of int64."""
    if not isinstance(t, Tensor):
        return int(t) if isinstance(t, Integral) else float(t)
    return t if t.is_floating_point() else t.long()
