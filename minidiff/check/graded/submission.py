"""A submitted notebook, cut down to what grading needs: imports, definitions and plain constants.

What the rest of it does (training, drawing, trying things out) takes minutes, and could take for ever.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# Built-ins that a constant may be made with
SAFE = {
    "abs",
    "bool",
    "complex",
    "dict",
    "divmod",
    "enumerate",
    "float",
    "frozenset",
    "int",
    "len",
    "list",
    "map",
    "max",
    "min",
    "pow",
    "range",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
}

OWN_LINE = re.compile(  # %matplotlib, !pip, files = !ls, here = %pwd, q_step?
    r"([ \t]*)(?:[%!?].*|[\w, \t]+=[ \t]*[%!].*|[\w.]+\?{1,2}[ \t]*)"
)
IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)


@dataclass
class _Names:
    """What is known of the names, so far down in the notebook.

    Attributes:
        callable: They may be called: imported, or harmless built-ins.
        values: Constants; their methods may be called.
        own: Functions and classes of the notebook.
    """

    callable: set[str] = field(default_factory=lambda: set(SAFE))
    values: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)

    def define(self, name: str) -> None:
        """A function or class of the notebook."""
        self.callable.discard(name)
        self.values.discard(name)
        self.own.add(name)

    def bring(self, statement: ast.Import | ast.ImportFrom) -> None:
        """What an import brings."""
        names = {(a.asname or a.name).partition(".")[0] for a in statement.names}
        self.callable |= names
        self.own -= names

    def may_call(self, function: ast.expr) -> bool:
        """Whether a call of it ends soon, as far as one can see from outside."""
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self.callable:
            return True
        if root is not function and root.id in self.values:
            return True
        # After "from somewhere import *" it may come from there, unless the notebook defines it.
        return "*" in self.callable and root.id not in self.own


def definitions(cells: Sequence[str]) -> list[str]:
    """The statements of a notebook that define something, one by one.

    Kept are imports (also those that are tried), functions, classes, and assignments to names whose
    right side calls nothing but what was imported, plain built-ins, and methods. A cell that is no
    Python is left out, and lines that are the notebook's own (``%matplotlib``, ``!pip``) are.

    Args:
        cells: The sources of the code cells, in order.

    Returns:
        Each statement as text, in the order of the notebook.
    """
    known = _Names()
    return [statement for cell in cells for statement in _of_cell(cell, known)]


def is_import(statement: str) -> bool:
    """Whether a statement imports. It ends by itself, but the first of a large library takes seconds."""
    return isinstance(ast.parse(statement).body[0], IMPORTS)


def _of_cell(cell: str, known: _Names) -> Iterator[str]:
    source, tree = _parsed(cell)
    for statement in tree.body:
        if _defines(statement, known):
            yield _text(source, statement)


def _parsed(cell: str) -> tuple[str, ast.Module]:
    """The cell without the lines that are the notebook's own; nothing if the rest is no Python.

    Such a line is one that Python stumbles over: "% 4)" is one in some cells, and arithmetic in others.
    """
    lines = cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for _ in range(len(lines) + 1):
        source = "\n".join(lines)
        try:
            return source, ast.parse(source)
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            own = OWN_LINE.fullmatch(lines[at]) if 0 <= at < len(lines) else None
            if own is None:
                break
            lines[at] = f"{own[1]}pass"
        except ValueError:  # a null character
            break
    return "", ast.Module([], [])


def _text(source: str, statement: ast.stmt) -> str:
    """The statement alone, even where others share its line."""
    lines = source.encode().split(b"\n")  # columns count bytes
    decorators = getattr(statement, "decorator_list", [])
    first, column = statement.lineno, statement.col_offset
    if decorators:
        first, column = decorators[0].lineno, 0
    assert statement.end_lineno is not None
    kept = lines[first - 1 : statement.end_lineno]
    kept[-1] = kept[-1][: statement.end_col_offset]
    kept[0] = kept[0][column:]
    return b"\n".join(kept).decode()


def _defines(statement: ast.stmt, known: _Names) -> bool:
    """Whether the statement is kept; what it defines is known from then on."""
    if isinstance(statement, IMPORTS):
        known.bring(statement)
        return True
    if isinstance(statement, FUNCTIONS):
        known.define(statement.name)
        return True
    if isinstance(statement, ASSIGNMENTS):
        return _assigns(statement, known)
    if isinstance(statement, ast.Try):  # try: import this; except ImportError: that = None
        parts = [*statement.body, *statement.orelse, *statement.finalbody]
        parts += [inner for handler in statement.handlers for inner in handler.body]
        return all(isinstance(part, ast.Pass) or _defines(part, known) for part in parts)
    return False


def _assigns(statement: ast.Assign | ast.AnnAssign | ast.AugAssign, known: _Names) -> bool:
    if statement.value is None or not _plain(statement.value, known):
        return False
    if isinstance(statement, ast.AugAssign) and not (
        isinstance(statement.target, ast.Name) and statement.target.id in known.values
    ):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    inside = [node for target in targets for node in ast.walk(target)]
    # An attribute of a module would change the module for everybody: torch.isclose = ...
    if any(isinstance(node, (ast.Attribute, ast.Call)) for node in inside):
        return False
    if not isinstance(statement.value, (ast.Name, ast.Lambda)):  # those may be functions
        known.values |= {node.id for node in inside if isinstance(node, ast.Name)}
    return True


def _plain(value: ast.AST, known: _Names) -> bool:
    """Whether all that it calls may be called."""
    if isinstance(value, ast.Lambda):  # it does not run here
        return True
    if isinstance(value, (ast.Await, ast.Yield, ast.YieldFrom)):
        return False
    if isinstance(value, ast.Call) and not known.may_call(value.func):
        return False
    return all(_plain(child, known) for child in ast.iter_child_nodes(value))
