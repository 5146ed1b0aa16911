"""A progress bar around anything that is gone through in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def with_bar(items: Collection[Item], progress: bool, what: str, unit: str) -> Iterable[Item]:
    """The items, with a progress bar if that is wanted.

    Args:
        items: What is gone through; its length is known.
        progress: Whether to show a bar.
        what: What stands before the bar.
        unit: What one item is called.
    """
    if not progress:
        return items
    from tqdm.auto import tqdm

    bar: Iterable[Item] = tqdm(items, desc=what, unit=unit)
    return bar
