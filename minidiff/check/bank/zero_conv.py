"""Exercise: ControlNet's zero convolution, a layer that says nothing until it has learned something."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from minidiff.check import Case, Exercise
from minidiff.check.exercise import NotAsAskedError

EXERCISE = Exercise(
    name="zero_conv",
    statement=r"""
ControlNet adds a trainable branch to a network that is finished. Between the two stands a *zero convolution*:
a 1×1 convolution

$$\mathbf{y} = \mathbf{W} \mathbf{x} + \mathbf{b}, \qquad \mathbf{W} = \mathbf{0},\ \mathbf{b} = \mathbf{0}
\text{ at the start,}$$

so that the branch adds nothing before it has learned something. Make one: `c_in` and `c_out` are the numbers
of channels. Give back an `nn.Conv2d` with a weight and a bias, both 0, and both to be trained.
""",
    signature="zero_conv(c_in, c_out)",
    see="eq-unet-resblock",
    hints=(
        "Make a 1×1 convolution first. What does torch put into it at the start?",
        "Torch fills weight and bias with small random numbers. Overwrite both, but leave them parameters.",
        "nn.init.zeros_ overwrites a tensor in place; layer.parameters() gives the weight and the bias.",
    ),
    out_of_reach=(
        "minidiff.nn.layers.zero_init",  # a part of the U-Net; it has no shorter name
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """More channels than before, fewer, and as many."""

    def drawn(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    few, many, same = drawn(2, 5), drawn(6, 40), drawn(2, 40)
    pairs = [(few, many), (many, few), (same, same)]
    return [Case(f"{c_in} channels to {c_out}", (c_in, c_out)) for c_in, c_out in pairs]


@EXERCISE.observed
def facts(layer: Any, args: tuple[Any, ...]) -> Any:
    """How many numbers are what they should be: counts, for what torch draws differs from call to call."""
    if layer is None:
        return None
    if not isinstance(layer, nn.Conv2d):
        raise NotAsAskedError(f"a {type(layer).__name__}, not an nn.Conv2d")
    x = torch.rand(3, args[0], 4, 5, generator=torch.Generator().manual_seed(0)) + 1
    y = layer(x)
    if y.requires_grad:
        y.sum().backward()
    seen: dict[str, Any] = {
        "output's shape": torch.tensor(y.shape),
        "output, entries not 0": int((y != 0).sum()),
        "weight's shape": torch.tensor(layer.weight.shape),
    }
    for name in ("weight", "bias"):
        value = getattr(layer, name)
        if value is not None:
            seen[f"{name}, entries not 0"] = int((value != 0).sum())
            seen[f"{name}, entries that are 1"] = int((value == 1).sum())
            gradient = torch.zeros(1) if value.grad is None else value.grad
            seen[f"{name}, entries that learn"] = int((gradient != 0).sum())
    return seen


def _conv(c_in: int, c_out: int, **options: Any) -> nn.Conv2d:
    """A convolution that starts at 0."""
    layer = nn.Conv2d(c_in, c_out, **{"kernel_size": 1, **options})
    for weights in layer.parameters():
        nn.init.zeros_(weights)
    return layer


@EXERCISE.reference
def zero_conv(c_in: int, c_out: int) -> nn.Conv2d:
    """A 1×1 convolution, with 0 in weight and bias."""
    layer = nn.Conv2d(c_in, c_out, 1)
    for weights in layer.parameters():
        nn.init.zeros_(weights)
    return layer


@EXERCISE.correct
def without_gradients(channels: int, out: int) -> nn.Conv2d:
    """Multiplied by 0 under no_grad, as ControlNet's own code does it."""
    layer = nn.Conv2d(channels, out, kernel_size=(1, 1), stride=1, padding=0)
    with torch.no_grad():
        for p in layer.parameters():
            p.mul_(0)
    return layer


@EXERCISE.correct
def new_parameters(c_in: int, c_out: int) -> nn.Conv2d:
    """With fresh parameters of 0."""
    layer = nn.Conv2d(c_in, c_out, 1)
    layer.weight = nn.Parameter(torch.zeros(c_out, c_in, 1, 1))
    layer.bias = nn.Parameter(torch.zeros(c_out))
    return layer


