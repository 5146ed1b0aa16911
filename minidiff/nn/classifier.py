"""DigitClassifier: reads digits, and lends its features to the metrics."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..base.contracts import contract
from ..base.inputs import check_input
from ..base.model import Network, seeded_weights


@contract("""channels and classes: count, size: multiple of 4 (it is halved twice),
    dropout: number in [0, 1]""")
class DigitClassifier(Network):
    """A small convolutional network for images of 16×16 (any size divisible by 4, fixed at birth).

    Four convolutions (GroupNorm, SiLU), two of which halve the picture, then 64 features, then the
    logits. GroupNorm and not BatchNorm: an image's features never depend on the rest of its batch,
    in training or after.

    Args:
        channels: Of the image.
        classes: Number of labels.
        size: Height and width of the image, a multiple of 4.
        dropout: Probability, on the features, while training.
        seed: The initial weights are drawn from it; torch's global generator is left alone.
        generator: Where given, it draws that seed.

    Raises:
        ValueError: In a call, for images of another size.
        TypeError: In a call, for images of integers.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        *,
        size: int = 16,
        dropout: float = 0.3,
        seed: int = 0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.channels, self.classes, self.size = channels, classes, size
        with seeded_weights(seed, generator):
            self.body = nn.Sequential(
                *_conv(channels, 32),  # (B, 32, 16, 16)
                *_conv(32, 32, stride=2),  # (B, 32, 8, 8)
                *_conv(32, 64),  # (B, 64, 8, 8)
                *_conv(64, 64, stride=2),  # (B, 64, 4, 4)
                nn.Flatten(),  # (B, 1024)
                nn.Linear(64 * (size // 4) ** 2, 64),  # (B, 64)
            )
            self.head = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), nn.Linear(64, classes))
        self.to(torch.get_default_device())

    def features(self, x: Tensor) -> Tensor:
        """Describe an image by 64 numbers. x: (B, C, H, W) → (B, 64)."""
        check_input(x, "(B, C, H, W)", self.channels)
        if tuple(x.shape[2:]) != (self.size, self.size):
            raise ValueError(
                f"x must be {self.size}×{self.size} pixels, got {x.shape[2]}×{x.shape[3]}; resize "
                "the images, or make the classifier with another size="
            )
        out: Tensor = self.body(x.to(self.dtype))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes. x: (B, C, H, W) → (B, classes)."""
        out: Tensor = self.head(self.features(x))
        return out


def _conv(c_in: int, c_out: int, stride: int = 1) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(c_in, c_out, 3, stride, padding=1)
    return conv, nn.GroupNorm(8, c_out), nn.SiLU()
