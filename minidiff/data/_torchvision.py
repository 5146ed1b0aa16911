"""The only place that touches torchvision: importing it, and reading its image sets as bytes."""

from __future__ import annotations

import importlib
import sys
from http.client import HTTPException
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor


class _Set(NamedTuple):
    """A set that torchvision can read: its class there, and the folder it fills below the root."""

    dataset: str
    folder: str


SETS = {
    "mnist": _Set("MNIST", "MNIST/raw"),
    "fashion_mnist": _Set("FashionMNIST", "FashionMNIST/raw"),
    "cifar10": _Set("CIFAR10", "cifar-10-batches-py"),
}
BUNDLED_HINT = 'The bundled digits need neither torchvision nor a network: load("digits").'


def import_torchvision() -> ModuleType:
    """Import torchvision, also beside a torch for which its compiled operators were not built.

    The usual Linux wheel of torchvision is built for CUDA. Beside a CPU build of torch its compiled
    part does not load, and the import ends in "operator torchvision::nms does not exist", because
    the package describes two operators that are then unknown. Nothing that reads images needs
    them. So, and only if the import ended that way, both names are declared (they still have
    no code behind them: calling ``torchvision.ops.nms`` goes on failing) and the import is tried again.

    Raises:
        ImportError: If torchvision is missing or cannot be imported for any other reason.
    """
    try:
        return importlib.import_module("torchvision")
    except Exception as error:
        if not _lacks_operators(error):
            raise
    # The failed import left some of the package's modules behind; they must run again.
    for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    for operator in ("nms", "qnms"):
        torch.library.define(
            f"torchvision::{operator}",
            "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        )
    return importlib.import_module("torchvision")


def _lacks_operators(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and "operator torchvision::" in str(error)


def read(name: str, train: bool, root: Path, download: bool) -> tuple[Tensor, Tensor]:
    """Read one of ``SETS``.

    Args:
        name: Its key in ``SETS``.
        train: Whether to read the train part rather than the test part.
        root: Folder that holds the set's own folder, or gets it.
        download: Whether files that are missing may be downloaded.

    Returns:
        The pixels, uint8 (N, C, H, W), and the labels, int64 (N,).

    Raises:
        ImportError: If torchvision cannot be imported.
        FileNotFoundError: If files are missing and ``download`` is False.
        ConnectionError: If files are missing and cannot be downloaded.
        ValueError: If a file is damaged.
    """
    dataset = _dataset(name)
    folder = root / SETS[name].folder
    try:
        return _as_tensors(dataset(str(root), train=train, download=False))
    except Exception as error:
        if not str(error).startswith("Dataset not found"):
            raise ValueError(
                f"load({name!r}): a file in {folder} is damaged ({_reason(error)}); "
                f"delete that folder and load again. {BUNDLED_HINT}"
            ) from error
    if not download:
        raise FileNotFoundError(
            f"load({name!r}): torchvision works, but {folder} lacks the set's files or holds damaged "
            f"ones; put them there, give another root=, or allow download=True. {BUNDLED_HINT}"
        )
    try:
        return _as_tensors(dataset(str(root), train=train, download=True))
    except (OSError, RuntimeError, HTTPException) as error:
        raise ConnectionError(
            f"load({name!r}): torchvision works, but {folder} lacks the set's files and they could "
            f"not be downloaded ({_reason(error)}); check the network, or put the files there by hand "
            f"(root= names another place). {BUNDLED_HINT}"
        ) from error


def _dataset(name: str) -> Any:
    try:
        return getattr(import_torchvision().datasets, SETS[name].dataset)
    except Exception as error:
        raise ImportError(
            f"load({name!r}) reads its files through torchvision, which cannot be imported here "
            f"({_reason(error)}); install the torchvision that belongs to torch {torch.__version__} "
            f"with `pip install torchvision`. {BUNDLED_HINT}"
        ) from error


def _as_tensors(dataset: Any) -> tuple[Tensor, Tensor]:
    pixels = torch.as_tensor(dataset.data)  # (N, H, W) for grey images, (N, H, W, C) for colour
    if pixels.dim() == 3:
        pixels = pixels[..., None]
    return pixels.permute(0, 3, 1, 2).contiguous(), torch.as_tensor(dataset.targets).long()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().rstrip(":")
