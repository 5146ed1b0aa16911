r"""A training under way: Algorithm 1, and what a real run needs around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from ..base.model import tell
from ..base.ranges import seen
from ..nn.precision import choose_precision
from .batches import warn_of_first_batch
from .clock import Clock
from .compiled import WATCHED, WORTH, compile_network, pays, times_as_fast
from .folder import RunFolder
from .hooks import LOOK, Checkpoints, Hook, ProgressBar, is_due, sample_grids
from .objective import Objective
from .processes import Draws, Processes, step_draws
from .run import Run
from .settings import Change, Settings
from .state import TrainState, lr_factor
from .task import Task


class Training:
    """A training under way: its parts, and how far it is.

    Args:
        task: What is taught.
        settings: How.
        folder: The folder of the run, or None.
        processes: Those that share the work.
    """

    def __init__(
        self, task: Task, settings: Settings, folder: RunFolder | None, processes: Processes
    ) -> None:
        self.task, self.settings, self.folder, self.processes = task, settings, folder, processes
        self.pending: list[Tensor] = []  # losses that still lie on the device
        self.history: list[Change] = []
        self.seen_data = False  # whether somebody has looked at the range of the data
        # What the folder is compared with, and keeps: looked up once, for it reads all of the data.
        self.said: dict[str, Any] = {}
        if folder is not None:
            self.said = {**task.described(), **settings.described(processes.count)}

    def begin(self, fresh: bool, extend: bool) -> None:
        """Start, or go back to where the run in the folder stands."""
        task, settings, folder = self.task, self.settings, self.folder
        processes = self.processes
        saved = processes.from_first(
            lambda: folder.open(self.said, fresh, extend) if folder else None
        )
        task.net.to(processes.device)
        task.source.move(processes.device)
        if task.predicts is not None:
            tell(task.net, task.predicts)  # before the average is copied from it
        if saved is None:
            self.precision = processes.from_first(
                lambda: choose_precision(task.net, processes.device, settings.precision)
            )
        else:
            self.precision = saved["precision"]
        self.asker = Objective(task.net, task.loss, task.schedule, self.precision)
        self.objective = processes.share(self.asker)
        self.state = TrainState(task.net, settings.weight_decay, settings.ema)
        if saved is not None:
            self.state.load_state_dict(saved["state"])
            self.history = [Change(**change) for change in saved["history"]]
        # As with the precision: what was chosen first is kept, unless the training became a longer one.
        kept = saved is not None and not (saved["extended"] and settings.compile == "auto")
        self.compiling = saved.get("compiling", False) if saved and kept else settings.compile
        self.clock = Clock(settings.steps, settings.minutes, self.state.seconds, processes)
        self.done = self.clock.part_done(self.state.step)
        self.state.finished = self.done >= 1
        self.unsettled = folder is not None and (saved is None or saved["extended"])
        self.fresh = fresh
        if self.state.finished and folder is not None and processes.rank == 0:
            folder.tell_finished(self.state.step)

    def repeat(self, hooks: Sequence[Hook], bar: ProgressBar | None) -> None:
        """Algorithm 1. What follows the descent is bookkeeping."""
        settings, state, processes = self.settings, self.state, self.processes
        self.task.net.train()
        parts = settings.accumulate
        if self.compiling is True and state.step > 0 and not state.finished:
            self.compile(bar)
        while not state.finished:
            loss = torch.zeros((), device=processes.device)
            for part in range(parts):
                drawn = step_draws(
                    settings.seed, state.step, settings.batch, processes, part=part, parts=parts
                )
                with drawn as draws:
                    share = self.lines_2_to_5(draws) / parts
                    processes.backward(share)
                loss += share.detach()
            # Line 5: the gradient descent step.
            rate = settings.lr * lr_factor(state.step, self.done, settings.warmup)
            state.descend(rate, settings.clip_norm)

            if bar is not None:
                bar.count(state.step)
            self.pending.append(loss)
            self.done = self.clock.part_done(state.step)
            state.finished = self.done >= 1
            due = [hook for hook in hooks if state.finished or is_due(hook, state.step)]
            if self.unsettled or due or state.finished or state.step % LOOK == 0:
                self.look()
            if self.unsettled:
                self.settle()
            if processes.rank == 0:
                for hook in due:
                    hook(self.run())
            if self.compiling and not self.compiled and not state.finished:
                self.compile(bar)

    def lines_2_to_5(self, draws: Draws) -> Tensor:
        """The loss of one batch."""
        # Line 2: x_0 ~ q(x_0), with its conditions where the data have any.
        source, device = self.task.source, self.processes.device
        x_0, conditions = source.draw(self.settings.batch, draws, device)
        if not self.seen_data:
            warn_of_first_batch(x_0, conditions, self.task.net)
            self.seen_data = True
        if self.settings.augment is not None:
            x_0 = self.settings.augment(x_0, generator=draws)
        # Lines 3 to 5: t and ε are drawn, and the network's guess is compared.
        with seen():
            loss: Tensor = self.objective(x_0, conditions, draws)
        return loss

    @property
    def compiled(self) -> bool:
        """Whether the network computes as compiled code now."""
        return self.asker.net is not self.task.net

    def compile(self, bar: ProgressBar | None) -> None:
        """Go on with a compiled network, where that was asked for, or pays for what is left to do.

        The first step has gone through uncompiled by then: what fails now is the compiling.
        """
        state, decided = self.state, self.compiling is True
        if not decided:
            if state.step < WATCHED or state.step % LOOK:
                return
            left = state.seconds * (1 / self.done - 1)
            net, device, precision = self.task.net, self.processes.device, self.precision
            self.compiling = self.processes.from_first(lambda: pays(net, device, precision, left))
        if not self.compiling:
            return
        if bar is not None:
            bar.say(
                "The network is compiled, once, which takes a minute or two: steps may be faster then."
            )
        net, insist = self.task.net, self.settings.compile is True
        whole = compile_network(net, self.try_out, insist=insist)
        if not decided and not self.faster(whole):
            if whole is not net and bar is not None:
                bar.say("Its steps are no faster here: the training goes on as it was.")
            whole = net
        self.asker.net = whole
        self.compiling = self.compiled
        if self.compiled and not decided and self.folder is not None and self.processes.rank == 0:
            self.save()  # whoever goes on from here does so compiled

    def faster(self, whole: nn.Module) -> bool:
        """Whether all processes have a compiled network, and the first one's steps are faster with it."""
        net, processes = self.task.net, self.processes
        one = torch.ones((), device=processes.device)
        if processes.mean(one * (whole is not net)) < 1:
            return False
        gain = times_as_fast(whole, net, self.try_out, processes.device)
        return processes.from_first(lambda: gain >= WORTH)

    def try_out(self, net: nn.Module) -> None:
        """Use a network as the next step will; nothing of it stays."""
        settings, processes = self.settings, self.processes
        self.asker.net = net
        parts = settings.accumulate
        drawn = step_draws(settings.seed, self.state.step, settings.batch, processes, parts=parts)
        try:
            with drawn as draws:
                processes.backward(self.lines_2_to_5(draws))
        finally:
            self.asker.net = self.task.net
            self.state.optimizer.zero_grad()

    def settle(self) -> None:
        """Keep which precision this run has and what was changed in it, now that a batch has gone through."""
        self.unsettled = False
        if self.folder is not None and self.processes.rank == 0:
            if self.fresh:
                self.folder.clear()
            self.save()

    def look(self) -> None:
        """Read the losses, all processes together."""
        self.state.note(self.processes.mean(torch.stack(self.pending)))
        self.state.seconds = self.clock.seconds()
        self.pending.clear()

    def run(self) -> Run:
        """What there is so far."""
        return Run(
            net=self.state.ema.net,
            raw_net=self.task.net,
            schedule=self.task.schedule,
            losses=self.state.losses,
            steps=self.state.step,
            batch=self.settings.batch,
            seconds=self.state.seconds,
            precision=self.precision,
            compiled=self.compiled,
            out=None if self.folder is None else self.folder.path,
            done=min(self.done, 1.0),
            history=self.history,
        )

    def keeping(
        self, folder: RunFolder, sample_every: int | None, checkpoint_every: int | None
    ) -> list[Hook]:
        """The hooks that write into the folder: pictures, then the checkpoint."""
        grids = (
            [] if sample_every is None else sample_grids(self.task, folder.pictures, sample_every)
        )
        return [*grids, Checkpoints(checkpoint_every, self.save)]

    def save(self) -> None:
        """Write the checkpoint: the state, and what is needed to build the network again."""
        assert self.folder is not None
        content = {
            "state": self.state.state_dict(),
            "settings": self.said,
            "history": [asdict(change) for change in self.history],
            "precision": self.precision,
            "compiling": self.compiling,
        }
        self.folder.save(content | self.task.kept())
