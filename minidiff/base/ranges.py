"""Warnings of pictures outside their range, [-1, 1]: data before training, samples after drawing.

Only what can be a picture is looked at, (B, 1, H, W) or (B, 3, H, W): points of the plane have no range, nor
have latents. Nothing is said on a GPU in a training step, where each look would make the step wait.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

COLOURS = (1, 3)  # channels of what is a picture
FAR = 20.0  # one step from noise, or strong guidance, may lead a good network as far as 10

NOT_YET = {
    "0..255": "x.float() / 127.5 - 1",
    "0..1": "2 * x - 1",
}
"""For each other range of pictures how to come to [-1, 1]."""


SEEN: ContextVar[bool] = ContextVar("SEEN", default=False)


@contextmanager
def seen() -> Iterator[None]:
    """Inside, nobody looks at the range of data: a training has looked at its first batch."""
    token = SEEN.set(True)
    try:
        yield
    finally:
        SEEN.reset(token)


def is_pictures(x: Tensor) -> bool:
    """Whether a batch can be seen: (B, 1 or 3, H, W)."""
    return x.dim() == 4 and x.shape[1] in COLOURS


def other_range(x: Tensor) -> str | None:
    """The range that pictures seem to have, one of :data:`NOT_YET`, where it is not [-1, 1]."""
    if not is_pictures(x):
        return None
    low, high = (float(end) for end in x.detach().aminmax())
    if low < 0 or high <= low:
        return None
    if high > 2:
        return "0..255"
    # In [-1, 1] a batch of pictures whose darkest spot is a middle grey hardly ever has a white one, too.
    return "0..1" if low < 0.1 and 0.9 < high <= 1 else None


def warn_of_other_range(name: str, x: Tensor, stacklevel: int = 2) -> None:
    """Warn of pictures that look like 0..255 or 0..1; Python shows the same warning once."""
    found = None if SEEN.get() else other_range(x)
    if found is not None:
        warnings.warn(
            f"{name} looks like pictures in {found}, but noise schedules and samplers are made for [-1, 1]; "
            f"convert them by {NOT_YET[found]}",
            stacklevel=stacklevel + 1,
        )


def warn_of_leaving(x: Tensor, advice: str, stacklevel: int = 2) -> None:
    """Warn where drawn pictures lie far outside [-1, 1].

    Args:
        x: What was drawn.
        advice: What to do.
        stacklevel: Whose line the warning shows.
    """
    if not is_pictures(x):
        return
    furthest = float(x.detach().abs().max())
    if furthest > FAR:
        warnings.warn(
            f"the pictures that were drawn reach |x| = {furthest:.3g}, far outside [-1, 1]; {advice}",
            stacklevel=stacklevel + 1,
        )
