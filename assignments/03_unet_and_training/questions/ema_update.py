"""Exercise: the moving average of a network's weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from minidiff.check import Case, Exercise

EXERCISE = Exercise(
    name="ema_update",
    statement=r"""
Let the averaged network follow the trained one, in place:

$$\bar\theta \leftarrow d\,\bar\theta + (1 - d)\,\theta$$

`ema_net` and `net` are modules of the same kind, `decay` is $d$, a number such as 0.999. Change the
weights of `ema_net`, nothing else; what you give back is not looked at.
""",
    signature="ema_update(ema_net, net, decay)",
    see="eq-training-ema",
    hints=(
        "Go through both networks' parameters side by side: zip(ema_net.parameters(), net.parameters()).",
        "No gradient should flow through it: decorate the function with @torch.no_grad().",
        "averaged = ... only gives a new tensor a name. Methods whose names end in _, such as mul_, add_ and "
        "copy_, change the tensor itself.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.training.state.EMA.update",  # training keeps its average to itself
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Decays from fast to slow."""

    def net() -> nn.Module:
        made = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
        with torch.no_grad():
            for weights in made.parameters():
                weights.copy_(torch.randn(weights.shape, generator=generator))
        return made

    return [Case(f"decay {d}", (net(), net(), d)) for d in (0.9, 0.5, 0.999)]


@EXERCISE.observed
def weights_of_both(result: Any, args: tuple[Any, ...]) -> dict[str, Tensor]:
    """What the two networks hold afterwards."""
    ema_net, net, _ = args
    seen = {f"ema_net {name}": x for name, x in ema_net.named_parameters()}
    return seen | {f"net {name}": x for name, x in net.named_parameters()}


@EXERCISE.reference
def ema_update(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    """In place, without gradients."""
    with torch.no_grad():
        for averaged, new in zip(ema_net.parameters(), net.parameters(), strict=True):
            averaged.mul_(decay).add_(new, alpha=1 - decay)


@EXERCISE.correct
def by_lerp(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    """A part of the way towards the new weights."""
    for averaged, new in zip(ema_net.parameters(), net.parameters(), strict=True):
        averaged.data.lerp_(new.data, 1 - decay)


@EXERCISE.correct
def by_state(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    """Through the dictionaries of tensors."""
    new = net.state_dict()
    mixed = {name: decay * x + (1 - decay) * new[name] for name, x in ema_net.state_dict().items()}
    ema_net.load_state_dict(mixed)


def _mix(ema_net: nn.Module, net: nn.Module, old: float, new: float) -> None:
    for averaged, fresh in zip(ema_net.parameters(), net.parameters(), strict=True):
        averaged.data = old * averaged.data + new * fresh.data


@EXERCISE.correct
def towards_the_new(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    """A step of 1 - d towards the trained weights."""
    new = dict(net.named_parameters())
    for name, averaged in ema_net.named_parameters():
        averaged.data.sub_((1 - decay) * (averaged.data - new[name].data))


@EXERCISE.correct
def all_at_once(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    """As one long vector."""
    flat = torch.nn.utils.parameters_to_vector
    with torch.no_grad():
        mixed = decay * flat(ema_net.parameters()) + (1 - decay) * flat(net.parameters())
        torch.nn.utils.vector_to_parameters(mixed, ema_net.parameters())


@EXERCISE.mistake(
    "You swapped the weights d and 1 - d.",
    "d is near 1 and keeps the old average; only a small share, 1 - d, of the new weights comes in.",
)
def swapped(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    _mix(ema_net, net, 1 - decay, decay)


@EXERCISE.mistake(
    "You added the new weights in full, without 1 - d.",
    "The two shares must sum to 1, or the average grows from step to step.",
)
def sum_of_both(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    _mix(ema_net, net, decay, 1)


@EXERCISE.mistake(
    "You copied the new weights.",
    "Then there is no average: the old one must be kept, with the share d.",
)
def copied(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    _mix(ema_net, net, 0, 1)


@EXERCISE.mistake(
    "You changed the network that is being trained.",
    "The average only looks on. Change the weights of ema_net and leave net alone.",
)
def trained_changed(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    _mix(net, ema_net, 1 - decay, decay)


@EXERCISE.mistake(
    "Nothing was changed in ema_net.",
    "A line such as averaged = decay * averaged + ... only gives a new tensor a name, and leaves the network "
    "as it was. Change the tensor itself: averaged.copy_(...), or mul_ and add_.",
)
def only_a_name(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    for averaged, fresh in zip(ema_net.parameters(), net.parameters(), strict=True):
        _ = decay * averaged + (1 - decay) * fresh


@EXERCISE.mistake(
    "You only averaged the first tensor.",
    "Every parameter has its average: let the loop run to its end.",
)
def first_only(ema_net: nn.Module, net: nn.Module, decay: float) -> None:
    averaged, fresh = next(ema_net.parameters()), next(net.parameters())
    averaged.data = decay * averaged.data + (1 - decay) * fresh.data
