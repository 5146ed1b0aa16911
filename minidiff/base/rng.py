"""Random numbers: every draw of the library is made here, from a generator that the caller gives.

Numbers are drawn on the generator's own device and moved afterwards, so a CPU generator gives the
same noise to a run on the CPU and to a run on a GPU. The global seed is never set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .contracts import contract
from .model import model_device
from .validate import check_generator, check_positive_int


@dataclass(frozen=True)
class BatchSlice:
    """A stand-in for a generator: draws for a whole batch, hands out one process's rows.

    When several processes share a batch, each draws the numbers of *all* its rows from the same
    seed and keeps rows ``start : start + B``. One process and many then see the same noise.

    Args:
        generator: The generator from which the whole batch is drawn, seeded alike everywhere.
        start: First row that belongs to this process.
        total: Number of rows of the whole batch.

    Raises:
        ValueError: If ``start`` is negative or ``total`` is not positive.
    """

    generator: torch.Generator
    start: int
    total: int

    def __post_init__(self) -> None:
        check_positive_int("start", self.start, low=0)
        check_positive_int("total", self.total)


Generator = torch.Generator | BatchSlice | Sequence[torch.Generator]
"""What every ``generator=`` argument of the library takes (or None: torch's default one).

A list holds one for each example, which then is the same in any batch: what is drawn from one generator
depends on how many are drawn."""


def randn(
    shape: Sequence[int],
    generator: Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Draw from a standard normal, shape ``shape``, drawn on the generator's device."""
    # Half-precision noise is rounded from float32: the same numbers, only coarser.
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    x = _draw(
        lambda size, g: torch.randn(size, generator=g, device=_home(g, device), dtype=wide),
        shape,
        generator,
    )
    return x.to(device=device, dtype=dtype)


def noise_like(
    x: Tensor, noise: Tensor | None = None, generator: Generator | None = None
) -> Tensor:
    """The noise that was given, or else noise of the shape, type and place of x, drawn now."""
    return randn(x.shape, generator, x.device, x.dtype) if noise is None else noise


def starting_noise(
    model: object,
    shape: Sequence[int] | None,
    noise: Tensor | None,
    generator: Generator | None,
    *,
    device: torch.device | str | None,
    dtype: torch.dtype | None,
) -> Tensor:
    """What a walk starts from: the noise that was given, or noise drawn where the model is."""
    if noise is not None:
        return noise.to(device=device, dtype=dtype)
    assert shape is not None
    device = model_device(model) if device is None else device
    return randn(shape, generator, device, dtype or torch.float32)


@contract("seed: count from 0")
def seeded(seed: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator with the given seed, for ``generator=``; the global one stays as it is.

    >>> md.q_sample(x_0, 500, schedule, generator=md.seeded(7))  # doctest: +SKIP

    Args:
        seed: Any integer from 0 to 2⁶³ - 1.
        device: Where it draws. A generator on the CPU gives the same numbers to every device.
    """
    return torch.Generator(device).manual_seed(seed)


def rand(
    shape: Sequence[int],
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw float32 numbers from the uniform distribution on [0, 1), shape ``shape``."""
    x = _draw(
        lambda size, g: torch.rand(size, generator=g, device=_home(g, device)), shape, generator
    )
    return x.to(device=device)


def randint(
    low: int,
    high: int,
    shape: Sequence[int],
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw whole numbers (int64) uniformly from low..high, **both ends included**."""
    x = _draw(
        lambda size, g: torch.randint(low, high + 1, size, generator=g, device=_home(g, device)),
        shape,
        generator,
    )
    return x.to(device=device)


def draw_times(p: Tensor, count: int, generator: Generator | None = None) -> Tensor:
    """Draw times with the probabilities p, shape (T+1,): LongTensor (count,)."""
    uniform = rand((count,), generator).double()
    # The smallest t whose cumulated share exceeds the number drawn; rounding may leave none.
    return torch.searchsorted(p.cumsum(0), uniform.to(p.device), right=True).clamp(max=len(p) - 1)


def _home(
    generator: torch.Generator | None, device: torch.device | str | None
) -> torch.device | str | None:
    """Where to draw: on the generator's device; without one, on the device asked for."""
    return device if generator is None else generator.device


def _draw(
    sample: Callable[[tuple[int, ...], torch.Generator | None], Tensor],
    shape: Sequence[int],
    generator: Generator | None,
) -> Tensor:
    check_generator("generator", generator)  # functions without a contract draw, too
    if isinstance(generator, Sequence):
        if len(generator) != shape[0]:
            raise ValueError(
                f"generator is a list of {len(generator)}, and {shape[0]} examples are drawn: give one "
                f"generator, or one for each example"
            )
        return torch.cat([sample((1, *shape[1:]), one) for one in generator])
    if not isinstance(generator, BatchSlice):
        return sample(tuple(shape), generator)
    rows = shape[0]
    if generator.start + rows > generator.total:
        raise ValueError(
            f"rows {generator.start}..{generator.start + rows - 1} were asked for, "
            f"but the whole batch has only {generator.total}"
        )
    whole = sample((generator.total, *shape[1:]), generator.generator)
    return whole[generator.start : generator.start + rows]
