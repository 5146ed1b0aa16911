"""Exercise: the cosine schedule, as its β_1, ..., β_T."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="cosine_betas",
    statement=r"""
The cosine schedule of Nichol and Dhariwal, as the tensor $\beta_1, \dots, \beta_T$ of length T:

$$\bar\alpha_t = \frac{f(t)}{f(0)}, \quad
f(t) = \cos^2\!\left(\frac{t/T + s}{1 + s} \cdot \frac{\pi}{2}\right),$$

$$\beta_t = \min\left(1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}},\; 0.999\right)$$

`T` is an int, `s` a number such as 0.008.
""",
    signature="cosine_betas(T, s)",
    see="eq-schedules-cosine",
    hints=(
        "Make f at t = 0, 1, ..., T first: T + 1 numbers. Then the ratios of neighbours: T numbers.",
        "f(0) drops out of the ratios: ᾱ_t / ᾱ_{t-1} = f(t) / f(t-1).",
        "Start with t = torch.arange(T + 1, dtype=torch.float64). f[1:] and f[:-1] are the neighbours; "
        "clamp sets the limit.",
    ),
    practice=False,
    out_of_reach=("minidiff.cosine_schedule",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Long and short, with the usual offset and others."""
    drawn = 0.01 + 0.1 * float(torch.rand((), generator=generator))
    return [
        Case("T = 1000, s = 0.008", (1000, 0.008)),
        Case("T = 10, s = 0.008", (10, 0.008)),
        Case(f"T = 50, s = {drawn:.4f}", (50, drawn)),
    ]


def _f(T: int, s: float, power: float = 2) -> Tensor:
    t = torch.arange(T + 1, dtype=torch.float64)
    return torch.cos((t / T + s) / (1 + s) * math.pi / 2) ** power


def _betas(f: Tensor) -> Tensor:
    return (1 - f[1:] / f[:-1]).clamp(max=0.999)


@EXERCISE.reference
def cosine_betas(T: int, s: float) -> Tensor:
    """The curve, and the ratios of its neighbours."""
    t = torch.arange(T + 1, dtype=torch.float64)
    f = torch.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=0.999)


@EXERCISE.correct
def one_by_one(T: int, s: float) -> Tensor:
    """In a loop, with plain numbers."""

    def f(t: int) -> float:
        return math.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2

    betas = [min(1 - (f(t) / f(0)) / (f(t - 1) / f(0)), 0.999) for t in range(1, T + 1)]
    return torch.tensor(betas)


@EXERCISE.correct
def by_double_angle(T: int, s: float) -> Tensor:
    """cos² by the double angle."""
    t = torch.linspace(0, 1, T + 1, dtype=torch.float64)
    return _betas((1 + torch.cos((t + s) / (1 + s) * math.pi)) / 2)


@EXERCISE.correct
def by_way_of_the_table(T: int, s: float) -> Tensor:
    """ᾱ first, with its 1 in front, then a loop over neighbours."""
    f = _f(T, s)
    alpha_bar = (f / f[0]).tolist()
    betas = torch.zeros(T)
    for t in range(1, T + 1):
        betas[t - 1] = min(0.999, (alpha_bar[t - 1] - alpha_bar[t]) / alpha_bar[t - 1])
    return betas


@EXERCISE.correct
def with_minimum(T: int, s: float) -> Tensor:
    """Two curves instead of one and its neighbours."""
    now, before = torch.arange(1, T + 1).double(), torch.arange(T).double()
    scale = math.pi / (2 * (1 + s))
    ratio = (torch.cos((now / T + s) * scale) / torch.cos((before / T + s) * scale)).square()
    return torch.minimum(1 - ratio, torch.full_like(ratio, 0.999))


@EXERCISE.mistake(
    "You forgot the square of the cosine.",
    "f is cos², so that sqrt(ᾱ_t), which multiplies the picture, is the cosine itself.",
)
def without_square(T: int, s: float) -> Tensor:
    return _betas(_f(T, s, 1))


@EXERCISE.mistake(
    "You forgot the limit 0.999.",
    "At t = T the cosine is 0 and β_T would be 1: a step that leaves nothing of the picture.",
)
def without_limit(T: int, s: float) -> Tensor:
    f = _f(T, s)
    return 1 - f[1:] / f[:-1]


@EXERCISE.mistake(
    "You left the offset s out.",
    "Without it the first β are so small that they hardly change a picture of 256 grey levels.",
)
def without_offset(T: int, s: float) -> Tensor:
    return _betas(_f(T, 0.0))


@EXERCISE.mistake(
    "You did not divide by 1 + s.",
    "The angle must reach π/2 exactly at t = T; with the offset it would go beyond, and ᾱ would rise again.",
)
def not_divided(T: int, s: float) -> Tensor:
    t = torch.arange(T + 1, dtype=torch.float64)
    return _betas(torch.cos((t / T + s) * math.pi / 2) ** 2)


@EXERCISE.mistake(
    "You forgot the factor π/2: the angle is a number from 0 to 1.",
    "A quarter of a circle is meant, from cos 0 = 1 to cos π/2 = 0.",
)
def without_pi(T: int, s: float) -> Tensor:
    t = torch.arange(T + 1, dtype=torch.float64)
    return _betas(torch.cos((t / T + s) / (1 + s)) ** 2)


@EXERCISE.mistake(
    "You gave back ᾱ_t.",
    "β_t is asked for: 1 minus the ratio of two neighbouring ᾱ.",
)
def alpha_bars(T: int, s: float) -> Tensor:
    f = _f(T, s)
    return f[1:] / f[0]


@EXERCISE.mistake(
    "You gave back α_t = ᾱ_t / ᾱ_{t-1}.",
    "β_t is 1 minus that.",
)
def alphas(T: int, s: float) -> Tensor:
    return 1 - _betas(_f(T, s))


@EXERCISE.mistake(
    "Your tensor has T + 1 entries, with β_0 in front.",
    "β_1, ..., β_T are asked for; there is no step 0.",
)
def with_beta_0(T: int, s: float) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.float64), _betas(_f(T, s))])
