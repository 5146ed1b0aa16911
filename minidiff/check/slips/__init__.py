"""Slips: wrong programs that are derived from the reference, so that no exercise has to list them.

A mistake of an exercise's own list says what was done in the words of that exercise. Beside it there are
slips that people make everywhere: a table at t - 1, two arguments exchanged, a root forgotten, the square
outside the bracket. They are made here, by changing the reference in one place (``edits``) or as a whole
(``whole``), and put in words made of the equation's letters (``speaker``).

What is said of a slip is true of any program that gives its numbers: "Your numbers come out when the root of
1 - ᾱ_t is left out."
"""

from __future__ import annotations

import functools

from ..exercise import Function, Slip
from .edits import ALL
from .naming import kept, named, words
from .sketch import Sketch, packed, unpacked
from .speaker import Speaker
from .trees import taken_apart
from .whole import whole

__all__ = ["Sketch", "Slip", "derived", "kept", "named", "packed", "unpacked", "words"]


def derived(function: Function) -> list[Slip]:
    """Every slip of a reference, the likelier ones first."""
    return list(_derived(function))


@functools.cache
def _derived(function: Function) -> tuple[Slip, ...]:
    tree = taken_apart(function)
    if tree is None:
        return ()
    speaker = Speaker(tree.arguments, tree.meant)
    nodes = list(tree.nodes())
    return (
        *whole(tree),
        *(
            Slip(edit.when, edit.why, tree.changed(path, edit.new))
            for edits in ALL
            for path, node in nodes
            for edit in edits(node, speaker)
            if _plain(edit.when)
        ),
    )


def _plain(when: str) -> bool:
    """Whether each part that is spoken of has words of its own."""
    words = f" {when} "
    before, _, after = when.partition(" stands where ")
    return not any(gap in words for gap in ("  ", " , ", "()")) and after != f"{before} belongs"
