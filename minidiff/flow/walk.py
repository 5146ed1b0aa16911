r"""From noise to data and back: a flow walked through step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real

import torch
from torch import Tensor

from ..base.model import model_device
from ..base.rng import Generator, randn
from ..base.validate import check_floats, check_positive_int, check_shape, shown
from .exact import Velocity
from .paths import Path, check_flow_time, checked_path, ends, ot_path
from .solvers import ADAPTIVE, asked, check_solver, integrate

STEPS = 50  # where nothing else is said, as in ddim_sample


@dataclass(frozen=True)
class State:
    """Where a solver stands: the time, the point there, and the guess that led there.

    Attributes:
        t: The time, 0 at noise and 1 at data.
        x: The point, shape (B, ...).
        data_hat: Where the last velocity points, the guess of the data; None before the first step.
    """

    t: float
    x: Tensor
    data_hat: Tensor | None


def flow_steps(
    velocity: Velocity,
    noise: Tensor,
    steps: int | None = None,
    *,
    solver: str = "euler",
    times: Sequence[float] | Tensor | None = None,
    path: Path | None = None,
    tolerance: float = 1e-5,
) -> Iterator[State]:
    r"""Walk from noise to data and hand out every state on the way, the noise first.

    >>> *_, last = flow_steps(velocity, noise, steps=20, solver="midpoint")  # doctest: +SKIP

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,).
        noise: Where to start, shape (B, ...).
        steps: Number of steps of equal length from 0 to 1. When not given, 50; one for ``"dopri5"``,
            which chooses steps of its own within each.
        solver: ``"euler"``, ``"midpoint"``, ``"heun"``, ``"rk4"``, which ask for 1, 2, 2 and 4
            velocities a step, or ``"dopri5"``, which adapts its steps (by torchdiffeq).
        times: The times to visit instead, in [0, 1] and strictly rising. Strictly falling ones lead
            back, from data given as ``noise``; see :func:`invert`.
        path: The path that the velocity was trained on; ``data_hat`` depends on it, nothing else.
            None means the straight one.
        tolerance: How large an error ``"dopri5"`` allows in a step, relative and absolute.

    Yields:
        A :class:`State` before the first step and after each one.

    Raises:
        ImportError: If ``"dopri5"`` is asked for and torchdiffeq is not installed.
        TypeError: If an argument is of the wrong kind.
        ValueError: If one is out of range, or the velocity's answer has another shape than its input,
            or x is not finite at the end.

    Source:
        Chen et al. 2018 (neural ODEs), equation 2; Butcher 2016, chapter 3.
    """
    path = checked_path(path)
    check_floats("noise", noise)
    check_solver(solver, tolerance)
    walk = _checked_times(steps, times, solver)
    # What is above runs at once; a generator function would wait for the first next().
    return _states(velocity, noise, walk, solver, path, tolerance)


def _states(
    velocity: Velocity, x: Tensor, times: list[float], solver: str, path: Path, tolerance: float
) -> Iterator[State]:
    def field(x: Tensor, t: float) -> Tensor:
        with torch.no_grad():
            return asked(velocity, x, t)

    yield State(times[0], x, None)
    t = times[0]
    for s, x_s, first in integrate(field, x, times, solver, tolerance):
        data_hat, _ = ends(x, first, min(t, path.end), path)
        t, x = s, x_s
        if s == times[-1] and not torch.isfinite(x).all():
            raise ValueError(
                "the flow ended in NaN or infinity: look at what velocity returns on the way, for "
                "instance with: for state in md.flow.flow_steps(...)"
            )
        yield State(s, x, data_hat)


def sample(
    velocity: Velocity,
    shape: Sequence[int] | None = None,
    steps: int | None = None,
    *,
    noise: Tensor | None = None,
    solver: str = "euler",
    times: Sequence[float] | Tensor | None = None,
    tolerance: float = 1e-5,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Draw samples: noise from a standard Gaussian, carried to data by the velocity.

    .. math::
        x_0 \sim \mathcal N(0, I), \qquad \frac{dx_t}{dt} = v(x_t, t), \qquad \text{sample} = x_1

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,).
        shape: Shape (B, ...) of what to draw; may be left out when ``noise`` is given.
        steps: Number of steps, see :func:`flow_steps`.
        noise: The noise to start from; drawn when not given.
        solver: See :func:`flow_steps`.
        times: See :func:`flow_steps`; the last should be 1, or little noise is left behind.
        tolerance: See :func:`flow_steps`.
        generator: Where to draw from.
        device: Where to compute; by default where the noise is, else where the network is, else the CPU.
        dtype: float32 unless the noise or this says otherwise.

    Returns:
        The samples, shape (B, ...).

    Raises:
        ImportError, TypeError, ValueError: As :func:`flow_steps`.

    Source:
        Lipman et al. 2023, section 2; slide "Flux".
    """
    check_solver(solver, tolerance)
    walk = _checked_times(steps, times, solver)
    if noise is None:
        if shape is None:
            raise ValueError("give shape=(B, ...), or noise= to start from given noise")
        device = model_device(velocity) if device is None else device
        noise = randn(check_shape(shape), generator, device, dtype or torch.float32)
    else:
        check_floats("noise", noise)
        if shape is not None and check_shape(shape) != tuple(noise.shape):
            raise ValueError(
                f"shape {tuple(shape)} and noise of shape {tuple(noise.shape)} must agree"
            )
        noise = noise.to(device=device, dtype=dtype)
    *_, last = _states(velocity, noise, walk, solver, ot_path(), tolerance)
    return last.x


