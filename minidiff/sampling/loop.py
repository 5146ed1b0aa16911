r"""Sampling: from noise back to data, one loop for every sampler here.

DDPM and DDIM differ in two settings only: how much fresh noise a step adds (η), and which times are
visited. :func:`~minidiff.sample_step` is one step; :func:`sampling_steps` is the loop around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import EpsModel
from ..base.rng import Generator, starting_noise
from ..base.rules.choices import noise_suits_eta
from ..base.rules.tells import first_time_tells
from ..chain.posterior import VARIANCES
from ..chain.schedule import NoiseSchedule
from ..flow.convert import for_diffusion
from .step import sample_step
from .walk import START, WALK, State, answer, times_of_walk, walk_along


@contract(
    f"{WALK}, eta: number in [0, 1], variance: one of {VARIANCES}, {START}",
    noise_suits_eta,
    first_time_tells,
)
def sampling_steps(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = None,
    times: Sequence[int] | Tensor | None = None,
    kind: str | None = None,
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
        kind: What the model predicts: ``"eps"``, ``"x0"``, ``"v"``, ``"score"`` or ``"velocity"``; None takes
            what the model says itself (``eps_model.predicts``), or else the noise. A velocity, of a flow on
            the straight path, is asked at the times of the flow, in [0, 1].
        eta: See :func:`~minidiff.sample_step`.
        variance: See :func:`~minidiff.sample_step`.
        clip: See :func:`~minidiff.sample_step`.
        x_T: The noise to start from; drawn when not given.
        generator: Where to draw from. Where noise is added on the way, the first example depends on how many
            are drawn beside it from one generator; a list, one for each example, gives each its own.
        device: Where to compute; by default where ``x_T`` is, else where the model is, else the CPU.
        dtype: float32 unless ``x_T`` or this says otherwise.
        progress: Show a progress bar.

    Yields:
        A :class:`State` before the first step and after each one.

    Raises:
        TypeError: If the model's answer is no tensor, or with ``variance="learned"`` no pair.
        ValueError: If the model's answer has another shape than its input, or x is not finite at the end.

    Source:
        Ho et al. 2020, algorithm 2; Song et al. 2020 (DDIM), section 4.2.
    """
    model, kind = for_diffusion(eps_model, schedule, kind)

    def step(x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        prediction, v = answer(model, x, t, learned=variance == "learned")
        options: dict[str, Any] = {"eta": eta, "variance": variance, "v": v, "clip": clip}
        return unchecked(sample_step)(
            prediction, x, t, s, schedule, kind=kind, generator=generator, **options
        )

    x = starting_noise(eps_model, shape, x_T, generator, device=device, dtype=dtype)
    yield from walk_along(times_of_walk(schedule, steps, times), x, step, progress)


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
        :math:`x_0`, shape (B, ...). Images lie in [-1, 1] with ``clip=True``. Without it they do so as nearly
        as the network is right, and not at all where a schedule leaves hardly any signal at T, such as the
        cosine schedule: a guess of :math:`x_0` divides the network's error by :math:`\sqrt{\bar\alpha_T}`,
        see :doc:`/notebooks/09_noise_schedules`. A warning says so.

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
