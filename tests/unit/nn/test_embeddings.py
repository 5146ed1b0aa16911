"""The sinusoids against their formula, term by term."""

import math

import pytest
import torch

from minidiff.nn import sinusoidal_embedding


@pytest.mark.parametrize("dim", [2, 8, 64])
@pytest.mark.parametrize("t", [0, 0.25, 1, 499.5, 1000])
def test_the_formula(dim, t):
    (row,) = sinusoidal_embedding(torch.tensor([t], dtype=torch.float64), dim)
    angles = [t / 10_000 ** (2 * i / dim) for i in range(dim // 2)]
    expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
    torch.testing.assert_close(row, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_integer_and_half_precision_times_are_encoded_in_float32():
    exact = sinusoidal_embedding(torch.tensor([3, 250], dtype=torch.float64), 16)
    for dtype in (torch.int64, torch.int32, torch.float32, torch.float16, torch.bfloat16):
        row = sinusoidal_embedding(torch.tensor([3, 250]).to(dtype), 16)
        assert row.dtype == torch.float32
        torch.testing.assert_close(row.double(), exact, rtol=0, atol=1e-4)


def test_every_step_of_the_chain_differs_from_the_next():
    rows = sinusoidal_embedding(torch.arange(1001), 32)
    assert (rows[1:] - rows[:-1]).norm(dim=1).min() > 0.1


def test_times_in_0_1_need_the_scale():
    t = torch.linspace(0, 1, 11)
    spread = sinusoidal_embedding(t, 32).std(dim=0).mean()
    scaled = sinusoidal_embedding(t, 32, scale=1000)
    assert spread < 0.1 < 0.3 < scaled.std(dim=0).mean()
    torch.testing.assert_close(scaled, sinusoidal_embedding(1000 * t, 32), rtol=0, atol=1e-4)


def test_shifting_the_time_is_a_rotation():
    # Vaswani et al.: the encoding of t + k is a linear function of that of t.
    dim, k = 8, 17.0
    t = torch.tensor([5.0, 300.0], dtype=torch.float64)
    sin, cos = sinusoidal_embedding(t, dim).chunk(2, dim=1)
    sin_k, cos_k = sinusoidal_embedding(torch.tensor([k], dtype=torch.float64), dim).chunk(2, dim=1)
    turned = torch.cat([sin * cos_k + cos * sin_k, cos * cos_k - sin * sin_k], dim=1)
    torch.testing.assert_close(sinusoidal_embedding(t + k, dim), turned, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dim", [0, 1, 7, -2])
def test_dim_must_be_even(dim):
    with pytest.raises(ValueError, match=f"dim must be even.*{dim}"):
        sinusoidal_embedding(torch.zeros(1), dim)


def test_t_must_be_a_row():
    with pytest.raises(TypeError, match=r"t must be a tensor.*int"):
        sinusoidal_embedding(5, 8)
    with pytest.raises(ValueError, match=r"t must have shape \(B,\).*\(2, 1\)"):
        sinusoidal_embedding(torch.zeros(2, 1), 8)
