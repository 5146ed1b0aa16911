r"""Training: what is taught, how, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..base.contracts import contract
from ..base.gradients import gradients
from ..chain.schedule import NoiseSchedule
from ..losses.simple import simple_loss
from ..nn.precision import PRECISIONS
from .algorithm import Training
from .batches import read_data
from .compiled import COMPILE
from .crowded import warn_if_crowded
from .folder import RunFolder
from .hooks import (
    Hook,
    ProgressBar,
    hooks_can_be_called,
)
from .objective import Loss, check_takes, loss_suits_network, something_learns
from .preview import Sampler
from .processes import find_processes
from .run import Run
from .settings import Settings, extends_a_run, one_length
from .task import Task


@contract(
    f"""net: module, loss: function, schedule: schedule or None, steps: count,
    minutes: number in (0, inf), batch and accumulate: count, lr: number in (0, inf),
    weight_decay: number in [0, inf], warmup: count from 0, ema: number in [0, 1),
    clip_norm: number in (0, inf) or None, precision: one of {PRECISIONS}, compile: one of {COMPILE},
    augment and sample: function, seed: count from 0, sample_every and checkpoint_every: count or None""",
    one_length,
    extends_a_run,
    hooks_can_be_called,
    loss_suits_network,
    something_learns,
)
def train(
    net: nn.Module,
    data: Any,
    loss: Loss = simple_loss,
    *,
    schedule: NoiseSchedule | None,
    steps: int | None = None,
    minutes: float | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    extend: bool = False,
    batch: int = 128,
    accumulate: int = 1,
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    warmup: int = 100,
    ema: float = 0.999,
    clip_norm: float | None = 1.0,
    precision: str = "auto",
    compile: bool | str = "auto",
    augment: Callable[..., Tensor] | None = None,
    seed: int = 0,
    sample: Sampler | None = None,
    sample_every: int | None = 500,
    checkpoint_every: int | None = 500,
    hooks: Sequence[Hook] = (),
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

    **Data** are one of

    - a tensor :math:`x_0`, floats of shape (N, ...), images in [-1, 1];
    - a pair ``(x_0, y)`` with labels y, int64 (N,);
    - a dict of tensors with one first axis: ``x_0``, and conditions under the names by which the network
      takes them, such as ``{"x_0": x_0, "text": tokens}``;
    - a torch ``Dataset``, such as that of :func:`minidiff.data.folder`, or a ``DataLoader`` of one: items are
      a tensor, a pair or a dict, decoded as they are drawn; torch's global generator then follows the seed;
    - a function ``draw(n, generator)`` that makes n examples, a dict of tensors as above.

    **What the network predicts** is what the loss teaches, and ``net.predicts`` says so from then on, in
    the checkpoint too; samplers, grids and the command line obey it. :func:`~minidiff.simple_loss` teaches
    its ``kind``, set by ``functools.partial(md.simple_loss, kind="v")``, or what the network says already;
    :func:`minidiff.flow.matching_loss` the velocity. A loss of one's own says it by an attribute,
    ``my_loss.teaches = "x0"``, or leaves the network's word as it is.

    Args:
        net: The network, trained in place; the loss calls it as ``net(x_t, t)``, or with conditions.
        data: See above.
        loss: Called as ``loss(net, x_0, schedule, generator=..., **conditions)``, with labels as ``y=``;
            gives one number. It draws through :mod:`minidiff.base.rng`, so that each process can take its
            rows.
        schedule: Passed on to the loss; None for a loss that needs none.
        steps: Number of gradient steps, or else
        minutes: how long to train; the learning rate then follows the clock, and the result depends
            on the machine's speed.
        out: Folder for the checkpoint and the sample grids; None keeps everything in memory.
        fresh: Start over, and delete what an earlier run left in ``out``. As with everything that is written
            there, that happens once the first batch has gone through: a call that fails loses nothing.
        extend: Go on with the run in ``out``, finished or not, with other ``steps``, ``minutes`` or ``lr``,
            which count from its start. The learning rate then follows the new length: it rises again where
            the run was finished. What was changed is written into the run, see ``run.history``.
        batch: Examples in a step, in each process.
        accumulate: How many batches make a step, one after the other, where memory holds no larger one: k of
            them go the same way as one with ``k * batch``, up to rounding (dropout apart).
        lr: Highest learning rate.
        weight_decay: AdamW's weight decay, at least 0.
        warmup: Steps over which the learning rate rises.
        ema: Decay of the moving average of the weights, in [0, 1).
        clip_norm: Longest gradient allowed, or None for no limit.
        precision: "fp32", "bf16" (forward passes in bfloat16 autocast), or "auto": bf16 where
            measuring shows that it pays. A resumed run keeps what was chosen first.
        compile: Whether torch.compile turns the network into faster code, which takes a minute or two:
            True, False, or "auto", which does so for a network of the library, where a compiler is installed,
            if what is left after the first 100 steps is worth it, and keeps it if steps become faster
            (``run.compiled`` says what it chose).
            Compiled code rounds otherwise. A resumed run goes on as it was, and so ends as if it had not
            been stopped.
        augment: Called as ``augment(x_0, generator=...)`` on each batch, to vary it.
        seed: Decides every draw of the training; 0..2⁶³ − 1.
        sample: What draws the grids, a function as :func:`minidiff.sampling.suited.samples`. None takes that
            one, which obeys what the network predicts, for pictures.
        sample_every: Steps between two grids of samples in ``out/samples``, or None for none.
        checkpoint_every: Steps between two checkpoints, or None for only one, at the end.
        hooks: Functions that are called as ``hook(run)``, with the :class:`Run` as it stands, every 50 steps
            (or ``hook.every``) and after the last: see :mod:`minidiff.training.hooks`.
        device: Where to train; None takes a GPU where there is one, else the CPU.
        progress: Show a progress bar.

    Returns:
        The :class:`Run`.

    Raises:
        ValueError: If data are empty or not finite, or their parts do not go together; if ``out`` holds a
            run with other settings (the message names each), or none to extend; if the checkpoint there is
            damaged.
        TypeError: If data are of another kind.
        IndexError: If a label is out of range.
        FloatingPointError: If the loss becomes NaN or infinite.
        ImportError: If several processes were launched and accelerate is not installed.

    Source:
        Ho et al. 2020, Algorithm 1; slide "Training".
    """
    settings = Settings(
        steps=steps,
        minutes=minutes,
        batch=batch,
        accumulate=accumulate,
        lr=lr,
        weight_decay=weight_decay,
        warmup=warmup,
        ema=ema,
        clip_norm=clip_norm,
        precision=precision,
        compile=compile if compile == "auto" else bool(compile),  # 1 is True to Python's `in`
        augment=augment,
        seed=seed,
    )
    with gradients():  # whatever the caller has switched off
        task = Task(net, read_data(data, net), loss, schedule, sample)
        check_takes(loss, task.source.conditions)
        folder = None if out is None else RunFolder(out)
        training = Training(task, settings, folder, find_processes(device))
        training.begin(fresh, extend)
        own = list(hooks)
        if folder is not None:
            own += training.keeping(folder, sample_every, checkpoint_every)
        bar = None
        if progress and training.processes.rank == 0 and not training.state.finished:
            bar = ProgressBar(steps, training.state.step)
            own.insert(0, bar)
        warn_if_crowded(training.processes.device)
        training.repeat(own, bar)
        return training.run()
