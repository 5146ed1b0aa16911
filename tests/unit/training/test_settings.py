"""What a run notes of its data and settings, so that another one's is told apart."""

import hashlib

import torch

from minidiff.training.settings import fingerprint

A, B = torch.arange(6.0).reshape(2, 3), torch.arange(2)


def test_a_name_for_tensors_stays_as_it_is():
    """Checkpoints hold it: another name for the same data would refuse each of them."""
    held = "2×3 float32".encode(), A.numpy().tobytes(), b"2 int64", B.numpy().tobytes()
    digest = hashlib.sha256(b"".join(held)).hexdigest()[:12]
    assert fingerprint(A, B) == f"2×3 float32 and 2 int64, SHA-256 {digest}"
    assert fingerprint(A, None, B) == fingerprint(A, B)


def test_values_shapes_types_and_order_all_play_a_part():
    others = [
        (A + 1, B),
        (A.reshape(3, 2), B),
        (A.double(), B),
        (A, B.int()),
        (B, A),
        (A,),
        (A, B, B),
    ]
    assert len({fingerprint(*other) for other in [(A, B), *others]}) == len(others) + 1
