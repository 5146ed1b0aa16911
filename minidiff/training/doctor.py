"""What is installed, what is missing, and how to get it: ``python -m minidiff doctor``."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

from .. import __version__, data
from ..base.files import CHECKPOINT, load_checkpoint
from ..base.model import default_device
from ..data._torchvision import import_torchvision
from ..nn.precision import GAIN, bfloat16_gain
from ..weights import available, load

# Package: what for, and the words that install it.
NEEDED = {
    "numpy": "arrays",
    "einops": "rearranging tensors",
    "safetensors": "reading and writing weights",
    "tqdm": "progress bars",
    "matplotlib": "pictures",
    "ipywidgets": "sliders in notebooks",
}
OPTIONAL = {
    "scipy": ("pairing noise and data by optimal transport, in flow matching", "scipy"),
    "torchdiffeq": ("a solver for flows that adapts its steps", "torchdiffeq"),
    "accelerate": ("training on several devices", '"minidiff[distributed]"'),
    "jupyterlab": ("opening the notebooks", '"minidiff[notebooks]"'),
    "otter": ("otter-grader, for grading assignments", '"minidiff[grading]"'),
}
TORCHVISION = "MNIST, FashionMNIST and CIFAR-10"


def report(run: str | Path | None = None) -> tuple[list[str], bool]:
    """Look at this installation, or at the run of a training.

    Args:
        run: The folder of a run, whose settings and history to tell; None for the installation.

    Returns:
        The lines to print, and whether everything that is needed works.
    """
    lines, well = [], True
    for mark, line in _findings() if run is None else _of_run(Path(run)):
        lines.append(f"{mark:>7}  {line}")
        well = well and mark != "MISSING"
    return lines, well


def _findings() -> Iterator[tuple[str, str]]:
    """Pairs of "ok", "note" or "MISSING" with what was found."""
    yield "ok", f"minidiff {__version__}, Python {platform.python_version()}, {platform.system()}"
    yield "ok", f"torch {torch.__version__}"
    for name, purpose in NEEDED.items():
        version = _version(name)
        if version is None:
            yield "MISSING", f"{name} ({purpose}): pip install {name}"
        else:
            yield "ok", f"{name} {version}"
    yield from _device()
    yield from _optional()
    yield from _content()


def _version(name: str) -> str | None:
    """A package's version, or None where it cannot be imported."""
    try:
        return str(getattr(importlib.import_module(name), "__version__", "(version unknown)"))
    except ImportError:
        return None


def _device() -> Iterator[tuple[str, str]]:
    device = default_device()
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"threads: {torch.get_num_threads()}"
    )
    yield "ok", f"device: {device.type}, {name}"
    if device.type == "cpu":
        yield "note", "no GPU: everything in the course runs without one"
    gain = bfloat16_gain(device)
    verdict = "bf16" if gain >= GAIN else "fp32"
    yield (
        "ok",
        f"a convolution in bf16 takes 1/{gain:.1f} of its time in fp32: U-Nets train in {verdict}",
    )


def _optional() -> Iterator[tuple[str, str]]:
    for name, (purpose, words) in OPTIONAL.items():
        version = _version(name)
        if version is None:
            yield "note", f"{name} is not installed ({purpose}): pip install {words}"
        else:
            yield "ok", f"{name} {version}"
    try:
        yield "ok", f"torchvision {import_torchvision().__version__}"
    except Exception as error:  # a broken build may raise anything
        yield (
            "note",
            f"torchvision does not import ({type(error).__name__}: {TORCHVISION} need it; the bundled "
            "digits do not): pip install a version that was built for this torch",
        )


def _content() -> Iterator[tuple[str, str]]:
    """The digits and the weights that ship, each checked against its hash."""
    try:
        counts = [len(data.digits(split)[1]) for split in data.SPLITS]
        yield "ok", f"bundled digits: {counts[0]} to train with, {counts[1]} held out"
    except (ValueError, OSError) as error:
        yield "MISSING", str(error)
    for name in available():
        try:
            net, _ = load(name)
            yield "ok", f"weights of {name}: {sum(x.numel() for x in net.parameters()):,} numbers"
        except (ValueError, OSError, ImportError) as error:
            yield "MISSING", str(error)


def _of_run(folder: Path) -> Iterator[tuple[str, str]]:
    """How far a run is, the settings it has, and what was changed on the way."""
    try:
        saved = load_checkpoint(folder / CHECKPOINT)
    except (ValueError, OSError) as error:
        yield "MISSING", str(error)
        return
    state = saved["state"]
    end = "finished" if state["finished"] else "not finished"
    yield (
        "ok",
        f"{folder}: {state['step']} steps in {state['seconds'] / 60:.1f} minutes, {end}; predicts "
        f"{saved.get('predicts')}; trains in {saved['precision']}",
    )
    for name, value in saved["settings"].items():
        yield "ok", f"{name} = {value}"
    for change in saved.get("history", []):
        yield "note", "from step {step} on: {setting} = {after}, before {before}".format(**change)
