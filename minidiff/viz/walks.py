"""Walks from noise as a page takes them, computed by the library: the twins of walks.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .. import weights
from ..base.model import bare
from ..chain.schedule import NoiseSchedule
from ..flow.walk import flow_steps, times_of_flow
from ..sampling.guidance import classifier_free_guidance
from ..sampling.step import sample_step
from ..sampling.walk import State, answer, sampling_times, walk_along
from .engine import halved
from .hash_noise import normals


@dataclass(frozen=True)
class Drawer:
    """A network that ships, as a page asks it.

    Attributes:
        name: Its name.
        net: The network, its weights rounded to 16 bits.
        schedule: Of a diffusion; a flow has none.
        size: Pixels on a side of its pictures.
    """

    name: str
    net: Any
    schedule: NoiseSchedule | None
    size: int

    def walk(
        self, x: Tensor, *, label: int, steps: int, w: float, eta: float = 0.0, seed: int = 0
    ) -> list[State]:
        """Every state from the noise x on, by DDIM or DDPM, or by Euler's steps along a flow.

        All pictures of x, shape (B, 1, size, size), share the fresh noise that a seed gives a step. A network
        without labels is told none.
        """
        labelled = getattr(bare(self.net), "null_label", None) is not None
        model = classifier_free_guidance(self.net, y=label, w=w) if labelled else self.net
        schedule, kind = self.schedule, getattr(bare(self.net), "predicts", None) or "eps"
        if schedule is None:
            return [State(s.t, s.x, s.data_hat) for s in flow_steps(model, x, steps)]

        def step(x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
            fresh = normals(seed, int(s), *x.shape).float() if eta and s else None
            said, _ = answer(model, x, t)
            return sample_step(said, x, t, s, schedule, kind=kind, eta=eta, clip=True, noise=fresh)

        return list(walk_along(sampling_times(schedule.T, steps), x, step))

    def plain(self, steps: Sequence[int]) -> dict[str, Any]:
        """What a script needs to walk in any of so many steps."""
        return {
            "network": self.name,
            "size": self.size,
            "none": self.net.null_label,
            "walks": {n: self._times(n) for n in steps},
        }

    def _times(self, steps: int) -> dict[str, Any]:
        if self.schedule is None:
            return {"times": times_of_flow(steps, None, "euler")}
        times = sampling_times(self.schedule.T, steps)
        # Twelve digits: the last ones differ between machines.
        bars = {t: twelve_digits(float(self.schedule.alpha_bar[t])) for t in times}
        return {"times": times, "alphaBar": bars}


def drawer(name: str) -> Drawer:
    """The network of that name."""
    net, schedule = weights.load(name)
    return Drawer(name, halved(net), schedule, weights.example_shape(name)[-1])


def start(seed: int, T: int, count: int, size: int) -> Tensor:
    """The noise that so many pictures start from, shape (count, 1, size, size)."""
    return normals(seed, T, count, 1, size, size).float()


def distance(a: Tensor, b: Tensor) -> float:
    """Root of the mean squared difference of two pictures."""
    return float((a.double() - b.double()).square().mean().sqrt())


def twelve_digits(x: float) -> float:
    """As far as machines agree on what they compute."""
    return float(f"{x:.11e}")


def side_by_side(*walks: Sequence[State]) -> list[State]:
    """Walks of one length as one: the pictures of all, at the times of the first."""
    both = []
    for states in zip(*walks, strict=True):
        guesses = [state.x0_hat for state in states if state.x0_hat is not None]
        x = torch.cat([state.x for state in states])
        both.append(State(states[0].t, x, torch.cat(guesses) if guesses else None))
    return both
