"""An expression in words for students: ``sqrt(1 - ᾱ_t) · noise``, whatever the names in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .trees import index_of

LETTERS = {"alpha_bar": "ᾱ", "alpha": "α", "beta": "β", "beta_tilde": "β̃"}
LONGEST = 32  # characters of an expression that is shown
_SILENT = {"reshape", "view", "to", "double", "float", "unsqueeze", "item", "expand", "flatten"}
_ROOT_AND_SUCH = {"sqrt", "exp", "log", "cos", "sin", "mean", "sum", "std", "cumprod", "softmax"}
_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "·",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.FloorDiv: "//",
}


@dataclass(frozen=True)
class Speaker:
    """Says expressions of one function in its arguments' names.

    Attributes:
        arguments: Their names.
        meant: What each other name stands for.
    """

    arguments: tuple[str, ...]
    meant: Mapping[str, ast.expr]

    def say(self, node: ast.AST) -> str:
        """The expression; where it is long, what is in it, ``(… x_t … noise …)``; "" if nothing is."""
        text = self._text(node)
        if text is not None and len(text) <= LONGEST:
            return text
        names = list(dict.fromkeys(self._atoms(node)))[:3]
        return f"(… {' … '.join(names)} …)" if names else ""

    def table(self, node: ast.AST) -> str | None:
        """The lookup in a table that a node is or stands for, ``ᾱ_t``; None if it is none."""
        inner = self._bare(node)
        return self._text(inner) if index_of(inner) is not None else None

    def behind(self, node: ast.AST) -> ast.AST:
        """What a name stands for, without changes of shape and type; other nodes as they are."""
        return self._bare(node)

    def _bare(self, node: ast.AST) -> ast.AST:
        while True:
            if isinstance(node, ast.Name) and node.id in self.meant:
                node = self.meant[node.id]
            elif isinstance(node, ast.Call) and _method(node) in _SILENT:
                assert isinstance(node.func, ast.Attribute)
                node = node.func.value
            elif isinstance(node, ast.Subscript) and _only_shape(node.slice):
                node = node.value
            else:
                return node

    def _text(self, node: ast.AST) -> str | None:
        node = self._bare(node)
        if isinstance(node, ast.Name):
            return node.id if node.id in self.arguments else None
        if isinstance(node, ast.Constant):
            return f"{node.value:g}" if isinstance(node.value, (int, float)) else None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._text(node.operand)
            return None if inner is None else f"-{self._held(node.operand, inner)}"
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.Call):
            return self._called(node)
        return self._lookup(node)

    def _lookup(self, node: ast.AST) -> str | None:
        index = index_of(node)
        if index is None:
            return None
        assert isinstance(node, ast.Subscript)
        assert isinstance(node.value, ast.Attribute)
        at = self._text(index)
        if at is None:
            return None
        return (
            f"{LETTERS[node.value.attr]}_{at}"
            if len(at) == 1
            else f"{LETTERS[node.value.attr]}_{{{at}}}"
        )

    def _operation(self, node: ast.BinOp) -> str | None:
        left, right = self._text(node.left), self._text(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Pow):
            return f"{self._held(node.left, left)}²" if right == "2" else None
        sign = _SIGNS.get(type(node.op))
        if sign is None:
            return None
        if not isinstance(node.op, (ast.Add, ast.Sub)):
            left = self._held(node.left, left)
            right = self._held(node.right, right, isinstance(node.op, ast.Div))
        elif isinstance(node.op, ast.Sub):
            right = self._held(node.right, right)
        return f"{left} {sign} {right}"

    def _held(self, node: ast.AST, text: str, product: bool = False) -> str:
        """In brackets, where the text is a sum (or a product, which is divided by)."""
        inner = self._bare(node)
        if not isinstance(inner, ast.BinOp) or isinstance(inner.op, ast.Pow):
            return text
        kinds = (ast.Add, ast.Sub, ast.Mult, ast.Div) if product else (ast.Add, ast.Sub)
        return f"({text})" if isinstance(inner.op, kinds) else text

    def _called(self, node: ast.Call) -> str | None:
        name = called(node)
        if name in _ROOT_AND_SUCH:
            inner = self._text(operand(node))
            return None if inner is None else f"{name}({inner})"
        if isinstance(node.func, ast.Name) and node.func.id in self.arguments:
            parts = [self._text(x) for x in node.args]
            if all(part is not None for part in parts):
                return f"{node.func.id}({', '.join(str(part) for part in parts)})"
        return None

    def _atoms(self, node: ast.AST) -> Iterator[str]:
        """Arguments and tables, in the order of the code; the schedule itself says nothing."""
        inner = self._bare(node)
        table = self._lookup(inner)
        if table is not None:
            yield table
        elif isinstance(inner, ast.Name):
            if inner.id in self.arguments and inner.id != "schedule":
                yield inner.id
        else:
            for child in ast.iter_child_nodes(inner):
                yield from self._atoms(child)


def called(node: ast.AST) -> str | None:
    """The name of the function that a node calls, ``sqrt`` of ``x.sqrt()`` and of ``torch.sqrt(x)``."""
    if not isinstance(node, ast.Call):
        return None
    return (
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    )


def operand(node: ast.Call) -> ast.expr:
    """What a function of one argument is applied to; the call itself if there is nothing such."""
    if isinstance(node.func, ast.Attribute):
        of = node.func.value
        module = isinstance(of, ast.Name) and of.id in ("torch", "math", "np", "F")
        if not module:
            return of
    return node.args[0] if node.args else node


def _method(node: ast.Call) -> str | None:
    return node.func.attr if isinstance(node.func, ast.Attribute) else None


def _only_shape(index: ast.AST) -> bool:
    """Whether an index only adds axes: ``[:, None]``."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    new = [isinstance(p, ast.Constant) and p.value is None for p in parts]
    return any(new) and all(
        n or (isinstance(p, ast.Slice) and p.lower is p.upper is p.step is None)
        for n, p in zip(new, parts, strict=True)
    )
