r"""Sampling: from noise back to data, one loop for every sampler here.

DDPM and DDIM differ in two settings only: how much fresh noise a step adds (η), and which times are
visited. :func:`~minidiff.sample_step` is one step; :func:`sampling_steps` is the loop around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import unchecked
from ..base.model import EpsModel, pair
from ..base.rng import Generator
from ..base.validate import check_choice, check_number, check_same_shape, check_schedule
from ..chain.convert import KINDS, check_signal_left
from ..chain.posterior import VARIANCES
from ..chain.schedule import NoiseSchedule
from .step import noise_suits_eta, sample_step
from .walk import State, asked, check_arrived, checked_times, started, with_bar


def sampling_steps(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = None,
    times: Sequence[int] | Tensor | None = None,
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
        eta: See :func:`~minidiff.sample_step`.
        variance: See :func:`~minidiff.sample_step`.
        clip: See :func:`~minidiff.sample_step`.
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
    check_schedule(schedule)
    walk = checked_times(schedule, steps, times)
    check_choice("kind", kind, KINDS)
    check_choice("variance", variance, VARIANCES)
    check_number("eta", eta, 0, 1)
    noise_suits_eta(variance, eta)
    if kind in ("eps", "score"):
        check_signal_left(walk[0], schedule, kind)
    x = started(eps_model, shape, x_T, generator, device, dtype)
    # What is above runs at once; a generator function would wait for the first next().
    return _walk(eps_model, schedule, walk, x, kind, eta, variance, clip, generator, progress)


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
    for t, s in with_bar(list(pairwise(times)), progress):
        with torch.no_grad():
            prediction = asked(eps_model, x, t)
            prediction, v = pair(prediction) if variance == "learned" else (prediction, None)
            check_same_shape("what eps_model returned", prediction, "x_t", x)
            if v is not None:
                check_same_shape("v, which eps_model returned,", v, "x_t", x)
            x, x0_hat = unchecked(sample_step)(
                prediction,
                x,
                t,
                s,
                schedule,
                kind=kind,
                eta=eta,
                variance=variance,
                v=v,
                clip=clip,
                generator=generator,
            )
        if s == 0:
            check_arrived(x)
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
