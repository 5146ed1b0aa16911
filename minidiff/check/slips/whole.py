"""What people do to a whole function: each table at t - 1, two arguments exchanged, the root of it all."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ..exercise import Slip
from .speaker import LETTERS, called, operand
from .trees import TABLES, Function, Tree, index_of, shifted


def whole(tree: Tree) -> Iterator[Slip]:
    """All slips of a function as a whole."""
    for kind in (_times, _tables, _all_roots, _arguments, _results):
        yield from kind(tree)


# ---- tables ----------------------------------------------------------------------------------


def _times(tree: Tree) -> Iterator[Slip]:
    """Every table a step early, as by people who count from 0; with and without care for t = 1."""
    ways: dict[str, Callable[[ast.expr], ast.expr]] = {
        "the tables are looked up at t - 1": lambda i: shifted(i, -1),
        "the tables are looked up at t - 1, and at 1 where that is 0": lambda i: _at_least(i, 1),
        "the tables are looked up at t - 1, and at 0 where that is less": lambda i: _at_least(i, 0),
        "the tables are looked up at t + 1": lambda i: shifted(i, 1),
    }
    several = len({ast.unparse(i) for _, n in tree.nodes() if (i := index_of(n)) is not None}) > 1
    for when, way in ways.items():

        def rule(node: ast.AST, way: Callable[[ast.expr], ast.expr] = way) -> ast.expr | None:
            index = index_of(node)
            if index is None:
                return None
            assert isinstance(node, ast.Subscript)
            return ast.Subscript(node.value, way(index), ast.Load())

        function = tree.rewritten(rule)
        if function is not None:
            said = when.replace("the tables are", "each table is") if several else when
            said = (
                said.replace("t - 1", "its time - 1").replace("t + 1", "its time + 1")
                if several
                else said
            )
            yield Slip(said, "time", function, early=True)
    if "t" in tree.arguments:
        early = _with_arguments(tree, lambda given: given | {"t": _less_one(given["t"])})
        yield Slip("t - 1 stands in the place of t everywhere", "time", early, early=True)


def _at_least(index: ast.expr, least: int) -> ast.expr:
    """The index less 1, but not below a number; for an int and for a tensor."""
    text = f"max({ast.unparse(shifted(index, -1))}, {least})"
    if least == 0 or isinstance(index, (ast.Name, ast.BinOp)):
        name = ast.unparse(shifted(index, -1))
        text = f"({name}).clamp(min={least}) if hasattr({name}, 'clamp') else {text}"
    return ast.parse(text, mode="eval").body


def _less_one(t: Any) -> Any:
    if isinstance(t, float) or (isinstance(t, Tensor) and t.is_floating_point()):
        raise TypeError("only whole times are counted")
    return t - 1


def _tables(tree: Tree) -> Iterator[Slip]:
    """One table for another, at every place."""
    for old, new in itertools.permutations(TABLES, 2):

        def rule(node: ast.AST, old: str = old, new: str = new) -> ast.expr | None:
            if index_of(node) is None:
                return None
            assert isinstance(node, ast.Subscript)
            assert isinstance(node.value, ast.Attribute)
            if node.value.attr != old:
                return None
            of = ast.Attribute(node.value.value, new, ast.Load())
            return ast.Subscript(of, node.slice, ast.Load())

        function = tree.rewritten(rule)
        if function is not None:
            when = f"{LETTERS[new]} stands in the place of {LETTERS[old]} everywhere"
            yield Slip(when, "table", function)


def _all_roots(tree: Tree) -> Iterator[Slip]:
    def rule(node: ast.AST) -> ast.expr | None:
        if called(node) != "sqrt":
            return None
        assert isinstance(node, ast.Call)
        return operand(node)

    function = tree.rewritten(rule)
    if function is not None:
        yield Slip("all square roots are left out", "root", function)


# ---- arguments -------------------------------------------------------------------------------


def _arguments(tree: Tree) -> Iterator[Slip]:
    """Two arguments exchanged, or one used for another."""
    for a, b in itertools.combinations(tree.arguments, 2):
        exchanged = _with_arguments(tree, _put(**{a: b, b: a}))
        yield Slip(f"{a} and {b} are exchanged", "argument", exchanged)
    for a, b in itertools.permutations(tree.arguments, 2):
        same = _with_arguments(tree, _put(**{b: a}))
        yield Slip(f"{a} stands in the place of {b} everywhere", "argument", same)


Given = dict[str, Any]


def _put(**other: str) -> Callable[[Given], Given]:
    """Take for each argument that is named the value of another."""

    def change(given: Given) -> Given:
        return given | {name: given[value] for name, value in other.items()}

    return change


def _with_arguments(tree: Tree, change: Callable[[Given], Given]) -> Function:
    def function(*args: Any) -> Any:
        given = change(dict(zip(tree.arguments, args, strict=True)))
        return tree.function(*(given[name] for name in tree.arguments))

    return function


# ---- results ---------------------------------------------------------------------------------


_CHANGES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "{} has the wrong sign": ("sign", lambda x: -x),
    "{} is twice as large as it should be": ("left out", lambda x: 2 * x),
    "{} is half as large as it should be": ("left out", lambda x: x / 2),
    "the square root of {} is given": ("root", torch.sqrt),
    "the square of {} is given": ("root", torch.square),
    "the exponential of {} is given": ("function", torch.exp),
    "the logarithm of {} is given": ("function", torch.log),
    "one is added to {}": ("left out", lambda x: x + 1),
    "one is subtracted from {}": ("left out", lambda x: x - 1),
    "1 minus {} is given": ("result", lambda x: 1 - x),
    "1 over {} is given": ("result", lambda x: 1 / x),
    "the mean of all entries of {} is given": ("result", lambda x: x.mean()),
    "the sum of all entries of {} is given": ("result", lambda x: x.sum()),
}


def _results(tree: Tree) -> Iterator[Slip]:
    """The right result, changed at the very end."""
    returned = [node for node in ast.walk(tree.root) if isinstance(node, ast.Return)]
    pair = any(isinstance(node.value, ast.Tuple) for node in returned)
    for when, (why, change) in _CHANGES.items():
        for i in (0, 1) if pair else (None,):
            what = "what is asked for" if i is None else f"part {i + 1} of the result"
            yield Slip(when.format(what), why, _changed(tree, change, i))
    if pair:
        yield Slip(
            "the two parts come in the other order", "result", lambda *a: tree.function(*a)[::-1]
        )


def _changed(tree: Tree, change: Callable[[Tensor], Tensor], part: int | None) -> Function:
    def function(*args: Any) -> Any:
        result = tree.function(*args)
        if part is None:
            return change(_tensor(result))
        return tuple(change(_tensor(x)) if i == part else x for i, x in enumerate(result))

    return function


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if isinstance(x, float):
        return torch.tensor(x, dtype=torch.float64)
    raise TypeError("no numbers")
