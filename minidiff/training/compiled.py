"""A network that torch.compile has turned into faster code: whether that pays, and the turning itself.

Compiling writes the operations between two convolutions (a norm, a SiLU, a sum) as one loop over the
numbers, where each of them alone would go through memory once more. It takes a minute or two, so it is for
long trainings. How much it saves depends on processor, network and batch more than on anything that could be
known beforehand (from nothing at all to a quarter, on the machines where it was tried), so it is measured.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import textwrap
import time
import warnings
from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from ..base.model import bare
from ..nn.precision import wait_for

COMPILE = ("auto", True, False)
WATCHED = 100  # steps after which "auto" knows how fast the training is
COST = 130.0  # seconds that compiling a U-Net takes on two cores
# The part of a step's time that it may save. In float32 on a CPU nearly all the time goes into convolutions,
# and those stay what they are; where they are quick, the rest is worth saving.
GAIN = {"fp32": 0.05, "bf16": 0.1}
WORTH = 1.03  # so many times faster a step must have become: less is no more than measuring errs
TURNS = 5  # of both networks, to find out
LONG = 300  # characters of a compiler's complaint that are shown
MARGIN = 1.5  # by so much the seconds saved have to exceed the cost, for both are guesses


def pays(net: nn.Module, device: torch.device, precision: str, seconds_left: float) -> bool:
    """Whether compiling a network saves more than it costs: of ours, with a compiler there, in a long run.

    Args:
        net: The network that is trained.
        device: Where it is trained.
        precision: In what its forward passes compute, "fp32" or "bf16".
        seconds_left: How long the training will yet take uncompiled.
    """
    gain = GAIN["bf16" if device.type != "cpu" else precision]  # a GPU is quick in both
    return gain * seconds_left > MARGIN * COST and is_ours(net) and can_compile(device)


def is_ours(net: nn.Module) -> bool:
    """Whether a network is of this library: those are known to compile as a whole."""
    return type(bare(net)).__module__.partition(".")[0] == __name__.partition(".")[0]


def can_compile(device: torch.device) -> bool:
    """Whether what torch.compile needs is there: a C++ compiler for the CPU, Triton for a GPU."""
    if device.type == "cpu":
        named = os.environ.get("CXX", "g++")
        return any(shutil.which(name) for name in (named, "clang++"))
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def compile_network(
    net: nn.Module, try_out: Callable[[nn.Module], None], *, insist: bool
) -> nn.Module:
    """Compile a network, and see whether that works before anything depends on it.

    Args:
        net: The network; its weights stay its own, the compiled one shares them.
        try_out: Uses the network once as the training does: what is compiled is compiled then.
        insist: Whether it has to work.

    Returns:
        The compiled network; the one that was given, where compiling failed, or somebody else compiled it.

    Raises:
        RuntimeError: If it does not work, and has to.
    """
    wrapped = bare(net) is not net
    if wrapped:
        return net
    whole = cast(nn.Module, torch.compile(net, fullgraph=is_ours(net)))
    try:
        try_out(whole)
    except Exception as error:  # a compiler, its headers, Triton: much may be missing
        if out_of_time(error):
            raise
        said = textwrap.shorten(str(error), LONG) or type(error).__name__
        reason = f"torch.compile cannot compile {type(net).__name__} here ({said})"
        if insist:
            raise RuntimeError(f"{reason}: leave out compile=True to train without") from error
        warnings.warn(f"{reason}: the training goes on without", stacklevel=6)  # what called train
        return net
    return whole


def times_as_fast(
    whole: nn.Module, net: nn.Module, try_out: Callable[[nn.Module], None], device: torch.device
) -> float:
    """How many times faster a step is with a compiled network than with the one that it was made from.

    Both take their turn, and the fastest time of each counts: other work on the machine only adds to a time.

    Args:
        whole: The compiled network.
        net: The network.
        try_out: Uses one of them as the training does.
        device: Where.
    """
    seconds: dict[nn.Module, list[float]] = {whole: [], net: []}
    for _ in range(TURNS):
        for either, times in seconds.items():
            start = time.perf_counter()
            try_out(either)
            wait_for(device)
            times.append(time.perf_counter() - start)
    return min(seconds[net]) / min(seconds[whole])


def out_of_time(error: BaseException | None) -> bool:
    """Whether an error comes from an alarm that somebody has set for all of this, not from the compiler.

    The compiler wraps what is raised while it works.
    """
    while error is not None and not isinstance(error, TimeoutError):
        error = error.__cause__ or error.__context__
    return error is not None
