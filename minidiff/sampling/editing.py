r"""Sampling that begins with a picture: from its noisy version, or around the part of it that is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import PREDICTIONS, EpsModel
from ..base.progress import with_bar
from ..base.rng import Generator, noise_like, randn
from ..base.rules.shapes import a_tensor_masks, zeros_and_ones
from ..base.walks import check_arrived
from ..chain.forward import q_sample
from ..chain.schedule import NoiseSchedule, alpha_bar_at
from ..flow.convert import for_diffusion
from .loop import sampling_steps
from .step import sample_step
from .walk import FAR_OFF, WALK, answer, sampling_times, times_of_walk


@contract(
    "x_0: floats, t: one time of schedule, steps: count, eta: number in [0, 1], noise: like x_0"
)
def sdedit(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    x_0: Tensor,
    t: int,
    *,
    steps: int = 50,
    eta: float = 0.0,
    kind: str | None = None,
    clip: bool = False,
    noise: Tensor | None = None,
    generator: Generator | None = None,
    progress: bool = False,
) -> Tensor:
    r"""Put a picture under the noise of time t, and walk back from there: it comes out alike, and redrawn.

    .. math:: x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon

    What is coarse survives the noise, what is fine is drawn anew. A small t changes little; at t = T hardly
    anything of the picture is left. A rough sketch becomes a picture so, and a picture another one like it.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        x_0: The pictures to begin with, shape (B, ...).
        t: The time to begin at, 1..T.
        steps: Number of steps from t down to 0; at most t are taken.
        eta: See :func:`~minidiff.sample_step`; 0 adds no more noise on the way.
        kind: What the model predicts, as in :func:`~minidiff.sampling_steps`.
        clip: Limit each prediction of :math:`x_0` to [-1, 1]. For pixels only.
        noise: :math:`\epsilon`, same shape as ``x_0``; drawn when not given.
        generator: Where to draw from.
        progress: Show a progress bar.

    Returns:
        Shape (B, ...).

    Raises:
        TypeError, ValueError: As :func:`~minidiff.sampling_steps`.

    Source:
        Meng et al. 2022 (SDEdit), algorithm 1, on the times of the chain.
    """
    x_t = unchecked(q_sample)(x_0, t, schedule, noise_like(x_0, noise, generator))
    times = unchecked(sampling_times)(t, min(steps, t))
    walk = sampling_steps(
        eps_model,
        schedule,
        times=times,
        x_T=x_t,
        kind=kind,
        eta=eta,
        clip=clip,
        generator=generator,
        progress=progress,
    )
    *_, last = walk
    return last.x


@contract(
    f"known: floats, {WALK}, eta: number in [0, 1], repeats: count, kind: one of {PREDICTIONS}",
    a_tensor_masks,
    zeros_and_ones,
)
def inpaint(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    known: Tensor,
    mask: Tensor,
    *,
    steps: int | None = None,
    times: Sequence[int] | Tensor | None = None,
    repeats: int = 1,
    eta: float = 1.0,
    kind: str | None = None,
    clip: bool = False,
    generator: Generator | None = None,
    progress: bool = False,
) -> Tensor:
    r"""Draw what is missing in a picture: at each step, the known part is put in with the noise of that time.

    .. math::
        x_s = m \odot \big( \sqrt{\bar\alpha_s}\,x_0^{\text{known}} + \sqrt{1 - \bar\alpha_s}\,\epsilon \big)
            + (1 - m) \odot x_s^{\text{drawn}}

    One pass sees the known part only as noisy as it is then, and edges may not match. ``repeats`` goes from s
    back up to t by the forward process and takes the step again, so that both parts can agree:

    .. math::
        x_t = \sqrt{\bar\alpha_t / \bar\alpha_s}\; x_s + \sqrt{1 - \bar\alpha_t / \bar\alpha_s}\; z

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        known: The pictures, shape (B, ...); what they hold where the mask is 0 does not matter.
        mask: 1 where a picture is known, 0 where it is to be drawn; a shape that goes with ``known``.
        steps: Number of steps, 1..T; all T when not given.
        times: The times to visit instead, strictly decreasing from T and ending in 0.
        repeats: How often each step is taken; RePaint's r.
        eta: See :func:`~minidiff.sample_step`.
        kind: What the model predicts, as in :func:`~minidiff.sampling_steps`.
        clip: Limit each prediction of :math:`x_0` to [-1, 1]. For pixels only.
        generator: Where to draw from.
        progress: Show a progress bar.

    Returns:
        Shape (B, ...), equal to ``known`` where the mask is 1.

    Raises:
        TypeError: If the model's answer is no tensor.
        ValueError: If the model's answer has another shape than its input, or x is not finite at the end.

    Source:
        Lugmayr et al. 2022 (RePaint), algorithm 1 with jumps of one step; with ``repeats=1``, Song et al.
        2021, appendix I.2.
    """
    model, said = for_diffusion(eps_model, schedule, kind)
    options: dict[str, Any] = {"kind": said, "eta": eta, "clip": clip, "generator": generator}
    mask = mask.to(known)
    x = randn(known.shape, generator, known.device, known.dtype)
    for t, s in with_bar(
        [*pairwise(times_of_walk(schedule, steps, times))], progress, "inpainting", "step"
    ):
        for again in range(repeats):
            with torch.no_grad():
                prediction, _ = answer(model, x, t)
                drawn, _ = unchecked(sample_step)(prediction, x, t, s, schedule, **options)
            x = mask * at_time(known, s, schedule, generator) + (1 - mask) * drawn
            if s > 0 and again < repeats - 1:
                x = up_again(x, s, t, schedule, generator)
    check_arrived(x, "inpainting", "eps_model", "md.sampling_steps", FAR_OFF)
    return x


def at_time(x_0: Tensor, t: int, schedule: NoiseSchedule, generator: Generator | None) -> Tensor:
    """x_0 with the noise of time t, which at t = 0 is none."""
    if t == 0:
        return x_0
    return unchecked(q_sample)(x_0, t, schedule, noise_like(x_0, None, generator))


def up_again(
    x: Tensor, s: int, t: int, schedule: NoiseSchedule, generator: Generator | None
) -> Tensor:
    r"""Forward again: :math:`\sqrt{a}\,x_s + \sqrt{1-a}\,z` with :math:`a = \bar\alpha_t / \bar\alpha_s`."""
    kept = alpha_bar_at(t, schedule) / alpha_bar_at(s, schedule)
    noise = noise_like(x, None, generator)
    return float(kept**0.5) * x + float((1 - kept) ** 0.5) * noise
