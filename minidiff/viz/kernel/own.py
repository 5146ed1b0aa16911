"""Noise schedules that a reader has typed, beside those that ship."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ...base.validate import check_function
from ...chain.schedule import NoiseSchedule

Own = Callable[[int], Any]
"""A schedule as a function of T: it gives β_1..β_T, shape (T,), or a :class:`~minidiff.NoiseSchedule`."""


def check_own(schedules: Mapping[str, Own], taken: Collection[str]) -> None:
    """Refuse what is no function, and names that are taken.

    Raises:
        TypeError: If one is no function.
        ValueError: If a shipped schedule has its name.
    """
    for name, make in schedules.items():
        check_function(name, make)
        if name in taken:
            raise ValueError(f"there is a schedule {name!r} already: give yours another name")


def own_schedule(name: str, make: Own, T: int) -> NoiseSchedule:
    """Call a reader's function, and see that it gave T steps.

    Raises:
        TypeError: If it gave no numbers.
        ValueError: If it gave another number of steps, or a β outside (0, 1).
    """
    made = make(T)
    schedule = made if isinstance(made, NoiseSchedule) else NoiseSchedule(made, name=name)
    if schedule.T != T:
        raise ValueError(
            f"{name}({T}) gave {schedule.T} steps; it must give β_1..β_T, so {T} numbers"
        )
    return schedule
