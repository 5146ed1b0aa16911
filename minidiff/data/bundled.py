"""The files of data that the library brings along."""

from __future__ import annotations

import hashlib
from pathlib import Path


def read(file: Path) -> bytes:
    """What is in a bundled file, checked against the sum beside it.

    Raises:
        ValueError: If it is damaged.
    """
    content = file.read_bytes()
    expected = file.with_suffix(".sha256").read_text().split()[0]
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{file} is damaged: its sha256 is {found}, it should be {expected}; "
            f"install minidiff again (tools/make_{file.stem}.py makes the file)"
        )
    return content
