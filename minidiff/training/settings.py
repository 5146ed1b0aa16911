"""The settings of a training: kept with the run, compared when it goes on, and told in words."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..base.model import bare
from ..chain.schedule import NoiseSchedule

EXTENDABLE = ("steps", "minutes", "lr")  # what train(..., extend=True) may change in a run


def one_length(steps: int | None, minutes: float | None) -> None:
    """ValueError: If not one of ``steps`` and ``minutes`` is given."""
    if (steps is None) == (minutes is None):
        raise ValueError(
            f"say how long to train by one of steps= and minutes=; got steps={steps}, minutes={minutes}"
        )


def extends_a_run(out: str | Path | None, fresh: bool, extend: bool) -> None:
    """ValueError: If ``extend`` goes with no ``out``, or with ``fresh``."""
    if extend and (out is None or fresh):
        raise ValueError(
            f"extend=True goes on with the run in out=; got out={out!r}, fresh={fresh}"
        )


@dataclass(frozen=True)
class Settings:
    """What decides how a training goes, beside its network, its data, its loss and its schedule.

    Each is an argument of :func:`~minidiff.train`, which says what it means and checks what it is.
    """

    steps: int | None
    minutes: float | None
    batch: int
    accumulate: int
    lr: float
    weight_decay: float
    warmup: int
    ema: float
    clip_norm: float | None
    precision: str
    compile: bool | str
    augment: Callable[..., Tensor] | None
    seed: int

    def described(self, processes: int) -> dict[str, Any]:
        """By name, as they are kept with a run: a step sees ``accumulate`` batches of each process."""
        said = {**vars(self), "augment": describe_callable(self.augment)}
        whole = said.pop("batch") * said.pop("accumulate") * processes
        return {**said, "batch of all processes": whole}


@dataclass(frozen=True)
class Change:
    """A setting that was changed in the middle of a run, by ``extend=True``.

    Attributes:
        step: From which step on; so many had been done before.
        setting: Its name.
        before: Its value up to then.
        after: Its value from then on.
    """

    step: int
    setting: str
    before: Any
    after: Any


def changed(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of settings that differ, those that only one of the two has among them."""
    return [name for name in dict.fromkeys([*now, *there]) if there.get(name) != now.get(name)]


def fingerprint(*tensors: Tensor | None) -> str:
    """A short name for what tensors hold: shape, type and the first digits of a SHA-256."""
    digest = hashlib.sha256()
    words = []
    for x in tensors:
        if x is not None:
            words.append(describe_tensor(x))
            digest.update(words[-1].encode())
            digest.update(x.detach().cpu().contiguous().numpy().data)
    return f"{' and '.join(words)}, SHA-256 {digest.hexdigest()[:12]}"


def describe_tensor(x: Tensor) -> str:
    """Shape and type: ``"64×2 float32"``."""
    return " ".join(["×".join(map(str, x.shape)), str(x.dtype).removeprefix("torch.")]).lstrip()


def describe_net(net: nn.Module) -> str:
    """A network in one line: its class with its ``config``, or with the shapes of its weights."""
    net = bare(net)  # a compiled one is the same network
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
