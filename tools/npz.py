"""Writes arrays into an .npz file whose bytes depend on them alone."""

import io
import zipfile

import numpy as np

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can hold


def to_npz(arrays: dict[str, np.ndarray], texts: dict[str, str] | None = None) -> bytes:
    """An archive as np.load reads it; texts lie in it as files under their names.

    np.savez_compressed would write today's date into it.
    """
    members = {f"{name}.npy": _npy(array) for name, array in arrays.items()}
    members |= {name: text.encode() for name, text in (texts or {}).items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # else Windows would write another byte
            archive.writestr(entry, content)
    return file.getvalue()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0))
    return file.getvalue()
