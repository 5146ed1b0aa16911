"""The U-Net's blocks are their equations, written out in plain sums."""

import math

import pytest
import torch
import torch.nn.functional as F

from minidiff.nn.attention import SelfAttention
from minidiff.nn.blocks import ResBlock
from minidiff.nn.layers import silu_of_new


def drawn(module, seed=0):
    """The module in float64, with weights that are nowhere 0."""
    generator = torch.Generator().manual_seed(seed)
    module.double()
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype) / 3)
    return module


def noise(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def normalised(x, norm):
    """(x - mean of the group) / its standard deviation, scaled and shifted channel by channel."""
    out = torch.empty_like(x)
    each = x.shape[1] // norm.num_groups
    for b in range(len(x)):
        for k in range(x.shape[1]):
            group = x[b, k // each * each : (k // each + 1) * each]
            variance = ((group - group.mean()) ** 2).mean()
            z = (x[b, k] - group.mean()) / (variance + 1e-5).sqrt()
            out[b, k] = norm.weight[k] * z + norm.bias[k]
    return out


def convolved(x, conv):
    """A 3×3 convolution with zeros around, as nine shifted copies of the picture."""
    padded, (H, W) = F.pad(x, (1, 1, 1, 1)), x.shape[2:]
    out = conv.bias[None, :, None, None]
    for i in range(3):
        for j in range(3):
            part = padded[:, :, i : i + H, j : j + W]
            out = out + torch.einsum("oc,bchw->bohw", conv.weight[:, :, i, j], part)
    return out


def silu(x):
    return x / (1 + (-x).exp())


@pytest.mark.parametrize("c_out", [4, 6])
@torch.no_grad()
def test_a_resnet_block_is_its_equation(c_out):
    block = drawn(ResBlock(4, c_out, 5, groups=2))
    x, c = noise(3, 4, 5, 6), noise(3, 5, seed=2)
    h = convolved(silu(normalised(x, block.norm1)), block.conv1)
    h = h + (silu(c) @ block.cond.weight.T + block.cond.bias)[:, :, None, None]
    h = convolved(silu(normalised(h, block.norm2)), block.conv2)
    shortcut = x
    if c_out != 4:
        mixed = torch.einsum("oc,bchw->bohw", block.skip.weight[:, :, 0, 0], x)
        shortcut = mixed + block.skip.bias[:, None, None]
    torch.testing.assert_close(block(x, c), shortcut + h)


@pytest.mark.parametrize("heads", [1, 2])
@torch.no_grad()
def test_self_attention_is_its_equation(heads):
    block = drawn(SelfAttention(4, groups=2, heads=heads))
    x = noise(2, 4, 3, 2)
    tokens = normalised(x, block.norm).flatten(2).mT  # (2, 6, 4): pixels row by row
    q, k, v = (tokens @ block.qkv.weight.T + block.qkv.bias).split(4, dim=-1)
    d = 4 // heads
    given = torch.empty_like(q)
    for b in range(2):
        for head in range(heads):
            part = slice(head * d, (head + 1) * d)
            for i in range(6):
                score = torch.stack([q[b, i, part] @ k[b, j, part] for j in range(6)])
                share = (score / math.sqrt(d)).exp()
                given[b, i, part] = (share / share.sum()) @ v[b, :, part]
    out = given @ block.out.weight.T + block.out.bias
    torch.testing.assert_close(block(x), x + out.mT.reshape(x.shape))


def test_silu_works_in_place_only_where_nothing_is_learned():
    x, learned = noise(3, 4), noise(3, 4).requires_grad_()
    expected = x * torch.sigmoid(x)
    with torch.no_grad():
        out = silu_of_new(x)
    torch.testing.assert_close(out, expected)
    assert out.data_ptr() == x.data_ptr()
    x = learned * 1
    out = silu_of_new(x)
    assert out.data_ptr() != x.data_ptr()
    torch.testing.assert_close(out, expected)
    out.sum().backward()
    slope = torch.sigmoid(learned.detach())
    torch.testing.assert_close(learned.grad, slope + expected * (1 - slope))


@pytest.mark.parametrize("c_in", [4, 8])
def test_a_block_leaves_what_it_is_given(c_in):
    """Also where it works in place: x goes into the shortcut, and c into the other blocks."""
    block, x, c = drawn(ResBlock(c_in, 8, 6, groups=2)).eval(), noise(2, c_in, 4, 4), noise(2, 6)
    kept = x.clone(), c.clone()
    with torch.no_grad():
        first = block(x, c)
        assert torch.equal(block(x, c), first)
    assert torch.equal(x, kept[0])
    assert torch.equal(c, kept[1])
    torch.testing.assert_close(block(x, c), first)  # with gradients
