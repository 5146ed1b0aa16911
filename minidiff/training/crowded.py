"""A machine whose cores are busy with other programs: there several threads are slower than one."""

from __future__ import annotations

import os
import warnings

import torch


def load() -> float:
    """How many processes wanted a core over the last minute, on average; 0 where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none
        return 0.0


def warn_if_crowded(device: torch.device) -> None:
    """Say so if torch's threads will wait for each other.

    They share each operation and meet at its end. Where other programs have the cores, one of them is always
    late, and the others burn their time in waiting. Seen on two cores beside four busy programs, with one
    U-Net: 5 steps in 22 s with two threads, 124 steps in 15 s with one.

    Args:
        device: Where the training computes.
    """
    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    busy = load()
    # A training that has just ended has filled all cores itself: that is no other program.
    if device.type != "cpu" or threads == 1 or busy <= cores + 1:
        return
    warnings.warn(
        f"other programs keep this machine busy (a load of {busy:.1f} on {cores} cores): torch's {threads} "
        "threads will wait for each other, and training can be twenty times slower than with one. Close "
        "them, or call torch.set_num_threads(1) first (on the command line: OMP_NUM_THREADS=1 in front)",
        stacklevel=4,  # past train and its contract
    )
