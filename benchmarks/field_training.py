"""The trainings of benchmarks/field.py: in our loop, and in a peer's own, for the same time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import minidiff as md
from benchmarks.field_own import Own
from benchmarks.field_peers import Peer
from minidiff.base.model import seeded_weights
from minidiff.metrics.judge import Sampler
from minidiff.nn import TinyUNet
from minidiff.recipes import RECIPES
from minidiff.sampling.suited import STEPS, samples
from minidiff.systems.digits import drawing, unet

LOOKED = 250  # samples in a look at a network on its way
RECIPE = RECIPES["digits16"]


@dataclass(frozen=True)
class Plan:
    """What all rows share."""

    minutes: float
    every: float
    n: int
    seed: int
    documented: bool

    @property
    def looked(self) -> int:
        """Samples in a look."""
        return min(LOOKED, self.n)


class Copies:
    """Copies of a network's weights, put aside every so many seconds of training: a hook of md.train.

    Args:
        seconds: Between two of them.
    """

    every = 5  # steps between two looks at the clock

    def __init__(self, seconds: float) -> None:
        self.seconds, self.due = seconds, seconds
        self.kept: list[tuple[float, dict[str, Tensor]]] = []

    def __call__(self, run: md.Run) -> None:
        """Keep the average, if it is time; the last one always."""
        self.look(run.seconds, lambda: run.net, last=run.done >= 1)

    def look(self, now: float, drawn: Callable[[], nn.Module], last: bool) -> None:
        """Keep what is drawn from, if it is time."""
        if last or now >= self.due:
            self.kept.append(
                (now, {k: x.detach().clone() for k, x in drawn().state_dict().items()})
            )
            self.due = (now // self.seconds + 1) * self.seconds


@dataclass
class Trained:
    """A training that is over."""

    net: nn.Module  # what the sampler asks
    sampler: Sampler
    labelled: bool
    precision: str
    images: int
    seconds: float
    copies: Copies


def ours(plan: Plan, *, precision: str = "auto", labels: bool = True) -> Trained:
    """TinyUNet of digits16, with labels or without."""
    net = unet(seed=plan.seed)
    if not labels:
        net = TinyUNet(**{**net.config, "classes": None}, seed=plan.seed)
    return by_our_loop(net, plan, precision, labels)


def in_our_loop(peer: Peer, plan: Plan) -> Trained:
    """A peer's network in our loop, in float32 as it computes by default."""
    schedule = RECIPE.schedule()
    assert schedule is not None
    with seeded_weights(plan.seed):
        net = peer.asked(schedule)
    return by_our_loop(net, plan, "fp32", labels=True)


def in_its_own(peer: Peer, plan: Plan) -> Trained:
    """A peer's network by its library's own settings."""
    with seeded_weights(plan.seed):
        own = peer.own(RECIPE.training["batch"])
    return by_its_own(own, RECIPE.data(), plan)


def by_our_loop(net: nn.Module, plan: Plan, precision: str, labels: bool) -> Trained:
    """A network trained by digits16's recipe, for other minutes."""
    copies = Copies(plan.every)
    settings = {**RECIPE.training, "steps": None, "minutes": plan.minutes, "seed": plan.seed}
    settings["precision"] = precision
    x_0, y = RECIPE.data()
    run = md.train(
        net,
        (x_0, y) if labels else x_0,
        RECIPE.loss,
        schedule=RECIPE.schedule(),
        **settings,
        hooks=[copies],
        device="cpu",
        progress=False,
    )
    sampler = drawing(run.net, run.schedule, 1.0, STEPS) if labels else unguided(run)
    images = run.steps * run.batch
    return Trained(run.net, sampler, labels, run.precision, images, run.seconds, copies)


def unguided(run: md.Run) -> Sampler:
    """The sampler that suits a network without labels."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return samples(run.net, run.schedule, noise, steps=STEPS, generator=generator)

    return sampler


def by_its_own(own: Own, data: Any, plan: Plan) -> Trained:
    """A peer's own training, until the time is over."""
    copies, images, budget = Copies(plan.every), 0, 60 * plan.minutes
    # Peers draw from torch's global generator, and show bars that nobody can turn off.
    with torch.random.fork_rng(devices=[]), redirect_stderr(io.StringIO()):
        torch.default_generator.manual_seed(plan.seed)
        start = time.perf_counter()
        for count in own.steps(data, lambda: min(1.0, (time.perf_counter() - start) / budget)):
            images, now = images + count, time.perf_counter() - start
            copies.look(now, own.drawn, last=now >= budget)
            if now >= budget:
                break
    return Trained(own.drawn(), own.draw, own.labelled, "fp32", images, now, copies)
