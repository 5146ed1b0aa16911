"""Exercise: the Kullback-Leibler divergence of two normal distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="gaussian_kl",
    statement=r"""
The divergence $D_\mathrm{KL}(p \,\|\, q)$ in nats of $p = \mathcal{N}(\mu_1, v_1)$ from
$q = \mathcal{N}(\mu_2, v_2)$, entry by entry:

$$D_\mathrm{KL} = \frac12 \left( \log\frac{v_2}{v_1} + \frac{v_1 + (\mu_1 - \mu_2)^2}{v_2} - 1 \right)$$

All four are tensors of one shape; `var_1` and `var_2` are variances.
""",
    signature="gaussian_kl(mean_1, var_1, mean_2, var_2)",
    see="eq-d-kl",
    hints=(
        "Four parts: a logarithm, a ratio of variances, a squared distance, and a one.",
        "If both are the same, the result must be 0: check your formula with that.",
        "var_2 stands on top in the logarithm and below in the fraction. The 1/2 goes over "
        "all of it.",
    ),
    practice=False,
    out_of_reach=("minidiff.gaussian_kl",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Different in both, in one, and here and there in nothing."""

    def draw() -> tuple[Tensor, Tensor]:
        mean = torch.randn(2, 3, generator=generator)
        return mean, 0.2 + 2 * torch.rand(2, 3, generator=generator)

    (m_1, v_1), (m_2, v_2) = draw(), draw()
    # Not all entries are 0 in any case: rounding is judged by the largest one.
    alike = torch.tensor([[True, False, True], [False, True, True]])
    m_3, v_3 = torch.where(alike, m_1, m_2), torch.where(alike, v_1, v_2)
    return [
        Case("means and variances differ", (m_1, v_1, m_2, v_2)),
        Case("only means differ", (m_1, v_1, m_2, v_1.clone())),
        Case("only variances differ", (m_1, v_1, m_1.clone(), v_2)),
        Case("both are the same in some entries", (m_1, v_1, m_3, v_3)),
    ]


@EXERCISE.reference
def gaussian_kl(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    """The formula."""
    distance = (mean_1 - mean_2) ** 2
    return 0.5 * ((var_2 / var_1).log() + (var_1 + distance) / var_2 - 1)


@EXERCISE.correct
def by_distributions(m: Tensor, v: Tensor, n: Tensor, w: Tensor) -> Tensor:
    """By torch.distributions."""
    normal = torch.distributions.Normal
    return torch.distributions.kl_divergence(normal(m, v.sqrt()), normal(n, w.sqrt()))


@EXERCISE.correct
def by_logarithms(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    """Differences of logarithms, in float64."""
    m, v, n, w = (x.double() for x in (mean_1, var_1, mean_2, var_2))
    return (w.log() - v.log() - 1 + v / w + (m - n).square() / w) / 2


@EXERCISE.correct
def by_log_variances(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    """As Ho et al. write it, in float32: where both are the same, 1e-8 or so is left by rounding."""
    l_1, l_2 = var_1.log(), var_2.log()
    distance = (mean_1 - mean_2) ** 2 * torch.exp(-l_2)
    return 0.5 * (-1.0 + l_2 - l_1 + torch.exp(l_1 - l_2) + distance)


@EXERCISE.correct
def entry_by_entry(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    """A loop over all entries, with plain numbers."""
    found = []
    for m, v, n, w in zip(
        *(x.flatten().tolist() for x in (mean_1, var_1, mean_2, var_2)), strict=True
    ):
        found.append(math.log(w / v) / 2 + (v + (m - n) ** 2) / (2 * w) - 0.5)
    return torch.tensor(found).reshape(mean_1.shape)


@EXERCISE.correct
def as_cross_entropy(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    """What coding with the wrong distribution costs, less the entropy; in float64."""
    m, v, n, w = (x.double() for x in (mean_1, var_1, mean_2, var_2))
    cross = 0.5 * (torch.log(2 * math.pi * w) + (v + (m - n).square()) / w)
    return cross - 0.5 * torch.log(2 * math.pi * math.e * v)


@EXERCISE.mistake(
    "You computed D(q ‖ p), the divergence the other way round.",
    "It is not symmetric. The first distribution, p, is the one over which the average is taken.",
    "eq-loss-kl",
)
def other_way(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    return gaussian_kl(mean_2, var_2, mean_1, var_1)


@EXERCISE.mistake(
    "You took the variances for standard deviations and squared them.",
    "var_1 and var_2 are squares already.",
)
def squared(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    return gaussian_kl(mean_1, var_1**2, mean_2, var_2**2)


@EXERCISE.mistake(
    "You forgot the factor 1/2.",
    "It stands before the whole bracket: the exponent of a normal density has it.",
)
def not_halved(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    return 2 * gaussian_kl(mean_1, var_1, mean_2, var_2)


@EXERCISE.mistake(
    "You forgot the -1.",
    "Without it two equal distributions would be 1/2 nat apart; the divergence of a thing from itself is 0.",
)
def without_one(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    return gaussian_kl(mean_1, var_1, mean_2, var_2) + 0.5


@EXERCISE.mistake(
    "You divided the squared distance of the means by var_1.",
    "The distance is measured in the width of q, the second one: divide by var_2.",
)
def distance_by_first(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    distance = (mean_1 - mean_2) ** 2
    return gaussian_kl(mean_1, var_1, mean_1, var_2) + distance / (2 * var_1)


@EXERCISE.mistake(
    "Your logarithm is upside down: log(var_1 / var_2).",
    "A wider q costs more, so the logarithm of var_2 / var_1 is added.",
)
def upside_down(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    return gaussian_kl(mean_1, var_1, mean_2, var_2) + (var_1 / var_2).log()


@EXERCISE.mistake(
    "You did not square the distance of the means.",
    "Without the square it can be negative, and a divergence never is.",
)
def not_squared(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    same_mean = gaussian_kl(mean_1, var_1, mean_1, var_2)
    return same_mean + (mean_1 - mean_2) / (2 * var_2)


@EXERCISE.mistake(
    "You gave the average of all entries.",
    "The divergence is asked for entry by entry, in the shape of the inputs.",
)
def averaged(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    return gaussian_kl(mean_1, var_1, mean_2, var_2).mean()


@EXERCISE.mistake(
    "You took the logarithm to base 2, which gives bits.",
    "Nats are asked for: torch.log, the natural logarithm.",
)
def in_bits(mean_1: Tensor, var_1: Tensor, mean_2: Tensor, var_2: Tensor) -> Tensor:
    distance = (mean_1 - mean_2) ** 2
    return 0.5 * ((var_2 / var_1).log2() + (var_1 + distance) / var_2 - 1)
