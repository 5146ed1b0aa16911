"""One's own pictures: a folder of files, read once, as a data set that trains a network."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..base.contracts import contract
from ..base.files import write_atomically
from ..base.progress import with_bar
from ..base.validate import shown
from .decoding import Bytes, decoded, endings, is_grey
from .images import cache

GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "grey": (128, 128, 128)}
CHANNELS = (1, 3)
TOLD = 5  # unreadable files that a summary names
FORMAT = 1  # of the kept pixels: another number, and all is read anew


class Pictures(Dataset[Any]):
    """A folder of pictures, decoded: item i is ``(x_0, y)``, or ``x_0`` where there are no classes.

    Attributes:
        pixels: 8-bit pixels, uint8 (N, C, size, size).
        labels: int64 (N,), or None. A picture outside every class has the null label, ``len(classes)``.
        classes: The names of the classes, those of the folders; empty where there are none.
        files: The path of each picture, below the folder.
        unreadable: The path of each file that could not be read, with the reason.
        others: How many files there are that are no pictures.
    """

    def __init__(self, pixels: Tensor, about: dict[str, Any]) -> None:
        self.pixels = pixels
        self.classes: tuple[str, ...] = tuple(about["classes"])
        self.labels = torch.tensor(about["labels"]) if self.classes else None
        self.files: list[str] = about["files"]
        self.unreadable: dict[str, str] = about["unreadable"]
        self.others: int = about["others"]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.pixels)

    def __getitem__(self, i: int) -> Tensor | tuple[Tensor, Tensor]:
        """One picture, float32 (C, size, size) in [-1, 1], with its label."""
        x = in_range(self.pixels[i])
        return x if self.labels is None else (x, self.labels[i])

    def batch(self, rows: Sequence[int] | Tensor) -> dict[str, Tensor]:
        """Several at once, which is faster: ``x_0``, and ``y`` where there are classes."""
        rows = torch.as_tensor(rows)
        x_0 = {"x_0": in_range(self.pixels[rows])}
        return x_0 if self.labels is None else {**x_0, "y": self.labels[rows]}

    def described(self) -> str:
        """What they are, in a line: it has to be the same where a training goes on."""
        digest = hashlib.sha256(self.pixels.numpy().tobytes())
        digest.update(
            json.dumps([self.classes, self.labels is not None and self.labels.tolist()]).encode()
        )
        shape = "×".join(map(str, self.pixels.shape))
        return f"pictures {shape}, SHA-256 {digest.hexdigest()[:12]}"

    def summary(self) -> str:
        """What was read, and what was not, in a few lines."""
        n, channels, size, _ = self.pixels.shape
        kind = "colour" if channels == 3 else "grey"
        lines = [f"{n} pictures of {size}×{size} pixels, {kind}"]
        if self.labels is not None:
            count = Counter(self.labels.tolist())
            named = [f"{name} {count[i]}" for i, name in enumerate(self.classes)]
            outside = count[len(self.classes)]
            lines[0] += f", in {len(self.classes)} classes: {', '.join(named)}"
            lines[0] += f"; {outside} outside them" if outside else ""
        if self.unreadable:
            lines.append(f"{len(self.unreadable)} could not be read:")
            lines += [f"  {name}: {why}" for name, why in [*self.unreadable.items()][:TOLD]]
            more = len(self.unreadable) - TOLD
            lines += [f"  and {more} more: see .unreadable"] if more > 0 else []
        if self.others:
            lines.append(f"{self.others} other files are no pictures")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()


def a_folder(path: str | os.PathLike[str]) -> None:
    """ValueError: If ``path`` is no folder."""
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"path must be a folder of pictures, got {shown(path)}")
    if not Path(path).is_dir():
        what = "a file" if Path(path).exists() else "not there"
        raise ValueError(f"path must be a folder of pictures; {str(path)!r} is {what}")


def one_or_three(channels: int | None) -> None:
    """ValueError: If ``channels`` is neither 1 nor 3."""
    if channels is not None and channels not in CHANNELS:
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), or None; got {channels!r}")


def known_ground(ground: str | Sequence[int]) -> None:
    """ValueError: If ``ground`` is neither a known colour nor three values 0..255."""
    if isinstance(ground, str) and ground in GROUNDS:
        return
    whole = not isinstance(ground, str) and [type(v) is int and 0 <= v <= 255 for v in ground]
    if not whole or len(whole) != 3 or not all(whole):
        raise ValueError(
            f"ground must be one of {', '.join(GROUNDS)}, or three values 0..255; got {ground!r}"
        )


@contract("size: count", a_folder, one_or_three, known_ground)
def folder(
    path: str | os.PathLike[str],
    size: int = 32,
    channels: int | None = None,
    *,
    crop: bool = True,
    ground: str | Sequence[int] = "white",
    keep: bool = True,
    progress: bool = False,
) -> Pictures:
    r"""Read a folder of pictures as a data set, for :func:`~minidiff.train`.

    Folders in it are classes, in alphabetical order; folders in those belong to their class. A single
    folder is no class. Each file is turned as its camera says, put on a ground where it is transparent,
    cropped or padded to a square, and resized to 8-bit pixels :math:`k`, which become
    :math:`x = k / 127.5 - 1`.

    All is decoded once, and kept as bytes in the user's cache folder, so that the next call is quick; a file
    that has changed since is noticed by its size or its date. In memory, 10,000 pictures of 32×32 pixels in
    colour take 31 MB.

    Args:
        path: The folder. Files and folders whose names begin with a dot are left out.
        size: Height and width to resize to. A network that halves twice wants a multiple of 4.
        channels: 1 for grey, 3 for colour; None takes grey where no file has a colour.
        crop: Keep the middle square of a picture; else keep all of it, and fill up with the ground.
        ground: What shows through transparent pictures, and beside those that are not cropped: "white",
            "black", "grey", or three values 0..255.
        keep: Keep the decoded pixels on the disk.
        progress: Show a progress bar.

    Returns:
        The pictures. Files that cannot be read are named in ``.unreadable``; ``print(pictures)`` tells all.

    Raises:
        ValueError: If no file in the folder can be read.
    """
    root = Path(path)
    files, others = _found(root)
    named = GROUNDS[ground] if isinstance(ground, str) else tuple(int(v) for v in ground)
    settings = {"size": size, "channels": channels, "crop": bool(crop), "ground": list(named)}
    state = _state(root, files, settings)
    place = cache() / "pictures" / f"{_short(str(root.resolve()), settings)}.npz"
    kept = _kept(place, state) if keep else None
    if kept is not None:
        return kept
    read, failed = _read(root, files, settings, progress)
    if not read:
        reasons = "; ".join(f"{n}: {why}" for n, why in [*failed.items()][:TOLD])
        said = (
            f"none of its {len(files)} pictures can be read ({reasons})"
            if files
            else "it holds none"
        )
        raise ValueError(f"{str(path)!r} has no pictures to learn from: {said}")
    names = [*read]
    classes, labels = _classes(names)
    about = {
        "classes": classes,
        "labels": labels,
        "files": names,
        "unreadable": failed,
        "others": others,
    }
    pixels = torch.from_numpy(np.stack([*read.values()]))
    if keep:
        _keep(place, state, pixels, about)
    return Pictures(pixels, about)


def in_range(pixels: Tensor) -> Tensor:
    r"""8-bit pixels as floats in [-1, 1], :math:`x = k / 127.5 - 1`."""
    return pixels.float().div_(127.5).sub_(1)


# ---- files -----------------------------------------------------------------------------------------


def _found(root: Path) -> tuple[list[str], int]:
    """The picture files below a folder, by their paths below it, in order; and how many others there are."""
    known, pictures, others = endings(), [], 0
    for file in sorted(root.rglob("*")):
        below = file.relative_to(root)
        hidden = any(part.startswith((".", "__MACOSX")) for part in below.parts)
        if hidden or not file.is_file():
            continue
        if file.suffix.lower() in known:
            pictures.append(below.as_posix())
        else:
            others += 1
    return pictures, others


def _classes(files: Sequence[str]) -> tuple[list[str], list[int]]:
    """The classes of files by the folder that each lies in, and the label of each."""
    tops = [name.split("/")[0] if "/" in name else None for name in files]
    classes = sorted({top for top in tops if top is not None})
    if len(classes) < 2:
        return [], []
    number = {name: i for i, name in enumerate(classes)}
    return classes, [number[top] if top is not None else len(classes) for top in tops]


def _read(
    root: Path, files: Sequence[str], settings: dict[str, Any], progress: bool
) -> tuple[dict[str, Bytes], dict[str, str]]:
    """Pixels by file; and by each file that could not be read the reason."""
    settings = dict(settings)
    if settings["channels"] is None:
        settings["channels"] = (
            1 if files and all(_or_false(is_grey, root / f) for f in files) else 3
        )
    settings["ground"] = tuple(settings["ground"])
    read: dict[str, Bytes] = {}
    failed: dict[str, str] = {}

    def one(name: str) -> Bytes | str:
        try:
            return decoded(root / name, **settings)
        except Exception as error:
            return str(error).replace(str(root / name), name) or type(error).__name__

    with ThreadPoolExecutor() as workers:  # Pillow decodes side by side
        answers = workers.map(one, files)
        for name in with_bar(files, progress, "reading pictures", "file"):
            answer = next(answers)
            if isinstance(answer, str):
                failed[name] = answer
            else:
                read[name] = answer
    return read, failed


def _or_false(look: Any, path: Path) -> bool:
    try:
        return bool(look(path))
    except Exception:
        return True


# ---- what is kept on the disk ----------------------------------------------------------------------


def _short(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _state(root: Path, files: Sequence[str], settings: dict[str, Any]) -> str:
    """A hash of all that decides the pixels: the settings, and size and date of each file."""
    marks = [(n, (s := (root / n).stat()).st_size, s.st_mtime_ns) for n in files]
    return _short(FORMAT, settings, marks)


def _kept(place: Path, state: str) -> Pictures | None:
    """What was kept, if it is whole and of this state."""
    try:
        with np.load(place) as arrays:
            about = json.loads(str(arrays["about"]))
            if about.pop("state") != state:
                return None
            return Pictures(torch.from_numpy(arrays["pixels"]), about)
    except (OSError, ValueError, KeyError, BadZipFile):  # not there, or damaged: it is read anew
        return None


def _keep(place: Path, state: str, pixels: Tensor, about: dict[str, Any]) -> None:
    """Keep the pixels; where nothing can be written, that costs only time."""
    content = io.BytesIO()
    np.savez(content, pixels=pixels.numpy(), about=np.array(json.dumps({**about, "state": state})))
    try:
        write_atomically(place, content.getvalue())
    except OSError:
        return
