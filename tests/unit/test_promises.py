"""What a call promises beside its result: nothing else is changed, and the precision is the one that is said.

A mean over a batch hides both, so the single values are looked at here.
"""

import math

import pytest
import torch
from torch import nn

import minidiff as md
from minidiff import flow
from minidiff.losses.elbo import L_T

S = md.linear_schedule(6, 0.05, 0.4)
PIXELS = torch.randint(0, 256, (4, 1, 8, 8), generator=md.seeded(0)) / 127.5 - 1
LABELS = torch.tensor([0, 1, 2, 0])
NINE = torch.rand(9, 1, 8, 8, generator=md.seeded(1)), torch.arange(9) % 3
NET = md.TinyUNet(1, 3, width=4, multipliers=(1,), blocks=1, dropout=0.5)
TWO_HEADS = md.TinyUNet(1, 3, width=4, multipliers=(1,), blocks=1, dropout=0.5, out_channels=2)
READER = md.DigitClassifier(size=8, classes=3)
NOISY = md.NoisyClassifier(classes=3, width=4, multipliers=(1, 2))
POINTS = md.MLP(2, width=4, depth=1)

#: Calls that are given a network, and only ask it.
ASKING = {
    "features": (READER, lambda n: md.metrics.features(n, PIXELS)),
    "accuracy": (READER, lambda n: md.metrics.accuracy(n, PIXELS, LABELS)),
    "fidelity": (READER, lambda n: md.metrics.fidelity(n, PIXELS, LABELS)),
    "diversity": (READER, lambda n: md.metrics.diversity(n, *NINE)),
    "ddpm_sample": (NET, lambda n: md.ddpm_sample(n, S, (2, 1, 8, 8))),
    "ddim_sample": (NET, lambda n: md.ddim_sample(n, S, (2, 1, 8, 8), steps=3)),
    "heun_sample": (NET, lambda n: md.heun_sample(n, S, (2, 1, 8, 8), steps=3)),
    "dpm_solver_sample": (NET, lambda n: md.dpm_solver_sample(n, S, (2, 1, 8, 8), steps=3)),
    "invert": (NET, lambda n: md.invert(n, S, PIXELS, steps=3)),
    "elbo": (NET, lambda n: md.elbo(n, PIXELS, S)),
    "elbo, learned": (TWO_HEADS, lambda n: md.elbo(n, PIXELS, S)),
    "guided": (
        NET,
        lambda n: md.ddim_sample(
            md.classifier_free_guidance(n, y=1, w=1.0), S, (2, 1, 8, 8), steps=3
        ),
    ),
    "classifier_gradient": (NOISY, lambda n: md.classifier_gradient(n, PIXELS, 3, LABELS)),
    "flow.sample": (POINTS, lambda n: flow.sample(n, (4, 2), 3)),
    "flow.log_likelihood": (POINTS, lambda n: flow.log_likelihood(n, PIXELS[:, 0, 0, :2], steps=2)),
    "samples": (NET, lambda n: md.sampling.suited.samples(n, S, PIXELS, steps=3, y=LABELS)),
}


def state_of(net: nn.Module) -> list:
    """All of a network that somebody else may rely on."""
    modules = [(name, m.training) for name, m in net.named_modules()]
    weights = [(n, p.clone(), p.requires_grad, p.grad) for n, p in net.named_parameters()]
    return [*modules, *weights, *[(n, b.clone()) for n, b in net.named_buffers()]]


