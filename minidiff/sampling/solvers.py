r"""Higher-order solvers: fewer steps than DDIM for the same walk, out of the same step.

With η = 0 nothing in sampling is random, and the walk from :math:`x_T` to :math:`x_0` solves a differential
equation. DDIM is Euler's method for it: its error is halved when the steps are. The two methods here
quarter it. Heun's looks where a step would lead, and takes the mean of two predictions of the noise;
DPM-Solver++(2M) remembers the last prediction of :math:`x_0`, and goes on along the line through both. Each
hands its mended prediction to the step of :func:`~minidiff.sample_step`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import unchecked
from ..base.model import EpsModel
from ..base.rng import Generator
from ..base.validate import check_choice, check_positive_int, check_same_shape, check_schedule
from ..chain.convert import KINDS, check_signal_left
from ..chain.schedule import NoiseSchedule, signal_and_noise
from .step import guesses, sample_step
from .walk import State, asked, check_arrived, checked_times, started, with_bar

Model = Callable[[Tensor, float], Tensor]
"""An eps-model as the solvers see it, with one time for the whole batch and its answer checked"""

Step = Callable[[Tensor, float, float], tuple[Tensor, Tensor]]
"""One step of a solver, from x at t and the time s to x at s and the guess of x_0 that led there"""


def solver_steps(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    shape: Sequence[int] | None = None,
    *,
    solver: str = "dpm_solver",
    steps: int | None = None,
    times: Sequence[int] | Tensor | None = None,
    kind: str = "eps",
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
        kind: What the model predicts: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        clip: Limit each prediction of :math:`x_0` to [-1, 1]. For pixels only.
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
        ValueError: If an option is unknown, or the model's answer has another shape than its input,
            or is not finite at the end.

    Source:
        Karras et al. 2022, algorithm 1 (Heun); Lu et al. 2022 (DPM-Solver++), algorithm 2.
    """
    check_schedule(schedule)
    walk = checked_times(schedule, steps, times)
    check_choice("solver", solver, tuple(SOLVERS))
    check_choice("kind", kind, KINDS)
    if kind in ("eps", "score"):
        check_signal_left(walk[0], schedule, kind)
    x = started(eps_model, shape, x_T, generator, device, dtype)
    return walked(eps_model, schedule, walk, x, solver, kind, clip, progress)


def walked(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    times: Sequence[float],
    x: Tensor,
    solver: str = "dpm_solver",
    kind: str = "eps",
    clip: bool = False,
    progress: bool = False,
) -> Iterator[State]:
    """The loop of :func:`solver_steps` alone: no checks, and any falling times, real ones too.

    The error of a solver is measured over an interior interval of real times, where no end point and no
    rounding to whole steps hides its order. A model is told a real t as a float64 tensor (B,).
    """

    def model(x_t: Tensor, t: float) -> Tensor:
        said = asked(eps_model, x_t, t)
        check_same_shape("what eps_model returned", said, "x_t", x_t)
        return said  # type: ignore[no-any-return]

    step = SOLVERS[solver](model, schedule, kind, clip)
    yield State(times[0], x, None)
    for t, s in with_bar(list(pairwise(times)), progress):
        with torch.no_grad():
            x, x0_hat = step(x, t, s)
        if s == 0:
            check_arrived(x)
        yield State(s, x, x0_hat)


def _ddim(model: Model, schedule: NoiseSchedule, kind: str, clip: bool) -> Step:
    return lambda x, t, s: _moved(model(x, t), x, t, s, schedule, kind, clip)


def _heun(model: Model, schedule: NoiseSchedule, kind: str, clip: bool) -> Step:
    def step(x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        said = model(x, t)
        ahead, x0_hat = _moved(said, x, t, s, schedule, kind, clip)
        # At 0 there is nothing to ask; and from pure noise (zero terminal SNR) the step is infinitely
        # long in the variable in which Heun's method takes a mean. Both steps are Euler's.
        if s == 0 or signal_and_noise(t, schedule, x)[0] == 0:
            return ahead, x0_hat
        _, eps_t = guesses(said, x, t, schedule, kind, clip)
        _, eps_s = guesses(model(ahead, s), ahead, s, schedule, kind, clip)
        return _moved((eps_t + eps_s) / 2, x, t, s, schedule, "eps", clip)

    return step


def _dpm_solver(model: Model, schedule: NoiseSchedule, kind: str, clip: bool) -> Step:
    before: tuple[float, Tensor] | None = None  # where the last step began, and its guess

    def half_log_snr(t: float, x: Tensor) -> float:
        signal, noise = (float(weight) for weight in signal_and_noise(t, schedule, x))
        return math.log(signal / noise) if signal else -math.inf

    def step(x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        nonlocal before
        x0_hat, _ = guesses(model(x, t), x, t, schedule, kind, clip)
        mended = x0_hat
        if before is not None and s != 0:
            now = half_log_snr(t, x)
            last_length, length = now - before[0], half_log_snr(s, x) - now
            mended = x0_hat + length / (2 * last_length) * (x0_hat - before[1])
        before = half_log_snr(t, x), x0_hat
        return _moved(mended, x, t, s, schedule, "x0", False)[0], x0_hat

    return step


def _moved(
    prediction: Tensor,
    x: Tensor,
    t: float,
    s: float,
    schedule: NoiseSchedule,
    kind: str,
    clip: bool,
) -> tuple[Tensor, Tensor]:
    """The step of the library, with nothing random in it."""
    return unchecked(sample_step)(prediction, x, t, s, schedule, kind=kind, eta=0.0, clip=clip)


SOLVERS: dict[str, Callable[[Model, NoiseSchedule, str, bool], Step]] = {
    "ddim": _ddim,
    "heun": _heun,
    "dpm_solver": _dpm_solver,
}


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
        TypeError: If ``schedule`` is none, or ``steps`` no integer.
        ValueError: If more steps are asked for than there are times, or the log-SNR at T is -infinity.

    Source:
        Lu et al. 2022 (DPM-Solver), section 3.3.
    """
    check_schedule(schedule)
    T = schedule.T
    check_positive_int("steps", steps)
    if steps > T:
        raise ValueError(f"steps must be at most T = {T}, got {steps}")
    wanted = schedule.continuous.times(T, 1, steps - 1) if steps > 1 else [T]
    times = [T]
    for left, t in zip(range(steps - 1, 0, -1), wanted[1:], strict=True):
        # below the time before, and with room for the times that are still to come
        times.append(min(max(round(t), left), times[-1] - 1))
    return [*times, 0]
