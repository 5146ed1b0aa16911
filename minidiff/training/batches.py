"""The data of a training: checked once, kept near, drawn from in each step."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

from ..base.model import bare
from ..base.ranges import warn_of_other_range
from ..base.rng import BatchSlice, randint, seeded
from ..base.validate import check_floats, check_labels, shown
from .processes import Draws
from .settings import describe_callable, describe_tensor, fingerprint

KEEP_ON_DEVICE = 2**31  # bytes of data that are moved to the GPU once; more goes batch by batch
TAKEN = ("net", "schedule", "generator")  # names of a loss's other arguments
LOOKED_AT = 2  # examples that a function makes before the training, to see what they are

Batch = dict[str, Tensor]
"""Examples are ``x_0`` and conditions by name, each with the batch as its first axis."""

Entries = dict[str, tuple[str, Any]]
"""The same before it is checked, with what an error calls each, and its value."""


class Source(ABC):
    """Where the batches of a training come from."""

    @property
    @abstractmethod
    def example(self) -> Batch:
        """A few examples, to see their shapes and the names of their conditions."""

    @abstractmethod
    def described(self) -> str:
        """What the data are, in a line; it has to be the same when a run goes on."""

    @abstractmethod
    def examples(self, count: int, generator: Draws) -> Batch:
        r"""Draw :math:`x_0 \sim q(x_0)`, each with its conditions: independently, all equally likely."""

    classes: tuple[str, ...] = ()
    """The names of the labels, where the data have any."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one :math:`x_0`."""
        return tuple(self.example["x_0"].shape[1:])

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of what comes with it, such as ``y``."""
        return tuple(name for name in self.example if name != "x_0")

    def move(self, device: torch.device) -> None:  # noqa: B027 (most have nothing to move)
        """Move the data to the device once, where they take little of its memory."""

    def draw(
        self, count: int, generator: Draws, device: torch.device
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw a batch: ``x_0`` of shape (count, ...), and its conditions by name, on ``device``."""
        drawn = self.examples(count, generator)
        moved = {name: x.to(device, non_blocking=True) for name, x in drawn.items()}
        return moved.pop("x_0"), moved


class Tensors(Source):
    """Data that lie in memory, as tensors with one first axis."""

    def __init__(self, data: Any, net: nn.Module) -> None:
        self.tensors = checked(entries(data, "data"), net)

    @property
    def example(self) -> Batch:
        """The first row."""
        return {name: x[:1] for name, x in self.tensors.items()}

    def described(self) -> str:
        """Shapes, types, and a hash of what they hold."""
        names = [name for name in self.conditions if name != "y"]  # y is known by its place
        others = "".join(f", {name} {fingerprint(self.tensors[name])}" for name in sorted(names))
        return fingerprint(self.tensors["x_0"], self.tensors.get("y")) + others

    def move(self, device: torch.device) -> None:
        """Move the tensors to the device, if they are not too large."""
        if sum(x.numel() * x.element_size() for x in self.tensors.values()) <= KEEP_ON_DEVICE:
            self.tensors = {name: x.to(device) for name, x in self.tensors.items()}

    def examples(self, count: int, generator: Draws) -> Batch:
        """Rows of the tensors."""
        row = randint(0, len(self.tensors["x_0"]) - 1, (count,), generator)
        return {n: x[row.to(x.device, non_blocking=True)] for n, x in self.tensors.items()}


