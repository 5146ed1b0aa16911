"""The folder of a run: its checkpoint, compared before it is used, and its pictures."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..base.files import CHECKPOINT, DamagedFileError, load_checkpoint, save_checkpoint
from ..base.model import bare
from ..chain.schedule import NoiseSchedule
from ..weights.classes import class_path, kept_config


def fingerprint(*tensors: Tensor | None) -> str:
    """A short name for what tensors hold: shape, type and the first digits of a SHA-256."""
    digest = hashlib.sha256()
    words = []
    for x in tensors:
        if x is not None:
            words.append("×".join(map(str, x.shape)) + " " + str(x.dtype).removeprefix("torch."))
            digest.update(words[-1].encode())
            digest.update(x.detach().cpu().contiguous().numpy().data)
    return f"{' and '.join(words)}, SHA-256 {digest.hexdigest()[:12]}"


def describe_net(net: nn.Module) -> str:
    """A network in one line: its class with its ``config``, or with the shapes of its weights."""
    config = getattr(net, "config", None)
    if isinstance(config, Mapping):
        inside = ", ".join(f"{name}={value!r}" for name, value in config.items())
    else:
        shapes = repr([(name, tuple(x.shape)) for name, x in net.state_dict().items()])
        weights = sum(x.numel() for x in net.state_dict().values())
        inside = f"{weights} weights, shapes {hashlib.sha256(shapes.encode()).hexdigest()[:12]}"
    return f"{type(net).__name__}({inside})"


def describe_schedule(schedule: NoiseSchedule | None) -> str:
    """A noise schedule in one line: its name, T and what its β hold."""
    if schedule is None:
        return "none"
    return f"{schedule.name}, T = {schedule.T}, β {fingerprint(schedule.beta[1:])}"


def describe_callable(function: Any) -> str:
    """The name of a loss or an augmentation, with what a ``functools.partial`` fixed."""
    if function is None:
        return "none"
    if isinstance(function, functools.partial):
        words = [repr(value) for value in function.args]
        words += [f"{name}={value!r}" for name, value in function.keywords.items()]
        return f"{describe_callable(function.func)}({', '.join(words)})"
    named = function if hasattr(function, "__qualname__") else type(function)
    # Without its module: a script's own function is in __main__ or not, as the script is started.
    return str(named.__qualname__)


class RunFolder:
    """The folder of one training: its checkpoint, and the pictures drawn on the way.

    Args:
        path: The folder; made when it is first written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoint = self.path / CHECKPOINT
        self.pictures = self.path / "samples"

    def open(self, settings: Mapping[str, Any], fresh: bool) -> dict[str, Any] | None:
        """Give the state to go on from, or None where there is nothing yet.

        Args:
            settings: What decides the result of this training, by name.
            fresh: Throw away what an earlier training left.

        Raises:
            DamagedFileError: If the checkpoint is not whole.
            ValueError: If it belongs to a training with other settings; names each difference.
        """
        if fresh:
            self.clear()
        if not self.checkpoint.exists():
            return None
        state = load_checkpoint(self.checkpoint)
        there = state.get("settings")
        if not isinstance(there, Mapping):
            raise DamagedFileError(
                f"{self.checkpoint} was not written by minidiff.train; delete it"
            )
        changed = [
            f"  {name}: {there.get(name, 'not there')} in the folder, {settings.get(name)} now"
            for name in dict.fromkeys([*settings, *there])
            if there.get(name) != settings.get(name)
        ]
        if changed:
            raise ValueError(
                f"out={str(self.path)!r} holds a training with other settings:\n"
                + "\n".join(changed)
                + "\nGive the same settings to go on with it, another out=, or fresh=True to start over"
            )
        return state

    def save(
        self,
        state: Mapping[str, Any],
        settings: Mapping[str, Any],
        net: nn.Module,
        schedule: NoiseSchedule | None,
        precision: str,
        shape: Sequence[int],
    ) -> None:
        """Write the checkpoint: the state, and what is needed to build the network again."""
        content = {
            "state": dict(state),
            "settings": dict(settings),
            "precision": precision,
            "shape": list(shape),
            "network": {"class": class_path(net), "config": kept_config(net)},
            "predicts": getattr(bare(net), "predicts", None),
            "schedule": schedule and {"name": schedule.name, "beta": schedule.beta[1:].clone()},
        }
        save_checkpoint(self.checkpoint, content)

    def clear(self) -> None:
        """Delete the checkpoint and the pictures, and nothing else that may lie there."""
        self.checkpoint.unlink(missing_ok=True)
        for picture in self.pictures.glob("step_*.png"):
            picture.unlink()
