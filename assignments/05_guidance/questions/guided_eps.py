"""Exercise: classifier-free guidance, two predictions made into one."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise
from minidiff.check.standin import StandIn


class LabelNet(StandIn):
    """Stands in for a trained network: its answer depends on x, t and the label; the last label is none."""

    def answer(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Labels above that one do not exist."""
        if self.null_label is not None and int(y.max()) > self.null_label:
            raise IndexError(f"labels go from 0 to {self.null_label}, got {int(y.max())}")
        return torch.sin(x + 0.7 * y) + 0.001 * t * x


EXERCISE = Exercise(
    name="guided_eps",
    statement=r"""
Classifier-free guidance, as the slides write it:

$$\tilde{\boldsymbol\epsilon} = (1 + w)\,\boldsymbol\epsilon_\theta(\mathbf{x}_t, t, y)
    - w\,\boldsymbol\epsilon_\theta(\mathbf{x}_t, t, y = \varnothing)$$

`net(x_t, t, y)` takes labels as a LongTensor (B,); the label that means "none" is `net.null_label`, and
leaving `y` out means the same.
`w` is a number. Give back the guided prediction.
""",
    signature="guided_eps(net, x_t, t, y, w)",
    see="eq-cfg-mix",
    hints=(
        "Ask the network twice: with the labels, and with the null label for every picture.",
        "torch.full_like(y, net.null_label) makes the second batch of labels.",
        "Check: with w = 0 the result is the answer with labels, with w = -1 the one without.",
    ),
    practice=False,
    out_of_reach=("minidiff.classifier_free_guidance",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """With weights 0, 1, and one that is no whole number; ten classes and three."""

    def case(name: str, classes: int, labels: list[int], w: float) -> Case:
        x_t = noise(generator, 3, 1, 2, 2)
        t, y = torch.tensor([5, 300, 1000]), torch.tensor(labels)
        return Case(name, (LabelNet(classes), x_t, t, y, w))

    return [
        case("w = 0", 10, [0, 7, 3], 0.0),
        case("w = 1", 10, [0, 7, 3], 1.0),
        case("w = 2.5", 10, [0, 7, 3], 2.5),
        case("three classes, w = 1.5", 3, [0, 2, 1], 1.5),
    ]


def _both(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return net(x_t, t, y), net(x_t, t, torch.full_like(y, net.null_label))


@EXERCISE.reference
def guided_eps(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    """Two calls."""
    conditional = net(x_t, t, y)
    unconditional = net(x_t, t, torch.full_like(y, net.null_label))
    return (1 + w) * conditional - w * unconditional


@EXERCISE.correct
def one_batch(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    """One call with a doubled batch."""
    labels = torch.cat([y, torch.full_like(y, net.null_label)])
    both = net(torch.cat([x_t, x_t]), torch.cat([t, t]), labels)
    conditional, unconditional = both.chunk(2)
    return conditional + w * (conditional - unconditional)


@EXERCISE.correct
def label_left_out(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    """No label is no label."""
    return (1 + w) * net(x_t, t, y=y) - w * net(x_t, t)


@EXERCISE.correct
def written_with_s(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    """The other convention, rightly translated: s = 1 + w."""
    s = 1 + w
    conditional, unconditional = _both(net, x_t, t, y)
    return unconditional + s * (conditional - unconditional)


@EXERCISE.correct
def by_lerp(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    """Beyond the end of the line from one prediction to the other."""
    with_label, without = _both(net, x_t, t, y)
    return torch.lerp(without, with_label, 1 + w)


@EXERCISE.correct
def by_a_correction(net: LabelNet, x: Tensor, times: Tensor, labels: Tensor, w: float) -> Tensor:
    """The conditional prediction, and w times the difference; in float64."""
    none = torch.tensor([net.null_label] * len(labels))
    with_label = net(x, times, labels).double()
    return with_label + w * (with_label - net(x, times, none))


@EXERCISE.mistake(
    "Your w is the s of the other convention: uncond + w (cond - uncond).",
    "Both are in use, with s = 1 + w. On the slides w = 0 means no guidance; here yours would ignore the "
    "label at w = 0.",
)
def other_convention(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    conditional, unconditional = _both(net, x_t, t, y)
    return unconditional + w * (conditional - unconditional)


@EXERCISE.mistake(
    "You swapped the two predictions.",
    "The label's prediction gets the larger weight, 1 + w; yours walks away from the label.",
)
def predictions_swapped(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    conditional, unconditional = _both(net, x_t, t, y)
    return (1 + w) * unconditional - w * conditional


@EXERCISE.mistake(
    "You added the unconditional prediction.",
    "It is subtracted: the weights 1 + w and -w sum to 1, so a part on which both agree stays as it is.",
)
def plus(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    conditional, unconditional = _both(net, x_t, t, y)
    return (1 + w) * conditional + w * unconditional


@EXERCISE.mistake(
    "You left the unconditional prediction out.",
    "(1 + w) times one prediction makes the noise larger everywhere; what guides is the difference of two.",
)
def conditional_only(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    return (1 + w) * net(x_t, t, y)


@EXERCISE.mistake(
    "You forgot the 1 in 1 + w.",
    "w (cond - uncond) is the difference alone; it is added to the label's own prediction.",
)
def difference_only(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    conditional, unconditional = _both(net, x_t, t, y)
    return w * (conditional - unconditional)


@EXERCISE.mistake(
    'You used label 0 for "no label".',
    "0 is the digit zero. The label that was trained to mean none is net.null_label.",
)
def zero_for_none(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    return (1 + w) * net(x_t, t, y) - w * net(x_t, t, torch.zeros_like(y))


@EXERCISE.mistake(
    'You used label -1 for "no label".',
    "An embedding has no row -1 (torch would take another row, or stop). The row for none is net.null_label.",
)
def minus_one_for_none(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    return (1 + w) * net(x_t, t, y) - w * net(x_t, t, torch.full_like(y, -1))


@EXERCISE.mistake(
    'You used label 10 for "no label", whatever the network is.',
    "With ten classes that is right. A network of three classes means none by label 3: ask it for its "
    "net.null_label.",
)
def always_ten(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    return (1 + w) * net(x_t, t, y) - w * net(x_t, t, torch.full_like(y, 10))


@EXERCISE.mistake(
    "You asked the network about a label that it does not have.",
    "With ten classes the labels go from 0 to 9, and the one after them, 10, means none: net.null_label. "
    "There is no row behind that.",
)
def one_too_far(net: LabelNet, x_t: Tensor, t: Tensor, y: Tensor, w: float) -> Tensor:
    return (1 + w) * net(x_t, t, y) - w * net(x_t, t, torch.full_like(y, 11))
