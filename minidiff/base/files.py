"""Files: written whole or not at all, sealed, and checked when they are read."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

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
