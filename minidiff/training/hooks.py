"""What happens beside the gradient steps: the bar, the grids of samples, the checkpoints, one's own.

A hook is called with the :class:`~minidiff.Run` as it stands, ``hook(run)``, after each ``hook.every`` steps
(50, if it does not say) and after the last one; with several processes, in the first one only. By then the
losses have been read from the device, so ``run.losses`` is complete:

>>> def log(run):  # doctest: +SKIP
...     writer.add_scalar("loss", run.losses[-1], run.steps)
>>> md.train(net, data, schedule=schedule, steps=3000, hooks=[log])  # doctest: +SKIP

A hook may look at everything and changes nothing: the training goes the same way with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from ..base.pictures import save_sheet
from ..base.ranges import is_pictures
from ..base.validate import check_positive_int, shown
from ..sampling.suited import samples
from .preview import PREVIEW_COLUMNS, Sampler, can_preview, preview_conditions, preview_grid
from .run import Run
from .task import Task

RECENT = 100  # steps whose losses the bar averages: a single one says little
LOOK = 50  # steps between two readings of the loss: each reading waits for the device

Hook = Callable[[Run], object]


def every(hook: Hook) -> int | None:
    """Steps between two calls of a hook; None stands for one call, at the end."""
    return getattr(hook, "every", LOOK)


def is_due(hook: Hook, step: int) -> bool:
    """Whether a hook is called after this step, the last one apart."""
    steps = every(hook)
    return steps is not None and step % steps == 0


def hooks_can_be_called(hooks: Sequence[Hook]) -> None:
    """TypeError: If a hook cannot be called, or ``every`` is no count."""
    if callable(hooks) or not isinstance(hooks, Sequence):
        raise TypeError(f"hooks must be a list of functions, got {shown(hooks)}")
    for i, hook in enumerate(hooks):
        if not callable(hook):
            raise TypeError(f"hooks[{i}] must be a function hook(run), got {shown(hook)}")
        if every(hook) is not None:
            check_positive_int(f"hooks[{i}].every", every(hook))


class ProgressBar:
    """The progress bar, with the mean of the latest losses.

    It is moved after each step (:meth:`count`), for fifty steps of a large network take minutes; the losses
    beside it are as old as their last reading.

    Args:
        steps: Length of the training, or None where it follows the clock.
        before: Steps done before.
    """

    every = LOOK

    def __init__(self, steps: int | None, before: int) -> None:
        from tqdm.auto import tqdm

        self.steps = steps
        self.bar = tqdm(total=steps, initial=before, unit="step")

    def count(self, step: int) -> None:
        """Move to this step."""
        self.bar.update(step - self.bar.n)

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        self.bar.write(text)

    def __call__(self, run: Run) -> None:
        """Show the losses."""
        if self.steps is None:  # as many steps as fit in, from which the bar tells the time left
            self.bar.total = round(run.steps / run.done)
        latest = run.losses[-RECENT:]
        self.bar.set_postfix(loss=f"{sum(latest) / len(latest):.4f}", refresh=False)
        self.count(run.steps)
        if run.done >= 1:
            self.bar.close()


class SampleGrids:
    """Two rows of samples as a picture, so that one sees what the network draws by now.

    Args:
        every: Steps between two pictures.
        folder: Where they are written.
        sample: What draws; what it gives is written if it is pictures.
        shape: Of one example, (C, H, W) for images.
        conditions: What the samples are told, see ``minidiff.training.preview``.
    """

    def __init__(
        self,
        every: int,
        folder: Path,
        *,
        sample: Sampler,
        shape: tuple[int, ...],
        conditions: dict[str, Tensor],
    ) -> None:
        self.every = every
        self.folder = folder
        self.sample = sample
        self.shape = shape
        self.conditions = conditions

    def __call__(self, run: Run) -> None:
        """Draw, and write."""
        if not is_due(self, run.steps):  # the last step is no occasion of its own
            return
        grid = preview_grid(self.sample, run.net, run.schedule, self.shape, self.conditions)
        if is_pictures(grid):
            save_sheet(self.folder / f"step_{run.steps:06d}.png", grid, PREVIEW_COLUMNS)


def sample_grids(task: Task, folder: Path, every: int) -> list[SampleGrids]:
    """The hook that draws what a training teaches, where that can be seen; else none."""
    net, source, sample = task.net, task.source, task.sample
    if sample is None and can_preview(net, task.schedule, source.shape):
        sample = samples
    if sample is None:
        return []
    told = preview_conditions(net, source)
    return [SampleGrids(every, folder, sample=sample, shape=source.shape, conditions=told)]


class Checkpoints:
    """The checkpoint from which a training goes on.

    Args:
        every: Steps between two of them; None for only one, at the end.
        write: Writes it.
    """

    def __init__(self, every: int | None, write: Callable[[], None]) -> None:
        self.every = every
        self.write = write

    def __call__(self, run: Run) -> None:
        """Write."""
        self.write()
