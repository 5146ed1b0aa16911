"""Exercise: one step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, AdamW, Optimizer

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

Loss = Callable[[nn.Module], Tensor]

EXERCISE = Exercise(
    name="train_step",
    statement=r"""
Take one step of gradient descent, with a gradient that is never longer than 1:

$$\mathbf{g} = \nabla_\theta L(\theta), \qquad
\mathbf{g} \leftarrow \min\Bigl(1, \frac{1}{\|\mathbf{g}\|}\Bigr)\, \mathbf{g}$$

Here $\mathbf{g}$ is the gradient with respect to all the weights of the network, as one long vector. The
step itself, from $\mathbf{g}$ to new weights, is done by the optimizer.

`net` is a network, `optimizer` a torch optimizer of its weights. `loss_of(net)` computes the loss of a
batch, a tensor of one number with a gradient. The gradients of the step before may still be there. Give back
the loss with which the step was made, as a number.
""",
    signature="train_step(net, optimizer, loss_of)",
    see="eq-training-loss",
    hints=(
        "Five lines: compute the loss, empty the gradients, compute the new ones, clip, step. "
        "In which order can they stand?",
        "backward() adds to the gradients that are there. step() uses the gradients that are there.",
        "torch.nn.utils has a function that shortens the gradient of many tensors as if they were one "
        "vector. It changes the gradients in place, and leaves a short gradient as it is.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.train",
        "minidiff.training.state.TrainState.descend",  # the step of train, which has no public name
    ),
)


class Line(nn.Module):
    """The smallest network: x W + b."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2, generator=generator))
        self.bias = nn.Parameter(torch.randn(2, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, 3) → (B, 2)."""
        return x @ self.weight + self.bias

    def __deepcopy__(self, memo: dict[int, Any]) -> Line:
        """A copy with its gradients, which torch's own way leaves behind."""
        made = memo[id(self)] = Line(torch.Generator())
        for old, new in zip(self.parameters(), made.parameters(), strict=True):
            memo[id(old)] = new
            new.data = old.data.clone()
            new.grad = None if old.grad is None else old.grad.clone()
        return made


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """A gradient that must be clipped and one that must not, the first step and a later one."""

    def loss_with_gradient(length: float, net: nn.Module) -> Loss:
        x, wanted = noise(generator, 5, 3), noise(generator, 5, 2)

        def unscaled(net: nn.Module) -> Tensor:
            loss: Tensor = ((wanted - net(x)) ** 2).mean()
            return loss

        parts = torch.autograd.grad(unscaled(net), list(net.parameters()))
        scale = length / float(torch.cat([part.flatten() for part in parts]).norm())
        return lambda net: scale * unscaled(net)

    def case(name: str, kind: type[SGD | AdamW], length: float, first: bool = False) -> Case:
        net = Line(generator)
        optimizer = kind(net.parameters(), lr=0.1)
        if not first:  # as a step before leaves it
            for x in net.parameters():
                x.grad = 0.2 * noise(generator, *x.shape)
            optimizer.step()
        return Case(name, (net, optimizer, loss_with_gradient(length, net)))

    return [
        case("the first step, a long gradient", SGD, 6.0, first=True),
        case("a later step, a long gradient", SGD, 5.0),
        case("a later step, a short gradient", SGD, 0.3),
        case("a later step of AdamW", AdamW, 4.0),
    ]


@EXERCISE.observed
def weights_and_loss(result: Any, args: tuple[Any, ...]) -> Any:
    """The weights afterwards, the loss, and whether a gradient is left that is longer than 1."""
    net = args[0]
    left = [torch.zeros(1)] + [x.grad.flatten() for x in net.parameters() if x.grad is not None]
    seen = {"loss": result} | dict(net.named_parameters())
    seen |= {"gradient longer than 1": bool(torch.cat(left).norm() > 1.01)}
    return None if result is None else seen


@EXERCISE.reference
def train_step(
    net: nn.Module, optimizer: torch.optim.Optimizer, loss_of: Callable[[nn.Module], Tensor]
) -> float:
    """Empty, compute, clip, step."""
    loss = loss_of(net)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@EXERCISE.correct
def emptied_at_both_ends(network: nn.Module, opt: Optimizer, batch_loss: Loss) -> Tensor:
    """Other names; the gradients are emptied once more at the end, and the loss stays a tensor."""
    network.zero_grad(set_to_none=False)
    loss = batch_loss(network)
    loss.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(list(network.parameters()), max_norm=1)
    opt.step()
    opt.zero_grad()
    return loss.detach()


@EXERCISE.correct
def clipped_by_hand(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    """The length is written out."""
    for x in net.parameters():
        x.grad = None
    loss = loss_of(net)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = _gradients(net)
    length = sum(float((g**2).sum()) for g in gradients) ** 0.5
    if length > 1:
        for g in gradients:
            g /= length
    optimizer.step()
    return loss.item()


@EXERCISE.correct
def without_backward(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    """The gradients are asked for and put into their places."""
    weights = list(net.parameters())
    loss = loss_of(net)
    gradients = torch.autograd.grad(loss, weights)
    length = torch.cat([g.flatten() for g in gradients]).norm()
    for x, g in zip(weights, gradients, strict=True):
        x.grad = g * (1 / length).clamp(max=1)
    optimizer.step()
    return loss.item()


def _gradients(net: nn.Module) -> list[Tensor]:
    return [x.grad for x in net.parameters() if x.grad is not None]


def _clip_all(weights: Iterable[Tensor]) -> object:
    return clip_grad_norm_(weights, 1.0)


def _step(
    net: nn.Module,
    optimizer: Optimizer,
    loss_of: Loss,
    clip: Callable[[Iterable[Tensor]], object] = _clip_all,
) -> float:
    loss = loss_of(net)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    clip(net.parameters())
    optimizer.step()
    return loss.item()


@EXERCISE.correct
def gradients_set_to_none(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    """Emptied by hand, before the loss is computed."""
    for weights in net.parameters():
        weights.grad = None
    loss = loss_of(net)
    loss.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(list(net.parameters()), max_norm=1.0, norm_type=2)
    optimizer.step()
    return float(loss.detach())


@EXERCISE.correct
def scaled_by_hand(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> Tensor:
    """One long vector, as the equation has it; the loss comes back as a tensor."""
    net.zero_grad()
    loss = loss_of(net)
    loss.backward()  # type: ignore[no-untyped-call]
    length = torch.cat([g.flatten() for g in _gradients(net)]).norm()
    for g in _gradients(net):
        g.mul_(torch.clamp(1 / length, max=1.0))
    optimizer.step()
    return loss.detach()


@EXERCISE.mistake(
    "The gradient of the step before was still there when backward() ran.",
    "backward() adds to what it finds. Empty the gradients before it: optimizer.zero_grad().",
)
def not_emptied(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    loss = loss_of(net)
    loss.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@EXERCISE.mistake(
    "The weights did not move.",
    "step() moves them along the gradient that is there when it runs. Is it called, is it called after "
    "backward(), and is there no zero_grad() between the two?",
)
def not_moved(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    loss = loss_of(net)
    loss.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(net.parameters(), 1.0)
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@EXERCISE.mistake(
    "You stepped before backward(): along the gradient of the step before.",
    "step() uses the gradients that it finds, and at the very first step there are none. Compute this "
    "batch's gradient first.",
)
def stepped_first(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    loss = loss_of(net).item()
    optimizer.step()
    optimizer.zero_grad()
    loss_of(net).backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(net.parameters(), 1.0)
    return loss


@EXERCISE.mistake(
    "The gradient was not clipped when you stepped.",
    "A few batches have a gradient so long that one step can undo many. Clip its norm to 1 between "
    "backward(), which makes it, and step(), which uses it.",
)
def not_clipped(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    return _step(net, optimizer, loss_of, list)


@EXERCISE.mistake(
    "You clipped the gradient after the step.",
    "By then the weights have moved already, by the whole length of it. Clip before step().",
)
def clipped_after(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    loss = _step(net, optimizer, loss_of, list)
    clip_grad_norm_(net.parameters(), 1.0)
    return loss


@EXERCISE.mistake(
    "You clipped each entry of the gradient to [-1, 1].",
    "That changes its direction, and many entries below 1 still make a long vector. Shorten the vector as "
    "a whole, by its norm.",
)
def by_value(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    return _step(net, optimizer, loss_of, lambda weights: clip_grad_value_(weights, 1.0))


@EXERCISE.mistake(
    "You clipped each tensor's gradient by itself.",
    "The norm is that of all the gradients together, as one long vector. One factor for all keeps its "
    "direction.",
)
def tensor_by_tensor(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    return _step(net, optimizer, loss_of, lambda weights: [_clip_all([x]) for x in weights])


@EXERCISE.mistake(
    "You made every gradient 1 long, short ones too.",
    "Clipping only shortens. Near the goal gradients become small, and so should the steps.",
)
def always_one(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    def stretch(weights: Iterable[Tensor]) -> None:
        length = torch.cat([g.flatten() for g in _gradients(net)]).norm()
        for g in _gradients(net):
            g /= length

    return _step(net, optimizer, loss_of, stretch)


@EXERCISE.mistake(
    "You gave back the loss of the new weights.",
    "The loss that led to this step is known already, from before it. Asking the network once more costs "
    "as much time again.",
)
def loss_of_new_weights(net: nn.Module, optimizer: Optimizer, loss_of: Loss) -> float:
    _step(net, optimizer, loss_of)
    return loss_of(net).item()
