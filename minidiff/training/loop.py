r"""Training: Algorithm 1 of the DDPM paper, and what a real run needs around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..base.pictures import save_sheet
from ..base.rng import Generator
from ..base.validate import check_choice, check_number, check_positive_int, check_schedule, shown
from ..chain.schedule import NoiseSchedule
from ..losses.simple import simple_loss
from .batches import TrainData
from .folder import RunFolder, describe_callable, describe_net, describe_schedule, fingerprint
from .precision import autocast, choose_precision
from .preview import PREVIEW_COLUMNS, preview_grid
from .processes import find_processes, step_draws
from .progress import Bar, Clock
from .state import TrainState, lr_factor

LOOK = 50  # steps between two readings of the loss: each reading waits for the device


@dataclass
class Run:
    """What a training gives back.

    Attributes:
        net: The network with the moving average of the weights, in evaluation mode: sample from it.
        raw_net: The network that was passed in, with the last weights themselves.
        schedule: The noise schedule it was trained with, or None.
        losses: The loss of each step.
        steps: Steps done.
        seconds: Time spent training, earlier parts of a resumed run included.
        precision: "fp32" or "bf16", what the forward passes computed in.
        out: The folder with checkpoint and pictures, or None.
    """

    net: nn.Module
    raw_net: nn.Module
    schedule: NoiseSchedule | None
    losses: list[float]
    steps: int
    seconds: float
    precision: str
    out: Path | None


def train(
    net: nn.Module,
    data: Tensor | Sequence[Tensor],
    loss: Callable[..., Tensor] = simple_loss,
    *,
    schedule: NoiseSchedule | None,
    steps: int | None = None,
    minutes: float | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    batch: int = 128,
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    warmup: int = 100,
    ema: float = 0.999,
    clip_norm: float | None = 1.0,
    precision: str = "auto",
    augment: Callable[..., Tensor] | None = None,
    seed: int = 0,
    sample_every: int | None = 500,
    checkpoint_every: int | None = 500,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Run:
    r"""Train a network: Algorithm 1, repeated ``steps`` times.

    .. math::
        &\textbf{repeat} \\
        &\quad x_0 \sim q(x_0) \\
        &\quad t \sim \mathrm{Uniform}(\{1, \dots, T\}) \\
        &\quad \epsilon \sim \mathcal N(0, I) \\
        &\quad \text{take a gradient descent step on }
          \nabla_\theta \bigl\| \epsilon - \epsilon_\theta\bigl(
          \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon,\; t\bigr) \bigr\|^2 \\
        &\textbf{until converged}

    The gradient step is AdamW's; the learning rate rises over the first ``warmup`` steps and falls
    along half a cosine to 0 at the end; gradients longer than ``clip_norm`` are shortened; a moving
    average follows the weights, and it is what ``run.net`` holds.

    With ``out=`` the run survives being killed at any moment: the same call goes on from the last
    checkpoint and, on the CPU, ends with the same weights bit for bit. No state of a random
    generator is saved for that: the draws of a step depend on ``(seed, step)`` alone.

    Started by ``accelerate launch`` or ``torchrun``, the processes share the work, with no change to
    the script. Draws are made for the whole batch and each process takes its rows, so n processes
    with ``batch`` go the same way as one with ``n * batch``, up to rounding (dropout inside a
    network apart: each process draws its own masks).

    Args:
        net: The network, trained in place; the loss calls it as ``net(x_t, t)`` or ``net(x_t, t, y)``.
        data: :math:`x_0`, floats of shape (N, ...), images in [-1, 1]; or a pair ``(x_0, y)`` with
            labels y, int64 (N,).
        loss: Called as ``loss(net, x_0, schedule, y=y, generator=...)``, gives one number. It draws
            through :mod:`minidiff.base.rng`, so that each process can take its rows.
        schedule: Passed on to the loss; None for a loss that needs none.
        steps: Number of gradient steps, or else
        minutes: how long to train; the learning rate then follows the clock, and the result depends
            on the machine's speed.
        out: Folder for the checkpoint and the sample grids; None keeps everything in memory.
        fresh: Delete what an earlier run left in ``out`` and start over.
        batch: Examples in a step, in each process.
        lr: Highest learning rate.
        weight_decay: AdamW's weight decay, at least 0.
        warmup: Steps over which the learning rate rises.
        ema: Decay of the moving average of the weights, in [0, 1).
        clip_norm: Longest gradient allowed, or None for no limit.
        precision: "fp32", "bf16" (forward passes in bfloat16 autocast), or "auto": bf16 where
            measuring shows that it pays. A resumed run keeps what was chosen first.
        augment: Called as ``augment(x_0, generator=...)`` on each batch, to vary it.
        seed: Decides every draw of the training; 0..2⁶³ − 1.
        sample_every: Steps between two grids of samples in ``out/samples`` (for images and a loss
            that teaches noise prediction), or None for none.
        checkpoint_every: Steps between two checkpoints, or None for only one, at the end.
        device: Where to train; None takes a GPU where there is one, else the CPU.
        progress: Show a progress bar.

    Returns:
        The :class:`Run`.

    Raises:
        ValueError: If an argument is out of range; if ``out`` holds a run with other settings (the
            message names each); if the checkpoint there is damaged.
        TypeError: If an argument is of the wrong kind.
        IndexError: If a label is out of range.
        FloatingPointError: If the loss becomes NaN or infinite.
        ImportError: If several processes were launched and accelerate is not installed.

    Source:
        Ho et al. 2020, Algorithm 1; slide "Training".
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a torch.nn.Module, got {shown(net)}")
    if not callable(loss):
        raise TypeError(f"loss must be a function such as simple_loss, got {shown(loss)}")
    if schedule is not None:
        check_schedule(schedule)
    _check_numbers(steps, minutes, batch, lr, weight_decay, warmup, ema, clip_norm, seed)
    check_choice("precision", precision, ("auto", "fp32", "bf16"))
    every = {"sample_every": sample_every, "checkpoint_every": checkpoint_every}
    for name, number in every.items():
        if number is not None:
            check_positive_int(name, number)
    dataset = TrainData(data, net)
    processes = find_processes(device)
    settings = {
        "network": describe_net(net),
        "data": fingerprint(dataset.x_0, dataset.y),
        "loss": describe_callable(loss),
        "schedule": describe_schedule(schedule),
        "steps": steps,
        "minutes": minutes,
        "batch of all processes": batch * processes.count,
        "lr": lr,
        "weight_decay": weight_decay,
        "warmup": warmup,
        "ema": ema,
        "clip_norm": clip_norm,
        "precision": precision,
        "augment": describe_callable(augment),
        "seed": seed,
    }
    folder = None if out is None else RunFolder(out)
    saved = processes.from_first(lambda: folder.open(settings, fresh) if folder else None)

    net.to(processes.device)
    dataset.move(processes.device)
    if saved is None:
        chosen = processes.from_first(lambda: choose_precision(net, dataset.x_0, precision))
    else:
        chosen = saved["precision"]
    objective = processes.share(_Objective(net, loss, schedule, chosen))
    state = TrainState(net, weight_decay, ema)
    if saved is not None:
        state.load_state_dict(saved["state"])
    if state.finished and processes.rank == 0:
        print(
            f"{out} is finished ({state.step} steps): nothing is trained. fresh=True starts over."
        )
    shape = dataset.x_0.shape[1:]
    previews = _can_preview(dataset.x_0, loss)
    writer = folder if processes.rank == 0 else None
    clock = Clock(steps, minutes, state.seconds, processes)
    bar = Bar(clock, state.step, shown=progress and processes.rank == 0 and not state.finished)

    if writer and saved is None:  # from here on it is settled which precision this run has
        writer.save(state.state_dict(), settings, net, schedule, chosen, shape)

    # Algorithm 1. What follows the descent is bookkeeping.
    pending: list[Tensor] = []  # losses that still lie on the device
    done = clock.part_done(state.step)
    net.train()
    while not state.finished:
        with step_draws(seed, state.step, batch, processes) as draws:
            # Line 2: x_0 ~ q(x_0), with its label where the data have labels.
            x_0, y = dataset.draw(batch, draws, processes.device)
            if augment is not None:
                x_0 = augment(x_0, generator=draws)
            # Lines 3 to 5: t and ε are drawn, and the network's guess of ε is compared.
            value = objective(x_0, y, draws)
            processes.backward(value)
        # Line 5: the gradient descent step.
        state.descend(lr * lr_factor(state.step, done, warmup), clip_norm)

        pending.append(value.detach())
        done = clock.part_done(state.step)
        state.finished = done >= 1
        save = state.finished or _due(state.step, checkpoint_every)
        if save or _due(state.step, LOOK):
            state.note(processes.mean(torch.stack(pending)))
            state.seconds = clock.seconds()
            pending.clear()
            bar.update(state.step, done, state.losses)
        if writer and previews and schedule and _due(state.step, sample_every):
            grid = preview_grid(state.ema.net, schedule, shape)
            save_sheet(writer.pictures / f"step_{state.step:06d}.png", grid, PREVIEW_COLUMNS)
        if writer and save:
            writer.save(state.state_dict(), settings, net, schedule, chosen, shape)
    bar.close()
    return Run(
        net=state.ema.net,
        raw_net=net,
        schedule=schedule,
        losses=state.losses,
        steps=state.step,
        seconds=state.seconds,
        precision=chosen,
        out=None if out is None else Path(out),
    )


