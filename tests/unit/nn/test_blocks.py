"""The U-Net's blocks are their equations, written out in plain sums."""

import math

import pytest
import torch
import torch.nn.functional as F

from minidiff.nn.attention import SelfAttention
from minidiff.nn.blocks import ResBlock


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
