"""float32 or bfloat16: which one to train in, decided by a short measurement."""

from __future__ import annotations

import time
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import nn

PRECISIONS = ("auto", "fp32", "bf16")
GAIN = 1.2  # bfloat16 must be faster by this factor, else its lost digits are not worth it
REPEATS = 7
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def choose_precision(net: nn.Module, device: torch.device, precision: str) -> str:
    """Settle ``"auto"``: ``"bf16"`` where convolutions run faster in it, else ``"fp32"``.

    A network without convolutions stays in float32: the small matrices of an MLP gain nothing.

    Args:
        net: The network that will be trained.
        device: Where it will be trained.
        precision: ``"fp32"``, ``"bf16"`` or ``"auto"``.
    """
    if precision != "auto":
        return precision
    convolves = any(isinstance(module, CONVOLUTIONS) for module in net.modules())
    return "bf16" if convolves and bfloat16_gain(device) >= GAIN else "fp32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Inside, matrix products and convolutions run in ``precision``; the weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


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
                times.append(_time_convolution(device, dtype))
    finally:
        torch.set_num_threads(threads)
    return min(seconds[torch.float32]) / min(seconds[torch.bfloat16])


def _time_convolution(device: torch.device, dtype: torch.dtype) -> float:
    # Zeros would do, were it not for processors that are quicker with them. Nothing is drawn here.
    x = torch.linspace(-1, 1, 32 * 32 * 16 * 16, device=device).view(32, 32, 16, 16)
    weight = torch.linspace(-1, 1, 32 * 32 * 3 * 3, device=device).view(32, 32, 3, 3)
    x, weight = (part.to(dtype).requires_grad_() for part in (x, weight))
    _wait(device)
    start = _clock(device)
    F.conv2d(x, weight, padding=1).sum().backward()  # type: ignore[no-untyped-call]
    _wait(device)
    return _clock(device) - start


def _clock(device: torch.device) -> float:
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()  # torch.cuda, torch.mps, …
