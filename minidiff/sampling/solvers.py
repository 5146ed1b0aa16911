r"""Higher-order solvers: fewer steps than DDIM for the same walk, out of the same step.

With η = 0 nothing in sampling is random, and the walk from :math:`x_T` to :math:`x_0` solves a differential
equation. DDIM is Euler's method for it: its error is halved when the steps are. The two methods here
quarter it. Heun's looks where a step would lead, and takes the mean of two predictions of the noise;
DPM-Solver++(2M) remembers the last prediction of :math:`x_0`, and goes on along the line through both. Each
hands its mended prediction to the step of :func:`~minidiff.sample_step`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import PREDICTIONS, EpsModel
from ..base.rng import Generator, starting_noise
from ..base.rules.tells import first_of_times_tells, first_time_tells
from ..chain.schedule import NoiseSchedule, signal_and_noise
from ..flow.convert import for_diffusion
from .step import guesses, sample_step
from .walk import START, WALK, State, Step, answer, times_of_walk, walk_along

Model = Callable[[Tensor, float], Tensor]
"""An eps-model as the solvers see it, with one time for the whole batch and its answer checked"""

ddim_step = functools.partial(unchecked(sample_step), eta=0.0)
"""The step of the library, with nothing random in it"""


def _ddim(model: Model, schedule: NoiseSchedule, kind: str, clip: bool) -> Step:
    """Euler's step: the prediction at t, and nothing else."""
    return lambda x, t, s: ddim_step(model(x, t), x, t, s, schedule, kind=kind, clip=clip)


