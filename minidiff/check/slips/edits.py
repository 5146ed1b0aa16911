"""What people do to one place of an expression: a sign turned, a root forgotten, a factor left out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .speaker import LETTERS, Speaker, called, operand
from .trees import TABLES, index_of, shifted


@dataclass(frozen=True)
class Edit:
    """A node in the place of another.

    Attributes:
        when: What was done, as the rest of "Your numbers come out when ...".
        why: The key of the advice, in :data:`WHY`.
        new: What stands there then.
    """

    when: str
    why: str
    new: ast.expr


Edits = Iterator[Edit]

WHY = {
    "time": "A table of the schedule is indexed by the time itself; entry 0 belongs to the clean picture. "
    "Compare each index with the equation.",
    "table": "α_t and β_t belong to the single step to t, ᾱ_t to all steps up to t together. Compare with "
    "the equation which of them stands where.",
    "root": "A standard deviation is the root of a variance; the two must not stand for each other. Compare "
    "with the equation where roots and squares stand.",
    "bracket": "Compare with the equation how far each bracket, root and square reaches.",
    "sign": "Compare the signs with the equation, term by term.",
    "left out": "Compare with the equation, term by term and factor by factor.",
    "order": "A difference and a quotient are something else the other way round. Compare with the equation "
    "which part comes first.",
    "operator": "Compare with the equation what multiplies and what divides.",
    "function": "Compare with the equation which functions are applied, and to what.",
    "argument": "Compare each letter of the equation with what you put in its place, and the order of the "
    "arguments with the signature.",
    "result": "Compare what you give back with what is asked for.",
    "each": "t has an entry for each picture of the batch: look up the table with all of t.",
    "limit": "Think of the case in which the two sides are equal, and of the one in which the left is "
    "larger.",
}


def times(node: ast.AST, speaker: Speaker) -> Edits:
    """One table is looked up a step too early or too late, or for the first picture alone."""
    index = index_of(node)
    if index is None:
        return
    assert isinstance(node, ast.Subscript)
    right = speaker.say(node)
    for by in (-1, 1):
        new = ast.Subscript(node.value, shifted(index, by), ast.Load())
        yield Edit(f"{speaker.say(new)} stands where {right} belongs", "time", new)
    first = ast.Subscript(index, ast.Constant(0), ast.Load())
    new = ast.Subscript(node.value, first, ast.Load())
    yield Edit("the first picture's time is used for the whole batch", "each", new)


def tables(node: ast.AST, speaker: Speaker) -> Edits:
    """Another table of the schedule."""
    if index_of(node) is None:
        return
    assert isinstance(node, ast.Subscript)
    assert isinstance(node.value, ast.Attribute)
    for name in TABLES:
        if name != node.value.attr:
            new = ast.Subscript(
                ast.Attribute(node.value.value, name, ast.Load()), node.slice, ast.Load()
            )
            when = f"{LETTERS[name]} stands in the place of {LETTERS[node.value.attr]}"
            yield Edit(f"{when} where {speaker.say(node)} belongs", "table", new)


def roots(node: ast.AST, speaker: Speaker) -> Edits:
    """A root or a square that is forgotten, stands where none belongs, or does not reach far enough."""
    if called(node) == "sqrt":
        assert isinstance(node, ast.Call)
        inner = operand(node)
        yield Edit(f"the root of {speaker.say(inner)} is left out", "root", inner)
        of = speaker.behind(inner)
        if isinstance(of, ast.BinOp) and isinstance(of.op, (ast.Add, ast.Sub)):
            alone = speaker.say(of.right)
            new = ast.BinOp(of.left, of.op, _root(of.right))
            when = f"the root is taken of {alone} alone, not of {speaker.say(of)}"
            yield Edit(when, "bracket", new)
    elif isinstance(node, (ast.Name, ast.Subscript)) and speaker.table(node) is not None:
        table = speaker.table(node)
        yield Edit(f"the root of {table} stands where {table} itself belongs", "root", _root(node))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield from _squares(node, speaker)


def _squares(node: ast.BinOp, speaker: Speaker) -> Edits:
    what = speaker.say(node.left)
    if not (isinstance(node.right, ast.Constant) and node.right.value == 2):
        return
    yield Edit(f"the square of {what} is left out", "root", node.left)
    yield Edit(
        f"{what} is doubled, not squared", "root", ast.BinOp(node.left, ast.Mult(), node.right)
    )
    of = speaker.behind(node.left)
    if isinstance(of, ast.BinOp) and isinstance(of.op, (ast.Add, ast.Sub)):
        a, b = (ast.BinOp(side, ast.Pow(), node.right) for side in (of.left, of.right))
        each = ast.BinOp(a, of.op, b)
        yield Edit(f"the two parts of {what} are squared one by one", "bracket", each)
        yield Edit(
            f"only the second part of {what} is squared", "bracket", ast.BinOp(of.left, of.op, b)
        )


def signs(node: ast.AST, speaker: Speaker) -> Edits:
    """A term that is added where it should be subtracted, or a minus that is missing."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        added = isinstance(node.op, ast.Sub)
        done = "added, not subtracted" if added else "subtracted, not added"
        op = ast.Add() if added else ast.Sub()
        yield Edit(
            f"{speaker.say(node.right)} is {done}", "sign", ast.BinOp(node.left, op, node.right)
        )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield Edit(f"the minus before {speaker.say(node.operand)} is missing", "sign", node.operand)


