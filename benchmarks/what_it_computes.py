"""What benchmarks.before compares: numbers that a student's calls give, with given generators.

Run as a script with one version of minidiff on the path, it writes them to a file. It names nothing that the
version before the house was built (d2afdb5) has not.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor

import minidiff as md


def seeded(n: int) -> torch.Generator:
    """As md.seeded, which the earlier version has not."""
    return torch.Generator().manual_seed(n)


def loaded() -> dict[str, Tensor]:
    """Every weight that ships, and its schedule."""
    made: dict[str, Tensor] = {}
    for name in md.available():
        net, schedule = md.load(name)
        made |= {f"load {name}: {key}": x for key, x in net.state_dict().items()}
        if schedule is not None:
            made[f"load {name}: alpha_bar"] = schedule.alpha_bar
    return made


def sampled() -> dict[str, Tensor]:
    """Three digits by each sampler, in a few steps."""
    made: dict[str, Tensor] = {}
    net, schedule = md.load("digits16")
    hybrid, _ = md.load("digits16_hybrid")
    flow, _ = md.load("digits16_flow")
    y, shape = torch.tensor([3, 1, 4]), (3, 1, 16, 16)
    guided = md.classifier_free_guidance(net, y, 1.5)
    plain = md.classifier_free_guidance(net, y, 0.0)
    learned = md.classifier_free_guidance(hybrid, y, 1.0)
    velocity = md.classifier_free_guidance(flow, y, 1.0)
    for clip in (False, True):
        made[f"ddim_sample, clip={clip}"] = md.ddim_sample(
            guided, schedule, shape, steps=4, clip=clip, generator=seeded(0)
        )
        made[f"ddpm_sample, clip={clip}"] = md.ddpm_sample(
            plain, schedule, shape, steps=4, clip=clip, generator=seeded(0)
        )
    for name, model, options in (
        ("eta=0.5", plain, {"eta": 0.5}),
        ("large", net, {"eta": 1.0, "variance": "large"}),
        ("learned", learned, {"eta": 1.0, "variance": "learned"}),
    ):
        made[f"ddim_sample, {name}"] = md.ddim_sample(
            model, schedule, shape, steps=4, generator=seeded(1), **options
        )
    for sampler in (md.heun_sample, md.dpm_solver_sample):
        made[sampler.__name__] = sampler(guided, schedule, shape, steps=3, generator=seeded(4))
    made["invert"] = md.invert(plain, schedule, made["ddim_sample, clip=True"], steps=3)
    for solver in ("euler", "midpoint", "rk4"):
        made[f"flow.sample, {solver}"] = md.flow.sample(
            velocity, shape, 3, solver=solver, generator=seeded(5)
        )
    return made


def measured() -> dict[str, Tensor]:
    """The bound, term by term, and the losses."""
    made: dict[str, Tensor] = {}
    net, schedule = md.load("digits16")
    hybrid, _ = md.load("digits16_hybrid")
    flow, _ = md.load("digits16_flow")
    images, labels = (x[:2] for x in md.data.digits("heldout"))
    short = md.cosine_schedule(10)
    points = torch.randn(5, 2, generator=seeded(7))
    for variance in ("small", "large"):
        got = md.elbo(net, images, short, variance=variance, generator=seeded(6))
        made[f"elbo, {variance}"] = torch.cat(
            [got.L_t, got.x0_error, got.L_T[:, None], got.L_0[:, None]], 1
        )
    got = md.elbo(md.exact.gaussian(0.3, 0.5, short), points, short)
    made["elbo, exact"] = torch.cat([got.L_t, got.L_T[:, None], got.L_0[:, None]], 1)
    for kind in ("eps", "x0", "v", "score"):
        loss = md.simple_loss(net, images, schedule, labels, kind=kind, generator=seeded(8))
        made[f"simple_loss, {kind}"] = loss.detach()
    made["hybrid_loss"] = md.hybrid_loss(
        hybrid, images, schedule, labels, generator=seeded(9)
    ).detach()
    loss = md.flow.matching_loss(flow, images, None, labels, generator=seeded(10))
    made["matching_loss"] = loss.detach()
    return made


def trained() -> dict[str, Tensor]:
    """A dozen steps of a small training."""
    points = torch.randn(5, 2, generator=seeded(7))
    net = md.MLP(2, width=16, depth=2, seed=3)
    settings = {"steps": 12, "batch": 4, "warmup": 2, "progress": False, "device": "cpu"}
    run = md.train(net, points, schedule=md.cosine_schedule(10), **settings)
    made = {f"train: {key}": x for key, x in run.net.state_dict().items()}
    return {"train: losses": torch.tensor(run.losses), **made}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.save({**loaded(), **sampled(), **measured(), **trained()}, sys.argv[1])
