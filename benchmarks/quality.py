"""How good are the digits that digits16 draws, or a network trained here and now?

python -m benchmarks.quality                 # the weights that ship
python -m benchmarks.quality --minutes 4     # from nothing, on this machine
python -m benchmarks.quality --minutes 2 --gamma 5 --batch 64    # so that they can be read soon
python -m benchmarks.quality --precision bf16
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

import minidiff as md
from minidiff import recipes
from minidiff.base.pictures import save_sheet
from minidiff.metrics import Judge, SampleScores, draw_digits
from minidiff.nn.precision import PRECISIONS
from minidiff.sampling.suited import STEPS
from minidiff.systems.digits import WEIGHTS, drawing

SHOWN = 100  # samples in the picture
QUANTILES = (0.0, 0.01, 0.1, 0.5)


def main() -> None:
    """Print every figure, and write the picture."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, help="train from nothing for so long")
    parser.add_argument("--gamma", type=float, help="weigh its loss, see md.simple_loss")
    parser.add_argument("--batch", type=int, help="digits in its steps (the recipe's own number)")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32", help="to draw in (fp32)")
    parser.add_argument("--n", type=int, default=1000, help="images to draw (1000)")
    parser.add_argument("--seed", type=int, default=0, help="decides the samples (0)")
    parser.add_argument(
        "--picture", type=Path, help="write a grid of samples at w = 1 here, as PNG"
    )
    chosen = parser.parse_args()

    judge = Judge(md.load("digit_classifier16")[0], chosen.seed)
    read = md.metrics.accuracy(judge.classifier, judge.heldout, judge.heldout_labels)
    print(
        f"The classifier reads {read.value:.4f} ± {read.standard_error:.4f} of the "
        f"{len(judge.heldout)} held-out digits; it was trained with the other {len(judge.train)}."
    )
    own = {"gamma": chosen.gamma, "batch": chosen.batch}
    trained, schedule = network(
        chosen.minutes, **{name: value for name, value in own.items() if value is not None}
    )
    net = md.with_precision(trained, chosen.precision)
    drawn = {}
    pictures = {}
    for w in WEIGHTS:
        start = time.perf_counter()
        pictures[w], labels = draw_digits(drawing(net, schedule, w), chosen.n, seed=chosen.seed)
        seconds = time.perf_counter() - start
        drawn[w] = judge.score(pictures[w], labels)
        precision = "fp32" if net is trained else "bf16"
        print(f"{chosen.n} samples by DDIM-{STEPS} in {precision} at w = {w:g}: {seconds:.0f} s")
    print(table(chosen.n, judge, drawn))
    if chosen.picture is not None:
        path = save_sheet(chosen.picture, pictures[WEIGHTS[-1]][:SHOWN], columns=10)
        print(f"\nThe first {SHOWN} samples at w = {WEIGHTS[-1]:g}: {path}")


def network(minutes: float | None, **settings: Any) -> tuple[Any, md.NoiseSchedule]:
    """The shipped network, or one trained now by the same recipe, but for settings, for so many minutes."""
    threads = torch.get_num_threads()
    if minutes is None:
        print(f"Network: digits16 as it ships; threads here: {threads}.")
        return md.load("digits16")
    run = recipes.run("digits16", minutes=minutes, **settings)
    print(
        f"Network: digits16 trained from nothing, {run.steps} steps of {run.batch} in "
        f"{run.seconds / 60:.2f} minutes with {threads} thread(s), in {run.precision}."
    )
    return run.net, run.schedule


def table(n: int, judge: Judge, drawn: dict[float, SampleScores]) -> str:
    """All figures, with what each is to be held against."""
    real = judge.real(n)
    heldout = judge.heldout_nearest()
    best = min(drawn, key=lambda w: drawn[w].frechet)
    lines = [
        "",
        f"Fréchet distance to the {len(heldout)} held-out digits, in {judge.reference.shape[1]} features "
        "(± bootstrap standard error)",
        f"  {n} real training digits   {real.frechet:8.3f} ± {real.frechet_error:.3f}",
    ]
    for w, got in drawn.items():
        ratio = got.frechet / real.frechet
        lines.append(
            f"  {n} samples, w = {w:g}        {got.frechet:8.3f} ± {got.frechet_error:.3f}"
            f"   {ratio:.2f} times the real one's" + (" (the better w)" if w == best else "")
        )
    lines += ["", f"Accuracy: share of {n} samples that the classifier reads as their label"]
    for w, got in drawn.items():
        lines.append(f"  w = {w:g}   {got.accuracy:.4f} ± {got.accuracy_error:.4f}")
    quantiles = "".join(f"{q:9.0%}" for q in QUANTILES)
    lines += ["", f"Distance to the nearest training digit, quantiles {quantiles}     mean"]
    lines.append(f"  {len(heldout):5} held-out digits{' ' * 25}{spread(heldout)}")
    for w, got in drawn.items():
        lines.append(f"  {n:5} samples, w = {w:g}{' ' * 24}{spread(got.nearest)}")
    return "\n".join(lines)


def spread(distance: torch.Tensor) -> str:
    """Quantiles and mean of distances."""
    at = torch.quantile(distance, torch.tensor(QUANTILES, dtype=distance.dtype))
    return "".join(f"{value:9.3f}" for value in at.tolist()) + f"{distance.mean():9.3f}"


if __name__ == "__main__":
    main()
