"""From a network to its program: torch follows one call, and each of its operations becomes one of ours."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from .program import Operation, Program, Shape, Value

Known = Value | Tensor | list[Any] | None
"""What is known of a step of torch's graph: a value, a tensor that is the same in every call, several."""


def trace(net: nn.Module, *example: Tensor) -> Program:
    """Follow a network through one call, and write down what it does.

    Args:
        net: The network, as it draws: without dropout.
        example: Its inputs as a page will give them, x, t and y of one picture. (A page, which computes one
            number after the other, would gain nothing from several at once.)

    Raises:
        ValueError: If the network does what a page cannot do; its name is told.
    """
    training = net.training
    try:
        exported = torch.export.export(net.eval(), example)
    finally:
        net.train(training)
    return _Tracer(exported).program


class _Tracer:
    """Goes along torch's graph, and adds to a program what it meets."""

    def __init__(self, exported: torch.export.ExportedProgram) -> None:
        told = exported.graph_signature
        homes = {**told.inputs_to_parameters, **told.inputs_to_buffers}
        lifted = told.inputs_to_lifted_tensor_constants
        self.program = Program()
        self.named: dict[int, Value] = {}  # constants, by the identity of their tensors
        self.known: dict[fx.Node, Known] = {}
        for node in exported.graph.nodes:
            if node.op == "placeholder" and node.name in homes:
                weight = exported.state_dict[homes[node.name]].detach()
                self.known[node] = weight
                self.named[id(weight)] = self.keep("w", self.program.weights, weight)
            elif node.op == "placeholder" and node.name in lifted:
                self.known[node] = exported.constants[lifted[node.name]]
            elif node.op == "placeholder":
                number = told.user_inputs.index(node.name)
                self.known[node] = Value(f"i{number}", shape_of(node.meta["val"]))
            elif node.op == "call_function":
                self.known[node] = self.step(node)
            else:
                (answer,) = fx.node.map_arg(node.args[0], self.known.__getitem__)
                self.program.answer = answer.name

    def step(self, node: fx.Node) -> Known:
        """What is known of a step's result."""
        name = "getitem" if node.target is operator.getitem else str(node.target)
        arguments = fx.node.map_arg(node.args, self.known.__getitem__)
        options = fx.node.map_arg(node.kwargs, self.known.__getitem__)
        if name.startswith("aten._assert"):
            return None
        if all(isinstance(self.known[before], Tensor) for before in node.all_input_nodes):
            result: Tensor = node.target(*arguments, **options)  # type: ignore[operator]
            return result  # computed here, once and for all
        if name not in LOWERED:
            raise ValueError(
                f"the network calls {name}, which no page can carry out; it can {', '.join(sorted(LOWERED))}"
            )
        self.node = node
        known: Known = LOWERED[name](self, *arguments, **options)
        return known

    @property
    def shape(self) -> Shape:
        """Of what the step at hand gives."""
        return shape_of(self.node.meta["val"])

    def keep(self, letter: str, among: list[Tensor], tensor: Tensor) -> Value:
        """A new constant of the program."""
        among.append(tensor)
        return Value(f"{letter}{len(among) - 1}", shape_of(tensor))

    def value(self, known: Any) -> Value:
        """The value of that name; of a tensor or a number, a constant."""
        if isinstance(known, Value):
            return known
        if isinstance(known, int | float):
            known = torch.tensor([float(known)])
        if id(known) not in self.named:
            self.named[id(known)] = self.keep("c", self.program.constants, known)
        return self.named[id(known)]

    def do(self, does: str, *takes: Any, shape: Shape | None = None, **how: Any) -> Value:
        """Add an operation; gives its result."""
        values = tuple(self.value(known) for known in takes if known is not None)
        made = Operation(does, values, how, self.shape if shape is None else shape)
        self.program.operations.append(made)
        return Value(f"r{len(self.program.operations) - 1}", made.shape)


def shape_of(tensor: Tensor) -> Shape:
    """The shape of a tensor, also of one that torch only pretends to have."""
    return tuple(int(n) for n in tensor.shape)


# ---- what each of torch's operations becomes ---------------------------------------------------------


def _same(tracer: _Tracer, x: Value, *_: Any, **__: Any) -> Value:
    """The same numbers in the same order, perhaps in another shape."""
    return Value(x.name, tracer.shape)


def _named(does: str) -> Callable[..., Value]:
    """An operation that needs nothing but what it takes."""

    def lower(tracer: _Tracer, *takes: Any, **how: Any) -> Value:
        if how:
            raise ValueError(f"a page's {does} has no {', '.join(how)}")
        return tracer.do(does, *takes)

    return lower


def _in_place(does: str) -> Callable[..., Value]:
    """What torch writes into a tensor that nobody else sees, a page writes into a new one."""

    def lower(tracer: _Tracer, x: Value, *others: Any) -> Value:
        changed = tracer.node.all_input_nodes[0]
        if len(changed.users) > 1 or changed.op == "placeholder" or str(changed.target) in VIEWS:
            raise ValueError(
                f"the network changes {changed} in place by {does}, and that is seen elsewhere, too"
            )
        return tracer.do(does, x, *others)

    return lower


