"""The command line: ``python -m minidiff train``, ``sample`` and ``doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from . import __version__
from .base.rng import randn, seeded
from .base.validate import check_positive_int
from .training.doctor import report
from .weights import available, example_shape, kept_sampler, load

COLUMNS = 10  # of the picture that ``sample`` writes: a column a digit

EXPECTED = (ValueError, TypeError, IndexError, OSError, ImportError, FloatingPointError)
"""What a wrong argument, a missing file or package leads to: told in a line, without a traceback."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status, 0 when all went well."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.command is None:
        parser.print_help()
        return 2
    try:
        return int(chosen.run(chosen))
    except EXPECTED as error:
        print(f"minidiff {chosen.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nminidiff {chosen.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minidiff", description="Small diffusion models that read like the lecture."
    )
    parser.add_argument("--version", action="version", version=f"minidiff {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    train = commands.add_parser(
        "train",
        help="train a network on a set of images",
        description="Train a recipe of the library, or a U-Net on one of its data sets. The same "
        "command goes on where a stopped one left off.",
    )
    train.add_argument(
        "what", help="a recipe (digits16, digit_classifier16) or a data set (mnist, cifar10, ...)"
    )
    length = train.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="gradient steps (a recipe has its own number)")
    length.add_argument("--minutes", type=float, help="how long to train, instead of --steps")
    train.add_argument("--out", type=Path, help="folder for checkpoint and samples (runs/WHAT)")
    train.add_argument(
        "--fresh", action="store_true", default=None, help="throw away what is in that folder"
    )
    train.add_argument(
        "--extend",
        action="store_true",
        default=None,
        help="go on with other --steps, --minutes or --lr than the training in that folder had",
    )
    train.add_argument("--size", type=int, help="of a data set's images, in pixels (16)")
    train.add_argument("--batch", type=int, help="examples in a step")
    train.add_argument("--lr", type=float, help="highest learning rate")
    train.add_argument("--seed", type=int, help="decides every draw (0)")
    train.set_defaults(run=_train)

    sample = commands.add_parser(
        "sample",
        help="draw samples and write them as a PNG",
        description="Draw samples and write them side by side as one PNG: with DDIM; a flow by Euler's "
        "method; a network with a learned variance by ancestral sampling.",
    )
    sample.add_argument(
        "name", help=f"a network that ships ({', '.join(available())}), or the folder of a training"
    )
    sample.add_argument("--label", type=int, help="draw this class only (all of them in turn)")
    sample.add_argument("--n", type=int, default=100, help="how many (100)")
    sample.add_argument("--steps", type=int, default=50, help="steps (50)")
    sample.add_argument("--w", type=float, default=1.0, help="guidance weight (1); 0 is none")
    sample.add_argument("--seed", type=int, default=0, help="decides the noise (0)")
    sample.add_argument("--out", type=Path, default=Path("samples.png"), help="file (samples.png)")
    sample.set_defaults(run=_sample)

    doctor = commands.add_parser(
        "doctor",
        help="what is installed, and what is missing",
        description="Print versions, the device, and what is missing with how to get it; or the settings "
        "of a training, and what was changed in it.",
    )
    doctor.add_argument(
        "run_folder", nargs="?", metavar="FOLDER", help="of a training, to tell of it"
    )
    doctor.set_defaults(run=_doctor)
    return parser


def _train(chosen: argparse.Namespace) -> int:
    from . import recipes

    names = ("steps", "minutes", "fresh", "extend", "batch", "lr", "seed")
    given = {name: getattr(chosen, name) for name in names}
    settings = {name: value for name, value in given.items() if value is not None}
    out = chosen.out or Path("runs") / chosen.what
    run = recipes.run(chosen.what, size=chosen.size, out=out, **settings)
    print(f"{run.steps} steps in {run.seconds / 60:.1f} minutes, in {run.precision}; kept in {out}")
    if load(out)[1] is not None:
        print(f"draw from it: python -m minidiff sample {out}")
    return 0


def _sample(chosen: argparse.Namespace) -> int:
    from . import recipes
    from .base.model import Denoiser, Network
    from .base.pictures import save_sheet
    from .sampling.suited import samples

    n = check_positive_int("--n", chosen.n)
    net, schedule = load(chosen.name)
    if isinstance(net, Network) and not isinstance(net, Denoiser):
        raise ValueError(f"{chosen.name} holds a {type(net).__name__}, which draws nothing")
    asked_for: dict[str, Any] = {}
    if net.classes is not None:
        asked_for["y"] = torch.arange(n) % net.classes if chosen.label is None else chosen.label
    elif chosen.label is not None:
        raise ValueError(f"--label {chosen.label}: this network was trained without labels")
    recipe = recipes.RECIPES.get(chosen.name)
    own = kept_sampler(chosen.name) if recipe is None else recipe.sample
    draw = own or samples
    generator = seeded(chosen.seed)
    noise = randn((n, *example_shape(chosen.name)), generator)
    options = {"steps": chosen.steps, "w": chosen.w, "generator": generator}
    print(
        save_sheet(chosen.out, draw(net, schedule, noise, **options, **asked_for), columns=COLUMNS)
    )
    return 0


def _doctor(chosen: argparse.Namespace) -> int:
    lines, well = report(chosen.run_folder)
    print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
