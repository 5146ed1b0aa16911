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
class Recipe:
    """A training that can be made again by name.

    Attributes:
        about: What it makes, in one line.
        steps: Gradient steps of the weights that ship.
        make: Gives the network (new), its schedule, and the settings for :func:`~minidiff.train`.
        score: Gives the scores of the trained network.
    """

    about: str
    steps: int
    make: Callable[[], tuple[nn.Module, NoiseSchedule | None, dict[str, Any]]]
    score: Callable[[Any, NoiseSchedule | None], dict[str, float]]


def _digits16() -> tuple[nn.Module, NoiseSchedule, dict[str, Any]]:
    net = TinyUNet(channels=1, classes=10, width=16, multipliers=(1, 2, 4), blocks=1)
    return net, linear_schedule(), {"lr": 2e-3, "ema": 0.998}


def _digit_classifier16() -> tuple[nn.Module, None, dict[str, Any]]:
    # The digits are few: seen bent and turned a little they are as good as many more.
    return DigitClassifier(), None, {"loss": classifier_loss, "augment": warp}


def _score_digits16(net: nn.Module, schedule: NoiseSchedule | None) -> dict[str, float]:
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
        for split in ("train", "heldout")
    }


#: The trainings whose weights ship, by name.
RECIPES = {
    "digit_classifier16": Recipe(
        "reads 16×16 digits; its 64 features serve the metrics",
        2500,
        _digit_classifier16,
        _score_classifier,
    ),
    "digits16": Recipe("draws 16×16 digits, class-conditional", 6000, _digits16, _score_digits16),
}


def run(
    name: str,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **settings: Any,
) -> tuple[Run, NoiseSchedule | None]:
    """Train a recipe's network, without scoring or shipping it.

    Args:
        name: One of :data:`RECIPES`.
        steps: Gradient steps; None takes the recipe's own number, unless ``minutes`` is given.
        minutes: How long to train instead.
        out: Folder for checkpoints; None keeps none.
        fresh: Start over in that folder.
        progress: Show a progress bar.
        settings: Further arguments of :func:`~minidiff.train`, in place of the recipe's.

    Returns:
        The run, and the schedule that its network belongs to (None for the classifier).

    Raises:
        ValueError: If there is no such recipe, or an argument does not suit :func:`~minidiff.train`.
    """
    if name not in RECIPES:
        raise ValueError(f"name must be one of {', '.join(RECIPES)}; got {name!r}")
    recipe = RECIPES[name]
    if steps is None and minutes is None:
        steps = recipe.steps
    net, schedule, own = recipe.make()
    chosen = {**own, **settings}
    trained = train(
        net,
        data.digits("train"),
        schedule=schedule,
        steps=steps,
        minutes=minutes,
        out=out,
        fresh=fresh,
        progress=progress,
        **chosen,
    )
    return trained, schedule


def ship(name: str, trained: Run, schedule: NoiseSchedule | None, folder: Path) -> dict[str, Any]:
    """Write a recipe's weights, the card that describes them, and the table of all cards.

    Args:
        name: The recipe.
        trained: What :func:`run` gave.
        schedule: The schedule, likewise.
        folder: Where to write NAME.safetensors, NAME.json and README.md.

    Returns:
        The card.
    """
    from . import __version__

    net = trained.net.cpu()
    digest = weights.save(folder / f"{name}.safetensors", net, schedule)
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
        "machine": f"{_processor()}, {torch.get_num_threads()} threads",
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
        'its features, to the 1,000 held-out digits; "real" stands for 1,000 training digits.',
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
        trained, schedule = run(
            chosen.name, steps=chosen.steps, minutes=chosen.minutes, out=chosen.run
        )
        card = ship(chosen.name, trained, schedule, chosen.out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(card, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
