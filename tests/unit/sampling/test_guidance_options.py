"""Guidance that changes with t, that is rescaled, and of a network with two heads."""

import pytest
import torch

import minidiff as md


def gen(seed):
    return torch.Generator().manual_seed(seed)


class Net:
    """Says something else for each label; with ``heads=2`` also something of the variance."""

    null_label = 10

    def __init__(self, heads=1):
        self.heads = heads

    def __call__(self, x, t, y):
        said = x * (1 + y.reshape(-1, 1, 1, 1)) + 0.1
        return said if self.heads == 1 else torch.cat([said, 0 * x + y.reshape(-1, 1, 1, 1)], 1)


X = torch.randn(3, 1, 4, 4, generator=gen(0))
Y = torch.tensor([0, 3, 9])


def test_a_weight_of_t_is_the_weight_at_that_t():
    t = torch.tensor([5, 20, 80])
    varying = md.classifier_free_guidance(Net(), Y, lambda time: time.float() / 10)(X, t)
    for i, w in enumerate((0.5, 2.0, 8.0)):
        alone = md.classifier_free_guidance(Net(), int(Y[i]), w)(X[i : i + 1], int(t[i]))
        torch.testing.assert_close(varying[i : i + 1], alone)


def test_an_interval_guides_inside_and_not_outside():
    weight = md.interval(2.0, 10, 20)
    assert weight(torch.tensor([9, 10, 15, 20, 21])).tolist() == [0, 2, 2, 2, 0]
    assert [weight(t) for t in (9, 10, 20, 21)] == [0, 2, 2, 0]
    guided = md.classifier_free_guidance(Net(), Y, weight)
    plain = md.classifier_free_guidance(Net(), Y, 0.0)
    strong = md.classifier_free_guidance(Net(), Y, 2.0)
    for t, expected in ((9, plain), (12, strong), (21, plain)):
        torch.testing.assert_close(guided(X, t), expected(X, t))
        many = torch.full((3,), t)
        torch.testing.assert_close(guided(X, many), expected(X, many))


@pytest.mark.parametrize("phi", [0.0, 0.3, 1.0])
def test_rescaling_brings_the_spread_towards_the_conditional_one(phi):
    conditional = Net()(X, 5, Y)
    plain = md.classifier_free_guidance(Net(), Y, 3.0)(X, 5)
    found = md.classifier_free_guidance(Net(), Y, 3.0, rescale=phi)(X, 5)
    for i in range(3):
        wanted = phi * conditional[i].std() / plain[i].std() + 1 - phi
        torch.testing.assert_close(found[i], plain[i] * wanted)


def test_two_heads_guide_the_prediction_and_keep_the_conditional_variance():
    one = md.classifier_free_guidance(Net(), Y, 1.5)(X, 5)
    eps, v = md.classifier_free_guidance(Net(heads=2), Y, 1.5)(X, 5)
    torch.testing.assert_close(eps, one)
    torch.testing.assert_close(v, ((Y.reshape(-1, 1, 1, 1) + 1) / 2).expand_as(X))
    eps, v = md.classifier_free_guidance(Net(heads=2), Y, 0.0)(X, 5)
    torch.testing.assert_close(eps, Net()(X, 5, Y))
    assert v.shape == X.shape


def test_two_heads_sample_with_the_learned_variance():
    s = md.linear_schedule(20, 0.01, 0.3)
    model = md.classifier_free_guidance(Net(heads=2), Y, 0.0)
    x = md.ddpm_sample(
        lambda x, t: tuple(0.1 * part for part in model(x, t)), s, X.shape, variance="learned"
    )
    assert x.shape == X.shape
