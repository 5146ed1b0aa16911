r"""Solving :math:`dx/dt = v(x, t)`: one loop, and a small table for each solver.

All solvers here but ``"dopri5"`` are explicit Runge–Kutta methods. A step of length h asks for the velocity
at a few places, each reached with the answers so far, and then goes along a weighted mean of them:

.. math::
    k_i = v\Bigl(x + h \sum_{j<i} A_{ij} k_j,\; t + c_i h\Bigr), \qquad
    x(t + h) \approx x + h \sum_i w_i k_i
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .velocity import time_dtype

Field = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Tableau:
    r"""A Runge–Kutta method, as Butcher wrote it down.

    Attributes:
        nodes: :math:`c_i`, how far into the step each velocity is asked for.
        rows: :math:`A_{ij}`, what leads there.
        weights: :math:`w_i`, what goes into the step; as many as there are evaluations in a step.
        order: p: halving the step makes the error :math:`2^p` times smaller.
    """

    nodes: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    order: int


#: The solvers with a fixed step, by name.
SOLVERS = {
    "euler": Tableau((0,), ((),), (1,), order=1),
    "midpoint": Tableau((0, 1 / 2), ((), (1 / 2,)), (0, 1), order=2),
    "heun": Tableau((0, 1), ((), (1,)), (1 / 2, 1 / 2), order=2),
    "rk4": Tableau(
        (0, 1 / 2, 1 / 2, 1),
        ((), (1 / 2,), (0, 1 / 2), (0, 0, 1)),
        (1 / 6, 1 / 3, 1 / 3, 1 / 6),
        order=4,
    ),
}

ADAPTIVE = "dopri5"

#: A part of the contract of each function that solves the equation
SOLVING = f"solver: solver of {(*SOLVERS, ADAPTIVE)}, tolerance: number in (0, 1)"


def integrate(
    field: Field, x: Tensor, times: Sequence[float], solver: str, tolerance: float
) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Go along the times; ``field(x, t)`` takes t as a number.

    Yields:
        After each step its end, x there, and the field where the step began.
    """
    for t, s in pairwise(times):
        first = field(x, t)
        if solver == ADAPTIVE:
            x = _adaptive_step(field, x, t, s, tolerance)
        else:
            x = _runge_kutta_step(field, x, t, s, first, tableau=SOLVERS[solver])
        yield s, x, first


def _runge_kutta_step(
    field: Field, x: Tensor, t: float, s: float, first: Tensor, *, tableau: Tableau
) -> Tensor:
    h = s - t
    slopes = [first]
    for node, row in zip(tableau.nodes[1:], tableau.rows[1:], strict=True):
        slopes.append(field(x + h * _combined(row, slopes), t + node * h))
    return x + h * _combined(tableau.weights, slopes)


def _combined(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    terms = [w * k for w, k in zip(weights, slopes, strict=True) if w]
    return torch.stack(terms).sum(0) if len(terms) > 1 else terms[0]


def _adaptive_step(field: Field, x: Tensor, t: float, s: float, tolerance: float) -> Tensor:
    from torchdiffeq import odeint

    low, high = min(t, s), max(t, s)

    def bounded(time: Tensor, x: Tensor) -> Tensor:
        # When it looks for the length of its first step, it may ask beyond the end.
        return field(x, min(max(float(time), low), high))

    span = torch.tensor([t, s], dtype=time_dtype(x), device=x.device)
    solution: Tensor = odeint(
        bounded,
        x,
        span,
        method=ADAPTIVE,
        rtol=tolerance,
        atol=tolerance,
        options={
            "step_t": span[1:]
        },  # its last step ends at s; it would go past it and interpolate
    )
    return solution[-1]
