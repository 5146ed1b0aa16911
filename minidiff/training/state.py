"""All that changes while a network trains, in one place: it is what a checkpoint holds."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..base.model import bare


class EMA:
    r"""An exponential moving average (EMA) of a network's weights, with a warm-up.

    .. math::
        \bar\theta_{n+1} = d_n\, \bar\theta_n + (1 - d_n)\, \theta_{n+1}, \qquad
        d_n = \min\!\left(d,\; \frac{1 + n}{10 + n}\right)

    Stochastic gradients leave the weights trembling around a good place; their average sits closer
    to it, and its samples look better. Without the warm-up the average would remember the random
    initial weights for about :math:`1 / (1 - d)` updates.

    Args:
        net: The network to follow.
        decay: :math:`d`, in [0, 1). The average spans about :math:`1 / (1 - d)` updates.

    Attributes:
        net: A copy of the network that holds the average, in evaluation mode.

    Source:
        Ho et al. 2020, section 4 and appendix B (decay 0.9999); Song and Ermon 2020, section 5.
    """

    def __init__(self, net: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.net = copy.deepcopy(net).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, net: nn.Module, n: int) -> None:
        """Move the average a little towards the weights of ``net``; n counts the updates from 0."""
        decay = min(self.decay, (1 + n) / (10 + n))
        # All tensors in one call: on a GPU it is one kernel instead of one a tensor.
        torch._foreach_lerp_(list(self.net.parameters()), list(net.parameters()), 1 - decay)
        for average, now in zip(self.net.buffers(), net.buffers(), strict=True):
            average.copy_(now)  # buffers are counts and tables: an average means nothing there


def lr_factor(step: int, done: float, warmup: int) -> float:
    r"""The learning rate as a part of its highest value: a straight rise, then half a cosine.

    .. math:: \min\!\left(1, \frac{n + 1}{w}\right) \cdot \tfrac12 \bigl(1 + \cos \pi f\bigr)

    Args:
        step: n, gradient steps done.
        done: f, the part of the training that is done, 0..1.
        warmup: w, steps of the rise.

    Source:
        Loshchilov and Hutter 2017, equation 5 (without restarts).
    """
    rise = min(1.0, (step + 1) / max(warmup, 1))
    return rise * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class TrainState:
    """A network in training: its weights, their average, the optimizer, and the story so far.

    Args:
        net: The network, already where it will train.
        weight_decay: AdamW's.
        ema: Decay of the moving average.

    Attributes:
        step: Gradient steps done.
        losses: The loss of each of them.
        seconds: Time they took.
        finished: Whether the training came to its end.
    """

    def __init__(self, net: nn.Module, weight_decay: float, ema: float) -> None:
        self.net = net = bare(net)  # its weights have the same names, compiled or not
        self.ema = EMA(net, ema)
        self.optimizer = _adamw(net, weight_decay)
        self.step = 0
        self.losses: list[float] = []
        self.seconds = 0.0
        self.finished = False

    def descend(self, lr: float, clip_norm: float | None) -> None:
        """One gradient descent step with the gradients that are there; the average follows."""
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.update(self.net, self.step)
        self.step += 1

    def note(self, losses: Tensor) -> None:
        """Add the losses of the latest steps, shape (n,).

        Raises:
            FloatingPointError: If one is NaN or infinite, or a weight is after them.
        """
        values = losses.tolist()
        for i, value in enumerate(values):
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"the loss of step {len(self.losses) + i} is {value}: lower lr, raise warmup, or "
                    "look for NaN in the data"
                )
        self.losses += values
        # A step may be too far only now: the loss that it leads to would be the next one.
        if not all(torch.stack(torch._foreach_norm(list(self.net.parameters()))).isfinite()):
            raise FloatingPointError(
                f"after step {len(self.losses)} the network's weights hold NaN or infinity: lower lr, or "
                "raise warmup"
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything as tensors, numbers, lists and dicts."""
        return {
            "net": self.net.state_dict(),
            "ema": self.ema.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
            "seconds": self.seconds,
            "finished": self.finished,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was called."""
        self.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.losses = list(state["losses"])
        self.seconds = state["seconds"]
        self.finished = state["finished"]


def _adamw(net: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    # Short trainings like a second moment that forgets sooner than the default 0.999 does.
    settings: dict[str, Any] = {"betas": (0.9, 0.99), "weight_decay": weight_decay}
    try:
        return torch.optim.AdamW(net.parameters(), fused=True, **settings)
    except RuntimeError:  # this device, or this version of torch, has no fused kernel
        return torch.optim.AdamW(net.parameters(), **settings)
