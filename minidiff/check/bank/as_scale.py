"""Exercise: classifier-free guidance in the convention of most programs, with a scale s."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="as_scale",
    statement=r"""
Most programs write classifier-free guidance with a scale $s$ instead of the slide's weight $w$, where
$s = 1 + w$:

$$(1 + w)\,\boldsymbol\epsilon_y - w\,\boldsymbol\epsilon_\varnothing
    = \boldsymbol\epsilon_\varnothing + s\,(\boldsymbol\epsilon_y - \boldsymbol\epsilon_\varnothing)$$

`eps_y` is what the network says with the label, `eps_all` what it says without; they have the same shape.
`s` is a number. Give back the guided noise.
""",
    signature="as_scale(eps_y, eps_all, s)",
    see="ex-cfg-scale",
    hints=(
        "What should come out for s = 0, and what for s = 1?",
        "s = 0 asks without the label, s = 1 with it: s says how far to walk from one guess to the other.",
        "Start at eps_all, and add s times the way from there to eps_y.",
    ),
    out_of_reach=("minidiff.classifier_free_guidance",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """No label, no guidance, between, and the default of many programs."""
    shape = (3, 2, 4, 5)
    return [
        Case(f"s = {s:g}", (noise(generator, *shape), noise(generator, *shape), s))
        for s in (7.5, 1.0, 0.0, 2.25)
    ]


@EXERCISE.reference
def as_scale(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    """From the guess without a label, s times the way to the one with it."""
    return eps_all + s * (eps_y - eps_all)


@EXERCISE.correct
def by_weight(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    """Through the slide's w."""
    w = s - 1
    return (1 + w) * eps_y - w * eps_all


@EXERCISE.correct
def by_lerp(labelled: Tensor, plain: Tensor, scale: float) -> Tensor:
    """With torch.lerp and other names, in float64."""
    return torch.lerp(plain.double(), labelled.double(), scale)


@EXERCISE.correct
def in_place(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    """Overwrites an argument, and starts at the other end."""
    difference = eps_y - eps_all
    return eps_y.add_(difference, alpha=s - 1)


@EXERCISE.correct
def as_a_mixture(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    """A weight for each of the two."""
    return s * eps_y + (1 - s) * eps_all


@EXERCISE.correct
def by_einsum(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    """Both in one tensor, summed with their weights."""
    weights = torch.tensor([s, 1 - s], dtype=torch.float64)
    return torch.einsum("i,i...->...", weights, torch.stack([eps_y, eps_all]).double())


@EXERCISE.mistake(
    "You used s as the slide's weight w.",
    "s is w + 1. At s = 1 there should be no guidance: eps_y alone comes out.",
    "eq-cfg-scale",
)
def s_as_w(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return (1 + s) * eps_y - s * eps_all


@EXERCISE.mistake(
    "You took w = 1 + s.",
    "It is s that is larger by 1: w = s - 1.",
    "eq-cfg-scale",
)
def w_above_s(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    w = 1 + s
    return (1 + w) * eps_y - w * eps_all


@EXERCISE.mistake(
    "You swapped the two guesses: you start at eps_y, and walk to eps_all.",
    "So guidance drives the picture away from its label. Start at eps_all.",
)
def swapped(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return eps_y + s * (eps_all - eps_y)


@EXERCISE.mistake(
    "You start at eps_all, but walk away from eps_y.",
    "The way goes to the guess with the label: eps_y - eps_all.",
)
def wrong_way(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return eps_all + s * (eps_all - eps_y)


@EXERCISE.mistake(
    "You gave s times the difference alone.",
    "It is added to something: to eps_all, so that s = 0 gives the guess without a label.",
)
def difference_only(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return s * (eps_y - eps_all)


@EXERCISE.mistake(
    "You gave s times eps_y.",
    "That enlarges the noise. Guidance enlarges the difference which the label makes.",
)
def enlarged(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return s * eps_y


@EXERCISE.mistake(
    "You added s times eps_y to eps_all.",
    "The two shares have to sum to 1: where s of eps_y comes in, s of eps_all goes out.",
)
def sum_of_both(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return eps_all + s * eps_y


@EXERCISE.mistake(
    "You subtracted all of eps_all from s times eps_y.",
    "The share of eps_all is 1 - s, so that both shares sum to 1.",
)
def all_of_the_other(eps_y: Tensor, eps_all: Tensor, s: float) -> Tensor:
    return s * eps_y - eps_all