class Items(Source):
    """A torch data set, whose items are decoded as they are drawn."""

    def __init__(self, data: Any, net: nn.Module) -> None:
        name = type(data).__name__
        if isinstance(data, IterableDataset) or not hasattr(data, "__len__"):
            raise TypeError(
                f"data is a {name}, of whose items none can be drawn by its number: give a data set with "
                "__len__ and __getitem__, or a function draw(n, generator)"
            )
        if len(data) == 0:
            raise ValueError(f"data is empty: the {name} has no items")
        self.data = data
        self.classes = tuple(getattr(data, "classes", ()))
        with torch.random.fork_rng(devices=[]):  # an item may be varied by chance
            self.first = checked(self._read([0]), net)

    @property
    def example(self) -> Batch:
        """The first item."""
        return self.first

    def described(self) -> str:
        """The class, its length and what an item is, where the data do not say it themselves."""
        own = getattr(self.data, "described", None)
        if callable(own):
            return str(own())
        kinds = [f"{name} {describe_tensor(x[0])}" for name, x in self.first.items()]
        return f"{type(self.data).__name__} of {len(self.data)} items, {', '.join(kinds)}"

    def examples(self, count: int, generator: Draws) -> Batch:
        """Items, one beside the other."""
        row = randint(0, len(self.data) - 1, (count,), generator)
        return {name: x for name, (_, x) in self._read(row.tolist()).items()}

    def _read(self, rows: list[int]) -> Entries:
        from ..data.pictures import Pictures  # whoever trains on tensors needs no data set of ours

        if isinstance(self.data, Pictures):
            return entries(self.data.batch(rows), f"data[{rows[0]}]")
        try:
            batch = default_collate([self.data[i] for i in rows])
        except RuntimeError as error:
            raise ValueError(
                f"items {rows} of data make no batch: {error}; all must have one shape"
            ) from error
        except TypeError as error:
            raise TypeError(
                f"an item of data is no tensor: {error}; give the data set a transform that makes one, "
                "with values in [-1, 1]"
            ) from error
        alone = isinstance(batch, Sequence) and len(batch) == 1  # TensorDataset(x_0) gives (x_0,)
        return entries(batch[0] if alone else batch, f"data[{rows[0]}]")


class OnTheFly(Source):
    """A function that makes examples when they are asked for: ``draw(n, generator) -> dict``."""

    def __init__(self, data: Callable[[int, torch.Generator], Any], net: nn.Module) -> None:
        self.data, self.net = data, net
        with torch.random.fork_rng(devices=[]):
            self.first = self._made(LOOKED_AT, seeded(0), look_inside=True)

    @property
    def example(self) -> Batch:
        """What it made when it was tried."""
        return self.first

    def described(self) -> str:
        """The function's name, and what an example is."""
        kinds = [f"{name} {describe_tensor(x[0])}" for name, x in self.first.items()]
        return f"made by {describe_callable(self.data)}, {', '.join(kinds)}"

    def examples(self, count: int, generator: Draws) -> Batch:
        """New examples; where processes share a batch, each makes all of it and takes its rows."""
        if not isinstance(generator, BatchSlice):
            return self._made(count, generator)
        rows = slice(generator.start, generator.start + count)
        whole = self._made(generator.total, generator.generator)
        return {name: x[rows] for name, x in whole.items()}

    def _made(self, count: int, generator: torch.Generator, look_inside: bool = False) -> Batch:
        said = f"{describe_callable(self.data)}({count}, generator)"
        made = checked(entries(self.data(count, generator), said), self.net, look_inside)
        if len(made["x_0"]) != count:
            raise ValueError(f"{said} must give {count} examples, got {len(made['x_0'])}")
        return made


def warn_of_first_batch(x_0: Tensor, conditions: Mapping[str, Tensor], net: nn.Module) -> None:
    """Warn of what is allowed, but is nearly always a slip: pictures in 0..255, labels that count from 1."""
    warn_of_other_range("data", x_0, stacklevel=6)  # the line that called train
    y, null = conditions.get("y"), getattr(bare(net), "null_label", None)
    if y is not None and null is not None and bool((y == null).any()) and not bool((y == 0).any()):
        warnings.warn(
            f"data hold the label {null} and no label 0. Labels count from 0, and {null} = classes is the "
            f'null label, "no class": examples that have it train the network without a class. Subtract 1 '
            f"from your labels, if they count from 1",
            stacklevel=6,
        )


