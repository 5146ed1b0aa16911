"""What a network is: how it is called, what it predicts, where it computes, how it is made again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from .validate import check_choice, check_generator

Net = Callable[..., Tensor]
"""A network, called as ``net(x_t, t)``, or with conditions by name: ``net(x_t, t, y=labels)``."""

EpsModel = Callable[[Tensor, Tensor], Any]
"""What a sampler wants, ``eps_model(x_t, t)`` with t a LongTensor (B,), giving a tensor like x_t."""

KINDS = ("eps", "x0", "v", "score")
"""What a network of a diffusion may predict; see the table of conversions."""

BLIND = ("eps", "score")
"""The two of them that do not tell x_0 from pure noise."""

PREDICTIONS = (*KINDS, "velocity")
"""What a network may predict, one of these or the velocity of a flow."""

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])

NOT_KEPT = (
    "seed",
    "generator",
)  # of a constructor: they say where weights come from, not their shape


class Network(nn.Module):
    """A module that remembers how it was made: ``type(net)(**net.config)`` has the same layers.

    Attributes:
        config: The arguments of the constructor, noted down by themselves (not the seed: weights are
            restored from a state dict). Where an argument is None, and the constructor settles what that
            means, it keeps the answer under the argument's name, and that is what is noted.
        later: Arguments that the constructor was given in a later version of the class. They are noted only
            where they differ from their default: what an earlier version kept of a network stays the same.
    """

    config: dict[str, Any]
    later: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the constructor of each kind of network note its arguments in ``config``."""
        super().__init_subclass__(**options)
        if "__init__" in cls.__dict__:
            cls.__init__ = _noting_arguments(cls.__init__)  # type: ignore[method-assign]

    @property
    def device(self) -> torch.device:
        """The device that the weights are on; the CPU where there are none."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the weights."""
        return next(self.parameters()).dtype


