"""Exercise: the block that the U-Net is made of."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="resnet_block",
    statement=r"""
Send $\mathbf{x}$ through a ResNet block. The condition $\mathbf{c}$, made of the time, is added between
the two convolutions:

$$\mathbf{h} = \mathrm{Conv}_1\bigl(\mathrm{SiLU}(\mathrm{GN}_1(\mathbf{x}))\bigr)
    + \mathbf{W}\,\mathrm{SiLU}(\mathbf{c}) + \mathbf{b}, \qquad
\mathrm{out} = \mathrm{skip}(\mathbf{x})
    + \mathrm{Conv}_2\bigl(\mathrm{SiLU}(\mathrm{GN}_2(\mathbf{h}))\bigr)$$

`block` holds the layers; write how they are put together. They are called `block["norm1"]`,
`block["conv1"]`, `block["cond"]` (it computes $\mathbf{W}\,\cdot + \mathbf{b}$), `block["norm2"]`,
`block["conv2"]` and `block["skip"]`. The last one is a 1×1 convolution where the number of channels
changes, and else gives back what it gets.

`x` has shape (B, C_in, H, W), `c` has shape (B, D). Give back shape (B, C_out, H, W).
""",
    signature="resnet_block(x, c, block)",
    see="eq-unet-resblock",
    hints=(
        "Go through the equation from the inside out: normalise, bend, convolve. SiLU is "
        "torch.nn.functional.silu.",
        'block["cond"] gives one number for each channel, shape (B, C_out). Each is added to all pixels of '
        "its channel: which shape must it have beside (B, C_out, H, W)?",
        "The shortcut starts at the x that came in. Keep it under its own name until the last line.",
    ),
    practice=False,
    out_of_reach=(
        # parts of the U-Net; they have no shorter names
        "minidiff.nn.blocks.ResBlock.forward",
        "minidiff.nn.blocks.Stage.forward",
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Blocks that keep the number of channels, and blocks that change it."""

    def case(name: str, shape: tuple[int, ...], c_out: int, groups: tuple[int, int]) -> Case:
        batch, c_in = shape[:2]
        block = nn.ModuleDict(
            {
                "norm1": nn.GroupNorm(groups[0], c_in),
                "conv1": nn.Conv2d(c_in, c_out, 3, padding=1),
                "cond": nn.Linear(3, c_out),
                "norm2": nn.GroupNorm(groups[1], c_out),
                "conv2": nn.Conv2d(c_out, c_out, 3, padding=1),
                "skip": nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1),
            }
        )
        with torch.no_grad():
            for weights in block.parameters():
                weights.copy_(0.5 * torch.randn(weights.shape, generator=generator))
        return Case(name, (noise(generator, *shape), noise(generator, batch, 3), block))

    return [
        case("4 channels stay 4", (2, 4, 5, 6), 4, (2, 2)),
        case("2 channels become 4", (3, 2, 4, 5), 4, (1, 2)),
        case("1 channel becomes 6", (2, 1, 4, 3), 6, (1, 3)),
        case("6 channels become 2", (3, 6, 4, 4), 2, (3, 1)),
        case("6 channels stay 6, 4 pictures of 4×6", (4, 6, 4, 6), 6, (2, 2)),
    ]


@EXERCISE.observed
def with_gradient(out: Any, args: tuple[Any, ...]) -> Any:
    """The result, and whether the block can learn from it."""
    if not isinstance(out, Tensor):
        return out
    return {"": out, "gradient reaches the block": out.requires_grad}