@EXERCISE.correct
def by_state(c_in: int, c_out: int) -> nn.Conv2d:
    """Through the dictionary of tensors."""
    layer = nn.Conv2d(c_in, c_out, 1)
    layer.load_state_dict({name: 0 * x for name, x in layer.state_dict().items()})
    return layer


@EXERCISE.correct
def filled(c_in: int, c_out: int) -> nn.Conv2d:
    """One after the other, through their data."""
    layer = nn.Conv2d(c_in, c_out, 1, bias=True)
    layer.weight.data.fill_(0)
    assert layer.bias is not None
    layer.bias.data = torch.zeros(c_out)
    return layer


@EXERCISE.correct
def by_apply(c_in: int, c_out: int) -> nn.Conv2d:
    """As networks are initialised."""

    def empty(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            for weights in module.parameters():
                nn.init.constant_(weights, 0.0)

    return nn.Conv2d(c_in, c_out, kernel_size=1).apply(empty)


@EXERCISE.mistake(
    "Your weight starts at 0, but your bias does not.",
    "Torch fills it with random numbers, so the branch adds something from the first step on. Set it to 0.",
)
def bias_left(c_in: int, c_out: int) -> nn.Conv2d:
    layer = nn.Conv2d(c_in, c_out, 1)
    nn.init.zeros_(layer.weight)
    return layer


@EXERCISE.mistake(
    "Your bias starts at 0, but your weight does not.",
    "However small it is, it lets the untrained branch into the finished network. Set it to 0 as well.",
)
def weight_left(c_in: int, c_out: int) -> nn.Conv2d:
    layer = nn.Conv2d(c_in, c_out, 1)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


@EXERCISE.mistake(
    "Neither weight nor bias starts at 0.",
    "Torch fills both with random numbers. Overwrite them, so that at first the finished network works as it "
    "did.",
)
def plain(c_in: int, c_out: int) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 1)


@EXERCISE.mistake(
    "You filled the weight with ones.",
    "Then each output is the sum of all channels. The branch should add nothing at first: zeros.",
)
def ones(c_in: int, c_out: int) -> nn.Conv2d:
    layer = _conv(c_in, c_out)
    nn.init.ones_(layer.weight)
    return layer


@EXERCISE.mistake(
    "You let the weight copy its input, a 1 for each channel and 0 elsewhere.",
    "Then the branch comes in at full strength. A zero convolution is not the identity; it is 0.",
)
def identity(c_in: int, c_out: int) -> nn.Conv2d:
    layer = _conv(c_in, c_out)
    nn.init.dirac_(layer.weight)
    return layer


@EXERCISE.mistake(
    "Weight and bias are 0, but they get no gradient.",
    "So the branch would stay silent for ever. It is the old network that is frozen: here, leave "
    "requires_grad=True.",
)
def frozen(c_in: int, c_out: int) -> nn.Conv2d:
    return _conv(c_in, c_out).requires_grad_(False)


@EXERCISE.mistake(
    "Your layer has no bias.",
    "ControlNet's zero convolution has one, which starts at 0: bias=True, and overwrite it.",
)
def without_bias(c_in: int, c_out: int) -> nn.Conv2d:
    return _conv(c_in, c_out, bias=False)


@EXERCISE.mistake(
    "Your convolution is 3×3.",
    "A zero convolution mixes the channels of one pixel and does not look at its neighbours: 1×1.",
)
def three_by_three(c_in: int, c_out: int) -> nn.Conv2d:
    return _conv(c_in, c_out, kernel_size=3, padding=1)


@EXERCISE.mistake(
    "Your 1×1 convolution has a padding of 1, so that pictures grow by a rim.",
    "A 1×1 window does not reach over the border. Leave the padding at 0.",
)
def padded(c_in: int, c_out: int) -> nn.Conv2d:
    return _conv(c_in, c_out, padding=1)
