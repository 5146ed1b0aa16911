"""Who needs gradients takes them, also inside his caller's torch.no_grad or torch.inference_mode."""

import pytest
import torch

import minidiff as md
from minidiff import flow
from minidiff.base.gradients import gradients, usable, variable
from minidiff.nn import precision

OFF = pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
S = md.linear_schedule(20, 0.01, 0.3)
POINTS = torch.randn(8, 2, generator=md.seeded(0))
CLUSTERS = md.exact.mixture(POINTS, 0.3, None, S)


@OFF
def test_inside_they_are_recorded_and_outside_as_before(off):
    with off():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        with gradients():
            x = variable(torch.ones(3))
            (gradient,) = torch.autograd.grad((x**2).sum(), x)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    assert gradient.tolist() == [2.0, 2.0, 2.0]


def test_what_comes_from_outside_can_be_used():
    with torch.inference_mode():
        made = torch.ones(3)
        with gradients():
            x = variable(made)
            (gradient,) = torch.autograd.grad((x**2 * usable(made)).sum(), x)
    assert gradient.tolist() == [2.0, 2.0, 2.0]
    plain = torch.ones(3)
    assert usable(plain) is plain  # no copy where none is needed
    assert not plain.requires_grad


@OFF
def test_the_better_precision_is_measured(off):
    precision.bfloat16_gain.cache_clear()
    with off():
        md.with_precision(md.TinyUNet(1, width=4, multipliers=(1,)))


@OFF
def test_a_classifier_guides(off):
    labels = torch.arange(8) % 2

    def drawn(**y):
        classifier = md.exact.classifier(CLUSTERS, labels)
        guided = md.classifier_guidance(CLUSTERS, classifier, y["y"], 2.0, S)
        return md.ddim_sample(guided, S, (4, 2), steps=5, generator=md.seeded(1))

    expected = drawn(y=torch.tensor([0, 1, 0, 1]))
    with off():
        assert torch.equal(drawn(y=torch.tensor([0, 1, 0, 1])), expected)


@OFF
def test_a_network_guides_whose_weights_take_gradients(off):
    """Then torch keeps times and labels as well for a gradient, and takes none that inference mode made."""
    net = md.NoisyClassifier()
    expected = md.classifier_gradient(net, torch.ones(2, 1, 16, 16), 3, torch.tensor([4, 5]))
    with off():
        x_t, t, y = torch.ones(2, 1, 16, 16), torch.tensor([3, 3]), torch.tensor([4, 5])
        torch.testing.assert_close(md.classifier_gradient(net, x_t, t, y), expected)


@OFF
def test_a_classifier_may_compute_with_the_time_itself(off):
    def classifier(x, t):
        return x * t[:, None]

    expected = md.classifier_gradient(classifier, POINTS, torch.full((8,), 3), 1)
    with off():
        got = md.classifier_gradient(classifier, POINTS.clone(), torch.full((8,), 3), 1)
    assert torch.equal(got, expected)


@OFF
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_a_likelihood_is_computed(off, divergence):
    net = md.MLP(2, width=8, depth=1)

    def likelihood():
        return flow.log_likelihood(
            net, POINTS.clone(), 4, divergence=divergence, generator=md.seeded(0)
        )

    expected = likelihood()
    with off():
        torch.testing.assert_close(likelihood(), expected)


def trained(net, data):
    return md.train(net, data, schedule=S, steps=5, batch=4, device="cpu", progress=False)


@OFF
def test_a_training_trains(off):
    expected = trained(md.MLP(2, width=8, depth=1), POINTS)
    net = md.MLP(2, width=8, depth=1)
    with off():
        run = trained(net, POINTS.clone())
    assert run.losses == expected.losses
    for weight, same in zip(run.net.parameters(), expected.net.parameters(), strict=True):
        assert torch.equal(weight, same)


def test_a_network_that_can_never_learn_is_named():
    with torch.inference_mode():
        net = md.MLP(2, width=8, depth=1)
    with pytest.raises(ValueError, match=r"net was made inside torch\.inference_mode\(\).*outside"):
        trained(net, POINTS)
