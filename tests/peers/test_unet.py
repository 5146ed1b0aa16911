"""TinyUNet against diffusers' UNet2DModel: the same weights give the same numbers."""

import pytest
import torch
from diffusers.models.embeddings import get_timestep_embedding

from benchmarks.twin import Twin
from minidiff.nn import TinyUNet, sinusoidal_embedding
from minidiff.nn.blocks import Stage
from minidiff.weights.diffusers_unet import copy_attention, copy_resblock

CONFIGS = {
    "labels": {"classes": 10, "width": 16},
    "no labels, colour, deeper": {
        "channels": 3,
        "width": 8,
        "multipliers": (1, 2, 3, 4),
        "blocks": 1,
    },
    "attention at the top": {"width": 8, "multipliers": (1, 2), "attention": (True, False)},
    "two outputs a pixel": {"out_channels": 2, "width": 8, "multipliers": (1, 3)},
}


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def shaken(net: TinyUNet) -> TinyUNet:
    """No weight is 0 or 1 any more: a fresh network's last layers are 0 and would hide mistakes."""
    generator = gen(1)
    for p in net.parameters():
        p.add_(0.1 * torch.randn(p.shape, generator=generator))
    return net


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_network_and_its_gradients_are_theirs(config):
    ours = shaken(TinyUNet(**config)).double()
    twin = Twin(ours).double()
    twin.copy_weights(ours)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in twin.parameters())
    x = torch.randn(3, ours.channels, 16, 24, generator=gen(), dtype=torch.float64)
    t = torch.tensor([1, 500, 1000])
    y = None if ours.classes is None else torch.tensor([0, 9, ours.null_label])
    mine, theirs = ours(x, t, y), twin(x, t, y)
    assert mine.std() > 0.1
    # Diffusers' sinusoids are float32 inside
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)
    mine.square().mean().backward()
    theirs.square().mean().backward()
    torch.testing.assert_close(
        ours.stem.weight.grad, twin.unet.conv_in.weight.grad, rtol=1e-4, atol=1e-5
    )


def test_the_null_label_is_a_row_of_their_table():
    ours = shaken(TinyUNet(classes=3, width=8, multipliers=(1,)))
    twin = Twin(ours)
    twin.copy_weights(ours)
    x = torch.randn(2, 1, 8, 8, generator=gen())
    t = torch.tensor([3, 4])
    with torch.no_grad():
        torch.testing.assert_close(ours(x, t), twin(x, t, torch.tensor([3, 3])), atol=1e-4, rtol=0)
        assert (ours(x, t) - twin(x, t, torch.tensor([0, 0]))).abs().max() > 1e-2


@pytest.mark.parametrize(("c_in", "place"), [(8, 0), (8, 2)], ids=["same width", "wider"])
def test_resblock(c_in, place):
    net = shaken(TinyUNet(width=8, multipliers=(1, 2), blocks=1, attention=(False, False)))
    ours = net.down[place].res
    theirs = Twin(net).unet.down_blocks[place // 2].resnets[0]
    copy_resblock(ours, theirs)
    x, c = torch.randn(2, c_in, 6, 6, generator=gen()), torch.randn(2, 32, generator=gen())
    torch.testing.assert_close(ours(x, c), theirs(x, c), rtol=0, atol=1e-5)


def test_attention():
    net = shaken(TinyUNet(width=16, multipliers=(1,), attention=(True,)))
    (stage, _) = net.middle
    assert isinstance(stage, Stage)
    theirs = Twin(net).unet.mid_block.attentions[0]
    copy_attention(stage.attention, theirs)
    x = torch.randn(2, 16, 5, 7, generator=gen())
    torch.testing.assert_close(stage.attention(x), theirs(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dim", [2, 16, 64])
def test_sinusoids(dim):
    t = torch.tensor([0.0, 0.5, 1, 17, 999, 1000])
    theirs = get_timestep_embedding(t, dim, downscale_freq_shift=0)  # sines first, as ours
    torch.testing.assert_close(sinusoidal_embedding(t, dim), theirs, rtol=0, atol=1e-4)
    scaled = get_timestep_embedding(t / 1000, dim, downscale_freq_shift=0, scale=1000)
    torch.testing.assert_close(
        sinusoidal_embedding(t / 1000, dim, scale=1000), scaled, rtol=0, atol=1e-4
    )
