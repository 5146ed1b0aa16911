r"""Sampling: from noise back to data, one step primitive and one loop for every sampler here.

DDPM and DDIM differ in two settings only: how much fresh noise a step adds (η), and which times are
visited. :func:`sample_step` is one step and never calls a model; :func:`sampling_steps` is the loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .convert import KINDS, check_signal_left, converted
from .draw import Generator, randn
from .posterior import variances_between
from .schedule import NoiseSchedule
from .validate import (
    check_choice,
    check_floats,
    check_number,
    check_positive_int,
    check_same_shape,
    check_shape,
    check_t,
)

EpsModel = Callable[[Tensor, Tensor], Any]
"""What a sampler wants: ``eps_model(x_t, t)`` with t a LongTensor (B,), giving a tensor like x_t."""

VARIANCES = ("small", "large", "learned")


@dataclass(frozen=True)
class State:
    """Where a sampler stands: the time, the noisy data there, and the guess that led there.

    Attributes:
        t: The time, T at first and 0 at the end.
        x: :math:`x_t`, shape (B, ...).
        x0_hat: The last prediction of the clean data; None before the first step.
    """

    t: int
    x: Tensor
    x0_hat: Tensor | None


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
        v: For ``"learned"``: the mixing weight in [0, 1], broadcastable to x_t; 1 means "large".
        clip: Limit :math:`\hat x_0` to [-1, 1] and derive :math:`\hat\epsilon` from it again. For
            pixels only, never for 2-D points or latents.
        noise: z, same shape as x_t; drawn when it is needed and not given.
        generator: Where to draw from.

    Returns:
        :math:`x_s` and :math:`\hat x_0`, both of x_t's shape.

    Raises:
        IndexError: If t or s is out of range.
        TypeError: If a tensor does not hold floating-point numbers.
        ValueError: If shapes differ, an option is unknown or does not go with another one, or a
            tensor is empty or not finite.

    Source:
        Song et al. 2020 (DDIM), equations 12 and 16; Ho et al. 2020, algorithm 2; Nichol and
        Dhariwal 2021, equation 15 (learned); slides "Sampling algorithm", "Faster sampling: DDIMs".
    """
    check_floats("x_t", x_t)
    check_floats("prediction", prediction)
    check_same_shape("prediction", prediction, "x_t", x_t)
    check_t(t, schedule.T)
    check_t(s, t - 1, name="s", low=0)
    _check_options(kind, eta, variance)
    if kind in ("eps", "score"):
        check_signal_left(t, schedule, kind)
    if (v is not None) != (variance == "learned"):
        raise ValueError("v is the mixing weight of variance='learned': give both or neither")
    if noise is not None:
        check_floats("noise", noise)
        check_same_shape("noise", noise, "x_t", x_t)
    return _step(prediction, x_t, t, s, schedule, kind, eta, variance, v, clip, noise, generator)


def _step(
    prediction: Tensor,
    x_t: Tensor,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    kind: str,
    eta: float,
    variance: str,
    v: Tensor | None,
    clip: bool,
    noise: Tensor | None,
    generator: Generator | None,
) -> tuple[Tensor, Tensor]:
    """The equation of :func:`sample_step` alone: no checks, for the loop."""
    x0_hat = converted(prediction, x_t, t, schedule, kind, "x0")
    if clip:
        x0_hat = x0_hat.clamp(-1, 1)
        kind, prediction = "x0", x0_hat
    eps = converted(prediction, x_t, t, schedule, kind, "eps")
    beta, beta_tilde = variances_between(t, s, schedule)
    sigma_2 = eta**2 * beta_tilde
    alpha_bar_s = float(schedule.alpha_bar[s])
    # Rounding may push the radicand a hair below 0 where it is 0 on paper (s = 0).
    mean = math.sqrt(alpha_bar_s) * x0_hat + math.sqrt(max(1 - alpha_bar_s - sigma_2, 0.0)) * eps
    if s == 0 or eta == 0:
        return mean, x0_hat
    std: float | Tensor = math.sqrt(sigma_2)
    if variance == "large":
        std = math.sqrt(beta)
    elif v is not None:
        std = torch.exp(0.5 * (v * math.log(beta) + (1 - v) * math.log(beta_tilde)))
    z = randn(x_t.shape, generator, x_t.device, x_t.dtype) if noise is None else noise
    return mean + std * z, x0_hat


