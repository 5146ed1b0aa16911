"""What benchmarks.before compares: it writes the numbers of the minidiff that is on the path to a file."""

import sys

import torch

import minidiff as md

torch.set_num_threads(1)


def seeded(n: int) -> torch.Generator:
    """As md.seeded, which the earlier version has not."""
    return torch.Generator().manual_seed(n)


made: dict[str, torch.Tensor] = {}
for name in md.available():
    net, schedule = md.load(name)
    for key, x in net.state_dict().items():
        made[f"load {name}: {key}"] = x
    if schedule is not None:
        made[f"load {name}: alpha_bar"] = schedule.alpha_bar
net, schedule = md.load("digits16")
hybrid, _ = md.load("digits16_hybrid")
flow, _ = md.load("digits16_flow")
y = torch.tensor([3, 1, 4])
shape = (3, 1, 16, 16)
guided = md.classifier_free_guidance(net, y, 1.5)
plain = md.classifier_free_guidance(net, y, 0.0)
for clip in (False, True):
    options = {"steps": 5, "clip": clip}
    made[f"ddim_sample, clip={clip}"] = md.ddim_sample(
        guided, schedule, shape, generator=seeded(0), **options
    )
    made[f"ddpm_sample, clip={clip}"] = md.ddpm_sample(
        plain, schedule, shape, generator=seeded(0), **options
    )
made["ddim_sample, eta=0.5"] = md.ddim_sample(
    plain, schedule, shape, steps=5, eta=0.5, generator=seeded(1)
)
made["ddpm_sample, large"] = md.ddpm_sample(
    net, schedule, shape, steps=5, variance="large", generator=seeded(2)
)
learned = md.classifier_free_guidance(hybrid, y, 1.0)
made["ddpm_sample, learned"] = md.ddpm_sample(
    learned, schedule, shape, steps=5, variance="learned", generator=seeded(3)
)
made["heun_sample"] = md.heun_sample(guided, schedule, shape, steps=4, generator=seeded(4))
made["dpm_solver_sample"] = md.dpm_solver_sample(
    guided, schedule, shape, steps=4, generator=seeded(4)
)
made["invert"] = md.invert(plain, schedule, made["ddim, True"], steps=4)
velocity = md.classifier_free_guidance(flow, y, 1.0)
for solver in ("euler", "midpoint", "rk4"):
    made[f"flow.sample, {solver}"] = md.flow.sample(
        velocity, shape, 4, solver=solver, generator=seeded(5)
    )
images, labels = md.data.digits("heldout")
small = md.cosine_schedule(20)
for variance in ("small", "large"):
    got = md.elbo(net, images[:2], small, variance=variance, generator=seeded(6))
    made[f"elbo, {variance}"] = torch.cat(
        [got.L_t, got.x0_error, got.L_T[:, None], got.L_0[:, None]], 1
    )
exact = md.exact.gaussian(0.3, 0.5, small)
points = torch.randn(5, 2, generator=seeded(7))
got = md.elbo(exact, points, small)
made["elbo, exact"] = torch.cat([got.L_t, got.L_T[:, None], got.L_0[:, None]], 1)
for kind in ("eps", "x0", "v", "score"):
    made[f"simple_loss, {kind}"] = md.simple_loss(
        net, images[:4], schedule, labels[:4], kind=kind, generator=seeded(8)
    ).detach()
made["hybrid_loss"] = md.hybrid_loss(
    hybrid, images[:4], schedule, labels[:4], generator=seeded(9)
).detach()
made["matching_loss"] = md.flow.matching_loss(
    flow, images[:4], None, labels[:4], generator=seeded(10)
).detach()
fresh = md.MLP(2, width=16, depth=2, seed=3)
run = md.train(
    fresh, points, schedule=small, steps=12, batch=4, warmup=2, progress=False, device="cpu"
)
made["train: losses"] = torch.tensor(run.losses)
for key, x in run.net.state_dict().items():
    made[f"train: {key}"] = x
torch.save(made, sys.argv[1])
