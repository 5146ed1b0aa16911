"""Exercise: one step of Heun's method for dx/dt = v(x, t)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise
from minidiff.check.standin import StandIn

Velocity = Callable[[Tensor, float], Tensor]


class Swirl(StandIn):
    """A velocity that depends on place and time, each in its own way."""

    def answer(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Shape of x."""
        return torch.sin(x) + 2 * t * x + t**2


EXERCISE = Exercise(
    name="heun_step",
    statement=r"""
One step of Heun's method from time $t$ to $s$ along $\frac{d\mathbf{x}}{dt} = \mathbf{v}(\mathbf{x}, t)$:

$$\mathbf{x}' = \mathbf{x} + (s - t)\,\mathbf{v}(\mathbf{x}, t)$$

$$\mathbf{x}_s = \mathbf{x} + \frac{s - t}{2}\,
    \bigl(\mathbf{v}(\mathbf{x}, t) + \mathbf{v}(\mathbf{x}', s)\bigr)$$

`velocity(x, t)` takes a tensor and a number. Give back x at time s.
""",
    signature="heun_step(velocity, x, t, s)",
    see="eq-flow-euler",
    hints=(
        "First an Euler step, to look at the velocity where it leads. Then a step with the mean of the two.",
        "The second velocity is asked for at the far end: velocity(ahead, s).",
        "Ask velocity twice and keep both answers. The real step starts at x again, not at the point ahead, "
        "and is (s - t) / 2 times their sum.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.flow.flow_steps",
        "minidiff.flow.sample",
        "minidiff.flow.invert",
        "minidiff.flow.reflow_pairs",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Forwards and backwards."""
    ends = {
        "from 0 to 0.5": (0.0, 0.5),
        "from 0.3 to 1": (0.3, 1.0),
        "back, 0.9 to 0.4": (0.9, 0.4),
    }
    return [Case(name, (Swirl(), noise(generator, 4, 2), t, s)) for name, (t, s) in ends.items()]


@EXERCISE.reference
def heun_step(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    """Look ahead, then take the mean."""
    h = s - t
    first = velocity(x, t)
    second = velocity(x + h * first, s)
    return x + h / 2 * (first + second)


@EXERCISE.correct
def mean_of_two_steps(v: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    """The mean of the Euler step and of a second one."""
    ahead = x + (s - t) * v(x, t)
    return (x + ahead + (s - t) * v(ahead, s)) / 2


@EXERCISE.correct
def in_float64(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    """In double precision."""
    return heun_step(velocity, x.double(), t, s)


@EXERCISE.correct
def by_a_correction(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    """Euler's step, corrected by half of how much the velocity changed."""
    first = velocity(x, t)
    ahead = x + first * (s - t)
    return ahead + 0.5 * (s - t) * (velocity(ahead, s) - first)


@EXERCISE.correct
def by_a_stack(velocity: Velocity, place: Tensor, start: float, end: float) -> Tensor:
    """The mean of both velocities; one point at a time."""
    rows = []
    for x in place:
        first = velocity(x, start)
        both = torch.stack([first, velocity(x.add(first, alpha=end - start), end)])
        rows.append(x + (end - start) * both.mean(0))
    return torch.stack(rows)


@EXERCISE.mistake(
    "This is Euler's step: one velocity, at the beginning.",
    "Heun's method also asks at the far end and takes the mean; that makes it of second order.",
)
def euler(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    return x + (s - t) * velocity(x, t)


@EXERCISE.mistake(
    "You added the two velocities and forgot to halve.",
    "The mean of the two is needed; with their sum the step is twice as long.",
)
def not_halved(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    first = velocity(x, t)
    return x + (s - t) * (first + velocity(x + (s - t) * first, s))


@EXERCISE.mistake(
    "You asked for the second velocity at the time t.",
    "The point ahead belongs to the time s: velocity(ahead, s).",
)
def second_at_t(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    first = velocity(x, t)
    return x + (s - t) / 2 * (first + velocity(x + (s - t) * first, t))


@EXERCISE.mistake(
    "You asked for the second velocity at the old place x.",
    "Look where Euler's step leads: velocity(x + (s - t) * first, s).",
)
def second_at_x(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    return x + (s - t) / 2 * (velocity(x, t) + velocity(x, s))


@EXERCISE.mistake(
    "You went on from the point ahead instead of from x.",
    "The step ahead is only for looking. The real step starts at x again.",
)
def from_ahead(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    first = velocity(x, t)
    ahead = x + (s - t) * first
    return ahead + (s - t) / 2 * (first + velocity(ahead, s))


@EXERCISE.mistake(
    "This is the midpoint method: one velocity, asked for half-way.",
    "It is of second order too, but another method: Heun's takes the mean of the velocities at both ends.",
)
def midpoint(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    h = s - t
    return x + h * velocity(x + h / 2 * velocity(x, t), t + h / 2)


@EXERCISE.mistake(
    "Your step has the wrong sign: t - s.",
    "The time moves by s - t, which is negative when you walk backwards.",
)
def wrong_way(velocity: Velocity, x: Tensor, t: float, s: float) -> Tensor:
    h = t - s
    first = velocity(x, t)
    return x + h / 2 * (first + velocity(x + h * first, s))
