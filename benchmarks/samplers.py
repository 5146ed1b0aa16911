"""What does a sampler give for so many evaluations of the network?

python -m benchmarks.samplers              # about ten minutes on two cores
python -m benchmarks.samplers --n 250 --long 0
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import minidiff as md
from minidiff.metrics import Judge, SampleScores, draw_digits
from minidiff.metrics.judge import Sampler

EVALUATIONS = (1, 2, 5, 10, 20, 50)
LONG = 1000  # evaluations, for DDPM and DDIM only


class Counted:
    """A network, and how often it was asked."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self.classes = net.classes
        self.null_label = net.null_label
        self.asked = 0

    def __call__(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Ask the network."""
        self.asked += 1
        answer: Tensor = self.net(x, t, y)
        return answer


Maker = Callable[[Counted, Any, int], Sampler]
"""Makes a sampler of a network, its schedule and a number of evaluations."""


def ancestral(variance: str) -> Maker:
    """DDPM on a list of as many times as there may be evaluations."""

    def make(net: Counted, schedule: Any, evaluations: int) -> Sampler:
        def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
            return md.ddpm_sample(
                md.classifier_free_guidance(net, labels, 0.0),
                schedule,
                steps=evaluations,
                variance=variance,
                clip=True,
                x_T=noise,
                generator=generator,
            )

        return sampler

    return make


def ddim(net: Counted, schedule: Any, evaluations: int) -> Sampler:
    """DDIM, η = 0."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        eps_model = md.classifier_free_guidance(net, labels, 0.0)
        return md.ddim_sample(eps_model, schedule, steps=evaluations, clip=True, x_T=noise)

    return sampler


def heun(net: Counted, schedule: Any, evaluations: int) -> Sampler:
    """Heun's method: two evaluations a step, one for the last."""
    steps = (evaluations + 1) // 2

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        eps_model = md.classifier_free_guidance(net, labels, 0.0)
        return md.heun_sample(eps_model, schedule, steps=steps, clip=True, x_T=noise)

    return sampler


def dpm_solver(net: Counted, schedule: Any, evaluations: int) -> Sampler:
    """DPM-Solver++(2M)."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        eps_model = md.classifier_free_guidance(net, labels, 0.0)
        return md.dpm_solver_sample(eps_model, schedule, steps=evaluations, clip=True, x_T=noise)

    return sampler


def flow(solver: str, evaluations_a_step: int) -> Maker:
    """A flow, followed by an ODE solver in steps of equal length."""

    def make(net: Counted, schedule: Any, evaluations: int) -> Sampler:
        steps = evaluations // evaluations_a_step

        def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
            velocity = md.classifier_free_guidance(net, labels, 0.0)
            return md.flow.sample(velocity, noise=noise, steps=steps, solver=solver).clamp(-1, 1)

        return sampler

    return make


@dataclass(frozen=True)
class Row:
    """A sampler of the table."""

    name: str
    weights: str
    make: Maker
    order: int  # of the solver; 0 where the walk is random
    smallest: int = 1  # evaluations of its shortest walk
    long: bool = False


ROWS = (
    Row("DDPM", "digits16", ancestral("small"), 0, long=True),
    Row("DDPM, learned variance", "digits16_hybrid", ancestral("learned"), 0),
    Row("DDIM", "digits16", ddim, 1, long=True),
    Row("Heun", "digits16", heun, 2),
    Row("DPM-Solver++(2M)", "digits16", dpm_solver, 2),
    Row("flow, Euler", "digits16_flow", flow("euler", 1), 1),
    Row("flow, midpoint", "digits16_flow", flow("midpoint", 2), 2, smallest=2),
)


@dataclass(frozen=True)
class Entry:
    """What one walk gave."""

    row: Row
    evaluations: int
    n: int
    scores: SampleScores
    seconds: float


def main() -> None:
    """Print the table, row by row as it is made, and what it says of the samplers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.samplers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--n", type=int, default=1000, help="images for each entry (1000)")
    parser.add_argument(
        "--long", type=int, default=250, help=f"images for {LONG} evaluations (250); 0 for none"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides the noise (0)")
    chosen = parser.parse_args()

    judge = Judge(md.load("digit_classifier16")[0], chosen.seed)
    real = judge.real(chosen.n)
    print(
        f"Class-conditional digits without guidance, {chosen.n} images an entry, all from the same "
        f"noise; threads: {torch.get_num_threads()}.\n"
        f"{chosen.n} real training digits: accuracy {real.accuracy:.3f}, Fréchet distance "
        f"{real.frechet:.2f} ± {real.frechet_error:.2f}.\n"
    )
    print(f"{'sampler':24}{'evaluations':>12}{'images':>8}{'accuracy':>18}{'Fréchet':>18}{'s':>8}")
    entries = []
    for row in ROWS:
        for evaluations in EVALUATIONS:
            if evaluations >= row.smallest:
                entries.append(measure(row, evaluations, chosen.n, chosen.seed, judge))
                print(line(entries[-1]), flush=True)
        if row.long and chosen.long:
            entries.append(measure(row, LONG, chosen.long, chosen.seed, judge))
            print(line(entries[-1]), flush=True)
    if chosen.long:
        print(f"\nFewer images lie further off by chance; again with {chosen.long}:")
        short = measure(named("DDIM"), 20, chosen.long, chosen.seed, judge)
        print(line(short))
        entries.append(short)
    print("\n" + "\n".join(verdicts(entries, chosen.n, chosen.long)))


def named(name: str) -> Row:
    """The row of that name."""
    return next(row for row in ROWS if row.name == name)


def measure(row: Row, evaluations: int, n: int, seed: int, judge: Judge) -> Entry:
    """Draw n digits, and count how often the network was asked for a batch."""
    net, schedule = md.load(row.weights)
    counted = Counted(net)
    start = time.perf_counter()
    images, labels = draw_digits(row.make(counted, schedule, evaluations), n, seed=seed)
    seconds = time.perf_counter() - start
    batches = len(torch.split(labels, 250))
    return Entry(row, counted.asked // batches, n, judge.score(images, labels), seconds)


def line(entry: Entry) -> str:
    """One row of the table."""
    got = entry.scores
    return (
        f"{entry.row.name:24}{entry.evaluations:12}{entry.n:8}"
        f"{got.accuracy:10.3f} ± {got.accuracy_error:.3f}"
        f"{got.frechet:10.2f} ± {got.frechet_error:.2f}"
        f"{entry.seconds:8.1f}"
    )


def verdicts(entries: list[Entry], n: int, long: int) -> list[str]:
    """What the course says of the samplers, held against the table."""

    def find(name: str, most: int, n: int) -> Entry:
        fitting = [e for e in entries if e.row.name == name and e.n == n and e.evaluations <= most]
        return max(fitting, key=lambda e: e.evaluations)

    said = []
    if long:
        said.append(compared(find("DDIM", 20, long), find("DDPM", LONG, long)))
    slow = find("DDIM", 20, n)
    for row in ROWS:
        if row.order == 2 or row.name.startswith("flow"):
            said.append(compared(find(row.name, 10, n), slow))
    return said


def compared(new: Entry, old: Entry) -> str:
    """Is the new one no worse: within a tenth of the distance, or two standard errors of both?"""
    a, b = new.scores, old.scores
    error = (a.frechet_error**2 + b.frechet_error**2) ** 0.5
    holds = a.frechet <= max(1.1 * b.frechet, b.frechet + 2 * error)
    gap = (a.accuracy_error**2 + b.accuracy_error**2) ** 0.5
    reads = a.accuracy >= min(0.9 * b.accuracy, b.accuracy - 2 * gap)
    return (
        f"{new.row.name} with {new.evaluations} against {old.row.name} with {old.evaluations}: "
        f"Fréchet {a.frechet:.2f} against {b.frechet:.2f} (standard error of the difference at most "
        f"{error:.2f}), accuracy {a.accuracy:.3f} against {b.accuracy:.3f}: "
        f"{'no worse' if holds and reads else 'worse'}"
    )


if __name__ == "__main__":
    main()