def _as_type(tracer: _Tracer, x: Value, *_: Any, **__: Any) -> Value:
    before = tracer.node.args[0].meta["val"]  # type: ignore[union-attr]
    if before.is_floating_point() and not tracer.node.meta["val"].is_floating_point():
        raise ValueError("the network cuts numbers off to integers, which no page can carry out")
    return _same(tracer, x)


def _convolve(tracer: _Tracer, x: Value, *given: Any) -> Value:
    weight, bias, stride, padding, dilation, groups = _all(
        given, None, None, (1, 1), (0, 0), (1, 1), 1
    )
    if groups != 1 or {*dilation} != {1} or len({*stride}) > 1 or len({*padding}) > 1:
        raise ValueError(
            "a page's convolution has one stride and one padding for both axes, no dilation and no groups; "
            f"got {stride=}, {padding=}, {dilation=}, {groups=}"
        )
    return tracer.do("convolve", x, weight, bias, stride=stride[0], padding=padding[0])


def _all(given: Sequence[Any], *defaults: Any) -> list[Any]:
    """Torch's arguments, with the defaults of those that were not given."""
    return [*given, *defaults[len(given) :]]


def _normalize(tracer: _Tracer, x: Value, groups: int, *given: Any) -> Value:
    weight, bias, eps, _ = _all(given, None, None, 1e-5, True)
    return tracer.do("normalize", x, weight, bias, groups=groups, eps=eps)


def _normalize_all(tracer: _Tracer, x: Value, size: Sequence[int], *given: Any) -> Value:
    if len(x.shape) != 2 or len(size) != 1:
        raise ValueError(
            f"a page's layer norm is of vectors, one an example; got {x.shape}, over {[*size]}"
        )
    return _normalize(tracer, x, 1, *given)


def _permute(tracer: _Tracer, x: Value, dims: Sequence[int]) -> Value:
    return tracer.do("permute", x, dims=[d % len(dims) for d in dims])


def _transpose_last(tracer: _Tracer, x: Value) -> Value:
    *before, row, column = range(len(x.shape))
    return _permute(tracer, x, [*before, column, row])


def _unbind(tracer: _Tracer, x: Value, dim: int = 0) -> list[Value]:
    parts = enumerate(tracer.node.meta["val"])
    return [tracer.do("part", x, shape=shape_of(one), dim=dim, at=i) for i, one in parts]


def _expand(tracer: _Tracer, x: Value, *_: Any, **__: Any) -> Value:
    if x.shape != tracer.shape:
        raise ValueError(f"no page can repeat numbers to make {tracer.shape} of {x.shape}")
    return x


def _double(
    tracer: _Tracer, x: Value, size: Any = None, factors: Sequence[float] | None = None
) -> Value:
    if factors is None or {*factors} != {2.0}:
        raise ValueError(f"a page can make a picture twice as large; got {size=}, {factors=}")
    return tracer.do("double", x)


def _softmax(tracer: _Tracer, x: Value, dim: int, *_: Any, **__: Any) -> Value:
    if dim % len(x.shape) != len(x.shape) - 1:
        raise ValueError(f"a page's softmax goes over the last axis; got {dim=}")
    return tracer.do("softmax", x)


LOWERED: Mapping[str, Callable[..., Any]] = {
    f"aten.{name}" if "." in name else name: lowering
    for names, lowering in (
        (
            "reshape.default view.default unsqueeze.default to.device dropout.default",
            _same,
        ),
        ("to.dtype", _as_type),
        ("add.Tensor", _named("add")),
        ("add_.Tensor", _in_place("add")),
        ("mul.Tensor", _named("multiply")),
        ("silu.default", _named("silu")),
        ("silu_.default", _in_place("silu")),
        ("sin.default", _named("sin")),
        ("cos.default", _named("cos")),
        ("linear.default", _named("linear")),
        ("matmul.default", _named("matmul")),
        ("conv2d.default", _convolve),
        ("group_norm.default", _normalize),
        ("layer_norm.default", _normalize_all),
        ("permute.default", _permute),
        ("mT.default", _transpose_last),
        ("unbind.int", _unbind),
        ("getitem", lambda tracer, parts, i: parts[i]),
        ("expand.default", _expand),
        ("upsample_nearest2d.vec", _double),
        ("softmax.int", _softmax),
        ("cat.default", lambda tracer, parts, dim=0: tracer.do("concatenate", *parts, dim=dim)),
        ("embedding.default", lambda tracer, table, rows, *_: tracer.do("rows", table, rows)),
    )
    for name in names.split()
}

_SHARING = "reshape.default view.default unsqueeze.default to.device to.dtype dropout.default permute.default"
VIEWS = {
    "<built-in function getitem>",
    *(f"aten.{name}" for name in f"{_SHARING} mT.default expand.default".split()),
}
"""What may give a tensor that has its numbers in another one."""
