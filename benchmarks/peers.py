"""TinyUNet and our samplers beside diffusers', in turn in one run: python -m benchmarks.peers.

Both networks have the same layers (benchmarks/twin.py) and take the same training step: forward pass,
loss, backward pass, gradient clipping, AdamW. A round runs every contestant once, one after the other, so
that whatever else the machine does falls on all of them; a ratio is one of two times of one round, and
the table gives its median over the rounds with the smallest and the largest.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from contextlib import suppress
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import minidiff as md
from benchmarks.twin import Twin
from minidiff.base.contracts import unchecked
from minidiff.nn import TinyUNet
from minidiff.nn.precision import autocast, choose_precision
from minidiff.recipes import RECIPES

CPU = torch.device("cpu")
MATRIX = 1024  # rows of the matrices whose product shows what the machine can do
AT_ONCE, STEPS = 250, 50  # digits drawn together, and by how many steps
CALLS = 50  # sampler steps in one timing: a single one is too short for the clock
Times = dict[str, list[float]]
Clock = Callable[[], float]


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of every contestant in turn")
    parser.add_argument("--batch", type=int, default=128, help="images in a training step")
    parser.add_argument(
        "--digits",
        type=int,
        default=0,
        help="guided ones to draw with both in each of three rounds",
    )
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="count this process's processor seconds and not the clock's: on a busy machine, with "
        "--threads 1, the better measure",
    )
    arguments = parser.parse_args()
    with suppress(AttributeError):  # not every system lets a process choose its cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}")
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    if arguments.digits:
        compare_drawing(arguments.digits, clock)
        return
    compare_training(arguments.rounds, arguments.batch, clock)
    compare_steps(arguments.rounds, clock)


def compare_training(rounds: int, batch: int, clock: Clock) -> None:
    """Time a training step of each network in each precision, beside a matrix product."""
    ours = RECIPES["digits16"].net()
    assert isinstance(ours, TinyUNet)
    twin = Twin(ours)
    twin.copy_weights(ours)
    data = training_batch(ours, batch)
    default = choose_precision(ours, data[0].device, "auto")

    counts = {"ours": operations(ours, data), "theirs": operations(twin, data)}
    print(f"\nTraining step of digits16: {batch} images of 16×16, {ours.config}")
    print(f"{'':10}{'parameters':>12}{'Gflop a step':>14}")
    for name, net in (("ours", ours), ("theirs", twin)):
        print(f"{name:10}{parameters(net):>12,}{counts[name] / 1e9:>14.2f}")
    print(
        f"{'ratio':10}{parameters(ours) / parameters(twin):>12.3f}"
        f"{counts['ours'] / counts['theirs']:>14.3f}"
    )

    contestants: dict[str, Callable[[], object]] = {}
    for precision in ("fp32", "bf16"):
        for name, net in (("ours", ours), ("theirs", twin)):
            contestants[f"{name} {precision}"] = training_step(net, data, precision)
        contestants[f"matrix product {precision}"] = matrix_product(precision)
    times = in_turn(contestants, rounds, 1, clock)

    print(f"\n{'':22}{'ms':>8}{'images/s':>10}{'Gflop/s':>9}{'of a matrix product':>21}")
    for precision in ("fp32", "bf16"):
        peak = 2 * MATRIX**3 / median(times[f"matrix product {precision}"])
        for name in ("ours", "theirs"):
            seconds = median(times[f"{name} {precision}"])
            rate = counts[name] / seconds
            print(
                f"{name + ' ' + precision:22}{seconds * 1e3:8.1f}{batch / seconds:10.0f}"
                f"{rate / 1e9:9.0f}{rate / peak:21.0%}"
            )
        print(f"{'matrix product ' + precision:22}{'':18}{peak / 1e9:9.0f}")
    print(f"\nImages per second, ours over theirs ({rounds} rounds):")
    show_ratio("both fp32", times["theirs fp32"], times["ours fp32"], "at least", 1.05)
    show_ratio("both bf16 autocast", times["theirs bf16"], times["ours bf16"], "at least", 1.05)
    what = f"by default ({default} against fp32)"
    show_ratio(what, times["theirs fp32"], times[f"ours {default}"], "at least", 1.5)


def training_batch(net: TinyUNet, batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noisy images, times, labels and the noise, of the shapes that digits16 trains on."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, net.channels, 16, 16, generator=generator)
    t = torch.randint(1, 1001, (batch,), generator=generator)
    y = torch.randint(0, net.classes or 1, (batch,), generator=generator)
    return x, t, y, torch.randn(x.shape, generator=generator)


def training_step(
    net: nn.Module, data: tuple[Tensor, Tensor, Tensor, Tensor], precision: str
) -> Callable[[], None]:
    """One step of Algorithm 1 on a batch that is there already."""
    x, t, y, noise = data
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with autocast(CPU, precision):
            loss = (net(x, t, y) - noise).square().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


def matrix_product(precision: str) -> Callable[[], Tensor]:
    """A product of two large square matrices."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = torch.randn(2, MATRIX, MATRIX, generator=torch.Generator().manual_seed(0)).to(dtype)
    return lambda: a @ b


def operations(net: nn.Module, data: tuple[Tensor, Tensor, Tensor, Tensor]) -> int:
    """Floating-point operations of matrix products and convolutions, forward and backward."""
    x, t, y, noise = data
    with FlopCounterMode(display=False) as counter:
        (net(x, t, y) - noise).square().mean().backward()
    net.zero_grad()
    return counter.get_total_flops()


