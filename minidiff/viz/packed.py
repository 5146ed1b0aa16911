"""Bytes in few letters: a Huffman code of our own.

What a library compresses may be other bytes in its next version; the output of a notebook must not be.
"""

from __future__ import annotations

import base64
from heapq import heapify, heappop, heappush

import numpy as np
import numpy.typing as npt


def packed(values: npt.NDArray[np.uint8]) -> str:
    """The bytes of an array as text, which a page's script reads with ``unpacked()`` of packed.js.

    First the lengths of the code words of 0, 1, 2, …, a digit of base 36 each, 0 for a value that does
    not occur; then a space and the words one after another, as base64. The code is canonical: words
    count up from noughts, the shorter ones first, those of one length in the order of their values.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    lengths = _lengths(np.bincount(flat, minlength=256).tolist())
    words, word = {}, 0
    for length in range(1, max(lengths) + 1):
        word *= 2
        for value in (v for v, long in enumerate(lengths) if long == length):
            words[value] = f"{word:0{length}b}"
            word += 1
    bits = np.frombuffer("".join(words[v] for v in flat.tolist()).encode(), np.uint8) - ord("0")
    digits = "".join(np.base_repr(length, 36).lower() for length in lengths).rstrip("0")
    return f"{digits} {base64.b64encode(np.packbits(bits).tobytes()).decode('ascii')}"


def _lengths(counts: list[int]) -> list[int]:
    """How long the code word of each value should be, by how often it occurs."""
    lengths = [0] * len(counts)
    # A group of values is taken by its count, and by its least value where counts are equal.
    groups: list[tuple[int, int, list[int]]] = [(n, v, [v]) for v, n in enumerate(counts) if n]
    if len(groups) == 1:
        lengths[groups[0][1]] = 1
    heapify(groups)
    while len(groups) > 1:
        (m, v, some), (n, w, others) = heappop(groups), heappop(groups)
        for value in (*some, *others):
            lengths[value] += 1
        heappush(groups, (m + n, min(v, w), [*some, *others]))
    return lengths
