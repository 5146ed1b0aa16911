"""One process or many: what a training needs to know of the others, with accelerate or without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..base.model import default_device
from ..base.rng import BatchSlice

Result = TypeVar("Result")

Draws = torch.Generator | BatchSlice
"""What the draws of a training step come from."""


class Processes:
    """The processes that share a training: this one alone.

    Attributes:
        rank: Number of this process, 0..count-1. Process 0 writes the files.
        count: How many there are.
        device: Where this process computes.
    """

    rank = 0
    count = 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def share(self, module: nn.Module) -> nn.Module:
        """Make ``module`` average its gradients over the processes in each backward pass."""
        return module

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of the loss."""
        loss.backward()  # type: ignore[no-untyped-call]

    def mean(self, x: Tensor) -> Tensor:
        """Average a tensor over the processes."""
        return x

    def from_first(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` in process 0 only and give its result, or its error, to all."""
        return work()


class AcceleratedProcesses(Processes):
    """The processes of a launched job, through Hugging Face accelerate."""

    def __init__(self, device: torch.device | None) -> None:
        try:
            import accelerate
        except ImportError as error:
            raise ImportError(
                f"the environment says that this is one of WORLD_SIZE={os.environ['WORLD_SIZE']} "
                "processes, and several processes train together through accelerate, which is not "
                "installed: pip install accelerate, or unset WORLD_SIZE to train in one process"
            ) from error
        self._utils = accelerate.utils
        self._accelerator = accelerate.Accelerator(
            cpu=device is not None and device.type == "cpu", mixed_precision="no"
        )
        self.rank = self._accelerator.process_index
        self.count = self._accelerator.num_processes
        super().__init__(self._accelerator.device)

    def share(self, module: nn.Module) -> nn.Module:
        """Wrap ``module`` in PyTorch's DistributedDataParallel, which does the averaging."""
        shared: nn.Module = self._accelerator.prepare(module)
        return shared

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of the loss, averaged over the processes."""
        self._accelerator.backward(loss)

    def mean(self, x: Tensor) -> Tensor:
        """Average a tensor over the processes."""
        average: Tensor = self._accelerator.reduce(x, reduction="mean")
        return average

    def from_first(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` in process 0 only and give its result, or its error, to all."""
        parcel: list[Any] = [None, None]
        if self.rank == 0:
            try:
                parcel = [work(), None]
            except Exception as error:
                parcel = [None, error]
        # Through the launcher's own channel: machines need not share a disk.
        result, failure = self._utils.broadcast_object_list(parcel)
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]


def find_processes(device: torch.device | str | None) -> Processes:
    """Those that ``accelerate launch`` or ``torchrun`` started, or this process alone.

    Args:
        device: Where to compute; None takes a GPU where there is one, else the CPU.

    Raises:
        ImportError: If several processes were launched and accelerate is not installed.
    """
    chosen = None if device is None else torch.device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return AcceleratedProcesses(chosen)
    return Processes(chosen or default_device())


def step_seed(seed: int, step: int) -> int:
    """Mix a run's seed and the number of a step into one seed of 64 bits.

    Plain ``seed + step`` would give run 1 at step 0 the draws of run 0 at step 1. SplitMix64's
    finaliser, applied to the seed and then to the sum with the step, spreads every bit of both over
    all bits of the result. (torch's CPU generator looks at the low 32 only, so among 10⁵ steps a pair
    may by chance share its draws; it does no harm.)

    Source:
        Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 17.
    """
    return _mix64(_mix64(seed) + step)


def _mix64(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@contextmanager
def step_draws(
    seed: int, step: int, batch: int, processes: Processes, *, part: int = 0, parts: int = 1
) -> Iterator[Draws]:
    """The generator of one step: for the whole batch, of which this process takes its rows.

    Where a process takes them in several parts, one after the other, each part takes its own. Inside,
    torch's own generator is seeded too, for dropout layers ask no other; it is put back.

    Yields:
        What goes in as ``generator=``. It is on the CPU, so that every device sees the same draws.
    """
    mixed = step_seed(seed, step)
    number, count = processes.rank * parts + part, processes.count * parts
    generator = torch.Generator().manual_seed(mixed)
    gpus = [processes.device] if processes.device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(_mix64(mixed + number))
        if gpus:
            torch.cuda.manual_seed(_mix64(mixed + number))
        if count == 1:
            yield generator
        else:
            yield BatchSlice(generator, number * batch, count * batch)
