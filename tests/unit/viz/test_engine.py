"""A network's program does what the network does; what no page can do is refused by name."""

import base64
import json
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import minidiff as md
from minidiff.viz.engine import halved, page_network, script_of, trace

DRAWING = [name for name in md.available() if md.recipes.RECIPES[name].sample is not None]
T, Y = torch.tensor([300]), torch.tensor([3])

# What engine.js does, said by torch.
TWINS = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "silu": F.silu,
    "sin": torch.sin,
    "cos": torch.cos,
    "convolve": lambda x, w, b=None, *, stride, padding: F.conv2d(x, w, b, stride, padding),
    "normalize": lambda x, w, b, *, groups, eps: F.group_norm(x, groups, w, b, eps),
    "linear": F.linear,
    "matmul": torch.matmul,
    "softmax": lambda x: x.softmax(-1),
    "concatenate": lambda *parts, dim: torch.cat(parts, dim),
    "rows": lambda table, chosen: table[chosen.long()],
    "permute": lambda x, *, dims: x.permute(dims).contiguous(),
    "part": lambda x, *, dim, at: x.select(dim, at).contiguous(),
    "double": lambda x: F.interpolate(x, scale_factor=2.0),
}


def carried_out(program, *inputs):
    """The answer of a program."""
    known = {f"i{i}": x for i, x in enumerate(inputs)}
    known |= {f"w{i}": x for i, x in enumerate(program.weights)}
    known |= {f"c{i}": x for i, x in enumerate(program.constants)}
    for i, step in enumerate(program.operations):
        values = [known[name].reshape(shape) for name, shape in step.takes]
        known[f"r{i}"] = TWINS[step.does](*values, **step.how)
        assert known[f"r{i}"].shape == step.shape
    return known[program.answer]


def picture(channels=1, size=16):
    return torch.randn(1, channels, size, size, generator=md.seeded(0))


def agrees(net, *inputs):
    """The program of a call does the same in another call."""
    program = trace(net, *inputs)
    others = [torch.rand_like(x) if x.is_floating_point() else x // 2 for x in inputs]
    with torch.no_grad():
        torch.testing.assert_close(
            carried_out(program, *others).reshape(-1),
            net.eval()(*others).reshape(-1),
            atol=1e-5,
            rtol=1e-4,
        )
    return program


@pytest.mark.parametrize("name", DRAWING)
def test_every_network_that_draws_has_a_program(name):
    net, schedule = md.load(name)
    size = md.weights.example_shape(name)[-1]
    t = T if schedule is not None else torch.tensor([0.3])
    program = agrees(net, picture(size=size), t, Y)
    assert program.operations == page_network(name).operations
    assert sum(weight.numel() for weight in program.weights) == sum(
        p.numel() for p in net.parameters()
    )


def randomized(net):
    """Its last layers are 0 in a new network, and would hide what comes before."""
    with torch.no_grad():
        for i, weight in enumerate(net.parameters()):
            weight.copy_(0.2 * torch.randn(weight.shape, generator=md.seeded(i)))
    return net


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 3, "patch": 2},
        {"classes": 4, "heads": 2, "attention": (True, True)},
        {"out_channels": 2, "blocks": 2},
        {"time_scale": 1000.0},
    ],
    ids=str,
)
def test_other_u_nets_have_one_too(options):
    net = randomized(md.TinyUNet(**{"width": 8, "multipliers": (1, 2), **options}))
    inputs = [picture(net.channels, 8), torch.tensor([0.3]) if "time_scale" in options else T]
    agrees(net, *inputs, *([Y] if net.classes else []))


def test_a_network_of_points_has_one():
    agrees(randomized(md.MLP(2, 3, width=8, depth=2)), torch.randn(1, 2), T, torch.tensor([2]))


def test_what_no_input_changes_is_computed_beforehand():
    program = trace(md.TinyUNet(width=4, multipliers=(1,)), picture(size=4), T)
    assert not {step.does for step in program.operations} & {"arange", "exp", "divide"}
    assert any(len(constant) == 2 for constant in program.constants)  # the frequencies


