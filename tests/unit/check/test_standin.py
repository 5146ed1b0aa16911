"""Stand-ins for networks: whatever a network of the library takes, each of them takes, and means the same."""

import functools
import inspect

import pytest
import torch
from mutants import exercise_files
from torch import nn
from torch.optim import Optimizer

import minidiff as md
from minidiff.check.answers import SEEDS
from minidiff.check.bank import load
from minidiff.check.standin import StandIn

FILES = exercise_files()
# What an exercise hands over that can be called, and is no stand-in for a denoiser
OTHERS = {
    "train_step": "its network and loss are only called by each other",
    "ema_update": "its networks are never called",
    "resnet_block": "a block of real layers",
}


# By their text: to draw all inputs takes seconds, and every worker reads this file.
HANDED_OVER = [
    name
    for name, file in FILES.items()
    if "StandIn" in file.read_text(encoding="utf-8") and name not in OTHERS
]


@functools.cache
def networks(name):
    """Each stand-in of an exercise with an x that it is asked about, and its case."""
    found = []
    for case in load(FILES[name]).inputs(SEEDS[0]):
        nets = [one for one in case.args if isinstance(one, StandIn)]
        pictures = [x for x in case.args if torch.is_tensor(x) and x.is_floating_point()]
        found += [(net, pictures[0], case.name) for net in nets]
    return found


def test_no_exercise_hands_over_another_kind_of_network():
    for name, file in FILES.items():
        for seed in SEEDS:
            for one in (arg for case in load(file).inputs(seed) for arg in case.args):
                if callable(one) and not isinstance(one, (type, Optimizer, md.NoiseSchedule)):
                    wanted = HANDED_OVER if isinstance(one, StandIn) else OTHERS
                    assert name in wanted, f"{name}: {one!r}"


# Each gives the same as the call in the middle column, on every network of the library that takes labels.
FORMS = {
    "by place": (lambda net, x, t, y: net(x, t, y), "labels"),
    "by name": (lambda net, x, t, y: net(x, t, y=y), "labels"),
    "all by name": (lambda net, x, t, y: net(x=x, t=t, y=y), "labels"),
    "in another order": (lambda net, x, t, y: net(y=y, t=t, x=x), "labels"),
    "real t": (lambda net, x, t, y: net(x, t.float(), y), "labels"),
    "t in float64": (lambda net, x, t, y: net(x, t.double(), y), "labels"),
    "picture by picture": (
        lambda net, x, t, y: torch.cat([net(x[i : i + 1], t[i], int(y[i])) for i in range(len(x))]),
        "labels",
    ),
    "times as numbers": (
        lambda net, x, t, y: torch.cat(
            [net(x[i : i + 1], n, y[i : i + 1]) for i, n in enumerate(t.tolist())]
        ),
        "labels",
    ),
    "the null label": (
        lambda net, x, t, y: net(x, t, torch.full_like(y, net.null_label)),
        "none",
    ),
    "left out": (lambda net, x, t, y: net(x, t), "none"),
    "None": (lambda net, x, t, y: net(x, t, None), "none"),
    "None by name": (lambda net, x, t, y: net(x, t, y=None), "none"),
    "none of them": (lambda net, x, t, y: net(x, t, net.none_of("y", y)), "none"),
    "null label as a number": (lambda net, x, t, y: net(x, t, net.null_label), "none"),
    "a number": (lambda net, x, t, y: net(x, t, 1), "one"),
    "a number by name": (lambda net, x, t, y: net(x, t, y=1), "one"),
    "one time, a tensor": (lambda net, x, t, y: net(x, torch.tensor(3), y), "t = 3"),
    "one time, a number": (lambda net, x, t, y: net(x, 3, y), "t = 3"),
    "one time, a real number": (lambda net, x, t, y: net(x, 3.0, y), "t = 3"),
}
MEANS = {
    "labels": lambda net, x, t, y: net(x, t, y),
    "none": lambda net, x, t, y: net(x, t, torch.full_like(y, net.null_label)),
    "one": lambda net, x, t, y: net(x, t, torch.ones_like(y)),
    "t = 3": lambda net, x, t, y: net(x, torch.full_like(t, 3), y),
}


def without_label(form, means):
    """The same form and meaning for a network that takes no labels; None where it is about labels."""
    body = inspect.getsource(form)
    if "null_label" in body or "none_of" in body or means == "one":
        return None

    class Quiet:
        """Lets the label fall that a form gives; a label left out or None goes through."""

        def __init__(self, net):
            self.net = net

        def __call__(self, *args, **named):
            args = [a for i, a in enumerate(args) if i < 2 or a is None]
            return self.net(*args, **{k: v for k, v in named.items() if k != "y" or v is None})

    return lambda net, x, t, y: form(Quiet(net), x, t, y)


def real(x, classes):
    """A network of the library that takes such an x."""
    if x.dim() == 2:
        return md.MLP(x.shape[1], classes=classes)
    return md.TinyUNet(channels=x.shape[1], classes=classes, width=8, multipliers=(1,))


@pytest.mark.parametrize("form", FORMS)
def test_networks_of_the_library_take_each_form(form):
    call, means = FORMS[form]
    x, t, y = torch.randn(3, 2), torch.tensor([1, 300, 1000]), torch.tensor([0, 2, 1])
    net = real(x, 3)
    torch.testing.assert_close(call(net, x, t, y), MEANS[means](net, x, t, y))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", HANDED_OVER)
def test_a_stand_in_takes_each_form(name, form):
    assert networks(name)
    for net, x, case in networks(name):
        call, means = FORMS[form]
        t = torch.arange(1, len(x) + 1) * 50
        y = torch.arange(len(x)) % 3
        if net.classes is None:
            call = without_label(call, means)
            if call is None:
                continue
            wanted = net(x, torch.full_like(t, 3) if means == "t = 3" else t)
        else:
            wanted = MEANS[means](net, x, t, y)
        torch.testing.assert_close(
            call(net, x, t, y), wanted, msg=lambda m, case=case: f"{case}: {m}"
        )
        assert wanted.shape == x.shape, case


@pytest.mark.parametrize("name", HANDED_OVER)
def test_a_stand_in_is_asked_what_networks_are_asked(name):
    for net, x, case in networks(name):
        other = real(x, net.classes)
        for asked in ("null_label", "classes", "takes", "dtype", "device", "predicts"):
            assert getattr(net, asked) == getattr(other, asked), f"{case}: {asked}"
        assert net(x.double(), 5).dtype == torch.float64, case
        assert isinstance(net, nn.Module)


@pytest.mark.parametrize(
    ("classes", "args", "error", "words"),
    [
        (None, (1, torch.tensor([1, 1])), ValueError, "takes no labels; leave y out"),
        (3, (1, torch.ones(2)), TypeError, "must be an int or a LongTensor"),
        (3, (1, torch.tensor([1, 1, 1])), ValueError, "one for each example"),
        (3, (torch.tensor([1, 1, 1]), 1), ValueError, "one time for each example"),
        (3, ("1", 1), TypeError, "t must be a number"),
    ],
)
def test_what_no_network_takes_is_refused(classes, args, error, words):
    class Sum(StandIn):
        def answer(self, x, t, y):
            return x + t + y

    for net in (Sum(classes), md.MLP(2, classes=classes)):
        with pytest.raises(error, match=words if isinstance(net, Sum) else None):
            net(torch.zeros(2, 2), *args)


def test_a_stand_in_needs_a_formula():
    with pytest.raises(NotImplementedError, match="def answer"):
        StandIn()(torch.zeros(2, 2), 1)
