"""What a training gives back, and shows its hooks on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from ..chain.schedule import NoiseSchedule
from .settings import Change


@dataclass
class Run:
    """What a training gives back.

    Attributes:
        net: The network with the moving average of the weights, in evaluation mode: sample from it.
            ``net.predicts`` says what the loss has taught it to predict.
        raw_net: The network that was passed in, with the last weights themselves.
        schedule: The noise schedule it was trained with, or None.
        losses: The loss of each step.
        steps: Steps done.
        seconds: Time spent training, earlier parts of a resumed run included.
        precision: "fp32" or "bf16", what the forward passes computed in.
        out: The folder with checkpoint and pictures, or None.
        batch: Examples in a batch.
        compiled: Whether the steps ran as code that torch.compile made, by the end.
        done: The part of the training that is done, 0..1.
        history: What ``extend=True`` has changed, and from which step on.
    """

    net: nn.Module
    raw_net: nn.Module
    schedule: NoiseSchedule | None
    losses: list[float]
    steps: int
    seconds: float
    precision: str
    out: Path | None
    batch: int
    compiled: bool = False
    done: float = 1.0
    history: list[Change] = field(default_factory=list)
