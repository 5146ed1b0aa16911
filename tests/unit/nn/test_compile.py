"""torch.compile takes each network as a whole: no graph breaks, the same numbers, in training and after.

The backend "eager" runs what was traced without compiling it, so that a test takes seconds and needs no C++
compiler; what compiling itself does to the numbers is looked at by a slow test.
"""

import copy
import shutil

import pytest
import torch

import minidiff as md
from minidiff.nn import DigitClassifier, NoisyClassifier

X, T = torch.randn(4, 1, 8, 8, generator=md.seeded(0)), torch.tensor([1, 2, 3, 1000])
POINTS, Y = torch.randn(4, 2, generator=md.seeded(1)), torch.tensor([0, 1, 2, 3])


def unet(classes=None, multipliers=(1,), **options):
    """One level, unless more are asked for: to trace each takes seconds."""
    net = md.TinyUNet(1, classes, width=4, multipliers=multipliers, blocks=1, **options)
    with torch.no_grad():  # its head begins as zeros, and zeros are equal however they came about
        for weight in net.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=md.seeded(2))
    return net


NETWORKS = {
    "U-Net, one time for all": (lambda: unet(multipliers=(1, 1)), (X, 5)),
    "labels, none given": (lambda: unet(3), (X, T)),
    "labels": (lambda: unet(3, out_channels=2, heads=2, time_scale=1000.0), (X, T / 1000, Y)),
    "patches": (lambda: unet(patch=2), (X, T)),
    "one label for all": (lambda: md.MLP(2, 3, width=8, depth=1), (POINTS, T, 2)),
    "MLP": (lambda: md.MLP(2, 3, width=8, depth=1), (POINTS, T, Y)),
    "noisy classifier": (
        lambda: NoisyClassifier(1, 3, width=4, multipliers=(1,), dropout=0.0),
        (X, T),
    ),
    "digit classifier": (lambda: DigitClassifier(1, 3, size=8, dropout=0.0), (X,)),
}


@pytest.fixture(autouse=True)
def forget():
    """What was traced in another test."""
    torch._dynamo.reset()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_traced_as_a_whole(name):
    make, arguments = NETWORKS[name]
    net = make().eval()
    whole = torch.compile(net, fullgraph=True, backend="eager")
    assert torch.equal(whole(*arguments), net(*arguments))


@pytest.mark.parametrize(("dropout", "multipliers"), [(0.0, (1, 1)), (0.5, (1,))])
def test_gradients_too(dropout, multipliers):
    """With dropout the numbers are drawn otherwise, so only their mean over many is the same."""
    net = unet(3, multipliers, dropout=dropout).train()
    whole = torch.compile(net, fullgraph=True, backend="aot_eager")
    whole(X, T, Y).square().mean().backward()
    found = [weight.grad.clone() for weight in net.parameters()]
    assert all(bool(grad.isfinite().all()) for grad in found)
    if dropout == 0:
        net.zero_grad()
        net(X, T, Y).square().mean().backward()
        for grad, weight in zip(found, net.parameters(), strict=True):
            torch.testing.assert_close(grad, weight.grad, atol=1e-6, rtol=1e-4)


def test_uncompiled_a_wrong_label_is_still_refused():
    with pytest.raises(IndexError, match="y = 4 is outside"):
        unet(3)(X, T, Y + 1)


def test_samplers_losses_and_guidance_take_a_compiled_network():
    schedule = md.linear_schedule(20, 0.01, 0.3)
    net = unet(3).eval()
    whole = torch.compile(net, fullgraph=True, backend="eager")
    for draw in (
        lambda n: md.ddim_sample(
            md.classifier_free_guidance(n, y=1, w=1.0), schedule, x_T=X, steps=3
        ),
        lambda n: md.ddpm_sample(n, schedule, x_T=X, steps=3, generator=md.seeded(3)),
        lambda n: md.simple_loss(n, X, schedule, y=Y % 3, generator=md.seeded(4)),
    ):
        torch.testing.assert_close(draw(whole), draw(net), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("c++") is None and shutil.which("g++") is None, reason="no C++ compiler"
)
def test_compiled_it_computes_the_same_up_to_rounding():
    net = md.MLP(2, 3, width=8, depth=1)
    whole = torch.compile(copy.deepcopy(net), fullgraph=True)
    torch.testing.assert_close(whole(POINTS, T, Y), net(POINTS, T, Y), atol=1e-5, rtol=1e-5)
