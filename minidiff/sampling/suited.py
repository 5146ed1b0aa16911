"""Pictures by the sampler that suits a network: what it predicts decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..base.conditions import ask, for_batch
from ..base.model import EpsModel, prediction_of
from ..base.rng import Generator
from ..chain.schedule import NoiseSchedule
from ..flow.walk import flow_steps
from .guidance import classifier_free_guidance
from .loop import sampling_steps

STEPS = 50  # where nothing else is said


def samples(
    net: Any,
    schedule: NoiseSchedule | None,
    noise: Tensor,
    *,
    steps: int = STEPS,
    w: float = 1.0,
    generator: Generator | None = None,
    **conditions: Any,
) -> Tensor:
    """Draw pictures: DDIM; ancestral sampling where the variance is learned; Euler's method for a flow.

    Args:
        net: A network that says what it predicts (``net.predicts``; the noise, if it says nothing).
        schedule: Its noise schedule; None for a flow.
        noise: Where to start, shape (B, C, H, W); it lies where the network does.
        steps: Number of steps, at most T.
        w: Guidance strength, where there are conditions.
        generator: Where ancestral sampling draws from.
        **conditions: What to draw, by name, such as ``y=labels``; none for a network that takes none.

    Returns:
        Pictures in [-1, 1], same shape as ``noise``.

    Raises:
        ValueError: If a network of the chain comes without its schedule.
    """
    *_, last = states(net, schedule, noise, steps=steps, w=w, generator=generator, **conditions)
    return last


def states(
    net: Any,
    schedule: NoiseSchedule | None,
    noise: Tensor,
    *,
    steps: int = STEPS,
    w: float = 1.0,
    generator: Generator | None = None,
    **conditions: Any,
) -> Iterator[Tensor]:
    """The way to :func:`samples`, from the noise on: what lies at each time. Arguments are the same."""
    model: EpsModel = classifier_free_guidance(net, w=w, **conditions) if conditions else net
    predicts = prediction_of(net)
    if predicts == "velocity":
        way = [state.x for state in flow_steps(model, noise=noise, steps=steps)]
        yield from way[:-1]
        yield way[-1].clamp(-1, 1)
        return
    if schedule is None:
        raise ValueError(f"a network that predicts {predicts!r} needs its noise schedule")
    walk: dict[str, Any] = {"steps": steps, "clip": True, "x_T": noise, "eta": 0.0}
    if predicts_variance(net, schedule, noise, conditions):
        walk |= {"eta": 1.0, "variance": "learned", "generator": generator}
    for state in sampling_steps(model, schedule, **walk):
        yield state.x


@torch.no_grad()
def predicts_variance(
    net: Any, schedule: NoiseSchedule, x: Tensor, conditions: Mapping[str, Any]
) -> bool:
    """Whether the answer to one example has twice its channels: the second half is then the variance."""
    one = x[:1]
    told = {n: value[:1] if isinstance(value, Tensor) else value for n, value in conditions.items()}
    answer = ask(net, one, torch.full((1,), schedule.T, device=x.device), for_batch(told, one))
    return bool(answer.shape[1] == 2 * x.shape[1])