class _Objective(nn.Module):
    """The loss as a module's forward pass: the form in which processes can share the gradients."""

    def __init__(
        self, net: nn.Module, loss: Callable[..., Tensor], schedule: Any, precision: str
    ) -> None:
        super().__init__()
        self.net = net
        self.loss = loss
        self.schedule = schedule
        self.precision = precision

    def forward(self, x_0: Tensor, y: Tensor | None, draws: Generator) -> Tensor:
        with autocast(x_0.device, self.precision):
            return self.loss(self.net, x_0, self.schedule, y=y, generator=draws)


def _check_numbers(
    steps: int | None,
    minutes: float | None,
    batch: int,
    lr: float,
    weight_decay: float,
    warmup: int,
    ema: float,
    clip_norm: float | None,
    seed: int,
) -> None:
    if (steps is None) == (minutes is None):
        raise ValueError(
            f"say how long to train by one of steps= and minutes=; got steps={steps}, minutes={minutes}"
        )
    if steps is not None:
        check_positive_int("steps", steps)
    else:
        check_number("minutes", minutes, 0, math.inf, open_ends=True)
    check_positive_int("batch", batch)
    check_positive_int("warmup", warmup, low=0)
    check_number("lr", lr, 0, math.inf, open_ends=True)
    check_number("weight_decay", weight_decay, 0, math.inf)
    if check_number("ema", ema, 0, 1) == 1:
        raise ValueError("ema must lie in [0, 1), got 1: the average would never move")
    if clip_norm is not None:
        check_number("clip_norm", clip_norm, 0, math.inf, open_ends=True)
    check_positive_int("seed", seed, low=0)


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0


def _can_preview(x_0: Tensor, loss: Callable[..., Tensor]) -> bool:
    """Whether samples can be drawn: of pictures, by a network that predicts the noise."""
    teaches_eps = getattr(loss, "func", loss) is simple_loss  # also inside functools.partial
    pictures = x_0.dim() == 4 and x_0.shape[1] in (1, 3)
    return teaches_eps and pictures
