"""Attention is its equation, whichever way it is computed, and many tokens take no table of all pairs."""

import math

import pytest
import torch

import minidiff as md
from minidiff.nn import attention as module
from minidiff.nn.attention import MANY, attention

F64 = torch.float64


def drawn(n, m, d=4, heads=2, seed=0):
    g = md.seeded(seed)
    shapes = ((2, heads, n, d), (2, heads, m, d), (2, heads, m, d))
    return [torch.randn(shape, generator=g, dtype=F64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize(("n", "m"), [(5, 7), (3, MANY), (MANY, MANY), (MANY, 3)])
def test_it_is_the_weighted_mean_of_the_equation(n, m):
    q, k, v = drawn(n, m)
    found = attention(q, k, v)
    for head in range(2):
        scores = q[0, head] @ k[0, head].T / math.sqrt(4)
        weights = scores.exp() / scores.exp().sum(1, keepdim=True)
        torch.testing.assert_close(found[0, head], weights @ v[0, head])


def test_both_ways_have_the_same_gradients(monkeypatch):
    q, k, v = drawn(6, 9)
    out = []
    for many in (1, 100):
        monkeypatch.setattr(module, "MANY", many)
        out.append(torch.autograd.grad(attention(q, k, v).square().sum(), (q, k, v)))
    for a, b in zip(*out, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("tokens", "table"), [(MANY - 1, True), (MANY, False)])
def test_many_tokens_keep_no_table_of_all_pairs(tokens, table):
    """What the gradient needs is looked at: of few tokens the table, of many only what came in and out."""
    q, k, v = (x.float().detach().requires_grad_() for x in drawn(tokens, tokens))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.append(x.numel()) or x, lambda x: x
    ):
        attention(q, k, v)
    assert (max(kept) >= 2 * 2 * tokens**2) is table
