"""Bytes in few letters: what goes in comes out, in as few bits as a code word for each byte can have."""

import numpy as np
import pytest
from unpacking import unpack

from minidiff.viz.packed import packed

RNG = np.random.default_rng(0)
CASES = {
    "all values": RNG.integers(0, 256, 3000),
    "mostly nought": RNG.integers(0, 256, 3000) * (RNG.random(3000) < 0.2),
    "near nought": RNG.normal(0, 4, 3000).astype(int) % 256,
    "two values": np.array([7, 9, 7]),
    "one value": np.full(20, 255),
    "one byte": np.array([0]),
    # Counts that grow like these give the longest words that there can be.
    "long words": np.repeat(np.arange(12), [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144]),
}


@pytest.mark.parametrize("values", CASES.values(), ids=CASES.keys())
def test_what_goes_in_comes_out(values):
    values = values.astype(np.uint8)
    assert unpack(packed(values))[: len(values)] == values.tolist()


@pytest.mark.parametrize("values", CASES.values(), ids=CASES.keys())
def test_no_code_has_fewer_bits(values):
    values = values.astype(np.uint8)
    counts = np.bincount(values)
    lengths = np.array([int(d, 36) for d in packed(values).split(" ")[0]])
    assert len(lengths) == len(counts)
    assert ((lengths > 0) == (counts > 0)).all()
    used, share = lengths[counts > 0], counts[counts > 0] / len(values)
    if len(used) > 1:
        assert (0.5**used).sum() == 1
        entropy = -(share * np.log2(share)).sum()
        assert entropy <= (share * used).sum() < entropy + 1
    assert used.max() < 36


def test_a_small_text_letter_by_letter():
    # 5 is the commonest, its word is 0; 2 and 3 have 10 and 11. In all 00100110, which is base64 Jg==.
    assert packed(np.array([[5, 5, 2], [5, 3, 5]], np.uint8)) == "002201 Jg=="
