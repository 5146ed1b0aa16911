"""The named trainings whose weights ship: ``python -m minidiff.recipes NAME`` makes each again."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import platform
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from . import data, systems, weights
from .base.files import write_atomically
from .base.validate import check_number
from .chain.schedule import NoiseSchedule
from .losses.simple import simple_loss
from .systems.digits import SIZE, of_set
from .systems.own import OWN_SIZE, of_folder
from .systems.recipe import Recipe
from .training.batches import read_data
from .training.loop import train
from .training.run import Run
from .training.settings import describe_callable


def discover() -> dict[str, Recipe]:
    """Every recipe below ``minidiff.systems``, by name: each file's ``RECIPE`` or ``RECIPES``.

    Raises:
        ValueError: If two have the same name.
    """
    found: dict[str, Recipe] = {}
    root = Path(systems.__path__[0])
    for file in sorted(root.rglob("*.py")):  # a wing is a folder, and needs no __init__.py
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        if file.stem == "__init__":
            continue
        system = importlib.import_module(f"{systems.__name__}.{name}")
        one = getattr(system, "RECIPE", None)
        for recipe in (*getattr(system, "RECIPES", ()), *([one] if one else [])):
            if recipe.name in found:
                raise ValueError(
                    f"{system.__name__} has a recipe {recipe.name!r}, and so has another file"
                )
            found[recipe.name] = recipe
    return found


#: The recipes, by name.
RECIPES = discover()


def find(name: str, size: int | None = None) -> Recipe:
    """The recipe of that name, or that of a U-Net on one of :data:`minidiff.data.NAMES`, or on a folder.

    Args:
        name: Of a recipe or a data set; or the path of a folder of pictures.
        size: Height and width of the images; None takes 16 for a data set, 32 for a folder.

    Raises:
        ValueError: If there is no such recipe or data set, or a recipe is asked for another size.
    """
    if name in RECIPES:
        if size is not None:
            raise ValueError(f"size={size}: {name} is made for one size, that of its name")
        return RECIPES[name]
    if name in data.NAMES:
        return of_set(name, size or SIZE)
    if Path(name).is_dir():
        return of_folder(name, size or OWN_SIZE)
    known = ", ".join([*RECIPES, *data.NAMES])
    raise ValueError(
        f"name must be a recipe or a data set, one of {known}, or a folder of pictures; got {name!r}"
    )


def run(
    name: str,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    size: int | None = None,
    gamma: float | None = None,
    **settings: Any,
) -> Run:
    """Train a recipe's network, or the same U-Net on another data set.

    Args:
        name: See :func:`find`.
        steps: Gradient steps; None takes the recipe's own number, unless ``minutes`` is given.
        minutes: How long to train instead.
        size: Height and width of the images, for a data set; None takes 16.
        gamma: Lets small t count less, see :func:`~minidiff.simple_loss`: good pictures come sooner, and
            the bound gets worse. Only for a recipe that learns by that loss; None takes the recipe's own.
        settings: Further arguments of :func:`~minidiff.train`, in place of the recipe's.

    Returns:
        The run.

    Raises:
        ValueError: If there is no such recipe or data set, an argument does not suit
            :func:`~minidiff.train`, or gamma is not above 0, or is given for another loss.
    """
    recipe = find(name, size)
    if steps is not None and minutes is not None:
        raise ValueError(f"give steps= or minutes=, not both; got {steps} and {minutes}")
    training = {"sample": recipe.sample, **recipe.training, **settings}
    if steps is not None or minutes is not None:
        training.update(steps=steps, minutes=minutes)
    loss = recipe.loss
    if gamma is not None:
        if getattr(loss, "func", loss) is not simple_loss:
            said = describe_callable(loss)
            raise ValueError(f"gamma={gamma} weighs simple_loss, and {name} learns by {said}")
        check_number("gamma", gamma, 0, math.inf, open_ends=True)
        loss = partial(loss, gamma=gamma)  # in place of a recipe's own gamma, too
    net, examples, schedule = recipe.net(), recipe.data(), recipe.schedule()
    return train(net, examples, loss, schedule=schedule, **training)


def ship(name: str, trained: Run, folder: Path) -> dict[str, Any]:
    """Write a recipe's weights, the card that describes them, and the table of all cards.

    Args:
        name: The recipe.
        trained: What :func:`run` gave.
        folder: Where to write NAME.safetensors, NAME.json and README.md.

    Returns:
        The card.
    """
    from . import __version__

    recipe = RECIPES[name]
    shape = read_data(recipe.data(), trained.net).shape
    # What is scored is what ships: the numbers in the file, rounded as they may be. It is scored elsewhere,
    # for among the shipped ones a file that its card does not describe is refused.
    with TemporaryDirectory() as elsewhere:
        file = Path(elsewhere) / f"{name}.safetensors"
        digest = weights.save(file, trained.net, trained.schedule, shape=shape, half=recipe.half)
        net, schedule = weights.load(file)
        scores, content = recipe.score(net, schedule), file.read_bytes()
    card = {
        "name": name,
        "about": recipe.about,
        "network": type(net).__name__,
        "config": net.config,
        "weights": sum(x.numel() for x in net.parameters()),
        "schedule": None if schedule is None else _describe(schedule),
        "stored": "16 bits" if recipe.half else "32 bits",
        "sha256": digest,
        "steps": trained.steps,
        "batch": trained.batch,
        "minutes": round(trained.seconds / 60, 1),
        "precision": trained.precision,
        "compiled": trained.compiled,
        "machine": f"{_processor()}, threads: {torch.get_num_threads()}",
        "minidiff": __version__,
        "torch": torch.__version__,
        "scores": {what: round(value, 4) for what, value in scores.items()},
    }
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / f"{name}.safetensors", content)
    write_atomically(folder / f"{name}.json", text.encode())
    write_atomically(folder / "README.md", table(folder).encode())
    return card


def table(folder: Path) -> str:
    """The cards of a folder as a Markdown page."""
    lines = [
        "# Weights",
        "",
        "Written by `python -m minidiff.recipes NAME`, which trains each network again and scores it.",
        "Scores of samples: 1,000 digits in 50 steps (DDIM; ancestral with the learned variance for",
        "`digits16_hybrid`; Euler for `digits16_flow`), shrunk to 16×16 and read by `digit_classifier16`;",
        "Fréchet distances in its features, to the 1,000 held-out digits;",
        '"real" stands for 1,000 training digits, 100 a class.',
        "",
        "| name | what it does | weights | steps | batch | minutes | machine | scores |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for path in sorted(folder.glob("*.json")):
        card = json.loads(path.read_text(encoding="utf-8"))
        scores = "<br>".join(f"{what}: {value:.4g}" for what, value in card["scores"].items())
        lines.append(
            f"| `{card['name']}` | {card['about']} | {card['weights']:,} | {card['steps']:,} "
            f"| {card['batch']} | {card['minutes']} | {card['machine']}, {card['precision']} | {scores} |"
        )
    return "\n".join(lines) + "\n"


def _describe(schedule: NoiseSchedule) -> dict[str, Any]:
    ends = {"beta_1": float(schedule.beta[1]), "beta_T": float(schedule.beta[-1])}
    return {"name": schedule.name, "T": schedule.T, **ends}


def _processor() -> str:
    """The model of the processor (or graphics card) in its maker's words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: train a recipe, score it, and write what ships."""
    parser = argparse.ArgumentParser(
        prog="python -m minidiff.recipes",
        description="Train one of the networks that ship, score it, and write its weights and its card.",
    )
    parser.add_argument("name", choices=sorted(RECIPES), metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--steps", type=int, help="gradient steps (the recipe's own number)")
    parser.add_argument("--minutes", type=float, help="train so long, instead of --steps")
    parser.add_argument(
        "--out", type=Path, default=weights.FOLDER, help="folder to write to (the library's own)"
    )
    parser.add_argument("--run", type=Path, help="folder for checkpoints, to go on after a break")
    chosen = parser.parse_args(arguments)
    try:
        trained = run(chosen.name, steps=chosen.steps, minutes=chosen.minutes, out=chosen.run)
        card = ship(chosen.name, trained, chosen.out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(card, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