class Denoiser(Network):
    """A network that is called ``net(x_t, t)``, or with conditions by name: ``net(x_t, t, y=labels)``.

    A condition that is left out means "none". Which conditions a network takes is read off its
    ``forward``: every argument after x and t. A network with others than the label ``y`` says by
    :meth:`none_of` what stands for none of each.

    Attributes:
        channels: Channels of an image, or coordinates of a point.
        classes: Number of labels, or ``None`` for a network that takes none.
        predicts: What the network's answer is: ``"eps"``, ``"x0"``, ``"v"``, ``"score"`` or ``"velocity"``.
            Training sets it to what the loss teaches; samplers obey it, and it is kept with the weights.
    """

    channels: int
    classes: int | None = None
    predicts: str = "eps"

    @property
    def null_label(self) -> int | None:
        """The row after the last real label, ``classes``, which says "no label"."""
        return self.classes

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of the conditions that the network takes."""
        named = list(inspect.signature(self.forward).parameters)[2:]
        return tuple(name for name in named if name != "y" or self.classes is not None)

    def none_of(self, name: str, value: Tensor) -> Tensor:
        """What stands for "none" in the place of a condition's ``value``, same shape.

        For labels it is the null label, for anything else zeros, unless a network knows better.
        """
        if name == "y":
            assert self.null_label is not None
            return torch.full_like(value, self.null_label)
        return torch.zeros_like(value)

    def __call__(
        self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None, **conditions: Any
    ) -> Tensor:
        """Predict from ``x`` at time ``t`` (and conditions); see the class for shapes."""
        if y is not None:
            conditions["y"] = y
        out: Tensor = super().__call__(x, t, **conditions)
        return out


def _noting_arguments(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def noting(self: Network, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        given = signature.bind(self, *args, **options)
        given.apply_defaults()
        _, *arguments = given.arguments.items()
        config: dict[str, Any] = {}
        for name, value in arguments:
            if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                config |= value
            else:
                config[name] = _plain(vars(self).get(name) if value is None else value)
        for name in {*type(self).later} & {*signature.parameters}:
            if config[name] == signature.parameters[name].default:
                del config[name]
        # A subclass's constructor runs this one inside, and notes its own arguments afterwards.
        self.config = {name: value for name, value in config.items() if name not in NOT_KEPT}

    return noting


def _plain(value: Any) -> Any:
    """Sequences as lists, as they come back from a file."""
    return list(value) if isinstance(value, tuple) else value


def bare(net: Any) -> Any:
    """The network itself: DistributedDataParallel and torch.compile keep it inside."""
    for name in ("module", "_orig_mod"):
        if hasattr(net, name):
            return bare(getattr(net, name))
    return net


def prediction_of(model: Any, kind: str | None = None) -> str:
    """What a model's answer is: ``kind`` where it is given, else what the model says, else the noise.

    Raises:
        ValueError: If it is none of :data:`PREDICTIONS`.
    """
    said = kind if kind is not None else getattr(bare(model), "predicts", "eps")
    check_choice("kind" if kind is not None else "predicts", said, PREDICTIONS)
    return str(said)


def teaches(prediction: str) -> Callable[[F], F]:
    """Say of a loss what the networks that it trains predict: ``loss.teaches``.

    :func:`~minidiff.train` reads it, and tells the network. A loss with an argument ``kind``, such as
    :func:`~minidiff.simple_loss`, needs no such mark; one's own function may also be given the attribute by
    hand.

    Args:
        prediction: One of :data:`PREDICTIONS`.

    Raises:
        ValueError: If it is none of them.
    """
    check_choice("teaches", prediction, PREDICTIONS)

    def mark(loss: F) -> F:
        loss.teaches = prediction  # type: ignore[attr-defined]
        return loss

    return mark


def said_by(model: Any) -> str | None:
    """What a model says itself that it predicts; None where nobody told it.

    That a network of the library predicts the noise as long as nobody says otherwise is no word of its own:
    one that was trained as a flow, by a loop of one's own, is no contradiction.
    """
    network = bare(model)
    untold = isinstance(network, Denoiser) and "predicts" not in vars(network)
    if untold and type(network).predicts == Denoiser.predicts:
        return None
    return getattr(network, "predicts", None)


def tell(net: Any, prediction: str) -> None:
    """Let a network say what it predicts: its attribute ``predicts``.

    Raises:
        ValueError: If it is none of :data:`PREDICTIONS`.
    """
    check_choice("predicts", prediction, PREDICTIONS)
    network = bare(net)
    if said_by(network) != prediction:  # a property may say so already
        network.predicts = prediction


def stands_for(model: M, network: Any, predicts: str | None = None) -> M:
    """Mark a function that wraps a network: it computes where the network does, and predicts the same.

    Args:
        model: The function.
        network: What it asks.
        predicts: What the function's answer is, where that is something else.
    """
    marked: Any = model
    marked.device = model_device(network)
    # Of a network that says nothing, the function that wraps it says nothing either.
    if predicts is not None or said_by(network) is not None:
        marked.predicts = prediction_of(network, predicts)
    return model


@contextmanager
def seeded_weights(seed: int, generator: torch.Generator | None = None) -> Iterator[None]:
    """Inside, layers draw their initial weights from ``seed``; torch's global state is put back.

    The weights are drawn on the CPU, so that a seed means the same network on every device.

    Args:
        seed: Any integer from 0 to 2⁶³ − 1.
        generator: Where given, it draws the seed instead.
    """
    check_generator("generator", generator)
    if generator is not None:
        seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # not torch.manual_seed: that would reseed the generators of the GPUs as well
        torch.default_generator.manual_seed(seed)
        yield


def model_device(model: object) -> torch.device | str:
    """Where a model computes: its ``.device``, else where its parameters are, else the CPU."""
    if (device := getattr(model, "device", None)) is not None:
        return device  # type: ignore[no-any-return]
    if isinstance(model, torch.nn.Module):
        for parameter in model.parameters():
            return parameter.device
    return "cpu"


def default_device() -> torch.device:
    """A GPU where there is one (CUDA, then Apple's), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pair(answer: Any) -> tuple[Tensor, Tensor]:
    """What a model says that also predicts its variance."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(
            f"with variance='learned', eps_model must return the pair (prediction, v); "
            f"got {type(answer).__name__}"
        )
    return answer
