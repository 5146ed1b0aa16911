"""Pictures by the sampler that suits a network: what it predicts decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..base.conditions import ask, for_batch
from ..base.model import EpsModel, prediction_of, stands_for
from ..base.rng import Generator
from ..chain.posterior import split_variance
from ..chain.schedule import NoiseSchedule
from ..flow.walk import sample as flow_sample
from .guidance import classifier_free_guidance
from .loop import ddim_sample, ddpm_sample

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
    model: EpsModel = classifier_free_guidance(net, w=w, **conditions) if conditions else net
    predicts = prediction_of(net)
    if predicts == "velocity":
        return flow_sample(model, noise=noise, steps=steps).clamp(-1, 1)
    if schedule is None:
        raise ValueError(f"a network that predicts {predicts!r} needs its noise schedule")
    options: dict[str, Any] = {"steps": steps, "clip": True, "x_T": noise}
    if predicts_variance(net, schedule, noise, conditions):
        heads = model if conditions else stands_for(lambda x, t: split_variance(net(x, t)), net)
        return ddpm_sample(heads, schedule, variance="learned", generator=generator, **options)
    return ddim_sample(model, schedule, **options)


@torch.no_grad()
def predicts_variance(
    net: Any, schedule: NoiseSchedule, x: Tensor, conditions: Mapping[str, Any]
) -> bool:
    """Whether the answer to one example has twice its channels: the second half is then the variance."""
    one = x[:1]
    told = {n: value[:1] if isinstance(value, Tensor) else value for n, value in conditions.items()}
    answer = ask(net, one, torch.full((1,), schedule.T, device=x.device), for_batch(told, one))
    return bool(answer.shape[1] == 2 * x.shape[1])
