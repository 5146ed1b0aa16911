"""What a training teaches: its network, its data, its loss, and what of them is kept with the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from ..base.model import bare
from ..chain.schedule import NoiseSchedule
from ..weights.places import class_path, import_path, kept_config
from .batches import Source
from .objective import Loss, taught_by
from .preview import Sampler
from .settings import describe_callable, describe_net, describe_schedule


@dataclass(frozen=True)
class Task:
    """What a training teaches.

    Attributes:
        net: The network.
        source: The data.
        loss: What is made small.
        schedule: The noise schedule, or None.
        sample: What draws from the network, or None for what suits it.
    """

    net: nn.Module
    source: Source
    loss: Loss
    schedule: NoiseSchedule | None
    sample: Sampler | None

    @property
    def predicts(self) -> str | None:
        """What the network learns to predict, as far as anyone says it."""
        return taught_by(self.loss, self.net)

    def described(self) -> dict[str, Any]:
        """All of it that decides the result, by name."""
        return {
            "network": describe_net(self.net),
            "data": self.source.described(),
            "loss": describe_callable(self.loss),
            "schedule": describe_schedule(self.schedule),
            "predicts": self.predicts,
        }

    def kept(self) -> dict[str, Any]:
        """What it takes to build the network again, and to draw from it."""
        schedule = self.schedule
        return {
            "shape": list(self.source.shape),
            "network": {"class": class_path(bare(self.net)), "config": kept_config(bare(self.net))},
            "predicts": self.predicts,
            "classes": list(self.source.classes),
            "sample": import_path(self.sample),
            "schedule": schedule and {"name": schedule.name, "beta": schedule.beta[1:].clone()},
        }
