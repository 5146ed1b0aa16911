"""The training loop: what it computes, what it writes, what it refuses."""

import copy
import functools
import math
import sys

import matplotlib.image
import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.base.rng import randint
from minidiff.training.processes import Processes, step_draws, step_seed
from minidiff.training.state import EMA, lr_factor

SCHEDULE = md.linear_schedule()
POINTS = torch.linspace(-1, 1, 128).reshape(64, 2)


def points_run(net=None, **changes) -> md.Run:
    """A few steps on points in the plane: milliseconds."""
    given = {"schedule": SCHEDULE, "steps": 6, "batch": 8, "device": "cpu", "progress": False}
    data = changes.pop("data", POINTS)
    return md.train(net or md.MLP(2, width=16, depth=1), data, **{**given, **changes})


def by_hand(net: nn.Module, steps: int, batch: int, lr: float, seed: int) -> tuple[list, nn.Module]:
    """Algorithm 1 written out, with the average beside it."""
    net = copy.deepcopy(net)
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.99), weight_decay=0.01)
    losses = []
    for step in range(steps):
        generator = torch.Generator().manual_seed(step_seed(seed, step))
        x_0 = POINTS[randint(0, len(POINTS) - 1, (batch,), generator)]
        t = randint(1, SCHEDULE.T, (batch,), generator)
        eps = torch.randn(x_0.shape, generator=generator)
        alpha_bar = SCHEDULE.alpha_bar[t].float()[:, None]
        guess = net(alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps, t)
        loss = (guess - eps).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.cat([p.grad.flatten() for p in net.parameters()]).norm()
        for p in net.parameters():
            p.grad *= min(1.0, 0.1 / float(norm))
        rise = min(1, (step + 1) / 3)
        optimizer.param_groups[0]["lr"] = lr * rise * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.step()
        decay = min(0.9, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), net.parameters(), strict=True):
                mean.copy_(decay * mean + (1 - decay) * now)
        losses.append(float(loss.detach()))
    return losses, average


