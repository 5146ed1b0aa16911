"""float32 or bfloat16: which one to compute in, decided by a short measurement."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.contracts import contract
from ..base.gradients import gradients
from ..base.model import model_device

PRECISIONS = ("auto", "fp32", "bf16")
GAIN = 1.2  # bfloat16 must be faster by this factor, else its lost digits are not worth it
REPEATS = 7
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def choose_precision(net: object, device: torch.device, precision: str) -> str:
    """Settle ``"auto"``: ``"bf16"`` where convolutions run faster in it, else ``"fp32"``.

    A network without convolutions stays in float32: the small matrices of an MLP gain nothing.

    Args:
        net: What will compute: a network, or a function that asks one (nobody sees what is in it).
        device: Where.
        precision: ``"fp32"``, ``"bf16"`` or ``"auto"``.
    """
    if precision != "auto":
        return precision
    modules = net.modules() if isinstance(net, nn.Module) else ()
    plain = isinstance(net, nn.Module) and not any(isinstance(m, CONVOLUTIONS) for m in modules)
    return "fp32" if plain or bfloat16_gain(device) < GAIN else "bf16"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Inside, matrix products and convolutions run in ``precision``; the weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


@contract(f"model: function, precision: one of {PRECISIONS}")
def with_precision(model: Any, precision: str = "auto") -> Any:
    """A network, or any eps-model, that computes in 16 bits: to draw many pictures in less time.

    >>> fast = md.with_precision(md.load("digits16")[0])  # doctest: +SKIP

    Its matrix products and convolutions run in bfloat16, a number with the range of float32 and three
    decimal digits; all else, and what the sampler does with the answer, stays as it is. So pictures differ
    by less than one can see, and not by nothing: take ``"fp32"`` where a result is to be the same
    on every machine. Weights are not changed.

    Args:
        model: Called ``model(x_t, t)``, or with conditions.
        precision: ``"bf16"``, ``"fp32"``, or ``"auto"``: bfloat16 where this machine is faster in it, which
            is measured once.

    Returns:
        A model that answers in x_t's type and is asked as the given one is; the given one itself for float32.

    Source:
        Kalamkar et al. 2019, section 3, on the number format.
    """
    device = torch.device(model_device(model))
    in_16_bits = choose_precision(model, device, precision) == "bf16"
    return InBfloat16(model) if in_16_bits else model


class InBfloat16:
    """A model whose matrix products and convolutions run in bfloat16, see :func:`with_precision`."""

    def __init__(self, model: Any):
        self.module = model  # the name by which whoever asks for its classes finds the network
        self.device = model_device(model)

    def __call__(self, x_t: Tensor, t: Tensor | float, *y: Any, **conditions: Any) -> Any:
        """What the model says, in x_t's type; also where it is a pair."""
        with autocast(x_t.device, "bf16"):
            said = self.module(x_t, t, *y, **conditions)
        if isinstance(said, tuple):
            return tuple(part.to(x_t.dtype) for part in said)
        return said.to(x_t.dtype)


@lru_cache
def bfloat16_gain(device: torch.device) -> float:
    """How many times faster a convolution and its gradient run in bfloat16 than in float32.

    Both are timed in turn and each one's fastest time counts; on a CPU these are the processor
    seconds of one thread, so that other work on the machine does not decide. Takes about a tenth of
    a second, once a process.
    """
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(REPEATS):
            for dtype, times in seconds.items():
                with gradients():
                    times.append(_time_convolution(device, dtype))
    finally:
        torch.set_num_threads(threads)
    return min(seconds[torch.float32]) / min(seconds[torch.bfloat16])


def _time_convolution(device: torch.device, dtype: torch.dtype) -> float:
    # Zeros would do, were it not for processors that are quicker with them. Nothing is drawn here.
    x = torch.linspace(-1, 1, 32 * 32 * 16 * 16, device=device).view(32, 32, 16, 16)
    weight = torch.linspace(-1, 1, 32 * 32 * 3 * 3, device=device).view(32, 32, 3, 3)
    x, weight = (part.to(dtype).requires_grad_() for part in (x, weight))
    wait_for(device)
    start = _clock(device)
    F.conv2d(x, weight, padding=1).sum().backward()  # type: ignore[no-untyped-call]
    wait_for(device)
    return _clock(device) - start


def _clock(device: torch.device) -> float:
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def wait_for(device: torch.device) -> None:
    """Let a device finish what it was given to do, before the clock is read; a CPU has."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()  # torch.cuda, torch.mps, …
