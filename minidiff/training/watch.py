"""Hooks to watch a training by: a loss on held-out data, and TensorBoard's curves.

>>> watch = md.training.watch  # doctest: +SKIP
>>> held = watch.HeldOutLoss(md.data.digits("heldout"), every=200)  # doctest: +SKIP
>>> board = watch.TensorBoard("logs", also={"held out": held})  # doctest: +SKIP
>>> md.train(net, data, schedule=schedule, steps=3000, hooks=[held, board])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.model import bare, model_device
from ..base.ranges import seen
from ..base.rng import seeded
from ..losses.simple import simple_loss
from .batches import read_data
from .run import Run


class HeldOutLoss:
    """The loss on data that the training does not see, with the same rows, times and noise each time.

    Two values differ only because the network does, so that even a small rise is one: it has begun to learn
    its data by heart. The average of the weights is looked at, in evaluation mode, and nothing is changed.

    Args:
        data: What :func:`~minidiff.train` takes.
        loss: What is measured, as for :func:`~minidiff.train`; the training's own, as a rule. Conditions are
            dropped as it says.
        every: Steps between two looks; None for one at the end.
        batch: Examples in a batch.
        batches: How many batches.
        seed: Decides rows, times and noise.

    Attributes:
        steps: After how many steps it was looked.
        values: The losses found.
    """

    @contract("loss: function, every: count or None, batch and batches: count, seed: count from 0")
    def __init__(
        self,
        data: Any,
        loss: Callable[..., Tensor] = simple_loss,
        *,
        every: int | None = 500,
        batch: int = 128,
        batches: int = 8,
        seed: int = 0,
    ) -> None:
        self.data, self.loss, self.every = data, loss, every
        self.batch, self.batches, self.seed = batch, batches, seed
        self.steps: list[int] = []
        self.values: list[float] = []

    @torch.no_grad()
    def __call__(self, run: Run) -> None:
        """Look, and note what was found."""
        source, device = (
            read_data(self.data, bare(run.raw_net)),
            torch.device(model_device(run.net)),
        )
        generator, losses = seeded(self.seed), []
        with seen(), torch.random.fork_rng(devices=[]):
            for _ in range(self.batches):
                x_0, conditions = source.draw(self.batch, generator, device)
                losses.append(
                    self.loss(run.net, x_0, run.schedule, generator=generator, **conditions)
                )
        self.steps.append(run.steps)
        self.values.append(float(torch.stack(losses).mean()))


class TensorBoard:
    """Curves for TensorBoard: the loss of each step, and what other hooks have found.

    Args:
        folder: Where TensorBoard reads, ``tensorboard --logdir FOLDER``.
        every: Steps between two writings.
        also: Further curves by name, objects with ``steps`` and ``values`` such as :class:`HeldOutLoss`; they
            have to stand before this hook in ``hooks=``.

    Raises:
        ImportError: If TensorBoard is not installed.
    """

    def __init__(
        self, folder: str | Path, *, every: int = 50, also: Mapping[str, Any] | None = None
    ) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "TensorBoard is not installed: pip install tensorboard, or leave this hook out"
            ) from error
        self.writer = SummaryWriter(str(folder))
        self.every, self.also = every, dict(also or {})
        self.written = dict.fromkeys(["loss", *self.also], 0)

    def __call__(self, run: Run) -> None:
        """Write what has come since the last time."""
        self._write("loss", range(1, len(run.losses) + 1), run.losses)
        for name, curve in self.also.items():
            self._write(name, curve.steps, curve.values)
        self.writer.flush()
        if run.done >= 1:
            self.writer.close()

    def _write(self, name: str, steps: Any, values: Any) -> None:
        for i in range(self.written[name], len(values)):
            self.writer.add_scalar(name, values[i], steps[i])
        self.written[name] = len(values)
