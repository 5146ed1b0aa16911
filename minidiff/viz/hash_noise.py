"""Noise that needs no storage: a page makes the same numbers as Python, by a hash."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..base.validate import check_positive_int


def chain_noise(seed: int, t: int, n: int) -> npt.NDArray[np.float64]:
    r"""The standard normal numbers of step t in :func:`noise_explorer`, shape (n,).

    Number i comes from two hashes :math:`u, v \in (0, 1)` of (seed, t, i) by the method of Box and
    Muller, :math:`z = \sqrt{-2 \ln u}\,\cos(2\pi v)`, so a page can make the noise of any step
    without storing any. t = 0 is the noise :math:`\epsilon` of the straight way.

    Args:
        seed: Which noise, 0..2³²-1.
        t: The step, 0 or more.
        n: How many numbers.

    Source:
        The hash is the finaliser of MurmurHash3 (A. Appleby, public domain), applied twice.
    """
    golden = np.uint64(0x9E3779B9)
    first = _mix(_mix(np.array([seed], np.uint64) + golden) ^ np.uint64(t))
    second = _mix(first + golden)
    hashes = _mix(_mix(np.arange(2 * n, dtype=np.uint64) + first) ^ second)
    uniform = (hashes.astype(np.float64) + 0.5) / 2.0**32
    u, v = uniform[0::2], uniform[1::2]
    z: npt.NDArray[np.float64] = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    return z


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scramble 32-bit words, each held in 64 bits so that products do not overflow."""
    word = np.uint64(0xFFFFFFFF)
    x = x & word
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & word
    x = ((x ^ (x >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & word
    return x ^ (x >> np.uint64(16))


def normals(seed: int, t: int, *shape: int) -> Tensor:
    """:func:`chain_noise` as a tensor of the given shape, float64."""
    return torch.from_numpy(chain_noise(seed, t, math.prod(shape)).reshape(shape))


def check_seed(seed: int) -> int:
    """Refuse what :func:`chain_noise` cannot take for a seed."""
    if check_positive_int("seed", seed, low=0) >= 2**32:
        raise ValueError(f"seed must be below 2^32, got {seed}")
    return int(seed)