def test_is_algorithm_1():
    net = md.MLP(2, width=16, depth=1, seed=3)
    losses, average = by_hand(net, steps=60, batch=8, lr=1e-2, seed=5)
    run = points_run(net, steps=60, lr=1e-2, warmup=3, ema=0.9, clip_norm=0.1, seed=5)
    torch.testing.assert_close(torch.tensor(run.losses), torch.tensor(losses), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(run.net.parameters(), average.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_learns_what_can_be_known():
    """On a point mass the best guess of the noise is exact; the loss must come near to 0."""
    net = md.MLP(2, width=64, depth=2)
    run = points_run(net, data=torch.full((4, 2), 0.5), steps=400, batch=64, lr=3e-3, warmup=20)
    assert sum(run.losses[:5]) / 5 > 0.5
    assert sum(run.losses[-50:]) / 50 < 0.1


def test_run_tells_what_was_done(tmp_path):
    net = md.MLP(2, width=16, depth=1)
    run = points_run(net, out=tmp_path, precision="bf16")
    assert run.steps == len(run.losses) == 6
    assert run.raw_net is net
    assert run.schedule is SCHEDULE
    assert run.precision == "bf16"
    assert run.out == tmp_path
    assert run.seconds > 0
    assert not run.net.training
    assert not any(p.requires_grad for p in run.net.parameters())
    # Under autocast layers compute in bfloat16, but weights and their average stay float32.
    assert {p.dtype for p in run.net.parameters()} == {torch.float32}


def test_bf16_changes_the_arithmetic():
    assert points_run(precision="bf16").losses != points_run(precision="fp32").losses


def test_seed_alone_decides():
    torch.manual_seed(1)
    first = points_run(seed=7)
    torch.manual_seed(2)
    second = points_run(seed=7)
    third = points_run(seed=8)
    assert first.losses == second.losses
    assert first.losses != third.losses


def test_dropout_is_seeded_and_the_global_generator_left_alone():
    def classifier_run():
        return md.train(
            md.DigitClassifier(dropout=0.5),
            (torch.zeros(8, 1, 16, 16), torch.arange(8)),
            lambda net, x_0, schedule, y, generator: nn.functional.cross_entropy(net(x_0), y),
            schedule=None,
            steps=3,
            batch=4,
            device="cpu",
            progress=False,
        )

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = classifier_run()
    assert torch.equal(torch.rand(3), expected)
    second = classifier_run()
    assert first.losses == second.losses


def test_each_step_has_draws_of_its_own():
    seeds = {step_seed(seed, step) for seed in range(20) for step in range(500)}
    assert len(seeds) == 20 * 500
    assert all(0 <= seed < 2**64 for seed in seeds)
    assert step_seed(0, 1) != step_seed(1, 0)


def test_seed_mixing_is_splitmix64():
    """The published first two outputs of SplitMix64 from state 0."""
    from minidiff.training.processes import _mix64

    assert _mix64(0) == 0xE220A8397B1DCDAF
    assert _mix64(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4


@pytest.mark.parametrize("parts", [2, 4])
def test_batches_that_make_one_step_go_the_way_of_a_large_one(parts):
    whole = points_run(batch=8, clip_norm=0.1)
    split = points_run(batch=8 // parts, accumulate=parts, clip_norm=0.1)
    assert (whole.batch, split.batch) == (8, 8 // parts)
    assert split.losses == pytest.approx(whole.losses, rel=1e-5)
    for a, b in zip(whole.net.parameters(), split.net.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert points_run(batch=8 // parts).losses != split.losses


def test_a_run_may_go_on_with_the_same_step_in_more_parts(tmp_path):
    points_run(out=tmp_path, batch=8)
    assert points_run(out=tmp_path, batch=2, accumulate=4).steps == 6
    with pytest.raises(ValueError, match="batch of all processes: 8 in the folder, 16 now"):
        points_run(out=tmp_path, batch=8, accumulate=2)


@pytest.mark.parametrize("count", [2, 4])
def test_processes_see_the_rows_of_one_whole_batch(count):
    def draws(rank: int, of: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        processes = Processes(torch.device("cpu"))
        processes.rank, processes.count = rank, of
        with step_draws(3, 11, batch, processes) as generator:
            return randint(0, 999, (batch,), generator), md.base.rng.randn((batch, 2), generator)

    whole = draws(0, 1, 8)
    parts = [draws(rank, count, 8 // count) for rank in range(count)]
    for one, many in zip(whole, zip(*parts, strict=True), strict=True):
        assert torch.equal(one, torch.cat(many))


def test_ema_with_its_warm_up():
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    ema = EMA(net, decay=0.5)
    expected = 0.0
    for n in range(12):
        nn.init.constant_(net.weight, float(n + 1))
        ema.update(net, n)
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * (n + 1)
        assert ema.net.weight.item() == pytest.approx(expected, rel=1e-6)
    assert (1 + 7) / (10 + 7) < 0.5 <= (1 + 8) / (10 + 8)  # both branches of the minimum were met


def test_ema_copies_counts():
    net = nn.BatchNorm1d(2)
    ema = EMA(net, decay=0.9)
    net(torch.randn(4, 2, generator=torch.Generator().manual_seed(0)))
    ema.update(net, 0)
    assert ema.net.num_batches_tracked == 1
    assert torch.equal(ema.net.running_mean, net.running_mean)


def test_learning_rate_rises_and_falls():
    rates = [lr_factor(step, step / 100, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] < 1
    assert rates[50] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-3
    assert lr_factor(100, 1.0, 10) == pytest.approx(0)
    assert lr_factor(0, 0.0, 0) == 1


def test_gradients_are_clipped(monkeypatch):
    lengths = []
    real = torch.optim.AdamW.step

    def step(optimizer, *arguments, **settings):
        grads = [p.grad.flatten() for g in optimizer.param_groups for p in g["params"]]
        lengths.append(float(torch.cat(grads).norm()))
        return real(optimizer, *arguments, **settings)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    points_run(clip_norm=None)
    free = list(lengths)
    lengths.clear()
    points_run(clip_norm=1e-3)
    assert min(free) > 1e-2
    assert max(lengths) == pytest.approx(1e-3, rel=1e-2)


def test_losses_are_read_rarely(monkeypatch):
    """Each reading makes a GPU finish all its work first; so not in each step."""
    reads = []
    for name in ("item", "tolist", "__bool__", "__float__"):
        real = getattr(torch.Tensor, name)

        def counted(x, *arguments, name=name, real=real):
            if x.requires_grad or x.grad_fn is not None:
                reads.append(name)
            return real(x, *arguments)

        monkeypatch.setattr(torch.Tensor, name, counted)
    notes = []
    state = sys.modules["minidiff.training.algorithm"].TrainState
    real_note = state.note
    monkeypatch.setattr(
        state, "note", lambda self, x: (notes.append(len(x)), real_note(self, x))[1]
    )
    points_run(steps=120)
    assert reads == []
    assert notes == [50, 50, 20]


def test_minutes_end_the_training():
    run = points_run(steps=None, minutes=0.02)
    assert run.steps == len(run.losses) > 1
    assert 1.2 <= run.seconds < 12


def test_augmentation_is_applied_and_seeded():
    def flipped(x_0, generator):
        seen.append(generator)
        return -x_0

    seen = []
    run = points_run(augment=flipped)
    assert len(seen) == 6
    assert run.losses == points_run(data=-POINTS).losses


def test_loss_can_have_settings():
    never = functools.partial(md.simple_loss, label_dropout=0.0)
    labels = torch.arange(64) % 3
    net = functools.partial(md.MLP, 2, 3, width=16, depth=1)
    one = points_run(net(), data=(POINTS, labels), steps=3, loss=never)
    other = points_run(net(), data=(POINTS, labels), steps=3)
    assert one.losses != other.losses


def test_sample_grids(tmp_path):
    x, y = md.data.digits("train", 8)
    net = md.TinyUNet(1, 10, width=8, multipliers=(1, 2), blocks=1)
    md.train(
        net, (x[:32], y[:32]), schedule=SCHEDULE, steps=5, batch=4, out=tmp_path, sample_every=2,
        device="cpu", progress=False,
    )  # fmt: skip
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == ["step_000002.png", "step_000004.png"]
    picture = matplotlib.image.imread(tmp_path / "samples" / names[-1])
    rows, columns, pixels, gap, zoom = 2, 10, 8, 1, 4
    assert picture.shape[:2] == (
        (rows * (pixels + gap) + gap) * zoom,
        (columns * (pixels + gap) + gap) * zoom,
    )
    assert picture[..., 0].std() > 0.1


def test_grids_are_guided_with_weight_1_and_always_start_from_the_same_noise(tmp_path):
    asked = []

    def draw(net, schedule, noise, **options):
        asked.append((noise, options))
        return noise.clamp(-1, 1)

    x, y = md.data.digits("train", 8)
    net = md.TinyUNet(1, 10, width=8, multipliers=(1, 2), blocks=1)
    md.train(
        net, (x[:32], y[:32]), schedule=SCHEDULE, steps=2, batch=4, out=tmp_path, sample_every=1,
        sample=draw, device="cpu", progress=False,
    )  # fmt: skip
    (first, options), (second, _) = asked
    assert (options["w"], options["steps"]) == (1.0, min(25, SCHEDULE.T))
    assert options["y"].tolist() == [*range(10)] * 2
    assert torch.equal(first, second)


def test_no_grids_of_points(tmp_path):
    points_run(out=tmp_path, sample_every=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt"]


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"steps": None}, ValueError, "one of steps= and minutes="),
        ({"minutes": 1.0}, ValueError, "one of steps= and minutes="),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": None, "minutes": 0}, ValueError, "minutes must"),
        ({"batch": 0}, ValueError, "batch must"),
        ({"batch": 2.5}, TypeError, "batch must"),
        ({"lr": 0}, ValueError, "lr must"),
        ({"lr": float("nan")}, ValueError, "lr must"),
        ({"weight_decay": -1}, ValueError, "weight_decay must"),
        ({"warmup": -1}, ValueError, "warmup must"),
        ({"ema": 1}, ValueError, "ema must"),
        ({"clip_norm": 0}, ValueError, "clip_norm must"),
        ({"precision": "fp16"}, ValueError, "precision must be one of 'auto', 'fp32', 'bf16'"),
        ({"seed": -1}, ValueError, "seed must"),
        ({"sample_every": 0}, ValueError, "sample_every must"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every must"),
        ({"data": POINTS.long()}, TypeError, "data must hold floating-point"),
        ({"data": POINTS[:0]}, ValueError, "data is empty"),
        ({"data": torch.full((2, 2), math.nan)}, ValueError, "data holds NaN"),
        ({"data": [POINTS]}, TypeError, r"a tensor x_0 or a pair"),
        ({"data": (POINTS, torch.zeros(64).long())}, ValueError, "network has no classes"),
    ],
)
def test_refuses_what_cannot_be(change, kind, message):
    with pytest.raises(kind, match=message):
        points_run(**change)


@pytest.mark.parametrize(
    ("y", "kind", "message"),
    [
        (torch.zeros(63).long(), ValueError, "y"),
        (torch.zeros(64), TypeError, "y"),
        ([0] * 64, TypeError, "y"),
        (torch.full((64,), 4), IndexError, "y"),
    ],
)
def test_refuses_labels_that_do_not_fit(y, kind, message):
    with pytest.raises(kind, match=message):
        points_run(md.MLP(2, 3, width=16, depth=1), data=(POINTS, y))


def test_loss_that_explodes_is_told_with_its_step():
    def explodes(net, x_0, schedule, y=None, *, generator=None):
        calls.append(1)
        loss = md.simple_loss(net, x_0, schedule, generator=generator)
        return loss * (math.nan if len(calls) == 4 else 1)

    calls = []
    with pytest.raises(FloatingPointError, match="step 3 is nan: lower lr"):
        points_run(loss=explodes)
