"""Checkpoints: written whole or not at all, checked when read, compared before they are used."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..chain.schedule import NoiseSchedule

CHECKPOINT = "checkpoint.pt"  # its name in a run's folder
MAGIC = b"minidiff-sha256:"
SEAL = len(MAGIC) + 64  # bytes after torch's own: the mark and the hash in hexadecimal


class DamagedFileError(ValueError):
    """A file is not what the library wrote: cut short, changed, or someone else's."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, at any moment, finds the old content or the new, whole.

    The bytes go to a neighbour file first and reach the disk (fsync) before it takes the name.
    Pulling the plug at any moment leaves at worst the neighbour, which the next write replaces.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(path.name + ".part")
    with open(neighbour, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(neighbour, path)
    if os.name == "posix":  # the new name itself must reach the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, lists and dicts of them) atomically, sealed.

    The file is torch's own format with a SHA-256 of it behind; ``torch.load`` reads it as it is.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    write_atomically(path, content + MAGIC + hashlib.sha256(content).hexdigest().encode())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote, onto the CPU.

    Raises:
        DamagedFileError: If the file is not exactly what was written.
    """
    raw = path.read_bytes()
    content, seal = raw[:-SEAL], raw[-SEAL:]
    advice = f"delete {path} (or pass fresh=True to train) and start again"
    if not seal.startswith(MAGIC):
        raise DamagedFileError(
            f"{path} is not a checkpoint of minidiff, or is cut short ({len(raw)} bytes): {advice}"
        )
    if hashlib.sha256(content).hexdigest().encode() != seal[len(MAGIC) :]:
        raise DamagedFileError(f"{path} is damaged, its SHA-256 does not match: {advice}")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise DamagedFileError(f"{path} cannot be read ({error}): {advice}") from error
    assert isinstance(state, dict)
    return state


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
        config = getattr(net, "config", None)
        content = {
            "state": dict(state),
            "settings": dict(settings),
            "precision": precision,
            "shape": list(shape),
            "network": {"class": type(net).__name__, "config": config},
            "schedule": schedule and {"name": schedule.name, "beta": schedule.beta[1:].clone()},
        }
        save_checkpoint(self.checkpoint, content)

    def clear(self) -> None:
        """Delete the checkpoint and the pictures, and nothing else that may lie there."""
        self.checkpoint.unlink(missing_ok=True)
        for picture in self.pictures.glob("step_*.png"):
            picture.unlink()