def parts(node: ast.AST, speaker: Speaker) -> Edits:
    """A term, a factor or a division that is left out."""
    if not isinstance(node, ast.BinOp):
        return
    left, right = speaker.say(node.left), speaker.say(node.right)
    if isinstance(node.op, (ast.Add, ast.Sub)):
        yield Edit(f"{right} is left out", "left out", node.left)
        if isinstance(node.op, ast.Add):
            yield Edit(f"{left} is left out", "left out", node.right)
        else:
            when = f"{right} stands where {speaker.say(node)} belongs"
            yield Edit(when, "left out", node.right)
    elif isinstance(node.op, ast.Mult):
        yield Edit(f"the factor {right} is left out", "left out", node.left)
        yield Edit(f"the factor {left} is left out", "left out", node.right)
    elif isinstance(node.op, ast.Div):
        yield Edit(f"the division by {right} is left out", "left out", node.left)
        yield Edit(f"{right} multiplies, and {left} is left out", "left out", node.right)


def orders(node: ast.AST, speaker: Speaker) -> Edits:
    """A difference or a quotient the other way round; a product for a quotient."""
    if not isinstance(node, ast.BinOp):
        return
    left, right = speaker.say(node.left), speaker.say(node.right)
    turned = ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, ast.Sub):
        yield Edit(f"{left} is subtracted from {right}, not {right} from {left}", "order", turned)
    elif isinstance(node.op, ast.Div):
        yield Edit(f"{right} is divided by {left}, not {left} by {right}", "order", turned)
        times = ast.BinOp(node.left, ast.Mult(), node.right)
        yield Edit(f"{left} is multiplied by {right}, not divided", "operator", times)
    elif isinstance(node.op, ast.Mult):
        over = ast.BinOp(node.left, ast.Div(), node.right)
        yield Edit(f"{left} is divided by {right}, not multiplied", "operator", over)
        under = ast.BinOp(node.right, ast.Div(), node.left)
        yield Edit(f"{right} is divided by {left}, not multiplied", "operator", under)