def _heun(model: Model, schedule: NoiseSchedule, kind: str, clip: bool) -> Step:
    """A step with the mean of the noise seen at t and the noise seen where Euler's step leads."""

    def step(x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        said = model(x, t)
        ahead, x0_hat = ddim_step(said, x, t, s, schedule, kind=kind, clip=clip)
        # At 0 there is nothing to ask; and from pure noise (zero terminal SNR) the step is infinitely
        # long in the variable in which Heun's method takes a mean. Both steps are Euler's.
        if s == 0 or signal_and_noise(t, schedule, x)[0] == 0:
            return ahead, x0_hat
        _, eps_t = guesses(said, x, t, schedule, kind=kind, clip=clip)
        _, eps_s = guesses(model(ahead, s), ahead, s, schedule, kind=kind, clip=clip)
        return ddim_step((eps_t + eps_s) / 2, x, t, s, schedule, kind="eps", clip=clip)

    return step


def _dpm_solver(model: Model, schedule: NoiseSchedule, kind: str, clip: bool) -> Step:
    """A step with the guess of x_0 that lies on the line through the last two."""
    before: tuple[float, Tensor] | None = None  # where the last step began, and its guess

    def half_log_snr(t: float, x: Tensor) -> float:
        signal, noise = (float(weight) for weight in signal_and_noise(t, schedule, x))
        return math.log(signal / noise) if signal else -math.inf

    def step(x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        nonlocal before
        x0_hat, _ = guesses(model(x, t), x, t, schedule, kind=kind, clip=clip)
        mended = x0_hat
        if before is not None and s != 0:
            now = half_log_snr(t, x)
            last_length, length = now - before[0], half_log_snr(s, x) - now
            mended = x0_hat + length / (2 * last_length) * (x0_hat - before[1])
        before = half_log_snr(t, x), x0_hat
        return ddim_step(mended, x, t, s, schedule, kind="x0")[0], x0_hat

    return step


SOLVERS: dict[str, Callable[[Model, NoiseSchedule, str, bool], Step]] = {
    "ddim": _ddim,
    "heun": _heun,
    "dpm_solver": _dpm_solver,
}


@contract(
    f"""times: real times of schedule, x: floats, solver: one of {tuple(SOLVERS)},
    kind: one of {PREDICTIONS}""",
    first_of_times_tells,
)
def solve(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    times: Sequence[float] | Tensor,
    x: Tensor,
    solver: str = "dpm_solver",
    *,
    kind: str | None = None,
    clip: bool = False,
    progress: bool = False,
) -> Iterator[State]:
    r"""Walk with a solver from any time to any earlier one, over real times too.

    :func:`solver_steps` is this walk from noise, over whole times, down to 0. The error of a solver is
    measured over an interior interval of real times, where no end point and no rounding to whole steps
    hides its order.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,) at whole times, and at real ones
            (floats) a float64 tensor (B,).
        schedule: The noise schedule.
        times: The times to visit, within [0, T] and strictly decreasing, as
            ``schedule.continuous.times(700, 20, steps)`` gives them.
        x: Noisy data at the first time, shape (B, ...).
        solver: As in :func:`solver_steps`.
        kind: As in :func:`solver_steps`.
        clip: As in :func:`solver_steps`.
        progress: Show a progress bar.

    Yields:
        A :class:`State` before the first step and after each one.

    Raises:
        TypeError: If the model's answer is no tensor.
        ValueError: If the model's answer has another shape than its input, or x is not finite at t = 0.

    Source:
        As :func:`solver_steps`.
    """
    asked, said = for_diffusion(eps_model, schedule, kind)

    def model(x_t: Tensor, t: float) -> Tensor:
        return answer(asked, x_t, t)[0]

    visited = [int(t) if isinstance(t, Integral) else float(t) for t in times]
    step = SOLVERS[solver](model, schedule, said, clip)
    yield from walk_along(visited, x, step, progress)


@contract(f"{WALK}, solver: one of {tuple(SOLVERS)}, {START}", first_time_tells)
def solver_steps(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    solver: str = "dpm_solver",
    steps: int | None = None,
    times: Sequence[int] | Tensor | None = None,
    kind: str | None = None,
    clip: bool = False,
    x_T: Tensor | None = None,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    progress: bool = False,
) -> Iterator[State]:
    r"""Walk from noise to data with a solver, and hand out every state on the way, :math:`x_T` first.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        shape: Shape (B, ...) of what to draw; may be left out when ``x_T`` is given.
        solver: ``"heun"``, ``"dpm_solver"``, or ``"ddim"`` to compare with.
        steps: Number of steps, 1..T; all T when not given.
        times: The times to visit instead, strictly decreasing and ending in 0.
        kind: What the model predicts, as in :func:`~minidiff.sampling_steps`; None takes what the model says
            itself.
        clip: Limit each prediction of :math:`x_0` to [-1, 1]. For pixels only.
        x_T: The noise to start from; drawn when not given.
        generator: Where to draw from.
        device: Where to compute; by default where ``x_T`` is, else where the model is, else the CPU.
        dtype: float32 unless ``x_T`` or this says otherwise.
        progress: Show a progress bar.

    Yields:
        A :class:`State` before the first step and after each one.

    Raises:
        TypeError: If the model's answer is no tensor.
        ValueError: If the model's answer has another shape than its input, or x is not finite at the end.

    Source:
        Karras et al. 2022, algorithm 1 (Heun); Lu et al. 2022 (DPM-Solver++), algorithm 2.
    """
    x = starting_noise(eps_model, shape, x_T, generator, device=device, dtype=dtype)
    visited = times_of_walk(schedule, steps, times)
    yield from unchecked(solve)(
        eps_model, schedule, visited, x, solver, kind=kind, clip=clip, progress=progress
    )


def heun_sample(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = 25,
    **options: Any,
) -> Tensor:
    r"""Heun's method: a step with the mean of the noise seen here and the noise seen where it leads.

    .. math::
        x_s = \sqrt{\frac{\bar\alpha_s}{\bar\alpha_t}}
            \left( x_t - \sqrt{1 - \bar\alpha_t}\, \bar\epsilon \right)
            + \sqrt{1 - \bar\alpha_s}\, \bar\epsilon, \qquad
        \bar\epsilon = \tfrac12 \big( \epsilon_\theta(x_t, t) + \epsilon_\theta(x_s^{\text{DDIM}}, s) \big)

    The step into 0 is DDIM's, so n steps ask the model 2n - 1 times.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        shape: Shape (B, ...) of what to draw; may be left out when ``x_T=`` is given.
        steps: Number of steps, 1..T.
        **options: ``times`` (then ``steps`` must be None), ``clip``, ``x_T``, ``generator``,
            ``device``, ``dtype``, ``kind`` and ``progress`` as in :func:`solver_steps`.

    Returns:
        :math:`x_0`, shape (B, ...).

    Raises:
        IndexError, TypeError, ValueError: As :func:`solver_steps`.

    Source:
        Karras et al. 2022, algorithm 1, here on the times of the chain.
    """
    *_, last = solver_steps(eps_model, schedule, shape, solver="heun", steps=steps, **options)
    return last.x


def dpm_solver_sample(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    steps: int | None = 20,
    **options: Any,
) -> Tensor:
    r"""DPM-Solver++(2M): a step with a guess of x_0 that also goes by the guess before.

    .. math::
        x_s = \frac{\sigma_s}{\sigma_t}\, x_t + \alpha_s \left( 1 - e^{-h} \right) D, \qquad
        D = \left( 1 + \frac{1}{2r} \right) \hat x_0(x_t, t)
            - \frac{1}{2r}\, \hat x_0(x_{t'}, t'), \qquad r = \frac{h'}{h}

    with :math:`\alpha = \sqrt{\bar\alpha}`, :math:`\sigma = \sqrt{1 - \bar\alpha}`, and the length of a step
    measured in :math:`\lambda = \log(\alpha / \sigma)`, half the log-SNR. This step is
    :math:`h = \lambda_s - \lambda_t` long, and the one before it, from t' to t, was
    :math:`h' = \lambda_t - \lambda_{t'}` long. The equation for :math:`x_s` is DDIM's, with D in the place of
    the guess. The first step has no guess before it, and the one into 0 is infinitely long; both take
    :math:`D = \hat x_0`. So n steps ask the model n times.

    Args:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        shape: Shape (B, ...) of what to draw; may be left out when ``x_T=`` is given.
        steps: Number of steps, 1..T.
        **options: ``times`` (then ``steps`` must be None; see :func:`log_snr_times`), ``clip``,
            ``x_T``, ``generator``, ``device``, ``dtype``, ``kind`` and ``progress`` as in
            :func:`solver_steps`.

    Returns:
        :math:`x_0`, shape (B, ...).

    Raises:
        IndexError, TypeError, ValueError: As :func:`solver_steps`.

    Source:
        Lu et al. 2022 (DPM-Solver++), algorithm 2.
    """
    *_, last = solver_steps(eps_model, schedule, shape, solver="dpm_solver", steps=steps, **options)
    return last.x


@contract("steps: steps up to T")
def log_snr_times(schedule: NoiseSchedule, steps: int) -> list[int]:
    r"""Whole times for n steps that are evenly spread in log-SNR from T to 1, and then 0.

    Rounding makes them only nearly even; where two would fall on one time, which happens at the clean
    end, they take the next free ones. Real times, perfectly even, are given by
    :meth:`ContinuousSchedule.times <minidiff.chain.continuous.ContinuousSchedule.times>`.

    Args:
        schedule: The noise schedule.
        steps: Number of steps to take, 1..T.

    Returns:
        n + 1 ints, strictly decreasing from T to 0.

    Raises:
        ValueError: If the log-SNR at T is -infinity.

    Source:
        Lu et al. 2022 (DPM-Solver), section 3.3.
    """
    T = schedule.T
    wanted = schedule.continuous.times(T, 1, steps - 1) if steps > 1 else [T]
    times = [T]
    for left, t in zip(range(steps - 1, 0, -1), wanted[1:], strict=True):
        # below the time before, and with room for the times that are still to come
        times.append(min(max(round(t), left), times[-1] - 1))
    return [*times, 0]