def sampling_times(T: int, steps: int) -> list[int]:
    r"""The default times for n steps: ``round(linspace(T, 0, n + 1))``, from T down to 0.

    Args:
        T: Number of steps of the schedule.
        steps: Number of steps to take, 1..T.

    Raises:
        ValueError: If more steps are asked for than there are times.
    """
    check_positive_int("T", T)
    check_positive_int("steps", steps)
    if steps > T:
        raise ValueError(f"steps must be at most T = {T}, got {steps}")
    return [int(t) for t in np.round(np.linspace(T, 0, steps + 1))]


def sampling_steps(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = None,
    times: Sequence[int] | None = None,
    kind: str = "eps",
    eta: float = 1.0,
    variance: str = "small",
    clip: bool = False,
    x_T: Tensor | None = None,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    progress: bool = False,
) -> Iterator[State]:
    r"""Walk from noise to data and hand out every state on the way, :math:`x_T` first.

    >>> *_, last = sampling_steps(eps_model, schedule, (16, 1, 16, 16))  # doctest: +SKIP

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,); with
            ``variance="learned"`` it returns the pair (prediction, v).
        schedule: The noise schedule.
        shape: Shape (B, ...) of what to draw; may be left out when ``x_T`` is given.
        steps: Number of steps, 1..T; all T when not given.
        times: The times to visit instead, strictly decreasing and ending in 0.
        kind: What the model predicts: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        eta: See :func:`sample_step`.
        variance: See :func:`sample_step`.
        clip: See :func:`sample_step`.
        x_T: The noise to start from; drawn when not given.
        generator: Where to draw from.
        device: Where to compute; by default where ``x_T`` is, else where the model is, else the CPU.
        dtype: float32 unless ``x_T`` or this says otherwise.
        progress: Show a progress bar.

    Yields:
        A :class:`State` before the first step and after each one.

    Raises:
        IndexError: If a time is out of range.
        TypeError: If an argument is of the wrong type.
        ValueError: If options do not go together, or the model's answer has another shape than its
            input, or is not finite at the end.

    Source:
        Ho et al. 2020, algorithm 2; Song et al. 2020 (DDIM), section 4.2.
    """
    times = _checked_times(schedule, steps, times)
    _check_options(kind, eta, variance)
    if kind in ("eps", "score"):
        check_signal_left(times[0], schedule, kind)
    if x_T is None:
        if shape is None:
            raise ValueError("give shape=(B, ...), or x_T= to start from given noise")
        device = _model_device(eps_model) if device is None else device
        x_T = randn(check_shape(shape), generator, device, dtype or torch.float32)
    else:
        check_floats("x_T", x_T)
        if shape is not None and tuple(shape) != tuple(x_T.shape):
            raise ValueError(f"shape {tuple(shape)} and x_T of shape {tuple(x_T.shape)} must agree")
        x_T = x_T.to(device=device, dtype=dtype)
    # What is above runs at once; a generator function would wait for the first next().
    return _walk(eps_model, schedule, times, x_T, kind, eta, variance, clip, generator, progress)


def _walk(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    times: list[int],
    x: Tensor,
    kind: str,
    eta: float,
    variance: str,
    clip: bool,
    generator: Generator | None,
    progress: bool,
) -> Iterator[State]:
    yield State(times[0], x, None)
    for t, s in _with_bar(list(pairwise(times)), progress):
        with torch.no_grad():
            prediction = eps_model(x, torch.full((len(x),), t, device=x.device))
            prediction, v = prediction if variance == "learned" else (prediction, None)
            check_same_shape("what eps_model returned", prediction, "x_t", x)
            x, x0_hat = _step(
                prediction, x, t, s, schedule, kind, eta, variance, v, clip, None, generator
            )
        if s == 0 and not torch.isfinite(x).all():
            raise ValueError(
                "sampling ended in NaN or infinity: look at what eps_model returns on the way, "
                "for instance with: for state in md.sampling_steps(...)"
            )
        yield State(s, x, x0_hat)