def read_data(data: Any, net: nn.Module) -> Source:
    """What :func:`~minidiff.train` takes as data, as a source of batches.

    Args:
        data: A tensor, a pair ``(x_0, y)``, a dict of tensors, a torch data set or a loader of one, or a
            function ``draw(n, generator)``.
        net: The network that will learn from them.

    Raises:
        TypeError: If the data are none of these, or hold no floats.
        ValueError: If they are empty or not finite, or parts of them, or labels and network, do not go
            together.
        IndexError: If a label is out of range.
    """
    if isinstance(data, DataLoader):
        data = items_of(data)
    if isinstance(data, Dataset):
        return Items(data, net)
    pair = isinstance(data, Sequence) and not isinstance(data, str) and len(data) == 2
    if pair or isinstance(data, Tensor | Mapping):
        return Tensors(data, net)
    if callable(data):
        return OnTheFly(data, net)
    raise TypeError(
        f"data must be a tensor x_0 or a pair (x_0, y), a dict of tensors, a torch Dataset, or a function "
        f"draw(n, generator); got {type(data).__name__}; several tensors of images are joined by torch.cat"
    )


def items_of(loader: DataLoader[Any]) -> Dataset[Any]:
    """The data set behind a loader: a training draws its items itself, so that it can go on after a break.

    Raises:
        ValueError: If the loader makes batches in a way of its own.
    """
    if loader.collate_fn is not default_collate:
        raise ValueError(
            "data is a DataLoader with a collate_fn of its own, and a training draws items itself: give a "
            "data set whose items are what the network learns from, or a function draw(n, generator)"
        )
    return loader.dataset


def entries(data: Any, said: str) -> Entries:
    """Name the parts of data: ``x_0``, and its conditions. Those that are None are left out.

    Raises:
        TypeError: If the data are no tensor, pair or dict.
        ValueError: If a dict has no ``x_0``, or a name that no condition can have.
    """
    if isinstance(data, Tensor):
        return {"x_0": (said, data)}
    if isinstance(data, Mapping):
        if "x_0" not in data:
            raise ValueError(
                f"{said} has no 'x_0', only {', '.join(map(repr, data))}: the data themselves go under "
                "'x_0', conditions under their names"
            )
        for name in data:
            if not isinstance(name, str) or not name.isidentifier() or name in TAKEN:
                raise ValueError(
                    f"{said} has the name {name!r}: a condition goes to the loss under its name, which "
                    f"must be a word, and none of {', '.join(TAKEN)}"
                )
        return {n: (f"{said}[{n!r}]", value) for n, value in data.items() if value is not None}
    if isinstance(data, Sequence) and len(data) == 2:
        return {"x_0": (f"{said}[0] (x_0)", data[0]), "y": (f"{said}[1] (y)", data[1])}
    raise TypeError(
        f"{said} must be a tensor x_0, a pair (x_0, y) or a dict of tensors, got {shown(data)}"
    )


def checked(parts: Entries, net: nn.Module, look_inside: bool = True) -> Batch:
    """The parts of data, once they are what they must be; errors as :func:`read_data`."""
    said, x_0 = parts["x_0"]
    check_floats(said, x_0, look_inside=look_inside)
    for name, (said, x) in parts.items():
        if name == "y":
            _check_y(said, x, len(x_0), net, look_inside)
        elif name != "x_0":
            _check_condition(said, x, len(x_0), look_inside)
    return {name: x for name, (_, x) in parts.items()}


def _check_y(said: str, y: Any, count: int, net: nn.Module, look_inside: bool) -> None:
    classes = getattr(bare(net), "classes", None)
    if classes is None:
        raise ValueError(
            "data has labels, but the network has no classes: build it with classes=..., or "
            "give data=x_0 alone"
        )
    if not isinstance(y, Tensor):
        raise TypeError(f"{said} must be a LongTensor (N,), got {type(y).__name__}")
    check_labels(y, classes, count, name=said, look_inside=look_inside)


def _check_condition(said: str, x: Any, count: int, look_inside: bool) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{said} must be a tensor (N, ...), one row an example, got {shown(x)}")
    if x.dim() == 0 or len(x) != count:
        raise ValueError(
            f"{said} must have {count} rows, one for each example of x_0; got shape {tuple(x.shape)}"
        )
    if x.is_floating_point():
        check_floats(said, x, look_inside=look_inside)
