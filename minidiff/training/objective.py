"""The loss in a training: how it is called, and what it teaches the network to predict."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from ..base.model import PREDICTIONS, bare, prediction_of
from ..base.rng import Generator
from ..base.validate import check_choice
from ..nn.precision import autocast
from .settings import describe_callable

Loss = Callable[..., Tensor]
EMPTY = inspect.Parameter.empty


def taught_by(loss: Loss, net: nn.Module) -> str | None:
    """What the network will predict that a loss trains: one of :data:`~minidiff.base.model.PREDICTIONS`.

    A loss may say it by its argument ``kind``, as :func:`~minidiff.simple_loss` does (set by
    ``functools.partial``; None leaves it to the network), or by an attribute ``teaches``. Of any other loss
    the network's own word is taken, if it has one.
    """
    said = _attribute(loss, "teaches")
    if said is not None:
        return str(said)
    kind = _parameters(loss).get("kind")
    if kind is None:
        return getattr(bare(net), "predicts", None)
    return str(kind.default) if kind.default in PREDICTIONS else prediction_of(net)


def loss_suits_network(loss: Loss, net: nn.Module) -> None:
    """ValueError: If the loss teaches another prediction than the network's class states."""
    taught = taught_by(loss, net)
    if taught is None:
        return
    check_choice("what the loss teaches", taught, PREDICTIONS)
    stated = getattr(type(bare(net)), "predicts", "eps")
    if isinstance(stated, str) and stated not in ("eps", taught):
        raise ValueError(
            f"{describe_callable(loss)} teaches {taught!r}, but the class {type(bare(net)).__name__} says "
            f"predicts = {stated!r}: take another loss, or leave it to the loss and say nothing there"
        )


def something_learns(net: nn.Module) -> None:
    """ValueError: If no weight of the network takes a gradient."""
    if any(p.is_inference() for p in net.parameters()):
        raise ValueError(
            "net was made inside torch.inference_mode(), whose tensors can never learn: make it outside"
        )
    if not any(p.requires_grad for p in net.parameters()):
        raise ValueError(
            "net has no weights that take a gradient, so nothing can be learned: run.net is the average of a "
            "training, to sample from; train run.raw_net, or thaw a network by net.requires_grad_(True)"
        )


def check_takes(loss: Loss, conditions: Iterable[str]) -> None:
    """Refuse conditions in the data that a loss has no argument for.

    Raises:
        ValueError: If there is one; names it.
    """
    parameters = _parameters(loss)
    if not parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for name in conditions:
        if name not in parameters:
            raise ValueError(
                f"data have the condition {name!r}, but {describe_callable(loss)} has no argument of "
                "that name: give it one, or leave the condition out"
            )


class Objective(nn.Module):
    """The loss as a module's forward pass: the form in which processes can share the gradients.

    Args:
        net: The network.
        loss: Called ``loss(net, x_0, schedule, generator=..., **conditions)``.
        schedule: Passed on to it.
        precision: ``"fp32"`` or ``"bf16"``.
    """

    def __init__(self, net: nn.Module, loss: Loss, schedule: Any, precision: str) -> None:
        super().__init__()
        self.net = net
        self.loss = loss
        self.schedule = schedule
        self.precision = precision
        # A loss may have written y without a default: data without labels tell it None.
        y = _parameters(loss).get("y")
        self.without = {} if y is None or y.default is not EMPTY else {"y": None}

    def forward(self, x_0: Tensor, conditions: Mapping[str, Tensor], draws: Generator) -> Tensor:
        """Lines 3 to 5 of Algorithm 1, up to the gradient."""
        told = {**self.without, **conditions}
        with autocast(x_0.device, self.precision):
            return self.loss(self.net, x_0, self.schedule, generator=draws, **told)


def _attribute(loss: Loss, name: str) -> Any:
    """An attribute of a function, also inside ``functools.partial``."""
    while isinstance(loss, functools.partial) and not hasattr(loss, name):
        loss = loss.func
    return getattr(loss, name, None)


def _parameters(loss: Loss) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(loss).parameters
    except (TypeError, ValueError):  # some callables have no signature that could be read
        return {}
