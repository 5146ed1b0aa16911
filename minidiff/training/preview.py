"""What the network draws so far: the grid of samples that a training writes now and then."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..base.model import EpsModel
from ..chain.schedule import NoiseSchedule
from ..sampling.guidance import classifier_free_guidance
from ..sampling.loop import ddim_sample

PREVIEW_STEPS = 25  # DDIM steps: enough to judge by, and quick
PREVIEW_COLUMNS = 10
PREVIEW_ROWS = 2


@torch.no_grad()
def preview_grid(net: nn.Module, schedule: NoiseSchedule, shape: tuple[int, ...]) -> Tensor:
    """Draw two rows of ten samples, always from the same noise; a column a class, guided with w = 1.

    Args:
        net: A network that predicts the noise.
        schedule: Its noise schedule.
        shape: (C, H, W) of an image.

    Returns:
        Images, shape (20, C, H, W), in [-1, 1].
    """
    generator = torch.Generator().manual_seed(0)
    count = PREVIEW_ROWS * PREVIEW_COLUMNS
    classes = getattr(net, "classes", None)
    eps_model: EpsModel = net
    if classes is not None:
        y = torch.arange(count) % PREVIEW_COLUMNS % classes
        eps_model = classifier_free_guidance(net, y.to(next(net.parameters()).device), w=1.0)
    return ddim_sample(
        eps_model,
        schedule,
        (count, *shape),
        steps=min(PREVIEW_STEPS, schedule.T),
        clip=True,
        generator=generator,
        device=next(net.parameters()).device,
    )
