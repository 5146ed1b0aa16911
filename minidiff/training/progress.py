"""How far a training is: the clock it follows and the bar it shows."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .processes import Processes

RECENT = 100  # steps whose losses the bar averages: a single one says little


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


class Bar:
    """The progress bar; the loss is read from the device only when it moves.

    Args:
        clock: The training's clock.
        step: Steps done before.
        shown: Whether there is anything to see.
    """

    def __init__(self, clock: Clock, step: int, shown: bool) -> None:
        from tqdm.auto import tqdm

        self.clock = clock
        self.bar = tqdm(total=clock.steps, initial=step, unit="step", disable=not shown)

    def update(self, step: int, done: float, losses: Sequence[float]) -> None:
        """Move to ``step``, a part ``done`` of the whole, and show the mean of the latest losses."""
        if self.clock.steps is None:
            self.bar.total = round(step / done)  # as many steps as fit in, from which the time left
        latest = losses[-RECENT:]
        self.bar.set_postfix(loss=f"{sum(latest) / len(latest):.4f}", refresh=False)
        self.bar.update(step - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self.bar.close()
