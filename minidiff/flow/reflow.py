r"""Reflow: pairs made by a flow teach a straighter one, and how straight a flow is."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from .solvers import SOLVING
from .velocity import Velocity
from .walk import flow_steps, sample


@contract(f"velocity: velocity, noise: floats, steps: count, {SOLVING}, batch: count")
def reflow_pairs(
    velocity: Velocity,
    noise: Tensor,
    steps: int | None = None,
    *,
    solver: str = "euler",
    tolerance: float = 1e-5,
    batch: int = 1000,
) -> tuple[Tensor, Tensor]:
    r"""Noise, and the data that a flow carries it to: the pairs of the next flow.

    Paths of random pairs cross, and where they do the velocity is a mean of several directions, so
    the flow bends. These pairs come from a flow, whose paths never cross. Joined by straight lines
    they cost no more to move, and a flow trained on them with :func:`~minidiff.flow.pair_loss` is
    straighter.

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,). It must not depend on the number of
            examples, such as by labels for a whole batch: give ``batch=len(noise)`` then.
        noise: Shape (N, ...).
        steps: Number of steps, see :func:`~minidiff.flow.flow_steps`.
        solver: See :func:`~minidiff.flow.flow_steps`.
        tolerance: See :func:`~minidiff.flow.flow_steps`.
        batch: Examples that are carried at a time.

    Returns:
        The noise as it was given, and the data, same shape. ``torch.stack(pairs, dim=1)`` makes of
        them what :func:`~minidiff.train` takes.

    Raises:
        ValueError: If the velocity's answer has another shape than its input, or the flow ends in NaN.

    Source:
        Liu et al. 2022, "Flow Straight and Fast", algorithm 1 (Reflow).
    """
    carried = unchecked(sample)
    data = [
        carried(velocity, noise=part, steps=steps, solver=solver, tolerance=tolerance)
        for part in torch.split(noise, batch)
    ]
    return noise, torch.cat(data)


@contract(f"velocity: velocity, noise: floats, steps: count from 2, {SOLVING}")
def straightness(
    velocity: Velocity,
    noise: Tensor,
    steps: int | None = None,
    *,
    solver: str = "midpoint",
    tolerance: float = 1e-5,
) -> Tensor:
    r"""How far the paths of a flow are from straight lines at constant speed; 0 is straight.

    .. math::
        S = \int_0^1 \bigl\| (x_1 - x_0) - \dot x_t \bigr\|^2\, dt

    The integral is taken over the steps, with the mean velocity of each. A straight flow needs one
    Euler step.

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,).
        noise: Where the paths begin, shape (B, ...).
        steps: Number of steps, see :func:`~minidiff.flow.flow_steps`; one would see nothing.
        solver: See :func:`~minidiff.flow.flow_steps`.
        tolerance: See :func:`~minidiff.flow.flow_steps`.

    Returns:
        One S for each path, shape (B,). Squared lengths are summed over the entries of an example.
        :func:`~minidiff.standard_error` says how sure their mean is.

    Raises:
        ValueError: If the velocity's answer has another shape than its input, or the flow ends in NaN.

    Source:
        Liu et al. 2022, "Flow Straight and Fast", section 2.2.
    """
    states = list(unchecked(flow_steps)(velocity, noise, steps, solver=solver, tolerance=tolerance))
    whole = states[-1].x - states[0].x
    total = torch.zeros(len(noise), dtype=noise.dtype, device=noise.device)
    for state, following in pairwise(states):
        h = following.t - state.t
        speed = (following.x - state.x) / h
        total += h * (whole - speed).square().flatten(1).sum(1)
    return total
