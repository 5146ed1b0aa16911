"""The body of a function, to be read in a notebook: it is the equation."""

from __future__ import annotations

import ast
import inspect
import keyword
import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from ..base.validate import shown
from .widget import key_of, script

WIDTH = 100  # columns of a listing: what the library's own lines keep to

# A listing is coloured by this, not by Python's tokenizer, which splits strings anew with each
# version of Python: the output of a notebook must not.
_TOKEN = re.compile(
    r"""
      (?P<comment>\#[^\n]*)
    | (?P<string>(?i:[rbuf]|br|rb|fr|rf)?
        (?:'{3}[\s\S]*?'{3}|"{3}[\s\S]*?"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    | (?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d]\w*)
    """,
    re.VERBOSE,
)


class Source:
    """What :func:`source` gives: the text of a function, which a notebook shows in colour."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)

    def _repr_html_(self) -> str:
        style = script("theme.css", "listing.css")
        code = _coloured(self.text)
        # Wider than a phone, so it scrolls; what scrolls must be reached by keyboard too.
        label = f'role="group" aria-label="Source of {escape(self.name)}" tabindex="0"'
        return (
            f"<style>\n{style}</style>\n"
            f'<div class="mdw mdw-source" data-mdw="{key_of(style, code)}">'
            f"<pre {label}><code>{code}</code></pre></div>"
        )


def source(f: Callable[..., Any]) -> Source:
    """Show the body of a function: in this library, *the body is the equation*.

    What is shown is the ``def`` line without annotations, then the body with its comments and without
    its docstring. A decorated function is shown as it was written below its decorators.

    Args:
        f: A function or a method, such as ``md.q_sample`` or ``md.TinyUNet.forward``. For a class,
            what its objects do when they are called: ``forward`` of a network, ``__call__`` of others.

    Returns:
        An object that a notebook shows as highlighted code, and whose ``print`` is plain text.

    Raises:
        TypeError: If ``f`` has no source in Python: it is built in, or no function at all.
    """
    f = _function(f)
    try:
        lines = inspect.getsource(f).splitlines()
    except OSError:
        raise TypeError(
            f"source cannot find the text of {f.__qualname__}: it was made while the program ran, "
            f"not written in a file or a cell"
        ) from None
    # A method stands indented. Its strings may have lines that do not.
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    lines = [line.removeprefix(indent) for line in lines]
    node = ast.parse("\n".join(lines)).body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise TypeError(
            f"source shows a function that was written with def; this one is a lambda, in: {lines[0]}"
        )
    return Source(f.__qualname__, "\n".join([*_head(node, lines), *_body(node, lines)]))


def _function(f: Any) -> Any:
    """The function that was written: below decorators, behind a method, the one of a class."""
    given = f
    if isinstance(f, type):
        # Not getattr: every class has the __call__ of its own type, which makes objects.
        found = {name: value for base in reversed(f.__mro__) for name, value in vars(base).items()}
        f = found.get("forward", found.get("__call__"))
        if f is None:
            raise TypeError(
                f"source shows a function, and the class {given.__name__} has neither forward nor "
                f"__call__; give one of its methods"
            )
    f = inspect.unwrap(getattr(f, "__func__", f))
    if not inspect.isfunction(f):
        # Not the value of what has a name: it would be an address.
        name = getattr(given, "__name__", None)
        what = f"{name} ({type(given).__name__})" if name else shown(given)
        raise TypeError(
            f"source shows a function, a method or a class that is written in Python, got {what}"
        )
    return f


def _head(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> list[str]:
    """The def line without annotations; a second one begins below the first argument."""
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    start = f"{kind} {node.name}("
    words = list(_arguments(node.args, "\n".join(lines))) or [""]
    first, *others = *(f"{word}," for word in words[:-1]), f"{words[-1]}):"
    head = [start + first]
    for word in others:
        if len(head[-1]) + 1 + len(word) > WIDTH:
            head.append(" " * len(start) + word)
        else:
            head[-1] += " " + word
    return head


def _arguments(given: ast.arguments, text: str) -> Iterator[str]:
    """The arguments as they are written in a def line, with their defaults and nothing else."""

    def written(argument: ast.arg, default: ast.expr | None) -> str:
        if default is None:
            return argument.arg
        value = ast.get_source_segment(text, default) or ""
        value = ast.unparse(default) if len(value.splitlines()) > 1 else value
        return f"{argument.arg}={value}"

    by_place = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(by_place) - len(given.defaults)), *given.defaults]
    for i, (argument, default) in enumerate(zip(by_place, defaults, strict=True)):
        yield written(argument, default)
        if i == len(given.posonlyargs) - 1:
            yield "/"
    if given.vararg:
        yield f"*{given.vararg.arg}"
    elif given.kwonlyargs:
        yield "*"
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield written(argument, default)
    if given.kwarg:
        yield f"**{given.kwarg.arg}"


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> list[str]:
    """The lines below the docstring, with the comments that stand above the first statement."""
    rest, floor = node.body, node.lineno
    if ast.get_docstring(node, clean=False) is not None:
        rest, floor = node.body[1:], node.body[0].end_lineno or floor
    if not rest:
        return ["    ..."]
    # A decorated definition begins with its decorators.
    first = min([rest[0], *getattr(rest[0], "decorator_list", [])], key=lambda part: part.lineno)
    start = first.lineno - 1
    # Columns of the tree count bytes. What stands before the statement is a def line or a docstring.
    before = lines[start].encode()[: first.col_offset].decode().rstrip("@")
    if before.strip():
        return ["    " + lines[start][len(before) :], *lines[start + 1 :]]
    while start > floor and (not lines[start - 1].strip() or lines[start - 1].lstrip()[0] == "#"):
        start -= 1
    while not lines[start].strip():
        start += 1
    return [line.rstrip() for line in lines[start:]]


def _coloured(text: str) -> str:
    """Python as HTML: keywords in bold and comments in italics, so that both show without colours."""

    def colour(match: re.Match[str]) -> str:
        kind, word = match.lastgroup, escape(match[0], quote=False)
        if kind == "word":
            return f"<b>{word}</b>" if keyword.iskeyword(word) else word
        tag = {"comment": "i", "string": 'span class="mdw-string"', "number": "span"}[str(kind)]
        return f"<{tag}>{word}</{tag.split()[0]}>"

    # What lies between the tokens (operators, space) is escaped as well.
    out, end = [], 0
    for match in _TOKEN.finditer(text):
        out += [escape(text[end : match.start()], quote=False), colour(match)]
        end = match.end()
    return "".join(out) + escape(text[end:], quote=False)
