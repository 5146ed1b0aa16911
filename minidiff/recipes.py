"""The named trainings whose weights ship: ``python -m minidiff.recipes NAME`` makes each again."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import data, metrics, weights
from .augment import warp
from .checkpoint import write_atomically
from .draw import Generator
from .nn import DigitClassifier, TinyUNet
from .quality import WEIGHTS, Judge, draw_digits
from .schedule import NoiseSchedule, linear_schedule
from .train import Run, train

SIZE = 16
CLASSES = 10
SAMPLES = 1000  # images that digits16 is scored with


def classifier_loss(
    net: nn.Module,
    x_0: Tensor,
    schedule: None = None,
    y: Tensor | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    r"""Cross entropy :math:`-\log p(y \mid x_0)`, averaged over the batch.

    Args:
        net: A classifier, images to logits.
        x_0: Images, shape (B, C, H, W).
        schedule: Not used: a classifier of clean images knows no noise.
        y: Labels, LongTensor (B,).
        generator: Not used.
    """
    if y is None:
        raise ValueError("y is missing: a classifier learns from labels, give data=(x_0, y)")
    return F.cross_entropy(net(x_0), y)


@dataclass(frozen=True)
class Plan:
    """All that a training needs, made anew each time.

    Attributes:
        net: A new network.
        schedule: Its noise schedule; None for a classifier.
        data: Images and labels to train with.
        steps: Gradient steps, unless told otherwise.
        settings: Further arguments of :func:`~minidiff.train`.
    """

    net: Any
    schedule: NoiseSchedule | None
    data: tuple[Tensor, Tensor]
    steps: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A training whose weights ship.

    Attributes:
        about: What it makes, in one line.
        plan: Makes what the training needs.
        score: Gives the scores of the trained network.
    """

    about: str
    plan: Callable[[], Plan]
    score: Callable[[Any, NoiseSchedule | None], dict[str, float]]


def _unet_for(images: tuple[Tensor, Tensor]) -> Plan:
    """A class-conditional U-Net for small images of ten classes."""
    net = TinyUNet(
        images[0].shape[1], CLASSES, width=16, multipliers=(1, 2, 4), blocks=1, dropout=0.1
    )
    return Plan(net, linear_schedule(), images, steps=3000, settings={"lr": 2e-3, "ema": 0.998})


def _digits16() -> Plan:
    return _unet_for(data.digits("train"))


def _digit_classifier16() -> Plan:
    # The digits are few; seen bent and turned a little they are as good as many more.
    settings = {"loss": classifier_loss, "augment": warp}
    return Plan(DigitClassifier(), None, data.digits("train"), steps=2500, settings=settings)


def _score_digits16(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    assert schedule is not None
    judge = Judge(weights.load("digit_classifier16")[0])
    scores = {"Fréchet distance, real": judge.real(SAMPLES).frechet}
    for w in WEIGHTS:
        got = judge.score(*draw_digits(net, schedule, SAMPLES, w))
        scores[f"accuracy, w = {w:g}"] = got.accuracy
        scores[f"Fréchet distance, w = {w:g}"] = got.frechet
    return scores


def _score_classifier(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    return {
        f"accuracy, {split}": metrics.accuracy(net, *data.digits(split)).value
        for split in data.SPLITS
    }


#: The trainings whose weights ship, by name.
RECIPES = {
    "digit_classifier16": Recipe(
        "reads 16×16 digits; its 64 features serve the metrics",
        _digit_classifier16,
        _score_classifier,
    ),
    "digits16": Recipe("draws 16×16 digits, class-conditional", _digits16, _score_digits16),
}


def run(
    name: str,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    size: int | None = None,
    **settings: Any,
) -> Run:
    """Train a recipe's network, or the same U-Net on another data set.

    Args:
        name: One of :data:`RECIPES`, or of :data:`minidiff.data.NAMES`.
        steps: Gradient steps; None takes the recipe's own number, unless ``minutes`` is given.
        minutes: How long to train instead.
        size: Height and width of the images, for a data set; None takes 16.
        settings: Further arguments of :func:`~minidiff.train`, in place of the recipe's.

    Returns:
        The run.

    Raises:
        ValueError: If there is no such recipe or data set, or an argument does not suit
            :func:`~minidiff.train`.
    """
    plan = make_plan(name, size)
    if minutes is None:
        settings["steps"] = plan.steps if steps is None else steps
    elif steps is None:
        settings["minutes"] = minutes
    else:
        raise ValueError(f"give steps= or minutes=, not both; got {steps} and {minutes}")
    return train(plan.net, plan.data, schedule=plan.schedule, **{**plan.settings, **settings})


def make_plan(name: str, size: int | None = None) -> Plan:
    """What the training of a recipe, or on a data set, needs; see :func:`run`."""
    if name in RECIPES:
        if size is not None:
            raise ValueError(f"size={size}: {name} is made for one size, that of its name")
        return RECIPES[name].plan()
    if name in data.NAMES:
        return _unet_for(data.load(name, "train", size=size or SIZE))
    known = ", ".join([*RECIPES, *data.NAMES])
    raise ValueError(f"name must be a recipe or a data set, one of {known}; got {name!r}")


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

    net: Any = trained.net.cpu()
    schedule = trained.schedule
    digest = weights.save(folder / f"{name}.safetensors", net, schedule, shape=(1, SIZE, SIZE))
    card = {
        "name": name,
        "about": RECIPES[name].about,
        "network": type(net).__name__,
        "config": net.config,
        "weights": sum(x.numel() for x in net.parameters()),
        "schedule": None if schedule is None else _describe(schedule),
        "sha256": digest,
        "steps": trained.steps,
        "minutes": round(trained.seconds / 60, 1),
        "precision": trained.precision,
        "machine": f"{_processor()}, threads: {torch.get_num_threads()}",
        "minidiff": __version__,
        "torch": torch.__version__,
        "scores": {
            what: round(value, 4) for what, value in RECIPES[name].score(net, schedule).items()
        },
    }
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / f"{name}.json", text.encode())
    write_atomically(folder / "README.md", table(folder).encode())
    return card


def table(folder: Path) -> str:
    """The cards of a folder as a Markdown page."""
    lines = [
        "# Weights",
        "",
        "Written by `python -m minidiff.recipes NAME`, which trains each network again and scores it.",
        "Scores of samples: 1,000 digits by DDIM-50, read by `digit_classifier16`; Fréchet distances in",
        'its features, to the 1,000 held-out digits; "real" stands for 1,000 training digits, 100 a class.',
        "",
        "| name | what it does | weights | steps | minutes | machine | scores |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in sorted(folder.glob("*.json")):
        card = json.loads(path.read_text(encoding="utf-8"))
        scores = "<br>".join(f"{what}: {value:.4g}" for what, value in card["scores"].items())
        lines.append(
            f"| `{card['name']}` | {card['about']} | {card['weights']:,} | {card['steps']:,} "
            f"| {card['minutes']} | {card['machine']}, {card['precision']} | {scores} |"
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
