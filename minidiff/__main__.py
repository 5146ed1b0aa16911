"""The command line: ``python -m minidiff train``, ``sample`` and ``doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import __version__
from .base.model import Denoiser, Network
from .base.ranges import COLOURS
from .base.rng import randn, seeded
from .base.validate import check_positive_int
from .nn.precision import PRECISIONS, with_precision
from .sampling.suited import samples, states
from .training.doctor import report
from .weights import available, class_names, example_shape, kept_sampler, load

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

    _add_train(commands)
    _add_sample(commands)
    _add_doctor(commands)
    return parser


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        help="train a network on a set of images",
        description="Train a recipe of the library, or a U-Net on one of its data sets. The same "
        "command goes on where a stopped one left off.",
    )
    train.add_argument(
        "what",
        help="a recipe (digits16, digit_classifier16), a data set (mnist, cifar10, ...), or a folder of your "
        "own pictures, in which folders are classes",
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
    train.add_argument(
        "--size", type=int, help="of the images, in pixels (16; of your own pictures 32)"
    )
    train.add_argument("--batch", type=int, help="examples in a step")
    train.add_argument(
        "--gamma",
        type=float,
        help="let small t count less (min-SNR, 5 is usual): digits come sooner, the bound gets worse",
    )
    train.add_argument("--lr", type=float, help="highest learning rate")
    train.add_argument("--seed", type=int, help="decides every draw (0)")
    train.set_defaults(run=_train)


def _add_sample(commands: Any) -> None:
    sample = commands.add_parser(
        "sample",
        help="draw samples and write them as a picture or a film",
        description="Draw samples and write them side by side: with DDIM; a flow by Euler's method; a "
        "network with a learned variance by ancestral sampling.",
    )
    sample.add_argument(
        "name",
        nargs="?",
        default="digits16",
        help=f"a network that draws ({', '.join(drawing())}), or the folder of a training (digits16)",
    )
    sample.add_argument(
        "--label",
        type=_label,
        help="draw this class only, a number or its name; none for no class (all of them in turn)",
    )
    sample.add_argument("--n", type=int, default=100, help="how many (100)")
    sample.add_argument("--steps", type=int, default=50, help="steps (50)")
    sample.add_argument("--w", type=float, default=1.0, help="guidance weight (1); 0 is none")
    sample.add_argument("--seed", type=int, default=0, help="decides the noise (0)")
    sample.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="fp32",
        help="of the network: bf16 is faster on some machines, auto takes it there (fp32: the same pictures "
        "everywhere)",
    )
    sample.add_argument("--gif", action="store_true", help="write the way from noise as a film")
    sample.add_argument(
        "--out", type=Path, help="file, .png, .jpg or .gif (samples.png, with --gif samples.gif)"
    )
    sample.set_defaults(run=_sample)


def _add_doctor(commands: Any) -> None:
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


def _train(chosen: argparse.Namespace) -> int:
    from . import recipes

    names = ("steps", "minutes", "fresh", "extend", "batch", "gamma", "lr", "seed")
    given = {name: getattr(chosen, name) for name in names}
    settings = {name: value for name, value in given.items() if value is not None}
    out = chosen.out or Path("runs") / Path(chosen.what).resolve().name
    run = recipes.run(chosen.what, size=chosen.size, out=out, **settings)
    compiled = ", compiled" if run.compiled else ""
    print(
        f"{run.steps} steps in {run.seconds / 60:.1f} minutes, in {run.precision}{compiled}; kept in {out}"
    )
    if load(out)[1] is not None:
        print(f"draw from it: python -m minidiff sample {out}")
    return 0


def _sample(chosen: argparse.Namespace) -> int:
    from .base.pictures import FILMS, STILLS, check_ending, save_film, save_sheet

    n = check_positive_int("--n", chosen.n)
    out = chosen.out or Path("samples.gif" if chosen.gif else "samples.png")
    film = chosen.gif or out.suffix.lower() in FILMS
    check_ending(out, FILMS if chosen.gif else {**STILLS, **FILMS})
    net, schedule = load(chosen.name)
    shape = example_shape(chosen.name)
    _check_draws(chosen.name, net, shape)
    told = _asked_for(_numbered(chosen.label, class_names(chosen.name)), n, net)
    generator = seeded(chosen.seed)
    noise = randn((n, *shape), generator)
    options = {"steps": chosen.steps, "w": chosen.w, "generator": generator, **told}
    columns = COLUMNS if net.classes is None else _columns(net.classes)
    about = {"network": chosen.name, "seed": chosen.seed, "steps": chosen.steps, "w": chosen.w}
    about |= {"label": "all in turn" if chosen.label is None else chosen.label, "n": n}
    rounded = with_precision(net, chosen.precision)
    if rounded is not net:
        about["precision"] = "bf16"
    draw = _sampler(chosen.name)
    if not film:
        pictures = (draw or samples)(rounded, schedule, noise, **options)
        print(save_sheet(out, pictures, columns, about=about))
        return 0
    if draw not in (None, samples):
        raise ValueError(
            f"{chosen.name} draws in a way of its own, of which only the end is known: leave out --gif"
        )
    print(save_film(out, states(rounded, schedule, noise, **options), columns, about=about))
    return 0


def drawing() -> list[str]:
    """The networks that ship and draw; the others read pictures."""
    from . import recipes

    return [name for name in available() if recipes.RECIPES[name].sample is not None]


def _label(word: str) -> int | str:
    return int(word) if word.lstrip("-").isdigit() else word


def _check_draws(name: str, net: Any, shape: Sequence[int]) -> None:
    if isinstance(net, Network) and not isinstance(net, Denoiser):
        raise ValueError(
            f"{name} holds a {type(net).__name__}, which draws nothing; these do: {', '.join(drawing())}"
        )
    if len(shape) != 3 or shape[0] not in COLOURS:
        raise ValueError(
            f"{name} draws examples of shape {tuple(shape)}, and pictures have 1 or 3 channels: draw them in "
            "Python, with md.load and a sampler"
        )


def _numbered(label: int | str | None, names: Sequence[str]) -> int | str | None:
    """A label as its number, where it is given by its name."""
    if label in names:
        return names.index(str(label))
    if isinstance(label, str) and names and label != "none":
        raise ValueError(f"--label must be one of {', '.join(names)}, or none; got {label}")
    return label


def _asked_for(label: int | str | None, n: int, net: Any) -> dict[str, Any]:
    """The condition that the samples are told: all classes in turn, one of them, or none."""
    if net.classes is None:
        if label is not None:
            raise ValueError(f"--label {label}: this network was trained without labels")
        return {}
    if label is None:
        return {"y": torch.arange(n) % net.classes}
    if label == "none":
        return {"y": torch.full((n,), net.null_label)}
    if not isinstance(label, int) or not 0 <= label < net.classes:
        hint = (
            f" ({label} is the null label: for no class say none)" if label == net.classes else ""
        )
        raise ValueError(f"--label must be 0..{net.classes - 1} or none, got {label}{hint}")
    return {"y": label}


def _columns(classes: int) -> int:
    """As many columns as make each hold one class, where about ten can."""
    return classes * max(COLUMNS // classes, 1) if classes <= 2 * COLUMNS else COLUMNS


def _sampler(name: str) -> Callable[..., Tensor] | None:
    """What a recipe or a training draws with, where it said so."""
    from . import recipes

    recipe = recipes.RECIPES.get(name)
    return kept_sampler(name) if recipe is None else recipe.sample


def _doctor(chosen: argparse.Namespace) -> int:
    lines, well = report(chosen.run_folder)
    print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
