"""Reads what `packed()` writes, by the words of its docstring."""

import base64

import numpy as np


def unpack(text: str) -> list[int]:
    """The bytes of such a text; the last ones may be noughts and ones that fill the last byte."""
    digits, words = text.split(" ")
    bits = np.unpackbits(np.frombuffer(base64.b64decode(words), np.uint8)).tolist()
    order = sorted((int(d, 36), value) for value, d in enumerate(digits) if d != "0")
    codes, word = {}, -1
    last = order[0][0]
    for length, value in order:
        word = (word + 1) << (length - last)
        codes[length, word] = value
        last = length
    out, length, word = [], 0, 0
    for bit in bits:
        length, word = length + 1, 2 * word + bit
        if (length, word) in codes:
            out.append(codes[length, word])
            length = word = 0
    return out