@EXERCISE.reference
def resnet_block(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    """Normalise, bend, convolve; add the condition; once more; add what came in."""
    h = block["conv1"](F.silu(block["norm1"](x)))
    h = h + rearrange(block["cond"](F.silu(c)), "b c -> b c 1 1")
    h = block["conv2"](F.silu(block["norm2"](h)))
    out: Tensor = block["skip"](x) + h
    return out


@EXERCISE.correct
def with_attributes(picture: Tensor, condition: Tensor, layers: Any) -> Tensor:
    """The layers as attributes, and torch's own modules."""
    silu = nn.SiLU()
    first = nn.Sequential(layers.norm1, silu, layers.conv1)
    second = nn.Sequential(layers.norm2, silu, layers.conv2)
    added = layers.cond(silu(condition))[:, :, None, None]
    out: Tensor = second(first(picture) + added) + layers.skip(picture)
    return out


@EXERCISE.correct
def in_float64(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    """In double precision, with SiLU written out."""
    x, c, block = x.double(), c.double(), copy.deepcopy(block).double()
    out = block["skip"](x)
    h = block["norm1"](x)
    h = block["conv1"](h * h.sigmoid())
    h = h + block["cond"](c * c.sigmoid()).reshape(*h.shape[:2], 1, 1)
    h = block["norm2"](h)
    out = out + block["conv2"](h * h.sigmoid())
    return out  # type: ignore[no-any-return]


@EXERCISE.correct
def one_by_one(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    """Picture by picture: group normalisation does not look at the others."""
    rows = [_correction(x[i : i + 1], c[i : i + 1], block) for i in range(len(x))]
    return torch.stack([block["skip"](x[i]) + row[0] for i, row in enumerate(rows)])


@EXERCISE.correct
def in_place(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    """The shortcut first; then x is overwritten."""
    shortcut = block["skip"](x.clone())
    h = block["conv1"](F.silu(block["norm1"](x), inplace=True))
    h += block["cond"](F.silu(c, inplace=True)).unsqueeze(-1).unsqueeze(-1)
    h = block["conv2"](F.silu(block["norm2"](h), inplace=True))
    h += shortcut
    return h  # type: ignore[no-any-return]


def _correction(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    h = block["conv1"](F.silu(block["norm1"](x))) + block["cond"](F.silu(c))[:, :, None, None]
    out: Tensor = block["conv2"](F.silu(block["norm2"](h)))
    return out


@EXERCISE.correct
def by_sigmoids(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    """SiLU written out, and the shortcut first."""
    out = block["skip"](x)
    h = block["norm1"](x)
    h = block["conv1"](h * torch.sigmoid(h))
    h = h + block["cond"](c * torch.sigmoid(c)).unsqueeze(-1).unsqueeze(-1)
    h = block["norm2"](h)
    return out + block["conv2"](h * torch.sigmoid(h))


@EXERCISE.correct
def by_layers(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    """The two halves as networks of their own."""
    first = nn.Sequential(block["norm1"], nn.SiLU(), block["conv1"])
    second = nn.Sequential(block["norm2"], nn.SiLU(), block["conv2"])
    condition = nn.Sequential(nn.SiLU(), block["cond"], nn.Unflatten(1, (-1, 1, 1)))
    return second(first(x) + condition(c)) + block["skip"](x)


@EXERCISE.mistake(
    "You left out the shortcut.",
    "A block computes only a correction to x. It ends with a sum: skip(x) + the result of the second "
    "convolution.",
)
def no_shortcut(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    return _correction(x, c, block)


@EXERCISE.mistake(
    "You added x itself, without the layer skip.",
    "Where the number of channels changes, x does not fit: torch stops, or repeats a single channel. The "
    "1×1 convolution skip makes C_out channels of the C_in first.",
)
def skip_ignored(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    return x + _correction(x, c, block)


@EXERCISE.mistake(
    "You overwrote x: normalised and bent, it went along the shortcut too.",
    "The shortcut carries what came in, untouched. Give the result of the first layers another name, h.",
)
def x_overwritten(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    out: Tensor = block["skip"](F.silu(block["norm1"](x))) + _correction(x, c, block)
    return out


@EXERCISE.mistake(
    "You left out the condition c.",
    "Then the block knows nothing of the time, and a network does not know how much noise to look for. "
    "W SiLU(c) + b is added after the first convolution.",
)
def condition_left_out(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    h = block["conv1"](F.silu(block["norm1"](x)))
    out: Tensor = block["skip"](x) + block["conv2"](F.silu(block["norm2"](h)))
    return out


@EXERCISE.mistake(
    "You added the condition after the second convolution.",
    "It belongs between the two, to the result of the first. So the second part of the block can depend "
    "on the time.",
)
def condition_at_the_end(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    out: Tensor = condition_left_out(x, c, block) + block["cond"](F.silu(c))[:, :, None, None]
    return out


@EXERCISE.mistake(
    "You gave c to its linear layer without SiLU.",
    "In the equation the layer gets SiLU(c): bend c first, then multiply by W.",
)
def condition_not_bent(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    h = block["conv1"](F.silu(block["norm1"](x))) + block["cond"](c)[:, :, None, None]
    out: Tensor = block["skip"](x) + block["conv2"](F.silu(block["norm2"](h)))
    return out


@EXERCISE.mistake(
    "You added the condition of shape (B, C_out) to h of shape (B, C_out, H, W).",
    "Torch lines shapes up from the right, so the channels met the columns of the picture. The condition "
    "needs the shape (B, C_out, 1, 1).",
)
def not_broadcast(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    h = block["conv1"](F.silu(block["norm1"](x))) + block["cond"](F.silu(c))
    out: Tensor = block["skip"](x) + block["conv2"](F.silu(block["norm2"](h)))
    return out


@EXERCISE.mistake(
    "You convolved first and normalised after it.",
    "That order is in use too, but its layers have other sizes. Here each convolution comes last: "
    "normalise, bend, convolve.",
)
def convolved_first(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    h = F.silu(block["norm1"](block["conv1"](x))) + block["cond"](F.silu(c))[:, :, None, None]
    out: Tensor = block["skip"](x) + F.silu(block["norm2"](block["conv2"](h)))
    return out


@EXERCISE.mistake(
    "You bent with ReLU.",
    "SiLU(u) = u / (1 + exp(-u)) is its smooth relative, and the one in the equation: "
    "torch.nn.functional.silu.",
)
def by_relu(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    h = block["conv1"](F.relu(block["norm1"](x))) + block["cond"](F.relu(c))[:, :, None, None]
    out: Tensor = block["skip"](x) + block["conv2"](F.relu(block["norm2"](h)))
    return out


@EXERCISE.mistake(
    "You switched the gradient off, so the block can never learn.",
    "torch.no_grad() and .detach() belong where one samples or measures. Here the training must find its way "
    "from the result back to the weights.",
)
def without_gradient(x: Tensor, c: Tensor, block: nn.ModuleDict) -> Tensor:
    with torch.no_grad():
        return resnet_block(x, c, block)
