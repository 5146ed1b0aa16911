"""A function's syntax tree: its nodes, what its names stand for, and a changed copy that runs."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]
Path = tuple[tuple[str, int | None], ...]
"""The way to a node from the root: fields, and places in lists."""

TABLES = ("alpha_bar", "alpha", "beta", "beta_tilde")


@dataclass(frozen=True)
class Tree:
    """A function taken apart.

    Attributes:
        root: Its definition, without decorators, types and docstring.
        function: The function itself.
        arguments: The names of its arguments.
        meant: What each name that is assigned once stands for.
    """

    root: ast.FunctionDef
    function: Function
    arguments: tuple[str, ...]
    meant: Mapping[str, ast.expr]

    def nodes(self) -> Iterator[tuple[Path, ast.AST]]:
        """Each node below the definition that is read, not written, with the way there."""
        for i, line in enumerate(self.root.body):
            for path, node in _below(line):
                if not isinstance(getattr(node, "ctx", None), ast.Store):
                    yield (("body", i), *path), node

    def changed(self, path: Path, new: ast.expr) -> Function:
        """The function with another expression at one place."""
        # The way to it alone is copied: the rest is read and nothing else.
        root = copy.copy(self.root)
        parent: Any = root
        for place, (name, i) in enumerate(path, 1):
            old = getattr(parent, name)
            child = old if i is None else old[i]
            put = copy.deepcopy(new) if place == len(path) else copy.copy(child)
            setattr(parent, name, put if i is None else [*old[:i], put, *old[i + 1 :]])
            parent = put
        return self.compiled(root)

    def rewritten(self, rule: Callable[[ast.AST], ast.expr | None]) -> Function | None:
        """The function with each expression replaced that a rule replaces; None if there is none."""
        found = []

        class Rewrite(ast.NodeTransformer):
            def visit(self, node: ast.AST) -> ast.AST:
                new = rule(node)
                if new is None:
                    return self.generic_visit(node)
                found.append(node)
                return new

        root = copy.deepcopy(self.root)
        for line in root.body:
            Rewrite().visit(line)  # a statement stays what it is; what is in it changes
        return self.compiled(root) if found else None

    def compiled(self, root: ast.FunctionDef) -> Function:
        """A definition made to run among the globals of the function."""
        whole = ast.fix_missing_locations(ast.Module([root], []))
        space = dict(inspect.unwrap(self.function).__globals__)
        exec(compile(whole, "<slip>", "exec"), space)
        made: Function = space[root.name]
        return made


def taken_apart(function: Function) -> Tree | None:
    """The function's tree; None for what is no function with a source."""
    try:
        root = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if not isinstance(root, ast.FunctionDef):
        return None
    root.decorator_list, root.returns = [], None
    for argument in (*root.args.args, *root.args.kwonlyargs):
        argument.annotation = None
    if isinstance(root.body[0], ast.Expr) and isinstance(root.body[0].value, ast.Constant):
        del root.body[0]
    names = tuple(argument.arg for argument in root.args.args)
    return Tree(root, function, names, _assigned_once(root))


def index_of(node: ast.AST) -> ast.expr | None:
    """Where a table of a schedule is looked up, ``t`` of ``schedule.beta[t]``; None for other nodes."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute)):
        return None
    if node.value.attr not in TABLES or isinstance(node.slice, (ast.Slice, ast.Tuple)):
        return None
    return node.slice


def shifted(index: ast.expr, by: int) -> ast.expr:
    """The index plus a number: ``t - 1``, and ``t`` of ``t - 1`` plus 1."""
    if isinstance(index, ast.BinOp) and isinstance(index.right, ast.Constant):
        before = index.right.value
        if isinstance(before, int) and isinstance(index.op, (ast.Add, ast.Sub)):
            by += before if isinstance(index.op, ast.Add) else -before
            index = index.left
    if by == 0:
        return index
    op = ast.Add() if by > 0 else ast.Sub()
    return ast.BinOp(copy.deepcopy(index), op, ast.Constant(abs(by)))


def _below(root: ast.AST) -> Iterator[tuple[Path, ast.AST]]:
    for name, value in ast.iter_fields(root):
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for i, child in children:
            if isinstance(child, ast.AST):
                yield ((name, i),), child
                for path, node in _below(child):
                    yield ((name, i), *path), node


def _assigned_once(root: ast.FunctionDef) -> dict[str, ast.expr]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(root):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id, [])
    for line in root.body:
        if isinstance(line, ast.AnnAssign) and line.value is not None:
            pairs: list[tuple[ast.expr, ast.expr]] = [(line.target, line.value)]
        elif isinstance(line, ast.Assign) and len(line.targets) == 1:
            target, value = line.targets[0], line.value
            both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = (
                list(zip(target.elts, value.elts, strict=False))  # type: ignore[attr-defined]
                if both
                else [(target, value)]
            )
        else:
            continue
        for name, meaning in pairs:
            if isinstance(name, ast.Name):
                found[name.id].append(meaning)
    arguments = {a.arg for a in (*root.args.args, *root.args.kwonlyargs)}
    stores = [
        n.id for n in ast.walk(root) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]
    return {
        n: m[0]
        for n, m in found.items()
        if len(m) == 1 and stores.count(n) == 1 and n not in arguments
    }
