"""All that callers count on, one line each: names, order and kinds of parameters, defaults, contracts.

    python tests/shared/signatures.py   # write signatures.txt anew, after a change that is meant

Public is what a package has in its ``__all__``, and what the library's pages in the book show of a module; of
classes the methods whose names do not begin with an underscore.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import minidiff
from minidiff.base.contracts import CONTRACTS
from minidiff.recipes import RECIPES

FILE = Path(__file__).with_suffix(".txt")
PAGES = Path(__file__).parents[2] / "book" / "api"
ON_PAGES = {
    name
    for page in PAGES.glob("*.md")
    for name in re.findall(r"automodule:: (\S+)\n", page.read_text(encoding="utf-8"))
}


def public() -> Iterator[tuple[str, Any]]:
    """Each public thing, under one of its names."""
    yield from ((f"minidiff.{name}", getattr(minidiff, name)) for name in minidiff.__all__)
    for found in pkgutil.walk_packages(minidiff.__path__, "minidiff."):
        if found.ispkg or found.name in ON_PAGES:
            yield from names_in(importlib.import_module(found.name), own=not found.ispkg)


def names_in(module: ModuleType, own: bool) -> Iterator[tuple[str, Any]]:
    """What a package offers, or what a module of its own makes."""
    for name in dir(module) if own else getattr(module, "__all__", ()):
        thing = getattr(module, name)
        at_home = getattr(thing, "__module__", None) == module.__name__
        if not name.startswith("_") and (at_home or not own):
            yield f"{module.__name__}.{name}", thing


def lines() -> list[str]:
    """One line for each public function, method, class and plain value, sorted."""
    for found in pkgutil.walk_packages(minidiff.__path__, "minidiff."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)  # some are imported where they are needed
    told = set()
    for name, thing in public():
        if not inspect.ismodule(thing):
            told.update(told_of(place(thing, name), thing))
    told.update(f"recipe {r.name} trains with {settings(r.training)}" for r in RECIPES.values())
    ours = [name for name in CONTRACTS if name.startswith("minidiff.")]  # tests make some, too
    return sorted({*told, *map(agreed, ours)})


def settings(training: Mapping[str, Any]) -> str:
    """Of a recipe, in the order of the alphabet."""
    return ", ".join(f"{name}={getattr(v, '__name__', v)}" for name, v in sorted(training.items()))


def agreed(name: str) -> str:
    """What a function's contract says of its arguments, and the rules that look at several of them."""
    contract = CONTRACTS[name]
    clauses = [
        " ".join(
            [
                f"{c.argument}:",
                re.split(r"[\\(]", c.kind.pattern)[0].strip(),
                *filter(None, c.words.values()),
            ]
        )
        + " or None" * (c.argument in contract.optional)
        for c in contract.clauses
    ]
    return f"{name} refuses unless {', '.join([*clauses, *(rule.__name__ for rule, _ in contract.rules)])}"


def place(thing: Any, otherwise: str) -> str:
    """Where it is at home, so that what is offered at two doors stands once."""
    if inspect.isclass(thing) or inspect.isroutine(thing):
        return f"{thing.__module__}.{thing.__qualname__}"
    return otherwise


def told_of(name: str, thing: Any) -> Iterator[str]:
    """Its line, and of a class those of its methods, too."""
    if not callable(thing):
        yield f"{name} = {thing!r}"
        return
    try:
        yield f"{name}{plain(inspect.signature(thing))}"
    except (TypeError, ValueError):  # a type alias, an exception
        yield name if inspect.isclass(thing) else f"{name} = {thing!r}"
        return
    if not inspect.isclass(thing):
        return
    for key, method in vars(thing).items():
        method = getattr(method, "__func__", method)  # of static and class methods
        if key.startswith("_"):
            continue
        if inspect.isfunction(method):
            yield f"{name}.{key}{plain(inspect.signature(method))}"
        elif isinstance(method, (property, functools.cached_property)):
            yield f"{name}.{key}"


def plain(signature: inspect.Signature) -> inspect.Signature:
    """Without annotations, which the type checker sees to, and with defaults that print alike everywhere."""
    return signature.replace(
        parameters=[
            p.replace(annotation=p.empty, default=shown(p.default))
            for p in signature.parameters.values()
        ],
        return_annotation=signature.empty,
    )


def shown(default: Any) -> Any:
    """A function as its name, for its address differs from run to run."""
    if inspect.isroutine(default) or inspect.isclass(default):
        return default if default is inspect.Parameter.empty else Name(default.__qualname__)
    if default is dataclasses.MISSING or "factory" in repr(default):
        return Name("...")
    return default


class Name(str):
    """A word that prints without quotes."""

    def __repr__(self) -> str:
        return str(self)


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
    print(f"{FILE.name}: {len(lines())} lines")
