"""Exercise: what self-attention gives each place, from queries, keys and values."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="attention_output",
    statement=r"""
Attention with one head. Each place looks at all places, and takes a mean of their values:

$$\mathbf{A} = \mathrm{softmax}\!\left( \frac{\mathbf{Q} \mathbf{K}^\top}{\sqrt{d}} \right), \qquad
\mathrm{out} = \mathbf{A} \mathbf{V}$$

`q` and `k` have shape (B, N, d), for N places; `v` has shape (B, N, c). Row $i$ of $\mathbf{A}$ holds how
much place $i$ takes from each place; it sums to 1. Give back out, in shape (B, N, c). (The block in the book
then applies a last layer, and adds its input.)
""",
    signature="attention_output(q, k, v)",
    see="ex-unet-attention",
    hints=(
        "First compare each query with each key: N × N numbers for each example. What shape do q and k need?",
        "q @ k.mT gives these numbers. The softmax runs over the places that are looked at: the last axis.",
        "weights = (q @ k.mT / math.sqrt(d)).softmax(dim=-1), with d = q.shape[-1]. The values come last.",
    ),
    out_of_reach=(
        "minidiff.nn.attention.SelfAttention.forward",  # a part of the U-Net; it has no shorter name
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Weak and strong preferences, values as wide as the queries or not, and a single place."""

    def case(name: str, B: int, N: int, d: int, c: int, *, strength: float = 1.0) -> Case:
        q, k = (strength * noise(generator, B, N, d) for _ in range(2))
        return Case(name, (q, k, noise(generator, B, N, c)))

    return [
        case("two examples, 5 places", 2, 5, 8, 8),
        case("strong preferences", 3, 6, 4, 4, strength=2.0),
        case("values with another width", 3, 4, 7, 2),
        case("one place", 2, 1, 3, 3),
    ]


def _scores(q: Tensor, k: Tensor) -> Tensor:
    """(B, N, N), scaled."""
    return q @ k.mT / math.sqrt(q.shape[-1])


@EXERCISE.reference
def attention_output(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compare, turn into shares, mix."""
    d = q.shape[-1]
    weights = (q @ k.mT / math.sqrt(d)).softmax(dim=-1)
    return weights @ v


@EXERCISE.correct
def by_torch(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """As torch has it."""
    return F.scaled_dot_product_attention(query, key, value)


@EXERCISE.correct
def by_einsum(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """With einsum and an exponential written out, in float64."""
    scores = torch.einsum("bid,bjd->bij", q.double(), k.double()) * q.shape[-1] ** -0.5
    shares = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return torch.einsum("bij,bjc->bic", shares / shares.sum(dim=-1, keepdim=True), v.double())


@EXERCISE.correct
def place_by_place(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Loops over the examples and the places."""
    out = torch.zeros(*q.shape[:2], v.shape[-1])
    for b in range(q.shape[0]):
        for i in range(q.shape[1]):
            shares = torch.softmax(k[b] @ q[b, i] / q.shape[-1] ** 0.5, dim=0)
            out[b, i] = (shares[:, None] * v[b]).sum(dim=0)
    return out


@EXERCISE.correct
def head_by_head(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Example by example, both factors scaled beforehand."""
    shrink = q.shape[-1] ** 0.25
    rows = [
        torch.softmax((a / shrink) @ (b / shrink).T, 1) @ c for a, b, c in zip(q, k, v, strict=True)
    ]
    return torch.stack(rows)


@EXERCISE.correct
def by_broadcasting(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every pair of places at once, by products that are summed; float64."""
    scores = (q[:, :, None, :].double() * k[:, None, :, :]).sum(-1) / math.sqrt(q.size(-1))
    shares = torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True))
    return (shares[..., None] * v[:, None, :, :]).sum(2)


@EXERCISE.mistake(
    "You did not divide by sqrt(d).",
    "The products grow with the number of entries they sum up. Undivided, the softmax sees little but the "
    "largest one, and hardly any gradient is left.",
    "eq-unet-attention",
)
def not_scaled(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.mT).softmax(dim=-1) @ v


@EXERCISE.mistake(
    "You divided by d.",
    "The variance of a sum of d products is d, so its standard deviation is sqrt(d). Divide by that.",
    "eq-unet-attention",
)
def divided_by_d(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.mT / q.shape[-1]).softmax(dim=-1) @ v


@EXERCISE.mistake(
    "You divided by the root of the number of places, sqrt(N).",
    "Each comparison sums up d products, one for each entry of a query: q.shape[-1].",
    "eq-unet-attention",
)
def by_the_places(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.mT / math.sqrt(q.shape[1])).softmax(dim=-1) @ v


@EXERCISE.mistake(
    "Your softmax runs over the places that look, dim=-2.",
    "Each place divides its own attention, so each row sums to 1: dim=-1.",
    "eq-unet-attention",
)
def wrong_axis(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return _scores(q, k).softmax(dim=-2) @ v


@EXERCISE.mistake(
    "Your softmax runs over the batch, dim=0.",
    "The examples of a batch know nothing of each other. The shares are taken over the last axis.",
)
def over_the_batch(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return _scores(q, k).softmax(dim=0) @ v


@EXERCISE.mistake(
    "You swapped the queries and the keys.",
    "Row i of A belongs to the place that looks, and its query is row i of q: q @ k.mT.",
)
def swapped(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return _scores(k, q).softmax(dim=-1) @ v


@EXERCISE.mistake(
    "You forgot the softmax.",
    "Without it the shares may be negative and do not sum to 1. It makes a mean out of them.",
)
def no_softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return _scores(q, k) @ v


@EXERCISE.mistake(
    "You divided by sqrt(d) after the softmax.",
    "Then the shares sum to 1 / sqrt(d), and are as extreme as before. Divide what goes into the softmax.",
)
def scaled_too_late(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.mT).softmax(dim=-1) / math.sqrt(q.shape[-1]) @ v


@EXERCISE.mistake(
    "You gave back the shares A.",
    "They say how much each place takes from each other one. What it takes are the values: A @ v.",
)
def shares_only(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return _scores(q, k).softmax(dim=-1)
