"""Exercise: one step of Euler's method for dx/dt = v(x, t)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise
from minidiff.check.standin import StandIn

Velocity = Callable[[Tensor, float], Tensor]


class Stream(StandIn):
    """A velocity that depends on place and time, each in its own way."""

    def answer(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Shape of x."""
        return torch.cos(2 * x) - 3 * t * x + 1 + t**2


EXERCISE = Exercise(
    name="euler_step",
    statement=r"""
One step of Euler's method, of length $h$, along $\frac{d\mathbf{x}}{dt} = \mathbf{v}(\mathbf{x}, t)$:

$$\mathbf{x}_{t+h} = \mathbf{x}_t + h\,\mathbf{v}(\mathbf{x}_t, t)$$

`velocity(x, t)` takes a tensor and a number, and gives back a tensor in the shape of `x`. `x` is the place at
time `t`; `h` may be negative. Give back the place at time t + h.
""",
    signature="euler_step(velocity, x, t, h)",
    see="eq-flow-euler",
    hints=(
        "The velocity says how far x would move in one unit of time. How far does it move in h units?",
        "Ask for the velocity once, where you stand and at the time at which you stand there.",
        "Three things are needed: the old place, the velocity there, and for how long you follow it.",
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
    """Forwards and backwards, points and pictures."""
    steps = {
        "t = 0, h = 0.25": ((4, 2), 0.0, 0.25),
        "t = 0.6, h = 0.1": ((4, 2), 0.6, 0.1),
        "backwards, t = 1, h = -0.4": ((5, 2), 1.0, -0.4),
        "pictures": ((3, 1, 4, 2), 0.3, 0.5),
    }
    return [
        Case(name, (Stream(), noise(generator, *shape), t, h))
        for name, (shape, t, h) in steps.items()
    ]


@EXERCISE.reference
def euler_step(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """Straight on for a time h."""
    return x + h * velocity(x, t)


@EXERCISE.correct
def in_place(v: Velocity, place: Tensor, time: float, length: float) -> Tensor:
    """Overwrites its argument."""
    return place.add_(v(place, time), alpha=length)


@EXERCISE.correct
def in_float64(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """In double precision."""
    return x.double() + h * velocity(x.double(), t)


@EXERCISE.correct
def one_by_one(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """A loop over the points, with both ends of the step."""
    s = t + h
    return torch.stack([point + (s - t) * velocity(point, t) for point in x])


@EXERCISE.correct
def by_torch_add(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """With the factor as an argument."""
    return torch.add(x, velocity(x, t), alpha=h)


@EXERCISE.correct
def by_the_end(velocity: Velocity, place: Tensor, time: float, length: float) -> Tensor:
    """The end of the line, and the share of the way that is gone."""
    return torch.lerp(place, place + velocity(place, time), length)


@EXERCISE.mistake(
    "You added the velocity in full, without h.",
    "That is a step of length 1, all the way from 0 to 1. Multiply the velocity by the time h.",
)
def without_h(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + velocity(x, t)


@EXERCISE.mistake(
    "You gave back h times the velocity, the way alone.",
    "The place is asked for: add the way to the old place x.",
)
def way_only(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return h * velocity(x, t)


@EXERCISE.mistake(
    "You subtracted the way.",
    "The velocity already points from noise to data, where t grows. A walk back has a negative h.",
)
def minus(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x - h * velocity(x, t)


@EXERCISE.mistake(
    "You asked for the velocity at the time t + h.",
    "x is the place at time t. At t + h you will be somewhere else; ask for velocity(x, t).",
)
def velocity_of_the_end(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + h * velocity(x, t + h)


@EXERCISE.mistake(
    "You took h for the time of arrival, and went on for a time h - t.",
    "h is the length of the step: the arrival is at t + h.",
)
def h_as_end(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + (h - t) * velocity(x, t)


@EXERCISE.mistake(
    "You multiplied the velocity by t.",
    "t is when the step begins. How long it lasts is h.",
)
def t_for_h(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + t * velocity(x, t)


@EXERCISE.mistake(
    "You multiplied the velocity by t + h.",
    "t + h is the time at the end. The step itself lasts h.",
)
def end_for_h(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + (t + h) * velocity(x, t)


@EXERCISE.mistake(
    "This is a step of Heun's method, with the mean of two velocities.",
    "It is more exact, but another method. Euler's asks once, at the beginning.",
)
def heun(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    first = velocity(x, t)
    return x + h / 2 * (first + velocity(x + h * first, t + h))


@EXERCISE.mistake(
    "You multiplied the old place by h, too.",
    "Only the velocity is multiplied by h; x stands alone. Is a bracket in the wrong place?",
)
def place_times_h(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return h * (x + velocity(x, t))