def brackets(node: ast.AST, speaker: Speaker) -> Edits:
    """A factor or divisor that reaches one term of a sum alone; a square after a mean, not before."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        yield from _reach(node, speaker)
    of = (
        node.func.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        else None
    )
    if called(node) in ("mean", "sum") and of is not None:
        inner = speaker.behind(of)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow):
            assert isinstance(node, ast.Call)
            function = ast.Attribute(inner.left, called(node) or "", ast.Load())
            mean = ast.Call(function, node.args, node.keywords)
            new = ast.BinOp(mean, ast.Pow(), inner.right)
            yield Edit(f"the {called(node)} is taken first, and squared after it", "bracket", new)


def _reach(node: ast.BinOp, speaker: Speaker) -> Edits:
    done = "multiplied" if isinstance(node.op, ast.Mult) else "divided"
    pairs = [(node.left, node.right)]
    if isinstance(node.op, ast.Mult):
        pairs.append((node.right, node.left))
    for whole, by in pairs:
        of = speaker.behind(whole)
        if not (isinstance(of, ast.BinOp) and isinstance(of.op, (ast.Add, ast.Sub))):
            continue
        left, right = speaker.say(of.left), speaker.say(of.right)
        first = ast.BinOp(ast.BinOp(of.left, node.op, by), of.op, of.right)
        second = ast.BinOp(of.left, of.op, ast.BinOp(of.right, node.op, by))
        by_what = speaker.say(by)
        yield Edit(f"only {left} is {done} by {by_what}, not {right}", "bracket", first)
        yield Edit(f"only {right} is {done} by {by_what}, not {left}", "bracket", second)


_NAMED = {"exp": "exponential", "log": "logarithm", "std": "standard deviation", "clamp": "limit"}
_OTHER = {
    "mean": ("sum",),
    "sum": ("mean",),
    "sin": ("cos",),
    "cos": ("sin",),
    "log": ("log2", "log10"),
    "std": ("var",),
    "cumprod": ("cumsum",),
    "round": ("int",),
}
_LEFT_OUT = (
    "exp",
    "log",
    "mean",
    "sum",
    "std",
    "clamp",
    "softmax",
    "silu",
    "abs",
    "round",
    "cos",
    "sin",
)


def functions(node: ast.AST, speaker: Speaker) -> Edits:
    """A function that is left out, or its neighbour in its place."""
    name = called(node)
    if name is None:
        return
    assert isinstance(node, ast.Call)
    inner = operand(node)
    if name in _LEFT_OUT and inner is not node:
        yield Edit(
            f"the {_NAMED.get(name, name)} of {speaker.say(inner)} is left out", "function", inner
        )
    for other in _OTHER.get(name, ()):
        function: ast.expr = ast.Name(other, ast.Load())
        if isinstance(node.func, ast.Attribute):
            function = ast.Attribute(node.func.value, other, ast.Load())
        new = ast.Call(function, node.args, node.keywords)
        yield Edit(f"{other} is taken where {name} belongs", "function", new)


def letters(node: ast.AST, speaker: Speaker) -> Edits:
    """One argument, or one number from a table, stands where another belongs."""
    if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        return
    if node.id in speaker.arguments:
        others: list[tuple[str, str]] = [(name, name) for name in speaker.arguments]
    elif speaker.table(node) is not None:
        names = [ast.Name(name, ast.Load()) for name in speaker.meant]
        others = [(name.id, table) for name in names if (table := speaker.table(name)) is not None]
    else:
        return
    right = speaker.say(node)
    for name, said in others:
        if name != node.id and said != right:
            yield Edit(
                f"{said} stands where {right} belongs", "argument", ast.Name(name, ast.Load())
            )


_LIMITS: dict[type[ast.cmpop], tuple[str, tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: ("<", (ast.LtE, ast.Gt)),
    ast.LtE: ("<=", (ast.Lt, ast.GtE)),
    ast.Gt: (">", (ast.GtE, ast.Lt)),
    ast.GtE: (">=", (ast.Gt, ast.LtE)),
}


def comparisons(node: ast.AST, speaker: Speaker) -> Edits:
    """< for <=, and the wrong way round."""
    if not (isinstance(node, ast.Compare) and type(node.ops[0]) in _LIMITS):
        return
    sign, others = _LIMITS[type(node.ops[0])]
    for other in others:
        new = ast.Compare(node.left, [other()], node.comparators)
        yield Edit(f"{_LIMITS[other][0]} stands where {sign} belongs", "limit", new)


# The earlier, the likelier: of slips with one outcome those that come first are told.
ALL: tuple[Callable[[ast.AST, Speaker], Edits], ...] = (
    times,
    tables,
    roots,
    signs,
    brackets,
    parts,
    orders,
    functions,
    letters,
    comparisons,
)


def _root(node: ast.AST) -> ast.expr:
    assert isinstance(node, ast.expr)
    return ast.BinOp(node, ast.Pow(), ast.Constant(0.5))
