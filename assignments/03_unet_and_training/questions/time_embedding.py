"""Exercise: a time as sinusoids."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="time_embedding",
    statement=r"""
Write times as sinusoids of `dim` columns, an even number. With $h = \text{dim}/2$ and the frequencies
$\omega_i = 10000^{-i/h}$, $i = 0, \dots, h-1$:

$$\bigl(\sin(\omega_0 t), \dots, \sin(\omega_{h-1} t),\; \cos(\omega_0 t), \dots, \cos(\omega_{h-1} t)\bigr)$$

`t` has shape (B,), integers or reals. Give back shape (B, dim).
""",
    signature="time_embedding(t, dim)",
    see="eq-unet-time",
    hints=(
        "First the h frequencies, then a table of all t times all frequencies, shape (B, h).",
        "t[:, None] * frequencies[None, :] is that table. Integers must become floats.",
        "Two tables of shape (B, h) side by side make (B, dim): all sines on the left, all cosines on the "
        "right.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.sinusoidal_embedding",
        "minidiff.nn.ConditionEmbedding.forward",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Whole and real times."""
    real = 1000 * torch.rand(3, generator=generator)
    return [
        Case("t = 1, 500, 1000; dim = 8", (torch.tensor([1, 500, 1000]), 8)),
        Case("real times; dim = 4", (real, 4)),
        Case("one time; dim = 6", (torch.tensor([7.0]), 6)),
    ]


def _angles(t: Tensor, dim: int, base: float = 10000.0) -> Tensor:
    half = dim // 2
    return t.double()[:, None] * base ** (-torch.arange(half, dtype=torch.float64) / half)


@EXERCISE.reference
def time_embedding(t: Tensor, dim: int) -> Tensor:
    """Sines, then cosines."""
    half = dim // 2
    frequencies = 10000 ** (-torch.arange(half) / half)
    angles = t.float()[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@EXERCISE.correct
def by_logarithms(t: Tensor, dim: int) -> Tensor:
    """As the big libraries write it."""
    half = dim // 2
    frequencies = torch.exp(-math.log(10000) / half * torch.arange(half))
    angles = torch.outer(t.float(), frequencies)
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


@EXERCISE.correct
def in_float64(t: Tensor, dim: int) -> Tensor:
    """In double precision."""
    angles = _angles(t, dim)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@EXERCISE.correct
def number_by_number(t: Tensor, dim: int) -> Tensor:
    """A loop over times and columns, with plain numbers."""
    half = dim // 2
    rows = []
    for time in t.tolist():
        angles = [time / 10000 ** (i / half) for i in range(half)]
        rows.append([math.sin(a) for a in angles] + [math.cos(a) for a in angles])
    return torch.tensor(rows)


@EXERCISE.correct
def by_a_shifted_sine(t: Tensor, dim: int) -> Tensor:
    """A cosine is a sine, a quarter of a circle ahead; in float64."""
    angles = torch.einsum(
        "b,i->bi", t.double(), torch.logspace(0, -4, dim // 2 + 1, dtype=torch.float64)[:-1]
    )
    return torch.stack([angles, angles + math.pi / 2], dim=1).sin().flatten(1)


@EXERCISE.mistake(
    "You put the cosines first.",
    "Sines first, then cosines. A network learns with either, but weights that are shared fit only one.",
)
def cosines_first(t: Tensor, dim: int) -> Tensor:
    angles = _angles(t, dim)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


@EXERCISE.mistake(
    "You put sines and cosines in turn, column by column.",
    "Here all sines come first, then all cosines.",
)
def in_turn(t: Tensor, dim: int) -> Tensor:
    angles = _angles(t, dim)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


@EXERCISE.mistake(
    "You divided the exponent by dim instead of by dim / 2.",
    "There are only h = dim/2 frequencies; with dim they would end at 1/100 instead of near 1/10000.",
)
def half_the_range(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angles = t.double()[:, None] * 10000 ** (-torch.arange(half, dtype=torch.float64) / dim)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@EXERCISE.mistake(
    "Your frequencies grow: the minus in the exponent is missing.",
    "The fastest sinusoid turns once in 2π steps, and the others are slower.",
)
def growing(t: Tensor, dim: int) -> Tensor:
    angles = _angles(t, dim, 1 / 10000)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@EXERCISE.mistake(
    "You divided by h - 1, so that the last frequency is 1/10000 exactly.",
    "Both are in use (diffusers has a switch for it). The formula here divides by h.",
)
def last_one_exact(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    steps = torch.arange(half, dtype=torch.float64) / (half - 1)
    angles = t.double()[:, None] * 10000**-steps
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@EXERCISE.mistake(
    "You gave the sines alone.",
    "A sine does not tell an angle from its mirror image; sine and cosine together do.",
)
def sines_only(t: Tensor, dim: int) -> Tensor:
    return _angles(t, dim).sin()


@EXERCISE.mistake(
    "You rounded the frequencies to integers: all but the first became 0.",
    "Divide as floating-point numbers: 10000 ** (-i / h), not 10000 ** (-(i // h)).",
)
def whole_division(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angles = t.double()[:, None] * (10000.0 ** -(torch.arange(half) // half))
    return torch.cat([angles.sin(), angles.cos()], dim=1)
