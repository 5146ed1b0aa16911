"""Trained networks: those that ship with the library, and those of one's own runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..base.contracts import contract
from ..base.files import CHECKPOINT, DamagedFileError, load_checkpoint, write_atomically
from ..base.model import Denoiser, Network, bare, tell
from ..base.validate import shown
from ..chain.schedule import NoiseSchedule
from .places import class_path, find_class, find_function, kept_config, short_name

FOLDER = Path(__file__).parent
SCHEDULE = "schedule.beta"  # β_1..β_T, float64, beside the network's weights
FORMAT = "minidiff-weights-1"
COMPILED = "_orig_mod."  # before each name in what torch.compile has wrapped


def available() -> list[str]:
    """The names that :func:`load` knows: each network that ships with the library."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str | Path, net: nn.Module | None = None) -> tuple[Any, NoiseSchedule | None]:
    """Load a trained network with its noise schedule.

    Args:
        name: One of :func:`available`, such as "digits16"; or the folder of a training (its ``out=``,
            finished or not), or a file that :func:`save` wrote.
        net: For a network that is not the library's own: an instance of it, to fill.

    Returns:
        The network in evaluation mode, on the CPU, and the schedule (None for a network without one,
        such as a classifier or a flow). ``net.predicts`` says what it has learned to predict; samplers obey
        it. Of a training, the network holds the moving average of the weights.

    Raises:
        TypeError: If the name is neither a string nor a path.
        ValueError: If the name is unknown, or the file is damaged or not one of the library's; the
            message names it.
        FileNotFoundError: If a shipped file is missing.
    """
    path = _find(name)
    if path.name == CHECKPOINT:
        return _load_run(path, net)
    content = path.read_bytes()
    if path.parent == FOLDER:
        _check_shipped(path, content)
    tensors, about = _unpack(path, content)
    schedule = _schedule(tensors.pop(SCHEDULE, None), about["schedule"])
    if net is None:
        net = _rebuild(path, about["class"], json.loads(about["config"]))
    return _told(_filled(path, net, tensors), about.get("predicts"), schedule), schedule


def example_shape(name: str | Path) -> tuple[int, ...]:
    """The shape of one example that a network was trained on, such as (1, 16, 16).

    Args:
        name: As for :func:`load`.

    Raises:
        ValueError: As :func:`load` does.
    """
    path = _find(name)
    if path.name == CHECKPOINT:
        return tuple(load_checkpoint(path)["shape"])
    return tuple(json.loads(_unpack(path, path.read_bytes())[1]["shape"]))


def kept_sampler(name: str | Path) -> Callable[..., Tensor] | None:
    """The function that a training was told to draw with, if it is one of the library's; else None.

    Args:
        name: As for :func:`load`; only the folder of a training says it.
    """
    path = _find(name)
    return find_function(load_checkpoint(path).get("sample")) if path.name == CHECKPOINT else None


def class_names(name: str | Path) -> tuple[str, ...]:
    """The names of the classes that a training's data had, those of folders of pictures; else none.

    Args:
        name: As for :func:`load`; only the folder of a training says it.
    """
    path = _find(name)
    return tuple(load_checkpoint(path).get("classes", ())) if path.name == CHECKPOINT else ()


def of_the_library(net: Any) -> None:
    """TypeError: If ``net`` is no network of the library, and so could not be built again."""
    net = bare(net)
    if not isinstance(net, Network):
        raise TypeError(
            f"net must be a network of minidiff.nn, got {type(net).__name__}; keep its state_dict() "
            "with torch.save instead"
        )
    if kept_config(net) is None:
        raise TypeError(
            f"the {type(net).__name__} was made with arguments that cannot be written down: {net.config}; "
            "make it with numbers, words and lists of them, or keep its state_dict() with torch.save"
        )


@contract("", of_the_library)
def save(
    path: str | Path,
    net: nn.Module,
    schedule: NoiseSchedule | None = None,
    *,
    shape: Sequence[int],
    half: bool = False,
) -> str:
    """Write a network of the library, with its schedule and what it predicts, as one safetensors file.

    Args:
        path: The file, by custom ``*.safetensors``.
        net: A network that notes down how it was made, such as :class:`~minidiff.TinyUNet`. One whose class
            stands outside ``minidiff`` is read again by ``load(path, net=an instance of it)``.
        schedule: Its noise schedule, or None.
        shape: Shape of one example that it was trained on, such as (1, 16, 16).
        half: Write the weights in 16 bits (float16), in half the space: each is then rounded to about
            three digits. :func:`load` gives a network in 32 bits again.

    Returns:
        The SHA-256 of the file, in hexadecimal.
    """
    from safetensors.torch import save as pack

    net = bare(net)
    tensors = {name: x.detach().cpu().contiguous() for name, x in net.state_dict().items()}
    if half:
        tensors = {name: x.half() if x.is_floating_point() else x for name, x in tensors.items()}
    if schedule is not None:
        tensors[SCHEDULE] = schedule.beta[1:].clone()
    about = {
        "format": FORMAT,
        "class": class_path(net),
        "config": json.dumps(kept_config(net), sort_keys=True),
        "schedule": "" if schedule is None else schedule.name,
        "shape": json.dumps(list(shape)),
    }
    if isinstance(net, Denoiser):
        about["predicts"] = net.predicts
    content = in_order(pack(tensors, metadata=about))
    write_atomically(Path(path), content)
    return hashlib.sha256(content).hexdigest()