def ddpm_sample(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = None,
    **options: Any,
) -> Tensor:
    r"""Algorithm 2: draw samples by walking all T times with fresh noise at each (η = 1).

    .. math::
        x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \left( x_t
            - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\, \epsilon_\theta(x_t, t) \right) + \sigma_t z

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        shape: Shape (B, ...) of what to draw; may be left out when ``x_T=`` is given.
        steps: Take fewer steps than T, over evenly spread times.
        **options: ``times``, ``variance``, ``clip``, ``x_T``, ``generator``, ``device``, ``dtype``,
            ``kind`` and ``progress`` as in :func:`sampling_steps`.

    Returns:
        :math:`x_0`, shape (B, ...); images lie roughly in [-1, 1], exactly so with ``clip=True``.

    Raises:
        IndexError, TypeError, ValueError: As :func:`sampling_steps`.

    Source:
        Ho et al. 2020, algorithm 2; slide "Sampling algorithm".
    """
    *_, last = sampling_steps(eps_model, schedule, shape, steps=steps, eta=1.0, **options)
    return last.x


def ddim_sample(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = 50,
    eta: float = 0.0,
    **options: Any,
) -> Tensor:
    r"""DDIM: draw samples in few steps, by default with no randomness after the first noise.

    Each step predicts :math:`\hat x_0` and goes back from it to the *next time in the list*:

    .. math::
        x_s = \sqrt{\bar\alpha_s}\,\hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\,\hat\epsilon + \sigma z

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        shape: Shape (B, ...) of what to draw; may be left out when ``x_T=`` is given.
        steps: Number of steps, 1..T.
        eta: 0 is DDIM, 1 is DDPM on the same times; anything between is allowed.
        **options: ``times`` (then ``steps`` must be None), ``variance``, ``clip``, ``x_T``,
            ``generator``, ``device``, ``dtype``, ``kind`` and ``progress`` as in
            :func:`sampling_steps`.

    Returns:
        :math:`x_0`, shape (B, ...).

    Raises:
        IndexError, TypeError, ValueError: As :func:`sampling_steps`.

    Source:
        Song et al. 2020 (DDIM), equation 12; slide "Faster sampling: DDIMs".
    """
    *_, last = sampling_steps(eps_model, schedule, shape, steps=steps, eta=eta, **options)
    return last.x


def _check_options(kind: str, eta: float, variance: str) -> None:
    check_choice("kind", kind, KINDS)
    check_choice("variance", variance, VARIANCES)
    check_number("eta", eta, 0, 1)
    if variance != "small" and eta != 1:
        raise ValueError(f"variance={variance!r} needs eta = 1 (DDPM), got eta = {eta:g}")


def _checked_times(
    schedule: NoiseSchedule, steps: int | None, times: Sequence[int] | None
) -> list[int]:
    if times is None:
        return sampling_times(schedule.T, schedule.T if steps is None else steps)
    if steps is not None:
        raise ValueError("give either steps= (evenly spread times) or times= (your own list)")
    for t in times:
        check_t(t, schedule.T, name="times", low=0)
    listed = [int(t) for t in times]
    if len(listed) < 2 or listed[-1] != 0 or any(t <= s for t, s in pairwise(listed)):
        raise ValueError(
            f"times must decrease strictly and end in 0 (at t > 0 there is still noise in x), "
            f"such as [1000, 500, 0]; got {listed}"
        )
    return listed


def _model_device(model: object) -> torch.device | str:
    if (device := getattr(model, "device", None)) is not None:
        return device  # type: ignore[no-any-return]
    if isinstance(model, torch.nn.Module):
        for parameter in model.parameters():
            return parameter.device
    return "cpu"


def _with_bar(pairs: list[tuple[int, int]], progress: bool) -> Any:
    if not progress:
        return pairs
    from tqdm.auto import tqdm

    return tqdm(pairs, desc="sampling", unit="step")
