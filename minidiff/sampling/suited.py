"""Pictures by the sampler that suits a network: what it predicts decides."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..base.model import EpsModel, bare, prediction_of
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
    if prediction_of(net) == "velocity":
        return flow_sample(model, noise=noise, steps=steps).clamp(-1, 1)
    if schedule is None:
        raise ValueError(f"a network that predicts {prediction_of(net)!r} needs its noise schedule")
    options: dict[str, Any] = {"steps": min(steps, schedule.T), "clip": True, "x_T": noise}
    if predicts_variance(net, noise):
        heads = model if conditions else (lambda x, t: split_variance(net(x, t)))
        return ddpm_sample(heads, schedule, variance="learned", generator=generator, **options)
    return ddim_sample(model, schedule, **options)


def predicts_variance(net: Any, x: Tensor) -> bool:
    """Whether the network's answer has twice the channels of x: the second half is its variance."""
    return bool(getattr(bare(net), "config", {}).get("out_channels") == 2 * x.shape[1])