def assert_same(before: list, after: list) -> None:
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        for a, b in zip(old, new, strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a is b or a == b


@pytest.mark.parametrize("training", [False, True, "but for its last part"])
@pytest.mark.parametrize("call", ASKING)
def test_who_only_asks_a_network_leaves_it_as_it_was(call, training):
    net, ask = ASKING[call]
    net.train(bool(training))
    [*net.modules()][-1].train(training is True)
    before, rng = state_of(net), torch.random.get_rng_state()
    grad, kind = torch.is_grad_enabled(), torch.get_default_dtype()
    inputs = (PIXELS.clone(), LABELS.clone(), S.beta.clone())
    ask(net)
    assert_same(before, state_of(net))
    assert (torch.is_grad_enabled(), torch.get_default_dtype()) == (grad, kind)
    assert all(map(torch.equal, inputs, (PIXELS, LABELS, S.beta)))
    torch.random.set_rng_state(rng)


def test_a_network_in_evaluation_is_measured_in_evaluation():
    """Dropout would make two measurements differ, wherever the network stood before."""
    reader = md.DigitClassifier(size=8, classes=3, dropout=0.5)
    with torch.no_grad():  # an untrained one says nearly the same of everything
        for p in reader.parameters():
            p.mul_(3)
    for training in (True, False):
        reader.train(training)
        first, second = (md.metrics.features(reader, PIXELS) for _ in range(2))
        assert torch.equal(first, second)


# ---- precision -------------------------------------------------------------------------------------


def test_the_terms_of_the_bound_are_in_double_precision():
    x_0 = torch.full((2, 3), 0.3)
    got = L_T(x_0, S)
    assert (got.dtype, got.device.type, got.shape) == (torch.float64, "cpu", (2,))
    a = float(S.alpha_bar[-1])
    third = float(x_0[0, 0])  # what float32 made of 0.3
    wanted = 3 / 2 * (a * third**2 - a - math.log(1 - a))
    assert got.tolist() == pytest.approx([wanted] * 2, rel=1e-13)
    terms = md.elbo(lambda x, t: 0 * x, x_0, S, generator=md.seeded(0))
    for part in (terms.L_T, terms.L_t, terms.L_0, terms.x0_error):
        assert part.dtype == torch.float64
    p = torch.tensor([0, 0, *[1 / 5] * 5], dtype=torch.float64)
    assert md.sampled_bits_per_dim(lambda x, t: 0 * x, x_0, S, p).dtype == torch.float64


def test_an_arc_between_near_opposites_is_computed_in_double_precision():
    """Half-way between x and nearly -x the sum is tiny, and what it is divided by as well."""
    a = torch.randn(3, 1000, generator=md.seeded(1))
    b = -a + 1e-3 * torch.randn(3, 1000, generator=md.seeded(3))
    x, y = a.double(), b.double()
    theta = torch.acos(
        (x * y).sum(1, keepdim=True) / x.norm(dim=1, keepdim=True) / y.norm(dim=1, keepdim=True)
    )
    wanted = (x + y) / (2 * torch.cos(theta / 2))
    got = md.slerp(a, b, 0.5)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), wanted, rtol=1e-5, atol=1e-5)


def test_the_tables_are_in_double_precision_whatever_they_are_made_of():
    for beta in ([0.1, 0.2], torch.tensor([0.1, 0.2]), torch.tensor([0.1, 0.2]).double().numpy()):
        made = md.NoiseSchedule(beta)
        for table in (made.beta, made.alpha, made.alpha_bar, made.beta_tilde, made.snr):
            assert table.dtype == torch.float64


# ---- which rows, which network ---------------------------------------------------------------------


def test_a_bootstrap_draws_every_row():
    """A row that is far from all others moves the distance whenever it is drawn, the last one too."""
    for place in (0, 19):
        rows = torch.randn(20, 2, generator=md.seeded(4))
        rows[place] = 1000.0
        error = md.metrics.frechet_bootstrap(rows, rows.clone(), 20, md.seeded(5))
        assert error > 1000


def test_a_bootstrap_within_groups_draws_every_row_of_its_group():
    labels = torch.arange(20) % 2
    for place in (0, 1, 18, 19):
        rows = torch.randn(20, 2, generator=md.seeded(4))
        rows[place] = 1000.0
        error = md.metrics.frechet_bootstrap(
            rows, rows.clone(), 20, md.seeded(5), groups=(labels, labels)
        )
        assert error > 1000


def test_grids_are_drawn_from_the_average_and_in_evaluation(tmp_path):
    seen = []

    def sample(net, schedule, noise, **options):
        seen.append((net, net.training, [p.clone() for p in net.parameters()]))
        return noise

    net = md.TinyUNet(1, width=4, multipliers=(1,), blocks=1)
    run = md.train(
        net,
        PIXELS,
        schedule=S,
        steps=4,
        batch=4,
        lr=0.1,
        warmup=0,
        device="cpu",
        progress=False,
        out=tmp_path,
        sample=sample,
        sample_every=4,
    )
    ((drawn, training, weights),) = seen
    assert drawn is run.net
    assert not training
    assert all(map(torch.equal, weights, run.net.parameters()))
    assert not any(map(torch.equal, weights, run.raw_net.parameters()))


def test_losses_are_means_over_all_rows():
    """Each row counts once: the loss of a batch is the mean of the losses of its rows."""
    noise = torch.randn(4, 1, 8, 8, generator=md.seeded(6))
    t = torch.tensor([1, 2, 4, 6])
    losses = {
        "simple": lambda r: md.simple_loss(
            lambda x, t: 0.3 * x, PIXELS[r], S, t=t[r], noise=noise[r]
        ),
        "flow": lambda r: flow.matching_loss(
            lambda x, t: 0.3 * x, PIXELS[r], noise=noise[r], t=t[r] / 7.0
        ),
        "hybrid": lambda r: md.hybrid_loss(
            lambda x, t: torch.cat([0.3 * x, x], 1), PIXELS[r], S, t=t[r], noise=noise[r]
        ),
    }
    for name, loss in losses.items():
        alone = torch.stack([loss(slice(i, i + 1)) for i in range(4)])
        assert alone.std() > 1e-3, name
        torch.testing.assert_close(loss(slice(None)), alone.mean(), msg=name)
