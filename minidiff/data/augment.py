r"""Varying images: each is shifted, turned, scaled and bent a little, without a change of meaning."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..base.contracts import contract
from ..base.rng import Generator, randn

COARSE = 4  # the bending field is drawn on a 4 × 4 grid and interpolated: neighbours move together


def holds_images(x: Tensor) -> None:
    """ValueError: If ``x`` is not (B, C, H, W)."""
    if x.dim() != 4:
        raise ValueError(f"x must be images (B, C, H, W), got {tuple(x.shape)}")


@contract("x: batch, shift and turn and scale and bend: number in [0, inf]", holds_images)
def warp(
    x: Tensor,
    *,
    shift: float = 1.0,
    turn: float = 7.0,
    scale: float = 0.07,
    bend: float = 0.6,
    generator: Generator | None = None,
) -> Tensor:
    r"""Warp each image by its own small random map, drawn from normal distributions.

    A pixel at position p takes its colour from

    .. math:: A\,p + b + u(p), \qquad A = e^{s} R(\theta)

    with b the shift, θ the angle, s the logarithm of the scale and u a smooth field. What comes from
    outside the image is the nearest border pixel.

    Args:
        x: Images, shape (B, C, H, W).
        shift: Standard deviation of the shift, in pixels, each way.
        turn: Of the angle, in degrees.
        scale: Of the logarithm of the scale.
        bend: Of the field u at the points of a 4 × 4 grid, in pixels.
        generator: Where to draw from.

    Returns:
        Images of the same shape.

    Source:
        Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks applied to
        visual document analysis", section 2 (the elastic field).
    """
    batch, _, height, width = x.shape
    z = randn((batch, 4), generator, x.device)
    field = randn((batch, 2, COARSE, COARSE), generator, x.device)

    # grid_sample's coordinates run over [-1, 1]: one pixel is 2 / width.
    pixel = torch.tensor([2 / width, 2 / height], device=x.device)
    angle = math.radians(turn) * z[:, 0]
    size = torch.exp(scale * z[:, 1])
    rows = [size * angle.cos(), -size * angle.sin(), size * angle.sin(), size * angle.cos()]
    matrix = torch.stack(rows, dim=1).reshape(batch, 2, 2)  # (B, 2, 2): A
    offset = (shift * pixel * z[:, 2:]).unsqueeze(-1)  # (B, 2, 1): b
    grid = F.affine_grid(torch.cat([matrix, offset], dim=2), list(x.shape), align_corners=False)
    smooth = F.interpolate(field, (height, width), mode="bicubic", align_corners=True)
    grid = grid + bend * pixel * smooth.permute(0, 2, 3, 1)  # (B, H, W, 2)
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(
        -1, 1
    )
