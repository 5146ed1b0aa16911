"""NoisyClassifier: reads noisy images and knows how noisy they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.contracts import contract
from ..base.inputs import batch_of_times, check_halvings, check_input
from ..base.model import Network, seeded_weights
from .blocks import Stage
from .embeddings import ConditionEmbedding
from .levels import CHANNELS_A_GROUP, WHOLE_GROUPS, Level, way_down


@contract(
    f"""channels and classes: count, width: {WHOLE_GROUPS}, multipliers: counts,
    dropout: number in [0, 1]"""
)
class NoisyClassifier(Network):
    r"""The way down of :class:`TinyUNet`, then an average over all places, then the logits.

    It sees t as well, so that it can be sure where the picture is clear and doubtful where it is not.
    Classifier guidance follows its gradient.

    Args:
        channels: Of the image.
        classes: Number of labels.
        width: Channels at level 0, a multiple of 4.
        multipliers: Channels of each level, in widths; their number is the depth.
        dropout: Probability inside the ResNet blocks, while training.
        seed: The initial weights are drawn from it; torch's global generator is left alone.
        generator: Where given, it draws that seed.

    Raises:
        ValueError: In a call, for an image that cannot be halved once for each level below the first.
        TypeError: In a call, for an image of integers.

    Source:
        Dhariwal and Nichol 2021, section 4 (the half of the U-Net that goes down).
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        *,
        width: int = 16,
        multipliers: Sequence[int] = (1, 2, 4),
        dropout: float = 0.1,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.channels, self.classes = channels, classes
        self.halvings = len(multipliers) - 1
        groups = width // CHANNELS_A_GROUP
        levels = [Level(m * width, number > 0) for number, m in enumerate(multipliers)]
        make = partial(Stage, c_cond=4 * width, groups=groups, dropout=dropout)
        with seeded_weights(seed, generator):
            self.condition = ConditionEmbedding(width, 4 * width)
            self.stem = nn.Conv2d(channels, width, 3, padding=1)
            self.down, _ = way_down(make, width, levels)
            self.norm = nn.GroupNorm(groups, levels[-1].channels)
            self.head = nn.Linear(levels[-1].channels, classes)
        self.to(torch.get_default_device())

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Logits of the classes. x: (B, C, H, W), t: () or (B,) → (B, classes)."""
        check_input(x, "(B, C, H, W)", self.channels)
        check_halvings(x, self.halvings)
        c = self.condition(batch_of_times(t, len(x), x.device), None)
        h = self.stem(x.to(self.dtype))
        for part in self.down:
            h = part(h, c)
        pooled = F.silu(self.norm(h)).mean(dim=(2, 3))  # (B, channels of the last level)
        out: Tensor = self.head(pooled)
        return out
