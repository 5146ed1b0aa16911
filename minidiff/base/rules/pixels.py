"""Rules of 8-bit values, which a discretised likelihood asks for."""

from __future__ import annotations

import torch
from torch import Tensor


def check_8_bit(name: str, x: Tensor) -> None:
    """Refuse values that are not v / 127.5 - 1 for a whole v in 0..255."""
    v = (x.detach().double() + 1) * 127.5
    wrong = ((v - v.round()).abs() > 1e-3) | (v < -1e-3) | (v > 255 + 1e-3)
    if wrong.any():
        raise ValueError(
            f"{name} must hold 8-bit values scaled to [-1, 1] (v / 127.5 - 1 for v = 0..255), got "
            f"{float(x[wrong][0]):g} ({int(wrong.sum())} of {x.numel()} entries do not fit); round "
            f"resized images to 8 bits again, or take likelihood='density' for continuous data"
        )


def x_is_8_bit(x: Tensor) -> None:
    """ValueError: If x is not made of 8-bit values in [-1, 1]."""
    check_8_bit("x", x)


def likelihood_of(x_0: Tensor, likelihood: str | None) -> str:
    """What L_0 is: as it was said, else discretised for images (four dimensions) and a density else."""
    if likelihood is not None:
        return likelihood
    return "discretised" if x_0.dim() == 4 else "density"


def made_of_8_bits(x_0: Tensor, likelihood: str | None) -> None:
    """ValueError: If x_0 is not made of 8-bit values where L_0 is discretised."""
    if likelihood_of(x_0, likelihood) == "discretised":
        check_8_bit("x_0", x_0)


def trained_on_8_bits(x_0: Tensor, likelihood: str | None) -> None:
    """ValueError: If x_0 is not made of 8-bit values where L_0 is discretised."""
    if x_0.device.type == "cpu":  # on a GPU the look would make each training step wait
        made_of_8_bits(x_0, likelihood)


def first_of_8_bits(x_0: Tensor, t: int | Tensor, likelihood: str) -> None:
    """ValueError: If an x_0 at t = 1 is not made of 8-bit values where L_0 is discretised."""
    made_of_8_bits(x_0[(torch.as_tensor(t) == 1).expand(len(x_0))], likelihood)
