"""Which settings learn digits fastest? Each is trained on equally many images and scored on its samples.

python -m benchmarks.search                                        # every change in the table, by itself
python -m benchmarks.search "batch 64" "batch 64 + no dropout"     # these; + puts changes together
python -m benchmarks.search --images 80000 --seeds 0 1 2 --out runs/search

A trial is a setting with a seed. What it scored goes into a file of its own below --out, so a search that
was stopped goes on with what is missing. Seconds are those of training alone; compare them only where
nothing else ran. Bits per dimension are those of held-out digits, by md.elbo. A row gives the mean over the
seeds, and the standard error of that mean.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor

import minidiff as md
from minidiff.base.files import write_atomically
from minidiff.base.model import Net
from minidiff.base.progress import with_bar
from minidiff.base.rng import Generator, rand
from minidiff.metrics import Judge, draw_digits
from minidiff.recipes import RECIPES
from minidiff.systems.digits import drawing, unet

IMAGES = 80_000  # about two minutes of digits16 on two cores
SAMPLES, STEPS = 1000, 25  # drawn to score a trial, and sampler steps
HELD_OUT = 20  # digits whose bits are counted, over all t
AS_IT_IS = "as it is"
# What the changes change. It stays when the recipe learns from the search, or older results would lie.
PLAIN: dict[str, Any] = {"batch": 128, "lr": 2e-3, "ema": 0.998, "precision": "fp32"}


@dataclass(frozen=True)
class Setting:
    """How a trial differs from the recipe: arguments of train, of the network, and of the loss."""

    train: dict[str, Any] = field(default_factory=dict)
    net: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)

    def __add__(self, other: Setting) -> Setting:
        return Setting(self.train | other.train, self.net | other.net, self.loss | other.loss)


CHANGES: dict[str, Setting] = {
    AS_IT_IS: Setting(),
    **{f"batch {n}": Setting(train={"batch": n}) for n in (8, 16, 32, 64, 128)},
    **{f"lr {lr:g}": Setting(train={"lr": lr}) for lr in (1e-3, 4e-3)},
    "warmup 20": Setting(train={"warmup": 20}),
    **{f"ema {d:g}": Setting(train={"ema": d}) for d in (0.9, 0.98)},
    "no dropout": Setting(net={"dropout": 0.0}),
    "no decay": Setting(train={"weight_decay": 0.0}),
    **{f"predict {kind}": Setting(loss={"kind": kind}) for kind in ("v", "x0")},
    **{f"min-SNR {g:g}": Setting(loss={"gamma": g}) for g in (1.0, 5.0)},
    "strata": Setting(loss={"times": "strata"}),
    "middle": Setting(loss={"times": "middle"}),
    "wide 24": Setting(net={"width": 24}),
    "levels 1 2 2": Setting(net={"multipliers": (1, 2, 2)}),
    "labels kept": Setting(loss={"label_dropout": 0.05}),
    "bent": Setting(train={"augment": md.data.augment.warp}),
}


def loss_at_times(
    net: Net,
    x_0: Tensor,
    schedule: md.NoiseSchedule,
    y: Tensor | None = None,
    *,
    times: str = "uniform",
    generator: Generator | None = None,
    **options: Any,
) -> Tensor:
    """The simple loss with times drawn otherwise; ``options`` are its own."""
    t = draw_times(times, len(x_0), schedule.T, generator).to(x_0.device)
    return md.simple_loss(net, x_0, schedule, y, t=t, generator=generator, **options)


def draw_times(times: str, count: int, T: int, generator: Generator | None) -> Tensor:
    """Times 1..T: uniform; one in each of equal strata; or seldom at both ends (logit-normal)."""
    u = rand((count,), generator)
    if times == "strata":
        u = (torch.arange(count) + u) / count
    elif times == "middle":
        u = torch.special.ndtri(u.double().clamp(1e-6, 1 - 1e-6)).sigmoid().float()
    return (u * T).long().clamp(max=T - 1) + 1


def setting_of(name: str) -> Setting:
    """What a name says, such as "batch 64 + no dropout".

    Raises:
        ValueError: If a part of it is no change of the table.
    """
    setting = Setting()
    for part in name.split("+"):
        if part.strip() not in CHANGES:
            raise ValueError(
                f"{part.strip()!r} is none of {', '.join(CHANGES)}; + puts several together"
            )
        setting += CHANGES[part.strip()]
    return setting


def trial(
    name: str, seed: int, images: int, samples: int, w: float, judge: Judge
) -> dict[str, Any]:
    """Train with a setting and score what the network draws."""
    setting, recipe = setting_of(name), RECIPES["digits16"]
    options = {**PLAIN, **setting.train}
    batch = options["batch"]
    options |= {"steps": images // batch, "seed": seed, "compile": False, "progress": False}
    run = md.train(
        unet(seed=seed, **setting.net),
        recipe.data(),
        partial(loss_at_times, **setting.loss),
        schedule=recipe.schedule(),
        **options,
    )
    start = time.perf_counter()
    drawn = draw_digits(drawing(run.net, run.schedule, w, STEPS), samples, seed=seed)
    scores = judge.score(*drawn)
    unseen = judge.heldout[:HELD_OUT]
    bound = md.elbo(run.net, unseen, run.schedule, generator=md.seeded(0))
    return {
        "setting": name,
        "seed": seed,
        "images": run.steps * batch,
        "samples": samples,
        "w": w,
        "train seconds": run.seconds,
        "sample seconds": time.perf_counter() - start,
        "precision": run.precision,
        "loss": mean(run.losses[-50:]),
        "accuracy": scores.accuracy,
        "frechet": scores.frechet,
        "bits": float(bound.bits_per_dim.mean()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials that are missing, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("settings", nargs="*", help=", ".join(CHANGES))
    parser.add_argument("--images", type=int, default=IMAGES, help=f"seen by each ({IMAGES})")
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"to score each ({SAMPLES})")
    parser.add_argument("--w", type=float, default=1.0, help="guidance of the samples (1)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1], help="of each setting (0 1)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/search"), help="for the trials' scores"
    )
    parser.add_argument("--save", type=Path, help="write all trials of the table into this file")
    chosen = parser.parse_args(arguments)
    names = chosen.settings or list(CHANGES)
    for name in names:
        setting_of(name)  # a slip in the last name is told before the first training
    judge = Judge(md.load("digit_classifier16")[0])
    features = judge.reference.shape[1]
    if chosen.samples <= features:
        parser.error(
            f"--samples must be above {features}, the number of features; got {chosen.samples}"
        )
    size = f"{chosen.images:,} images a trial, {chosen.samples} samples of each, w = {chosen.w:g}"
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {size}")
    results = []
    trials = [(name, seed) for name in names for seed in chosen.seeds]
    for name, seed in with_bar(trials, True, "search", "trial"):
        kind = f"{chosen.images} images, {chosen.samples} samples, w = {chosen.w:g}"
        path = chosen.out / f"{kind}, {name}, seed {seed}.json"
        if not path.exists():
            result = trial(name, seed, chosen.images, chosen.samples, chosen.w, judge)
            write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())
        results.append(json.loads(path.read_text(encoding="utf-8")))
    print(table(results))
    if chosen.save is not None:
        write_atomically(chosen.save, (json.dumps(results, indent=1) + "\n").encode())


def table(results: Sequence[dict[str, Any]]) -> str:
    """A row for each setting, the best first."""
    names = list(dict.fromkeys(result["setting"] for result in results))
    rows = []
    for name in names:
        own = [result for result in results if result["setting"] == name]
        frechet = mean(result["frechet"] for result in own)
        rows.append(
            (
                frechet,
                f"{name:40}{spread(own, 'frechet', 2):>16}{spread(own, 'accuracy', 4):>20}"
                f"{spread(own, 'bits', 3):>18}{spread(own, 'loss', 5):>22}"
                f"{mean(r['train seconds'] for r in own):9.0f} s",
            )
        )
    head = f"{'setting':40}{'Fréchet distance':>16}{'accuracy':>20}{'bits/dim':>18}{'loss':>22}"
    head += f"{'training':>11}"
    return "\n".join([head, *(row for _, row in sorted(rows))])


def spread(results: Sequence[dict[str, Any]], what: str, digits: int) -> str:
    """A mean with its standard error, where there are several."""
    values = [result[what] for result in results]
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{mean(values):.{digits}f} ± {error:.{digits}f}"


if __name__ == "__main__":
    main()
