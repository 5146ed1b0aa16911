r"""The map between diffusion and flow matching: one network, seen from both sides.

Diffusion's :math:`x_t = a\,x_0 + b\,\epsilon`, with :math:`a = \sqrt{\bar\alpha_t}` and
:math:`b = \sqrt{1 - \bar\alpha_t}`, and the straight path's
:math:`x_\tau = \tau\,\text{data} + (1 - \tau)\,\text{noise}` are the same mixture at another scale, and
under another name of the time:

.. math::
    \tau = \frac{a}{a + b}, \qquad x_\tau = \frac{x_t}{a + b}, \qquad
    \text{velocity} = \hat x_0 - \hat\epsilon

The signal-to-noise ratio :math:`a / b = \tau / (1 - \tau)` says which times belong together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.contracts import unchecked
from ..base.model import EpsModel, model_device
from ..base.shapes import beside
from ..base.validate import (
    check_choice,
    check_floats,
    check_real_t,
    check_same_shape,
    check_schedule,
)
from ..chain.convert import KINDS, convert
from ..chain.schedule import NoiseSchedule
from .exact import Velocity
from .losses import time_dtype
from .paths import check_flow_time


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

    Raises:
        IndexError: If t is out of range.
        TypeError: If x_t holds no floats, or t is no time.
        ValueError: If t has another shape than (B,), or x_t is empty.
    """
    check_schedule(schedule)
    check_floats("x_t", x_t, look_inside=False)
    check_real_t(t, schedule.T)
    _check_batch(t, x_t)
    times = torch.as_tensor(t, dtype=torch.float64).cpu()
    a, b = schedule.continuous.alpha(times), schedule.continuous.sigma(times)
    return x_t / beside((a + b).to(x_t), x_t), _as_given(a / (a + b), t, x_t)


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
        TypeError: If x holds no floats, or t is no time.
        ValueError: If t is out of range or has another shape than (B,), if x is empty, or if the
            schedule never becomes as noisy as the flow is at t.
    """
    check_schedule(schedule)
    check_floats("x", x, look_inside=False)
    check_flow_time(t, len(x))
    tau = torch.as_tensor(t, dtype=torch.float64).cpu()
    log_snr, least = 2 * torch.logit(tau), schedule.continuous.log_snr(float(schedule.T))
    # The time of T, rounded to float32, may lie a trifle before it.
    log_snr = torch.where(log_snr > least - 1e-5, log_snr.clamp(min=least), log_snr)
    time = schedule.continuous.t_of_log_snr(log_snr)
    scale = (tau**2 + (1 - tau) ** 2).rsqrt()
    return x * beside(scale.to(x), x), _as_given(time, t, x)


def velocity_from_eps_model(
    eps_model: EpsModel, schedule: NoiseSchedule, *, kind: str = "eps"
) -> Velocity:
    r"""A diffusion network as the velocity of a flow: :math:`\hat x_0 - \hat\epsilon`.

    The model is asked where the flow's point lies in the diffusion (:func:`to_diffusion`), so it must
    take real times; networks do. Outside the times that it was trained on, the nearest one stands in:
    between the data and step 1 it is asked at t = 1, and where the flow is noisier than the schedule
    ever becomes, the velocity is that of the noisiest place.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with real t, floats (B,) in [1, T].
        schedule: The noise schedule that it was trained with.
        kind: What it predicts: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.

    Returns:
        ``velocity(x, t)`` for :func:`~minidiff.flow.sample` and its kin.

    Raises:
        TypeError: If ``schedule`` is none.
        ValueError: If ``kind`` is unknown; in a call, if the signal-to-noise ratio is 0 at T and the
            model predicts noise, which tells nothing of the data there.

    Source:
        The equations above; Lipman et al. 2023, section 4.1.
    """
    check_schedule(schedule)
    check_choice("kind", kind, KINDS)
    a_T = schedule.alpha_bar[-1].sqrt()
    earliest = float(a_T / (a_T + (1 - schedule.alpha_bar[-1]).sqrt()))
    if earliest == 0 and kind in ("eps", "score"):
        raise ValueError(
            f"alpha_bar = 0 at t = {schedule.T} (zero terminal SNR), so a prediction of {kind!r} there "
            f"does not tell the data; predict 'v' or 'x0' with this schedule"
        )

    def velocity(x: Tensor, t: float | Tensor) -> Tensor:
        check_flow_time(t, len(x))
        tau = torch.as_tensor(t, dtype=torch.float64).cpu().expand(len(x)).clamp(min=earliest)
        x_t, time = to_diffusion(x, tau, schedule)
        assert isinstance(time, Tensor)
        prediction = eps_model(x_t, time.clamp(min=1))
        check_same_shape("what eps_model returned", prediction, "x_t", x_t)
        data, noise = (
            unchecked(convert)(prediction, x_t, time, schedule, source=kind, target=end)
            for end in ("x0", "eps")
        )
        return data - noise

    velocity.device = model_device(eps_model)  # type: ignore[attr-defined]
    return velocity


def eps_model_from_velocity(velocity: Velocity, schedule: NoiseSchedule) -> EpsModel:
    r"""A flow's network as the noise prediction of a diffusion: :math:`\hat\epsilon = x_\tau - \tau\,v`.

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,) in [0, 1]; trained on the straight path.
        schedule: The noise schedule that the samplers will follow; any will do.

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddim_sample` and its kin; t is an int, a LongTensor
        (B,), or real.

    Raises:
        TypeError: If ``schedule`` is none.
    """
    check_schedule(schedule)

    def eps_model(x_t: Tensor, t: int | Tensor) -> Tensor:
        many = t if isinstance(t, Tensor) else torch.full((len(x_t),), float(t))
        x, tau = to_flow(x_t, many, schedule)
        assert isinstance(tau, Tensor)
        u = velocity(x, tau)
        check_same_shape("what velocity returned", u, "x_t", x)
        return x - beside(tau.to(x), x) * u

    eps_model.device = model_device(velocity)  # type: ignore[attr-defined]
    return eps_model


def _as_given(time: Tensor, t: float | Tensor, x: Tensor) -> float | Tensor:
    """A time as a number where it was one, else beside x."""
    return time.to(x.device, time_dtype(x)) if isinstance(t, Tensor) else float(time)


def _check_batch(t: float | Tensor, x: Tensor) -> None:
    if isinstance(t, Tensor) and t.shape != (len(x),):
        raise ValueError(
            f"t must have shape ({len(x)},), one time for each example; got {tuple(t.shape)}"
        )