def invert(
    velocity: Velocity,
    data: Tensor,
    steps: int | None = None,
    *,
    solver: str = "euler",
    tolerance: float = 1e-5,
) -> Tensor:
    """Carry data back to the noise that they come from: the same flow with time running from 1 to 0.

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,).
        data: Shape (B, ...).
        steps: Number of steps, see :func:`flow_steps`.
        solver: See :func:`flow_steps`.
        tolerance: See :func:`flow_steps`.

    Returns:
        The noise, same shape. Put into :func:`sample` it gives the data again, up to the solver's error.

    Raises:
        ImportError, TypeError, ValueError: As :func:`flow_steps`.

    Source:
        Chen et al. 2018 (neural ODEs), section 4.
    """
    check_floats("data", data)
    check_solver(solver, tolerance)
    back = _checked_times(steps, None, solver)[::-1]
    *_, last = flow_steps(velocity, data, solver=solver, times=back, tolerance=tolerance)
    return last.x


def _checked_times(
    steps: int | None, times: Sequence[float] | Tensor | None, solver: str
) -> list[float]:
    if times is None:
        default = 1 if solver == ADAPTIVE else STEPS
        n = check_positive_int("steps", default if steps is None else steps)
        return [i / n for i in range(n + 1)]
    if steps is not None:
        raise ValueError(
            f"give either steps= (of equal length) or times= (your own list); got steps={steps} and times"
        )
    if not isinstance(times, Iterable) or isinstance(times, str):
        raise TypeError(f"times must be a list of numbers such as [0, 0.5, 1], got {shown(times)}")
    listed = times.tolist() if isinstance(times, Tensor) else list(times)
    for i, t in enumerate(listed):
        if not isinstance(t, Real):
            raise TypeError(f"times[{i}] must be a number, got {shown(t)}")
        check_flow_time(t)
    listed = [float(t) for t in listed]
    rising = all(t < s for t, s in pairwise(listed))
    if len(listed) < 2 or not (rising or all(t > s for t, s in pairwise(listed))):
        raise ValueError(
            f"times must rise strictly (noise to data) or fall strictly (data to noise), such as "
            f"[0, 0.5, 1]; got {listed}"
        )
    return listed
