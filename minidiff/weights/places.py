"""Classes of kept networks, and what draws from them: written down as import paths, found below minidiff."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import Any

from ..base.model import Network

HOUSE = "minidiff"
OLD_HOME = "minidiff.nn"  # of classes in older files, which say a bare name


def import_path(thing: Any) -> str | None:
    """Where a class or a function is imported from, as ``"minidiff.nn.unet:TinyUNet"``; None if nowhere."""
    name = getattr(thing, "__qualname__", None)
    return name and f"{thing.__module__}:{name}"


def class_path(net: object) -> str:
    """Where a network's class is imported from."""
    return str(import_path(type(net)))


def short_name(path: str) -> str:
    """The name alone, as it is told to people: ``"TinyUNet"``."""
    return path.rpartition(":")[2].rpartition(".")[2]


def find_class(path: str) -> type[Network] | None:
    """The class of a kept network, or None where it is not one of the library's.

    Args:
        path: As :func:`class_path` gives it; or a bare name of ``minidiff.nn``.
    """
    found = _imported(path)
    return found if isinstance(found, type) and issubclass(found, Network) else None


def find_function(path: str | None) -> Callable[..., Any] | None:
    """A function that a run was told of, or None where it is not one of the library's."""
    found = None if path is None else _imported(path)
    return found if isinstance(found, FunctionType) else None


def _imported(path: str) -> Any:
    """What stands there, if the library made it: a file says the path, and to import is to run."""
    module, _, name = path.rpartition(":")
    module = module or OLD_HOME
    if not _inside(module):
        return None
    try:
        found = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError):
        return None
    return found if _inside(getattr(found, "__module__", "")) else None


def _inside(module: str) -> bool:
    return module == HOUSE or module.startswith(f"{HOUSE}.")


def kept_config(net: object) -> dict[str, Any] | None:
    """The arguments that a network was made with, where they can be written down; else None."""
    config = getattr(net, "config", None)
    try:
        json.dumps(config)
    except TypeError:
        return None
    return config