def test_a_network_stays_as_it_was():
    net = md.TinyUNet(width=4, multipliers=(1,), dropout=0.5).train()
    trace(net, picture(size=4), T)
    assert net.training


class Own(nn.Module):
    def __init__(self, does, layer=None):
        super().__init__()
        self.does, self.layer = does, layer or nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return self.does(self.layer(x))


def add_to_what_is_used_twice(x):
    y = x * 2.0
    z = F.silu(y)
    y += z
    return y + z * y


def add_through_a_view(x):
    y = x.reshape(4, -1)
    y += 1.0
    return 2.0 * x


@pytest.mark.parametrize(
    ("does", "layer", "words"),
    [
        (
            torch.tanh,
            None,
            r"calls aten\.tanh\.default, which no page can carry out; it can .*conv2d",
        ),
        (lambda x: x, nn.Conv2d(1, 4, 3, dilation=2), r"no dilation.*dilation=\[2, 2\]"),
        (lambda x: x, nn.Conv2d(1, 4, 3, padding=(0, 1)), "one padding for both axes"),
        (lambda x: torch.add(x, x, alpha=2), None, "a page's add has no alpha"),
        (lambda x: x.softmax(1), None, "softmax goes over the last axis; got dim=1"),
        (lambda x: F.interpolate(x, scale_factor=3.0), None, r"twice as large.*\[3\.0, 3\.0\]"),
        (lambda x: x.to(torch.int64) * 1.0, None, "cuts numbers off to integers"),
        (lambda x: F.layer_norm(x, [14]), None, r"of vectors.*over \[14\]"),
        (lambda x: x.expand(5, -1, -1, -1), None, "no page can repeat"),
    ],
)
def test_what_no_page_can_do_is_refused_by_name(does, layer, words):
    with pytest.raises(ValueError, match=words):
        trace(Own(does, layer), picture())


def test_what_is_changed_in_place_is_right_or_refused():
    assert agrees(Own(lambda x: x.mul(2.0).add_(x)), picture())
    with pytest.raises(ValueError, match="seen elsewhere, too"):
        trace(Own(add_to_what_is_used_twice), picture())
    with pytest.raises(ValueError, match="seen elsewhere, too"):
        trace(Own(add_through_a_view), picture())


def test_weights_in_16_bits():
    net = randomized(md.TinyUNet(width=4, multipliers=(1,)))
    rounded = halved(net)
    assert type(rounded) is md.TinyUNet
    for weight, half in zip(net.parameters(), rounded.parameters(), strict=True):
        assert torch.equal(half, weight.half().float())
        assert not torch.equal(half, weight)


def test_a_script_has_all_that_a_page_needs():
    net = randomized(md.TinyUNet(width=4, multipliers=(1,)))
    text = script_of("a </script> name", trace(net, picture(size=4), T))
    told = re.fullmatch(r'minidiffNetwork\((".*?"),(\{.*\}),"([^"]*)"\);\n', text)
    assert told is not None
    program = json.loads(told[2])
    numbers = np.frombuffer(base64.b64decode(told[3]), "<f2")
    expected = torch.cat([w.detach().flatten() for w in net.parameters()]).half()
    assert sorted(numbers.tolist()) == sorted(expected.tolist())
    assert sum(int(np.prod(shape)) for shape in program["weights"]) == len(numbers)
    assert len(program["operations"]) == len(trace(net, picture(size=4), T).operations)


def test_weights_that_16_bits_cannot_hold_are_named():
    net = randomized(md.TinyUNet(width=4, multipliers=(1,)))
    with torch.no_grad():
        net.stem.weight[0] = 1e6
    with pytest.raises(ValueError, match=r"large has weights.*the largest is 1e\+06"):
        script_of("large", trace(net, picture(size=4), T))
