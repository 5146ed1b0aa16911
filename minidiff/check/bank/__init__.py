"""Where exercises are found: each file of a folder is one, and nothing else has to know of it.

This folder holds the practice exercises, which show their solutions. An assignment brings a folder of its
own; :func:`use` adds it.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
from pathlib import Path

from ..exercise import Exercise

HERE = Path(__file__).parent

_folders: list[Path] = [HERE]  # the one that was added last is searched first


def use(folder: str | Path) -> list[str]:
    """Add a folder of exercises, such as the ``questions`` of an assignment.

    Args:
        folder: Its path.

    Returns:
        The names of its exercises.

    Raises:
        FileNotFoundError: If there is no such folder, or no exercise in it.
    """
    path = Path(folder).resolve()
    names = _names(path)
    if not names:
        raise FileNotFoundError(
            f"there are no exercises in {str(folder)!r}. It should be the folder that came with the "
            f"assignment, beside its notebook"
        )
    if path in _folders:
        _folders.remove(path)
    _folders.insert(0, path)
    return names


def exercises() -> list[str]:
    """The names of all exercises."""
    return sorted({name for folder in _folders for name in _names(folder)})


def find(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: If there is none.
    """
    for folder in _folders:
        if name in _names(folder):
            return load(folder / f"{name}.py")
    more = (
        "" if len(_folders) > 1 else ' An assignment adds its own: md.check.use("questions") first.'
    )
    near = difflib.get_close_matches(name, exercises(), 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"there is no exercise {name!r}.{meant} There are {', '.join(exercises())}.{more}"
    )


def load(path: Path) -> Exercise:
    """The exercise in a file.

    Raises:
        ValueError: If the file makes no ``EXERCISE``.
    """
    return _load(path.resolve(), path.stat().st_mtime_ns)


@functools.cache
def _load(path: Path, changed: int) -> Exercise:
    spec = importlib.util.spec_from_file_location(f"minidiff_exercise_{path.stem}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Compiled here and not by the loader, which keeps bytecode under the second of the last change and the
    # size: a file changed twice in a second would run as it was before.
    exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    made = getattr(module, "EXERCISE", None)
    if not isinstance(made, Exercise):
        raise ValueError(f"{path} makes no EXERCISE")
    made.path = path
    return made


def _names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))
