"""Which class a kept network is: written down as its import path, and found again below ``minidiff`` only."""

from __future__ import annotations

import importlib
import json
from operator import attrgetter
from typing import Any

from ..base.model import Network

HOUSE = "minidiff"
OLD_HOME = "minidiff.nn"  # of classes in older files, which say a bare name


def class_path(net: object) -> str:
    """Where a network's class is imported from, as ``"minidiff.nn.unet:TinyUNet"``."""
    made = type(net)
    return f"{made.__module__}:{made.__qualname__}"


def short_name(path: str) -> str:
    """The name alone, as it is told to people: ``"TinyUNet"``."""
    return path.rpartition(":")[2].rpartition(".")[2]


def find_class(path: str) -> type[Network] | None:
    """The class of a kept network, or None where it is not one of the library's.

    A file says what is imported, so nothing is imported from elsewhere: to import is to run.

    Args:
        path: As :func:`class_path` gives it; or a bare name of :mod:`minidiff.nn`.
    """
    module, _, name = path.rpartition(":")
    module = module or OLD_HOME
    if module != HOUSE and not module.startswith(f"{HOUSE}."):
        return None
    try:
        found = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, type) and issubclass(found, Network) else None


def kept_config(net: object) -> dict[str, Any] | None:
    """The arguments that a network was made with, where they can be written down; else None."""
    config = getattr(net, "config", None)
    try:
        json.dumps(config)
    except TypeError:
        return None
    return config
