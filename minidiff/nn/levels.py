"""Levels of a network for images: each has its channels, and lies one halving below the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from .blocks import Downsample, Stage, Upsample

CHANNELS_A_GROUP = 4  # of GroupNorm, at level 0: Ho et al. have 32 groups at width 128
WHOLE_GROUPS = (
    f"multiple of {CHANNELS_A_GROUP} (the channels in a group of GroupNorm)"  # of contracts
)

MakeStage = Callable[..., Stage]
"""Called ``make(c_in, c_out, attention=...)``."""


@dataclass(frozen=True)
class Level:
    """Channels at one resolution, and whether the pixels look at each other there."""

    channels: int
    attention: bool


def way_down(
    make: MakeStage, c: int, levels: Sequence[Level], blocks: int = 1
) -> tuple[nn.ModuleList, list[int]]:
    """Stages at each level, with a halving before each but the first.

    Args:
        make: Makes a stage.
        c: Channels that come in.
        levels: From the full size down.
        blocks: Stages at each level.

    Returns:
        The parts, in the order in which they are gone through, and the channels before the first of them
        and after each.
    """
    parts, channels = nn.ModuleList(), [c]
    for number, level in enumerate(levels):
        if number > 0:
            parts.append(Downsample(channels[-1]))
            channels.append(channels[-1])
        for _ in range(blocks):
            parts.append(make(channels[-1], level.channels, attention=level.attention))
            channels.append(level.channels)
    return parts, channels


def way_up(
    make: MakeStage, copies: Sequence[int], levels: Sequence[Level], blocks: int
) -> nn.ModuleList:
    """Stages at each level, each of which also gets a copy from the way down; doublings in between.

    Args:
        make: Makes a stage.
        copies: Channels of the copies, in the order in which :func:`way_down` made them.
        levels: From the full size down, as on the way down.
        blocks: Stages at each level.
    """
    parts, c, left = nn.ModuleList(), copies[-1], list(copies)
    for number, level in reversed(list(enumerate(levels))):
        for _ in range(blocks):
            parts.append(make(c + left.pop(), level.channels, attention=level.attention))
            c = level.channels
        if number > 0:
            parts.append(Upsample(c))
    return parts
