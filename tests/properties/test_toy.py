"""What holds for every toy set, any number of points and any seed."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minidiff.data import TOY, toy

names, counts, seeds = st.sampled_from(TOY), st.integers(1, 50), st.integers(0, 2**31)


@settings(deadline=None, max_examples=50, derandomize=True)
@given(name=names, n=counts, seed=seeds)
def test_any_number_of_finite_points_near_the_origin(name, n, seed):
    x = toy(name, n, torch.Generator().manual_seed(seed))
    assert x.shape == (n, 2)
    assert x.dtype == torch.float32
    assert x.abs().max() < 3  # NaN would not pass either


@settings(deadline=None, max_examples=50, derandomize=True)
@given(name=names, n=counts, seed=seeds)
def test_the_same_seed_gives_the_same_points_and_the_next_call_others(name, n, seed):
    generator = torch.Generator().manual_seed(seed)
    first, second = toy(name, n, generator), toy(name, n, generator)
    assert torch.equal(first, toy(name, n, torch.Generator().manual_seed(seed)))
    assert not torch.equal(first, second)
