"""NoisyClassifier: reads noisy images and knows how noisy they are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.inputs import batch_of_times, check_input
from ..base.model import Network, seeded_weights
from ..base.validate import check_number, check_positive_int
from .blocks import Downsample, Stage
from .embeddings import ConditionEmbedding

CHANNELS_A_GROUP = 4


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
        ValueError: If an argument is outside what is described above, or an image cannot be halved
            as often as there are levels below the first.
        TypeError: If images hold integers.

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
        for name, n in (("channels", channels), ("classes", classes), ("width", width)):
            check_positive_int(name, n)
        if width % CHANNELS_A_GROUP:
            raise ValueError(f"width must be a multiple of {CHANNELS_A_GROUP}, got {width}")
        if not multipliers:
            raise ValueError(
                "multipliers must name at least one level, such as (1, 2, 4); got none"
            )
        for level, multiplier in enumerate(multipliers):
            check_positive_int(f"multipliers[{level}]", multiplier)
        check_number("dropout", dropout, 0, 1)
        super().__init__()
        self.channels, self.classes = channels, classes
        groups = width // CHANNELS_A_GROUP
        with seeded_weights(seed, generator):
            self.condition = ConditionEmbedding(width, 4 * width)
            self.stem = nn.Conv2d(channels, width, 3, padding=1)
            self.down = nn.ModuleList()
            c = width
            for level, multiplier in enumerate(multipliers):
                if level > 0:
                    self.down.append(Downsample(c))
                c_out = multiplier * width
                stage = Stage(
                    c,
                    c_out,
                    4 * width,
                    attention=level > 0,
                    groups=groups,
                    heads=1,
                    dropout=dropout,
                )
                self.down.append(stage)
                c = c_out
            self.norm = nn.GroupNorm(groups, c)
            self.head = nn.Linear(c, classes)
        self.to(torch.get_default_device())

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Logits of the classes. x: (B, C, H, W), t: () or (B,) → (B, classes)."""
        check_input(x, "(B, C, H, W)", self.channels)
        multiple = 2 ** (len(self.config["multipliers"]) - 1)
        if x.shape[2] % multiple or x.shape[3] % multiple:
            raise ValueError(
                f"x is {x.shape[2]}×{x.shape[3]} pixels; both must be multiples of {multiple}"
            )
        c = self.condition(batch_of_times(t, len(x), x.device), None)
        h = self.stem(x.to(self.dtype))
        for part in self.down:
            h = part(h, c)
        pooled = F.silu(self.norm(h)).mean(dim=(2, 3))  # (B, channels of the last level)
        out: Tensor = self.head(pooled)
        return out
