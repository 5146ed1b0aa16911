r"""From noise to data and back: a flow walked through step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.rng import Generator, starting_noise
from ..base.walks import check_arrived
from .paths import Path, data_and_noise, ot_path
from .solvers import ADAPTIVE, SOLVING, integrate
from .velocity import Velocity, asked

# What the options of a walk must be: a part of the contract of each
WALK = f"times: flow times instead of steps, steps: count, {SOLVING}"
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


@contract(f"velocity: velocity, noise: floats, path: path, {WALK}")
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
        ValueError: If the velocity's answer has another shape than its input, or x is not finite at the end.

    Source:
        Chen et al. 2018 (neural ODEs), equation 2; Butcher 2016, chapter 3.
    """
    path, walk = path or ot_path(), times_of_flow(steps, times, solver)

    def field(x: Tensor, t: float) -> Tensor:
        with torch.no_grad():
            return asked(velocity, x, t)

    t, x = walk[0], noise
    yield State(t, x, None)
    for s, x_s, first in integrate(field, x, walk, solver, tolerance):
        data_hat, _ = unchecked(data_and_noise)(x, first, min(t, path.end), path)
        t, x = s, x_s
        if t == walk[-1]:
            check_arrived(x, "the flow", "velocity", "md.flow.flow_steps", "train for longer")
        yield State(t, x, data_hat)


def times_of_flow(
    steps: int | None, times: Sequence[float] | Tensor | None, solver: str
) -> list[float]:
    """The times of a walk: those given, or steps of equal length from 0 to 1."""
    if times is not None:
        return [float(t) for t in times]
    n = (1 if solver == ADAPTIVE else STEPS) if steps is None else steps
    return [i / n for i in range(n + 1)]


@contract(f"velocity: velocity, noise: floats, shape: shape unless noise, {WALK}")
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
        ValueError: If the velocity's answer has another shape than its input, or x is not finite at the end.

    Source:
        Lipman et al. 2023, section 2; slide "Flux".
    """
    noise = starting_noise(velocity, shape, noise, generator, device=device, dtype=dtype)
    *_, last = unchecked(flow_steps)(
        velocity, noise, steps, solver=solver, times=times, tolerance=tolerance
    )
    return last.x


@contract(f"velocity: velocity, data: floats, steps: count, {SOLVING}")
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
        ValueError: If the velocity's answer has another shape than its input, or x is not finite at the end.

    Source:
        Chen et al. 2018 (neural ODEs), section 4.
    """
    back = times_of_flow(steps, None, solver)[::-1]
    *_, last = unchecked(flow_steps)(velocity, data, times=back, solver=solver, tolerance=tolerance)
    return last.x
