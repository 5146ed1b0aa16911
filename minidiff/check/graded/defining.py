"""What of a notebook counts as a definition: imports, functions, classes, and constants that are plain."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .cells import LeftOut

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

COMMANDS = "get_ipython"  # what runs them: files = !ls is files = get_ipython().getoutput('ls')
IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
WITHS = (ast.With, ast.AsyncWith)
TRIES = (ast.Try, ast.TryStar)
BLOCKS = (*WITHS, *TRIES, ast.If, ast.For, ast.AsyncFor, ast.While, ast.Match)


@dataclass
class Names:
    """What is known of the names, so far down in the notebook.

    Attributes:
        callable: They may be called: imported, or harmless built-ins.
        values: Constants; their methods may be called.
        own: Functions and classes of the notebook.
        there: All that are defined.
        lost: What sets a name and is left out, by the name.
        inside: What is left out inside a function or class that is kept, by its name.
    """

    callable: set[str] = field(default_factory=lambda: set(SAFE))
    values: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=lambda: set(vars(builtins)))
    lost: dict[str, LeftOut] = field(default_factory=dict)
    inside: dict[str, Sequence[LeftOut]] = field(default_factory=dict)

    def keep(self, names: Iterable[str], without: Sequence[LeftOut]) -> None:
        """What sets these names is kept, but for what is left out inside it."""
        for name in names:
            self.there.add(name)
            self.lost.pop(name, None)
            self.inside[name] = without

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
        if isinstance(root, ast.Name) and root.id == COMMANDS:
            return False
        if not isinstance(root, ast.Name) or root.id in self.callable:
            return True
        if root is not function and root.id in self.values:
            return True
        # After "from somewhere import *" it may come from there, unless the notebook defines it.
        return "*" in self.callable and root.id not in self.own


def counts(statement: ast.stmt, known: Names, *, inside: bool, run: bool) -> bool:
    """Whether the statement is kept, where it stands."""
    if isinstance(statement, ASSIGNMENTS) and not run:
        return False
    if inside and isinstance(statement, FUNCTIONS):
        unknown = _names_in_head(statement) - known.there
        if unknown and "*" not in known.callable:
            return False
    if not run and isinstance(statement, TRIES):
        return False
    return _defines(statement, known)


def _defines(statement: ast.stmt, known: Names) -> bool:
    """Whether the statement is kept; what it defines is known from then on."""
    if isinstance(statement, IMPORTS):
        known.bring(statement)
        return True
    if isinstance(statement, FUNCTIONS):
        known.define(statement.name)
        return True
    if isinstance(statement, ASSIGNMENTS):
        return _assigns(statement, known)
    if isinstance(statement, TRIES):  # try: import this; except ImportError: that = None
        parts = [*statement.body, *statement.orelse, *statement.finalbody]
        parts += [inner for handler in statement.handlers for inner in handler.body]
        return all(isinstance(part, ast.Pass) or _defines(part, known) for part in parts)
    return False


def _assigns(statement: ast.Assign | ast.AnnAssign | ast.AugAssign, known: Names) -> bool:
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


def _plain(value: ast.AST, known: Names) -> bool:
    """Whether all that it calls may be called."""
    if isinstance(value, ast.Lambda):  # it does not run here
        return True
    if isinstance(value, (ast.Await, ast.Yield, ast.YieldFrom)):
        return False
    if isinstance(value, ast.Call) and not known.may_call(value.func):
        return False
    return all(_plain(child, known) for child in ast.iter_child_nodes(value))


def branches(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The lists of statements in a block; not the one that never runs."""
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant):
        return [statement.body if statement.test.value else statement.orelse]
    if isinstance(statement, ast.Match):
        return [case.body for case in statement.cases]
    found = [statement.body] if hasattr(statement, "body") else []
    found += [handler.body for handler in getattr(statement, "handlers", [])]
    return found + [getattr(statement, name, []) for name in ("orelse", "finalbody")]


def names_set(statement: ast.stmt) -> set[str]:
    """The names that a statement defines by itself, not by what stands in its branches."""
    if isinstance(statement, FUNCTIONS):
        return {statement.name}
    if isinstance(statement, IMPORTS):
        return {(a.asname or a.name).partition(".")[0] for a in statement.names}
    if isinstance(statement, TRIES):  # one that is kept is kept whole
        return {name for branch in branches(statement) for one in branch for name in names_set(one)}
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        targets = [statement.target]
    elif isinstance(statement, WITHS):
        targets = [item.optional_vars for item in statement.items if item.optional_vars]
    else:
        return set()
    nodes = [node for target in targets for node in ast.walk(target)]
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _names_in_head(statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """What has to be known when a function or class is defined."""
    heads: list[ast.AST] = [*statement.decorator_list]
    if isinstance(statement, ast.ClassDef):
        heads += [*statement.bases, *statement.keywords]
    else:
        heads += [statement.args]  # with defaults and annotations
        heads += [statement.returns] if statement.returns else []
    nodes = [node for head in heads for node in ast.walk(head)]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {n.id for n in nodes if isinstance(n, ast.Name)} - stored


def commands(statement: ast.stmt) -> Iterator[ast.Assign | ast.AnnAssign]:
    """The assignments from a command, the statement itself or inside it, in the order of the text."""
    found = [one for one in ast.walk(statement) if isinstance(one, (ast.Assign, ast.AnnAssign))]
    yield from sorted(filter(is_command, found), key=lambda one: (one.lineno, one.col_offset))


def is_command(statement: ast.stmt) -> bool:
    """Whether it sets a name to what a command of the notebook gives."""
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    if not isinstance(value, ast.Call):
        return False
    while isinstance(value, (ast.Call, ast.Attribute)):
        value = value.func if isinstance(value, ast.Call) else value.value
    return isinstance(value, ast.Name) and value.id == COMMANDS


def why_not(statement: ast.stmt, inside: bool, known: Names) -> str:
    """Why a statement that sets names is not kept, in words to the student."""
    if is_command(statement):
        return "commands of the notebook, with ! or %, are not run for grading: set it in Python"
    if isinstance(statement, FUNCTIONS):
        missing = ", ".join(sorted(_names_in_head(statement) - known.there))
        return f"it needs {missing}, which is not known outside its block: define it at the margin"
    if inside or isinstance(statement, BLOCKS):
        return "constants are not set inside if, for and while: set it at the margin"
    return (
        "a constant may call what is imported, and nothing that the notebook defines: set it in "
        "another way, or inside the function"
    )
