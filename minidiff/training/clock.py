"""How far a training is: the clock it follows."""

from __future__ import annotations

import time

from .processes import Processes


class Clock:
    """How far the training is, in steps or in minutes, and how long it has taken.

    Args:
        steps: Length of the training in steps, or None.
        minutes: Its length in minutes, where ``steps`` is None.
        before: Seconds that an earlier part of a resumed training took.
        processes: Those that train.
    """

    def __init__(
        self, steps: int | None, minutes: float | None, before: float, processes: Processes
    ) -> None:
        self.steps = steps
        self.minutes = minutes
        self.processes = processes
        self.start = time.monotonic() - before

    def seconds(self) -> float:
        """Time spent training."""
        return time.monotonic() - self.start

    def part_done(self, step: int) -> float:
        """0 at the start, 1 (or a little more) at the end."""
        if self.steps is not None:
            return step / self.steps
        assert self.minutes is not None
        # Clocks differ; the first process's counts, or some would stop a step before the others.
        return self.processes.from_first(self.seconds) / (60 * self.minutes)
