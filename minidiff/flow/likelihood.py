r"""The exact likelihood of a flow, by the change of variables along its way."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.gradients import gradients, variable
from ..base.rng import Generator, randint
from ..chain.gaussians import gaussian_log_density
from .solvers import SOLVING, integrate
from .velocity import Velocity, asked

DIVERGENCES = ("exact", "hutchinson")


@contract(
    f"velocity: velocity, data: floats, steps: count, {SOLVING}, divergence: one of {DIVERGENCES}"
)
def log_likelihood(
    velocity: Velocity,
    data: Tensor,
    steps: int = 100,
    *,
    solver: str = "rk4",
    divergence: str = "exact",
    tolerance: float = 1e-5,
    generator: Generator | None = None,
) -> Tensor:
    r"""Log-density that the flow gives to data: the instantaneous change of variables.

    Where the flow spreads out, the density falls. Along a path it changes by minus the divergence
    :math:`\nabla \cdot v = \sum_i \partial v_i / \partial x_i`, so that, going back from data to noise,

    .. math::
        \log p(\text{data}) = \log \mathcal N(\text{noise}; 0, I)
            - \int_0^1 \nabla \cdot v(x_t, t)\, dt

    ``"exact"`` takes one backward pass through the velocity for each entry of an example: right for
    points in the plane, slow for pictures. ``"hutchinson"`` takes one in all: for random signs e, the mean of
    :math:`e^\top (\partial v / \partial x)\, e` is the divergence. The signs are drawn once and kept,
    so the answer is unbiased (solver apart) but noisy; average over several calls.

    Args:
        velocity: Called ``velocity(x, t)`` with t of shape (B,); one example's answer must not depend on
            the others, and torch must be able to differentiate it by x.
        data: Shape (B, ...); take float64 for more than about five digits.
        steps: Number of steps from 1 to 0. ``"dopri5"`` chooses steps of its own within each, so that 1
            will do.
        solver: See :func:`~minidiff.flow.flow_steps`.
        divergence: ``"exact"`` or ``"hutchinson"``.
        tolerance: See :func:`~minidiff.flow.flow_steps`.
        generator: Where to draw the signs from.

    Returns:
        :math:`\log p(\text{data})` in nats, shape (B,), without a gradient.

    Raises:
        ValueError: If the velocity's answer has another shape than its input, or no gradient leads from it
            to x.

    Source:
        Chen et al. 2018 (neural ODEs), theorem 1; Grathwohl et al. 2019 (FFJORD), section 3.1; Lipman et
        al. 2023, appendix C.
    """
    signs = None
    if divergence == "hutchinson":
        signs = 2 * randint(0, 1, data.shape, generator, data.device).to(data.dtype) - 1

    def field(state: Tensor, t: float) -> Tensor:
        with gradients():
            x = variable(state[:, :-1].reshape(data.shape))
            u = asked(velocity, x, t)
            if not u.requires_grad:
                raise ValueError(
                    "velocity returned a tensor that is cut off from x, so its divergence cannot be "
                    "taken: leave out torch.no_grad and .detach() inside velocity"
                )
            change = _divergence(u, x) if signs is None else _product(u, x, signs)
        return torch.cat([u.detach().flatten(1), change[:, None]], dim=1)

    # One more entry beside those of x travels along: the divergence, added up.
    state = torch.cat([data.detach().flatten(1), data.new_zeros(len(data), 1)], dim=1)
    times = [1 - i / steps for i in range(steps + 1)]
    *_, (_, state, _) = integrate(field, state, times, solver, tolerance)
    noise, spread = state[:, :-1], state[:, -1]  # time runs down, so this is minus the integral
    return gaussian_log_density(noise, torch.zeros_like(noise), 1.0).sum(1) + spread


def _divergence(u: Tensor, x: Tensor) -> Tensor:
    """The sum of ∂u_i/∂x_i, shape (B,), entry by entry."""
    flat = u.flatten(1)
    total = torch.zeros_like(flat[:, 0])
    for i in range(flat.shape[1]):
        (gradient,) = torch.autograd.grad(flat[:, i].sum(), x, retain_graph=True)
        total = total + gradient.flatten(1)[:, i]
    return total.detach()


def _product(u: Tensor, x: Tensor, e: Tensor) -> Tensor:
    """The product eᵀ (∂u/∂x) e, shape (B,), by one backward pass."""
    (gradient,) = torch.autograd.grad(u, x, e)
    return (gradient * e).flatten(1).sum(1)
