"""How good are digits after equal minutes? minidiff beside diffusers, lucidrains' library and smalldiffusion.

python -m benchmarks.field                                       # about an hour on two cores
python -m benchmarks.field --only minidiff diffusers --minutes 1
python -m benchmarks.field --out benchmarks/results/field.json

diffusers comes with the tests. The other two are installed by hand, without what they ask for: all of it that
is used is here already, and torch must stay as it is. A peer that is not there is named in the tables.

pip install --no-deps denoising-diffusion-pytorch==2.3.4 ema-pytorch==0.7.9 smalldiffusion==0.5.0

"The same loop": every network learns by the recipe of digits16: md.train, the noise as target, the linear
schedule, AdamW, the same average of the weights, times mapped to each network's own. All are told labels:
diffusers and smalldiffusion have a place for them, and lucidrains' network gets a table of them, added to its
embedding of time as the others add theirs. Samples are drawn by our DDIM, guided with w = 1. The peers
compute in float32, as they do unless told otherwise; ours has a row for that, and one for the precision it
chooses.

"Each by its own settings": optimizer, learning rate, average, batch, schedule, target and sampler are those
of each library's trainer, or of its training example. Each has DDIM among its samplers and draws by it in as
many steps as ours: their number is the choice of the one who draws, and no row should win by it. The trainers
of diffusers and lucidrains know no labels, so a row of ours without labels stands beside them;
smalldiffusion's loop and sampler take labels and guidance, and are given them. Two things are otherwise:
pictures are not mirrored, as all three do, for a mirrored digit is none; and smalldiffusion's
batch of 1024 gives way to ours, for the time holds few steps of it. A learning rate that falls with the steps
falls with the clock.

The peers' networks have about as many weights as ours, as nearly as their own rules for widths allow. Those
of their documentation are many times larger, and see few pictures in minutes on a processor; --documented
takes them all the same.

Rows are run in turn. Every so often a copy of the weights is put aside, and scored after the training, so
that no drawing counts as training. Fewer samples make a distance come out larger: looks are compared with
looks.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch

import minidiff as md
from benchmarks.field_peers import PEERS, Peer
from benchmarks.field_training import Plan, Trained, in_its_own, in_our_loop, ours
from minidiff.metrics import Judge, SampleScores, draw_digits, features, frechet_distance
from minidiff.sampling.suited import STEPS
from minidiff.training.crowded import load

OURS = "minidiff"
SAME, OWN = "The same loop", "Each by its own settings"


@dataclass
class Row:
    """A row of a table: a contestant, and what came of it."""

    name: str
    library: str
    tables: tuple[str, ...]
    missing: str = ""
    weights: int = 0
    precision: str = ""
    images: int = 0
    seconds: float = 0.0
    frechet: float = 0.0
    frechet_error: float = 0.0
    accuracy: float | None = None
    accuracy_error: float | None = None
    sample_seconds: float = 0.0
    load: float = 0.0
    looks: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Contestant:
    """A network and how it is trained, in one table or in two."""

    name: str
    library: str
    tables: tuple[str, ...]
    train: Callable[[Plan], Trained]
    peer: Peer | None = None


def contestants(documented: bool) -> list[Contestant]:
    """All rows, in the order of their turns."""
    default, fp32 = (partial(ours, precision=word) for word in ("auto", "fp32"))
    rows = [
        Contestant(OURS, OURS, (SAME, OWN), default),
        Contestant(f"{OURS}, fp32", OURS, (SAME,), fp32),
    ]
    peers = [kind(documented) for kind in PEERS]
    rows += [Contestant(p.name, p.name, (SAME,), partial(in_our_loop, p), p) for p in peers]
    rows += [Contestant(f"{OURS}, no labels", OURS, (OWN,), partial(ours, labels=False))]
    rows += [
        Contestant(f"{p.name}, own way", p.name, (OWN,), partial(in_its_own, p), p) for p in peers
    ]
    return rows


def result(contestant: Contestant, plan: Plan, judge: Judge) -> Row:
    """Train, then score; or say what is missing."""
    row = Row(contestant.name, contestant.library, contestant.tables, load=load())
    row.missing = contestant.peer.missing() if contestant.peer else ""
    if row.missing:
        return row
    trained = contestant.train(plan)
    row.weights = sum(p.numel() for p in trained.net.parameters())
    row.precision, row.images, row.seconds = trained.precision, trained.images, trained.seconds
    kept = trained.copies.kept
    counts = [plan.looked] * (len(kept) - 1) + [plan.n]  # the last look is the result, too
    for (seconds, weights), n in zip(kept, counts, strict=True):
        trained.net.load_state_dict(weights)
        start = time.perf_counter()
        with redirect_stderr(io.StringIO()):  # bars of peers
            images, labels = draw_digits(trained.sampler, n, seed=plan.seed)
        row.sample_seconds = time.perf_counter() - start  # the last one's stay
        seen = features(judge.classifier, images[: plan.looked])
        row.looks.append((seconds, frechet_distance(seen, judge.reference)))
    enter(row, judge.score(images, labels), trained.labelled)
    return row


def enter(row: Row, scores: SampleScores, labelled: bool) -> None:
    """Write the scores of the last samples into a row; without labels nothing was intended to be read."""
    row.frechet, row.frechet_error = scores.frechet, scores.frechet_error
    if labelled:
        row.accuracy, row.accuracy_error = scores.accuracy, scores.accuracy_error


def best_peer(rows: Sequence[Row]) -> Row | None:
    """The peer whose last look is the best, if any peer was there."""
    there = [row for row in rows if row.library != OURS and row.looks]
    return min(there, key=lambda row: row.looks[-1][1], default=None)


def seconds_to_reach(looks: Sequence[tuple[float, float]], target: float) -> float | None:
    """Seconds of training at the first look that is at least as good; None if none is."""
    return next((seconds for seconds, distance in looks if distance <= target), None)


def reached(rows: Sequence[Row]) -> dict[str, float | None]:
    """For each row that is there, the seconds until it was as good as the best peer was at the end."""
    best = best_peer(rows)
    return {
        row.name: None if best is None else seconds_to_reach(row.looks, best.looks[-1][1])
        for row in rows
        if not row.missing
    }


def table(title: str, rows: Sequence[Row], plan: Plan) -> str:
    """The rows of one table, and what their last column is measured by."""
    best, when = best_peer(rows), reached(rows)
    lines = [
        "",
        f"{title}, {plan.minutes:g} minutes each",
        f"{'':24}{'weights':>10}{'in':>6}{'images/s':>10}{'accuracy, w = 1':>19}"
        f"{'Fréchet distance':>20}{'sampling':>10}{'reached':>9}",
    ]
    for row in rows:
        if row.missing:
            lines.append(f"{row.name:24}{row.missing}")
            continue
        read = "–"
        if row.accuracy is not None:
            read = f"{row.accuracy:.4f} ± {row.accuracy_error:.4f}"
        seconds = when[row.name]
        lines.append(
            f"{row.name:24}{row.weights:>10,}{row.precision:>6}{row.images / row.seconds:10.0f}"
            f"{read:>19}{f'{row.frechet:.3f} ± {row.frechet_error:.3f}':>20}"
            f"{row.sample_seconds:8.1f} s"
            + (f"{'–':>9}" if seconds is None else f"{seconds:7.0f} s")
        )
    if best:
        lines.append(
            f"reached: when {plan.looked} samples are as near to real digits as the best peer's at the end "
            f"({best.name}, {best.looks[-1][1]:.3f})"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rows in turn, and print both tables."""
    chosen = parsed(arguments)
    plan = Plan(chosen.minutes, chosen.every, chosen.n, chosen.seed, chosen.documented)
    judge = Judge(md.load("digit_classifier16")[0], plan.seed)
    real = judge.real(plan.n)
    about = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "steps of sampling": STEPS,
        "real digits": {"frechet": real.frechet, "frechet_error": real.frechet_error},
        **asdict(plan),
    }
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {load():.1f}")
    print(
        f"{plan.n} real training digits: Fréchet distance {real.frechet:.3f} ± {real.frechet_error:.3f} "
        f"(below: {plan.n} samples, {STEPS} steps)"
    )
    rows, versions = [], {}
    for contestant in contestants(plan.documented):
        if contestant.library in chosen.only:
            rows.append(result(contestant, plan, judge))
            if contestant.peer and not rows[-1].missing:
                versions[contestant.library] = contestant.peer.version()
            print(progress(rows[-1]), flush=True)
    tables = {title: [row for row in rows if title in row.tables] for title in (SAME, OWN)}
    for title, own in tables.items():
        print(table(title, own, plan))
    print("\nPeers: " + (", ".join(versions.values()) or "none"))
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        found = {
            **about,
            "peers": versions,
            "reached": {title: reached(own) for title, own in tables.items()},
            "rows": [asdict(row) for row in rows],
        }
        chosen.out.write_text(json.dumps(found, indent=1) + "\n")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.field",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [OURS, *(peer.name for peer in PEERS)]
    parser.add_argument("--minutes", type=float, default=2.5, help="of training for a row (2.5)")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between looks (15)")
    parser.add_argument("--n", type=int, default=1000, help="samples that score a row (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, training, samples (0)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these libraries")
    parser.add_argument(
        "--documented",
        action="store_true",
        help="the peers' networks as large as documented; copies of diffusers' take gigabytes",
    )
    parser.add_argument("--out", type=Path, help="write all figures here, as JSON")
    return parser.parse_args(arguments)


def progress(row: Row) -> str:
    """A row that is done, in a line."""
    what = row.missing or f"{row.images:,} images in {row.seconds:.0f} s, {len(row.looks)} looks"
    return f"  {row.name}: {what} (load {row.load:.1f} before)"


if __name__ == "__main__":
    main()
