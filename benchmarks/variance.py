"""What does a learned variance buy, in bits and in pictures?

python -m benchmarks.variance              # about five minutes on two cores
python -m benchmarks.variance --n 250 --digits 200
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

import minidiff as md
from minidiff.metrics import Judge, SampleScores, draw_digits
from minidiff.metrics.judge import Sampler

PILOT = 10  # held-out digits that tell where to look, and are not measured
DRAWS = 10  # times t for each digit
STEPS = (50, 10)  # of ancestral sampling


@dataclass(frozen=True)
class Row:
    """A network, and the variance of its step back."""

    weights: str
    variance: str

    @property
    def name(self) -> str:
        """How the tables call it."""
        return f"{self.weights}, {self.variance}"


LEARNED = Row("digits16_hybrid", "learned")
FIXED = tuple(
    Row(weights, variance)
    for weights in ("digits16_hybrid", "digits16")
    for variance in ("small", "large")
)
ROWS = (LEARNED, *FIXED)


class Answering:
    """A network that answers in the way that a variance asks for, with or without v."""

    def __init__(self, net: Any, variance: str) -> None:
        self.net, self.variance = net, variance
        self.device = md.default_device()
        self.null_label = net.null_label

    def __call__(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Any:
        """The noise; for a learned variance, both heads as they are."""
        answer: Tensor = self.net(x, t, y)
        two_heads = answer.shape[1] == 2 * x.shape[1]
        if two_heads and self.variance != "learned":
            return md.split_variance(answer)[0]
        return answer

    def eps_model(self, x: Tensor, t: Tensor) -> Any:
        """The same for any digit, as the pair (noise, v) where the variance is learned."""
        answer = self(x, t)
        return md.split_variance(answer) if self.variance == "learned" else answer


@cache
def loaded(weights: str) -> tuple[Any, Any]:
    """A network that ships, and its schedule."""
    return md.load(weights)


def main() -> None:
    """Print both tables, and what they say of the learned variance."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.variance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--digits", type=int, default=990, help="held-out digits for bits (990)")
    parser.add_argument("--n", type=int, default=1000, help="images for each entry (1000)")
    parser.add_argument("--seed", type=int, default=0, help="decides all that is drawn (0)")
    chosen = parser.parse_args()

    bits = in_bits(chosen.digits, chosen.seed)
    first = bits[LEARNED]
    print(
        f"Bits/dim of {len(first)} held-out digits without their label, {DRAWS} times t for each by "
        f"importance; the same digits, times and noise in every row. Threads: "
        f"{torch.get_num_threads()}.\n"
    )
    print(f"{'':28}{'bits/dim':>18}{'more than learned':>22}")
    for row, values in bits.items():
        more = "" if row == LEARNED else f"{with_error(values - first, 4):>22}"
        print(f"{row.name:28}{with_error(values):>18}{more}")

    judge = Judge(md.load("digit_classifier16")[0], chosen.seed)
    real = judge.real(chosen.n)
    print(
        f"\n{chosen.n} class-conditional samples without guidance, all from the same first noise; "
        f"{chosen.n} real training digits: accuracy {real.accuracy:.3f}, Fréchet distance "
        f"{real.frechet:.2f} ± {real.frechet_error:.2f}.\n"
    )
    print(f"{'':28}{'steps':>6}{'accuracy':>18}{'Fréchet':>18}")
    scores = {}
    for steps in STEPS:
        for row in ROWS:
            got = judge.score(*draw_digits(ancestral(row, steps), chosen.n, seed=chosen.seed))
            scores[row, steps] = got
            print(f"{row.name:28}{steps:6}{scored(got)}", flush=True)
    print("\n" + "\n".join(verdicts(bits, scores)))


def in_bits(digits: int, seed: int) -> dict[Row, Tensor]:
    """Bits/dim of each digit, row by row."""
    images = md.data.digits("heldout")[0].to(md.default_device())
    if not 2 <= digits <= len(images) - PILOT:
        raise SystemExit(f"--digits must be 2..{len(images) - PILOT}; got {digits}")
    net, schedule = loaded("digits16")
    settings: dict[str, Any] = {"generator": torch.Generator().manual_seed(seed)}
    terms = md.elbo(net, images[-PILOT:], schedule, **settings)
    probabilities = md.importance_of_times(terms)
    values = {}
    for row in ROWS:
        net, schedule = loaded(row.weights)
        values[row] = md.sampled_bits_per_dim(
            Answering(net, row.variance).eps_model,
            images[:digits],
            schedule,
            probabilities,
            draws=DRAWS,
            variance=row.variance,
            generator=torch.Generator().manual_seed(seed + 1),
        )
    return values


def ancestral(row: Row, steps: int) -> Sampler:
    """DDPM on a list of that many times."""
    net, schedule = loaded(row.weights)
    answering = Answering(net, row.variance)

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return md.ddpm_sample(
            md.classifier_free_guidance(answering, labels, 0.0),
            schedule,
            steps=steps,
            variance=row.variance,
            clip=True,
            x_T=noise.to(answering.device),
            generator=generator,
        )

    return sampler


def with_error(values: Tensor, places: int = 3) -> str:
    """A mean, and its standard error."""
    return f"{float(values.mean()):.{places}f} ± {md.standard_error(values):.{places}f}"


def scored(got: SampleScores) -> str:
    """Accuracy and distance, each with its standard error."""
    return (
        f"{got.accuracy:10.3f} ± {got.accuracy_error:.3f}"
        f"{got.frechet:10.2f} ± {got.frechet_error:.2f}"
    )


def verdicts(bits: dict[Row, Tensor], scores: dict[tuple[Row, int], SampleScores]) -> Iterable[str]:
    """Fewer bits than each fixed variance, and samples no worse: by more than two errors?"""
    for row in FIXED:
        less = bits[row] - bits[LEARNED]
        fewer = float(less.mean()) > 2 * md.standard_error(less)
        yield (
            f"bits/dim, learned against {row.name}: {with_error(less, 4)} saved: "
            f"{'fewer' if fewer else 'no clear difference, or more'}"
        )
    for steps in STEPS:
        for row in FIXED:
            a, b = scores[LEARNED, steps], scores[row, steps]
            error = math.hypot(a.frechet_error, b.frechet_error)
            gap = math.hypot(a.accuracy_error, b.accuracy_error)
            worse = a.frechet - b.frechet > 2 * error or b.accuracy - a.accuracy > 2 * gap
            yield (
                f"{steps} steps, learned against {row.name}: Fréchet {a.frechet - b.frechet:+.2f} "
                f"(standard error at most {error:.2f}), accuracy {a.accuracy - b.accuracy:+.3f} ± "
                f"{gap:.3f}: {'worse' if worse else 'no worse'}"
            )


if __name__ == "__main__":
    main()