def parameters(net: nn.Module) -> int:
    """How many numbers the network learns."""
    return sum(p.numel() for p in net.parameters())


def compare_drawing(digits: int, clock: Clock) -> None:
    """Time guided digits of digits16, by DDIM from the same noise, 250 at once."""
    net, schedule = md.load("digits16")
    twin = Twin(net).eval()
    twin.copy_weights(net)
    noise = torch.randn(digits, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    batches = list(
        zip(noise.split(AT_ONCE), (torch.arange(digits) % 10).split(AT_ONCE), strict=True)
    )

    def ours(model: Any) -> Tensor:
        drawn = []
        for x_T, y in batches:
            guided = md.classifier_free_guidance(model, y=y, w=1.0)
            drawn.append(md.ddim_sample(guided, schedule, x_T=x_T, steps=STEPS, clip=True))
        return torch.cat(drawn)

    def theirs() -> Tensor:
        return torch.cat([drawn_by_diffusers(twin, x_T, y) for x_T, y in batches])

    fast = md.with_precision(net)
    apart = (ours(net) - theirs()).abs().max()
    contestants = {"ours fp32": lambda: ours(net), "theirs fp32": theirs}
    if fast is not net:
        contestants["ours bf16"] = lambda: ours(fast)
    times = in_turn(contestants, 3, 1, clock)
    print(f"\n{digits} guided digits, DDIM-{STEPS}; in fp32 all pixels are within {apart:.0e}")
    for name, seconds in times.items():
        print(f"{name:22}{median(seconds):8.1f} s")
    print("Their time over ours:")
    for name in contestants:
        if name.startswith("ours"):
            show_ratio(name, times["theirs fp32"], times[name])


@torch.no_grad()
def drawn_by_diffusers(twin: Twin, x_T: Tensor, y: Tensor) -> Tensor:
    """Digits by diffusers' scheduler, both branches in one call, as its pipelines do."""
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(timestep_spacing="trailing")
    scheduler.set_timesteps(STEPS)
    labels, x = torch.cat([y, torch.full_like(y, twin.null_label)]), x_T
    for t in scheduler.timesteps:
        said = twin(torch.cat([x, x]), torch.full((2 * len(x),), int(t) + 1), labels)
        eps, without = said.chunk(2)
        guided = 2 * eps - without  # w = 1
        # As ours does: after the clip, the noise is what is left.
        x = scheduler.step(guided, t, x, use_clipped_model_output=True).prev_sample
    return x


def compare_steps(rounds: int, clock: Clock) -> None:
    """Time the arithmetic of one sampler step: what happens after the network has answered."""
    from diffusers import DDIMScheduler, DDPMScheduler

    schedule = md.linear_schedule()
    generator = torch.Generator().manual_seed(0)
    x_t, eps = torch.randn(2, 16, 1, 16, 16, generator=generator)
    ddpm = DDPMScheduler(clip_sample=False)
    ddim = DDIMScheduler(clip_sample=False, timestep_spacing="trailing")
    ddim.set_timesteps(50)  # from t = 500 its next time is 480
    inputs, step = (eps, x_t, 500), unchecked(md.sample_step)
    times = in_turn(
        {
            "ours DDPM": lambda: step(*inputs, 499, schedule, generator=generator),
            "ours DDPM, checked": lambda: md.sample_step(
                *inputs, 499, schedule, generator=generator
            ),
            "theirs DDPM": lambda: ddpm.step(eps, 499, x_t, generator=generator),
            "ours DDIM": lambda: step(*inputs, 480, schedule, eta=0.0),
            "ours DDIM, checked": lambda: md.sample_step(*inputs, 480, schedule, eta=0.0),
            "theirs DDIM": lambda: ddim.step(eps, 499, x_t),
        },
        rounds,
        CALLS,
        clock,
    )
    print(f"\nOne sampler step on {tuple(x_t.shape)}, without the network ({rounds} rounds):")
    for name, seconds in times.items():
        print(f"{name:22}{median(seconds) * 1e6:8.0f} µs")
    print(
        "Our time over theirs: the arithmetic, as our sampling loop runs it; then, for a step that"
    )
    print("is called by hand, the same with the checks of its arguments:")
    for kind in ("DDPM", "DDIM"):
        show_ratio(kind, times[f"ours {kind}"], times[f"theirs {kind}"], "at most", 0.5)
        show_ratio(f"{kind}, checked", times[f"ours {kind}, checked"], times[f"theirs {kind}"])


def in_turn(
    contestants: dict[str, Callable[[], object]], rounds: int, calls: int, clock: Clock
) -> Times:
    """Seconds a call of each contestant, round by round, after one round that does not count."""
    times: Times = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, work in contestants.items():
            start = clock()
            for _ in range(calls):
                work()
            if number > 0:
                times[name].append((clock() - start) / calls)
    return times


def show_ratio(
    what: str, a: list[float], b: list[float], bound: str = "", limit: float = 0.0
) -> None:
    """Print the median of a / b, round by round, and whether it keeps to its limit, if it has one."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    middle = median(ratios)
    line = f"  {what:36}{middle:6.2f}  [{min(ratios):.2f}, {max(ratios):.2f}]"
    if bound:
        holds = middle >= limit if bound == "at least" else middle <= limit
        line += f"   {bound} {limit:g}: {'holds' if holds else 'MISSED'}"
    print(line)


if __name__ == "__main__":
    main()