def in_order(content: bytes) -> bytes:
    """A safetensors file with its header in alphabetical order, which the library writes in a chance one.

    So the same network is the same file, and has the same hash, whenever it is written.
    """
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # what follows is aligned to eight bytes
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _find(name: str | Path) -> Path:
    """The file that a name, a folder or a path stands for."""
    if not isinstance(name, (str, Path)):
        raise TypeError(f"name must be a name such as 'digits16' or a path, got {shown(name)}")
    if str(name) in available():
        path = FOLDER / f"{name}.safetensors"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: {_make_again(path)}")
        return path
    path = Path(name)
    if path.is_dir():
        if not (path / CHECKPOINT).is_file():
            raise ValueError(f"{path} holds no training: there is no {CHECKPOINT} in it")
        return path / CHECKPOINT
    if not path.is_file():
        raise ValueError(
            f"name must be one of {', '.join(available())}, the folder of a training, or a file of "
            f"weights; got {str(name)!r}, which is none of them"
        )
    return path


def _check_shipped(path: Path, content: bytes) -> None:
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    found = hashlib.sha256(content).hexdigest()
    if found != card["sha256"]:
        raise DamagedFileError(
            f"{path} is damaged or not the one that ships (SHA-256 {found[:12]}…, its card says "
            f"{card['sha256'][:12]}…): {_make_again(path)}"
        )


def _make_again(path: Path) -> str:
    return f"install minidiff again, or make it with: python -m minidiff.recipes {path.stem}"


def _unpack(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors in the bytes of a safetensors file, and the words that stand beside them."""
    from safetensors import SafetensorError
    from safetensors.torch import load as unpack

    try:
        tensors = unpack(content)
        # safetensors: eight bytes give the length of a JSON header, which follows them.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError) as error:
        raise DamagedFileError(f"{path} is not a whole safetensors file: {error}") from error
    about = header.get("__metadata__", {})
    if about.get("format") != FORMAT:
        raise DamagedFileError(
            f"{path} was not written by minidiff.weights.save: the mark {FORMAT!r} is not in it"
        )
    return tensors, about


def _load_run(path: Path, net: nn.Module | None) -> tuple[nn.Module, NoiseSchedule | None]:
    saved = load_checkpoint(path)
    made, beta = saved["network"], saved["schedule"]
    schedule = beta and _schedule(beta["beta"], beta["name"])
    if net is None:
        net = _rebuild(path, made["class"], made["config"])
    return _told(
        _filled(path, net, saved["state"]["ema"]), saved.get("predicts"), schedule
    ), schedule


def _schedule(beta: Tensor | None, name: str) -> NoiseSchedule | None:
    if beta is None:
        return None
    return NoiseSchedule(beta, name=name, zero_terminal_snr=bool(beta[-1] == 1))


def _rebuild(path: Path, class_of: str, config: Any) -> nn.Module:
    made, name = find_class(class_of), short_name(class_of)
    if config is None or made is None:
        raise ValueError(
            f"{path} holds a {name}, which is not a network of minidiff: load it with "
            f"md.load(..., net=an instance of {name})"
        )
    try:
        return made(**config)
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"{path}: no {name} can be made of {config}: {error}") from error


def _filled(path: Path, net: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    try:
        net.load_state_dict({name.removeprefix(COMPILED): x for name, x in weights.items()})
    except RuntimeError as error:
        raise DamagedFileError(
            f"the weights in {path} do not fit a {type(net).__name__}: {error}"
        ) from error
    return net.eval()


def _told(net: nn.Module, predicts: str | None, schedule: NoiseSchedule | None) -> nn.Module:
    """The network, knowing what it predicts. Old files do not say: then only a flow has no schedule."""
    if predicts is None and isinstance(net, Denoiser):
        predicts = "velocity" if schedule is None else "eps"
    if predicts is not None:
        tell(net, predicts)
    return net
