"""Flow matching's loss, the coupling of a batch, and reflow."""

import functools
import itertools
import sys

import pytest
import torch
from scipy.integrate import quad

import minidiff as md
from minidiff import flow
from minidiff.base.rng import BatchSlice

F64 = torch.float64
PATHS = [flow.ot_path(), flow.vp_path(), flow.trigonometric_path()]
all_paths = pytest.mark.parametrize("path", PATHS, ids=str)


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def zero(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


class Remembering:
    """Keeps what it was asked."""

    null_label = 10

    def __call__(self, x, t, y=None):
        self.x, self.t, self.y = x, t, y
        return torch.zeros_like(x)


# ---- the loss ------------------------------------------------------------------------------------


def test_the_loss_by_hand():
    noise, data = torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([[3.0, 2.0], [1.0, 0.0]])
    net = Remembering()
    loss = flow.matching_loss(net, data, noise=noise, t=torch.tensor([0.5, 0.25]))
    assert net.x.tolist() == [[2.0, 2.0], [0.25, 0.75]]
    assert net.t.tolist() == [0.5, 0.25]
    assert float(loss) == (4 + 0 + 1 + 1) / 4


@all_paths
def test_the_target_is_the_velocity_of_the_path(path):
    noise, data = (torch.randn(5, 1, 4, 4, generator=gen(i), dtype=F64) for i in range(2))
    t = torch.linspace(0.05, 0.95, 5, dtype=F64)
    x_t, velocity = flow.on_path(noise, data, t, path)

    def right(x, time):
        assert torch.equal(x, x_t)
        assert torch.equal(time, t)
        return velocity

    assert float(flow.matching_loss(right, data, noise=noise, t=t, path=path)) == 0
    off = flow.matching_loss(lambda x, t: right(x, t) + 2, data, noise=noise, t=t, path=path)
    assert float(off) == pytest.approx(4)


def test_the_gradient_is_that_of_the_square():
    """For v = w·x the loss is a parabola in w, and its slope is known."""
    noise, data = (torch.randn(50, 2, generator=gen(i), dtype=F64) for i in range(2))
    t = torch.rand(50, generator=gen(), dtype=F64)
    x_t, velocity = flow.on_path(noise, data, t)
    w = torch.tensor(0.3, dtype=F64, requires_grad=True)
    flow.matching_loss(lambda x, t: w * x, data, noise=noise, t=t).backward()
    expected = 2 * ((0.3 * x_t - velocity) * x_t).mean()
    assert float(w.grad) == pytest.approx(float(expected), rel=1e-12)


def test_the_exact_velocity_has_the_least_loss():
    """Moved by anything, it is worse by just that much squared."""
    m, s = torch.tensor([[0.3, -0.5]], dtype=F64), 0.5
    data = m + s * torch.randn(100_000, 2, generator=gen(1), dtype=F64)
    exact = flow.exact_velocity(m, s)
    best, moved = (
        float(flow.matching_loss(lambda x, t, c=c: exact(x, t) + c, data, generator=gen(2)))
        for c in (0.0, 0.1)
    )
    assert moved - best == pytest.approx(0.01, abs=0.003)

    def variance(t: float) -> float:
        """What is left: the variance of data - noise once x_t is known."""
        return 1 + s**2 - (t * s**2 - (1 - t)) ** 2 / (t**2 * s**2 + (1 - t) ** 2)

    assert best == pytest.approx(quad(variance, 0, 1)[0], rel=0.02)


@all_paths
def test_times_fill_the_interval_up_to_the_end(path):
    net = Remembering()
    loss = flow.matching_loss(net, torch.zeros(100_000, 1), path=path, generator=gen())
    t = net.t
    assert t.shape == (100_000,)
    assert float(t.min()) >= 0
    assert float(t.max()) <= path.end
    assert float(t.mean()) == pytest.approx(0.5, abs=0.01)
    assert float((t < 0.1).double().mean()) == pytest.approx(0.1, abs=0.01)
    assert bool(loss.isfinite())


def test_no_time_behind_the_end_of_the_path_is_drawn():
    half, net = flow.Path("half", flow.ot_path().weights, end=0.5), Remembering()
    flow.matching_loss(net, torch.zeros(10_000, 1), path=half, generator=gen())
    assert float(net.t.max()) <= 0.5
    assert float(net.t.mean()) == pytest.approx(0.25, abs=0.01)


def test_a_generator_decides_and_the_global_state_stays():
    data = torch.ones(4, 2)
    state = torch.get_rng_state()
    first, again, other = (flow.matching_loss(zero, data, generator=gen(s)) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(0)
    unseeded = flow.matching_loss(zero, data)
    torch.manual_seed(0)
    assert torch.equal(unseeded, flow.matching_loss(zero, data))


def test_processes_see_the_rows_of_one_batch():
    data, whole = torch.arange(10.0).reshape(5, 2), Remembering()
    flow.matching_loss(whole, data, generator=gen())
    for start, n in ((0, 2), (2, 3)):
        part = Remembering()
        flow.matching_loss(part, data[start : start + n], generator=BatchSlice(gen(), start, 5))
        assert torch.equal(part.x, whole.x[start : start + n])
        assert torch.equal(part.t, whole.t[start : start + n])


def test_labels_go_in_and_some_are_dropped():
    y, data = torch.arange(10).repeat(100), torch.zeros(1000, 1)
    net = Remembering()
    flow.matching_loss(net, data, None, y, generator=gen())
    dropped = net.y == 10
    assert 60 < int(dropped.sum()) < 140
    assert torch.equal(net.y[~dropped], y[~dropped])
    flow.matching_loss(net, data, None, y, label_dropout=0.0)
    assert torch.equal(net.y, y)


@pytest.mark.parametrize("dtype", [F64, torch.float32, torch.bfloat16])
def test_times_are_never_coarser_than_single_precision(dtype):
    net = Remembering()
    flow.matching_loss(net, torch.ones(3, 2, dtype=dtype), generator=gen())
    assert net.x.dtype == dtype
    assert net.t.dtype == (F64 if dtype == F64 else torch.float32)


def test_no_training_step_waits_for_the_device():
    net = md.TinyUNet(channels=1, classes=10, width=8, multipliers=(1, 2)).to("meta")
    data = torch.zeros(2, 1, 8, 8, device="meta")
    y = torch.zeros(2, dtype=torch.int64, device="meta")
    for path in PATHS:
        flow.matching_loss(net, data, None, y, path=path, generator=gen()).backward()
        flow.pair_loss(net, torch.stack([data, data], 1), None, y, path=path, generator=gen())


# ---- the coupling --------------------------------------------------------------------------------


def cost(noise: torch.Tensor, data: torch.Tensor, order: torch.Tensor) -> float:
    return float((noise[order] - data).square().sum())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(6, 2), (6, 1, 2, 2)])
def test_no_permutation_is_cheaper(seed, shape):
    g = gen(seed)
    noise, data = (torch.randn(shape, generator=g, dtype=F64) for _ in range(2))
    order = flow.ot_coupling(noise, data)
    assert order.dtype == torch.int64
    costs = [cost(noise, data, torch.tensor(p)) for p in itertools.permutations(range(6))]
    assert cost(noise, data, order) == pytest.approx(min(costs))
    assert min(costs) < 0.9 * costs[0]


def test_each_noise_is_used_once():
    g = gen()
    order = flow.ot_coupling(torch.randn(50, 2, generator=g), torch.randn(50, 2, generator=g))
    assert sorted(order.tolist()) == list(range(50))


def test_in_one_dimension_it_sorts():
    noise, data = (torch.randn(30, 1, generator=gen(i)) for i in range(2))
    coupled = noise[flow.ot_coupling(noise, data)]
    assert torch.equal(coupled.flatten().argsort(), data.flatten().argsort())


def test_far_from_the_origin_no_digit_is_lost():
    """|d - n|² by way of |d|² + |n|² - 2 d·n in float32 would see nothing of these distances."""
    noise = torch.linspace(-1, 1, 20)[:, None]
    data = 3000 + noise.flip(0)
    assert flow.ot_coupling(noise, data).tolist() == list(range(19, -1, -1))


def test_labels_are_not_mixed_and_each_label_has_its_own_best_pairs():
    g = gen()
    noise, data = (torch.randn(40, 2, generator=g) for _ in range(2))
    y = torch.randint(0, 4, (40,), generator=g)
    order = flow.ot_coupling(noise, data, y)
    assert sorted(order.tolist()) == list(range(40))
    for label in range(4):
        rows = torch.nonzero(y == label).flatten()
        assert set(order[rows].tolist()) == set(rows.tolist())
        alone = flow.ot_coupling(noise[rows], data[rows])
        assert torch.equal(order[rows], rows[alone])


def test_the_noise_of_a_label_stays_the_whole_gaussian():
    """Two labels, left and right: coupled across labels, each would see half of the noise."""
    n = 400
    y = torch.arange(n) % 2
    data = torch.stack([2.0 * y - 1, torch.zeros(n)], 1)
    noise = torch.randn(n, 2, generator=gen())
    mixed = noise[flow.ot_coupling(noise, data)]
    apart = noise[flow.ot_coupling(noise, data, y)]
    assert float(mixed[y == 1, 0].mean()) > 0.7
    assert abs(float(apart[y == 1, 0].mean())) < 3 / (n / 2) ** 0.5


def test_the_loss_couples_label_by_label_and_keeps_data_in_place():
    g = gen()
    data, noise = torch.randn(30, 2, generator=g), torch.randn(30, 2, generator=g)
    y, t = torch.randint(0, 3, (30,), generator=g), torch.zeros(30)
    net = Remembering()  # at t = 0 it is shown the noise itself
    flow.matching_loss(net, data, None, y, coupling="ot", noise=noise, t=t, label_dropout=0.0)
    assert torch.equal(net.x, noise[flow.ot_coupling(noise, data, y)])
    assert torch.equal(net.y, y)
    flow.matching_loss(net, data, coupling="ot", noise=noise, t=t)
    assert torch.equal(net.x, noise[flow.ot_coupling(noise, data)])
    flow.matching_loss(net, data, None, y, coupling="ot", noise=noise, t=t + 1)
    assert torch.equal(net.x, data)


def test_without_scipy_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    x = torch.zeros(3, 2)
    for call in (
        lambda: flow.ot_coupling(x, x),
        lambda: flow.matching_loss(zero, x, coupling="ot"),
    ):
        with pytest.raises(ImportError, match="pip install scipy, or pair at random"):
            call()


# ---- training ------------------------------------------------------------------------------------


def train(data, loss, net=None, **options) -> md.Run:
    net = net or md.MLP(2, width=64, depth=2, time_scale=1000)
    settings = {"schedule": None, "batch": 128, "device": "cpu", "progress": False, **options}
    return md.train(net, data, loss, **settings)


@pytest.mark.parametrize("path", [None, flow.trigonometric_path()], ids=str)
def test_a_network_learns_the_exact_velocity(path):
    m, s = torch.tensor([[0.8, -0.5]]), 0.4
    data = m + s * torch.randn(5000, 2, generator=gen())
    loss = functools.partial(flow.matching_loss, path=path)
    net = train(data, loss, steps=500, lr=3e-3).net
    x, t = torch.randn(500, 2, generator=gen(1)), torch.rand(500, generator=gen(2))
    x_t, _ = flow.on_path(x, m + s * torch.randn(500, 2, generator=gen(3)), t, path)
    exact = flow.exact_velocity(m, s, path=path)(x_t, t)
    error = (net(x_t, t) - exact).square().mean()
    assert float(error) < 0.03 * float(exact.square().mean())


def test_a_labelled_network_learns_both_labels():
    y = torch.arange(2000) % 2
    data = torch.stack([2.0 * y - 1, torch.zeros(2000)], 1)
    data += 0.1 * torch.randn(2000, 2, generator=gen())
    net = md.MLP(2, classes=2, width=64, depth=2, time_scale=1000)
    loss = functools.partial(flow.matching_loss, coupling="ot")
    net = train((data, y), loss, net, steps=300, lr=3e-3).net
    for label in (0, 1):
        velocity = md.classifier_free_guidance(net, label, 0.0)
        x = flow.sample(velocity, (200, 2), 10, solver="midpoint", generator=gen())
        assert x[:, 0].mean() == pytest.approx(2 * label - 1, abs=0.2)


def test_a_run_is_known_again_by_its_path_and_coupling(tmp_path, capsys):
    def again(**options) -> md.Run:
        data, net = torch.ones(16, 2), md.MLP(2, width=8, depth=1, time_scale=1000)
        loss = functools.partial(flow.matching_loss, **options)
        return train(data, loss, net, steps=3, batch=8, out=tmp_path)

    first = again(path=flow.vp_path(), coupling="ot")
    second = again(path=flow.vp_path(), coupling="ot")
    assert "is finished (3 steps)" in capsys.readouterr().out
    assert second.losses == first.losses
    for other in ({"path": flow.vp_path(0.2), "coupling": "ot"}, {"path": flow.vp_path()}):
        with pytest.raises(ValueError, match="other settings"):
            again(**other)


# ---- reflow --------------------------------------------------------------------------------------


def test_pairs_are_the_noise_and_where_it_went():
    velocity = flow.exact_velocity(torch.tensor([[0.3, -0.5]]), 0.5)
    noise = torch.randn(7, 2, generator=gen())
    start, data = flow.reflow_pairs(velocity, noise, 5, solver="heun", batch=3)
    assert start is noise
    torch.testing.assert_close(data, flow.sample(velocity, noise=noise, steps=5, solver="heun"))


def test_pairs_are_made_some_at_a_time():
    seen = []

    def velocity(x, t):
        seen.append(len(x))
        return x

    flow.reflow_pairs(velocity, torch.ones(7, 2), 1, batch=3)
    assert seen == [3, 3, 1]


@all_paths
def test_the_loss_of_fixed_pairs_is_the_loss_with_their_noise(path):
    noise, data = (torch.randn(6, 1, 3, 3, generator=gen(i)) for i in range(2))
    t = torch.linspace(0, 0.9, 6)
    pairs = torch.stack((noise, data), dim=1)
    given = flow.matching_loss(zero, data, noise=noise, t=t, path=path)
    assert torch.equal(flow.pair_loss(zero, pairs, t=t, path=path), given)
    net = Remembering()
    y = torch.arange(6)
    flow.pair_loss(net, pairs, None, y, label_dropout=0.0, generator=gen())
    assert torch.equal(net.y, y)
    assert net.t.unique().numel() == 6


class Conditioned(md.nn.Denoiser):
    """A network with a label and a vector; it notes what it was told."""

    classes = 10

    def forward(self, x, t, y, embed):
        self.y, self.embed = y, embed
        return 0 * x


@pytest.mark.parametrize("loss", ["matching_loss", "pair_loss"])
def test_conditions_by_name_are_dropped_together_one_coin_an_example(loss):
    net, y, embed = Conditioned(), torch.arange(1000) % 10, torch.rand(1000, 4, generator=gen()) + 1
    data = torch.zeros(1000, 2)
    given = data if loss == "matching_loss" else torch.stack([data, data], 1)
    call = functools.partial(getattr(flow, loss), net, given, None, y, embed=embed)
    call(label_dropout=0.0, generator=gen())
    assert torch.equal(net.y, y)
    assert torch.equal(net.embed, embed)
    call(label_dropout=0.3, generator=gen())
    gone = net.y == 10
    assert 0.25 < float(gone.double().mean()) < 0.35
    assert torch.equal(net.embed, torch.where(gone[:, None], 0.0, embed))
    assert torch.equal(net.y[~gone], y[~gone])


@pytest.mark.parametrize("loss", [flow.matching_loss, flow.pair_loss])
def test_a_condition_that_the_network_does_not_take_is_refused(loss):
    pairs = torch.zeros(6, 2, 2)
    with pytest.raises(ValueError, match="text was given, but the network takes y, embed"):
        loss(Conditioned(), pairs, text=torch.zeros(6, 3))


@pytest.mark.parametrize(
    ("embed", "got"), [(torch.zeros(5, 4), r"\(5, 4\)"), (torch.tensor(1.0), r"\(\)")]
)
def test_a_condition_has_a_row_for_each_example(embed, got):
    with pytest.raises(
        ValueError, match=f"embed must have 6 rows, one for each example; got shape {got}"
    ):
        flow.matching_loss(Conditioned(), torch.zeros(6, 2), embed=embed)


def test_straightness_of_a_straight_flow_is_0():
    noise = torch.randn(5, 2, generator=gen(), dtype=F64)
    straight = flow.straightness(lambda x, t: torch.ones_like(x), noise, 10)
    assert straight.shape == (5,)
    assert float(straight.max()) < 1e-25


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4"])
def test_straightness_of_a_gaussian_flow_is_an_integral(solver):
    """Its paths are x_t = t·m + σ_t·z, so S = |z|² (∫ σ'² dt - (s - 1)²)."""
    m, s = torch.tensor([[0.3, -0.5]], dtype=F64), 0.4
    noise = torch.randn(5, 2, generator=gen(), dtype=F64)

    def rate_2(t: float) -> float:
        return (t * s**2 - (1 - t)) ** 2 / (t**2 * s**2 + (1 - t) ** 2)

    expected = noise.square().sum(1) * (quad(rate_2, 0, 1)[0] - (s - 1) ** 2)
    got = flow.straightness(flow.exact_velocity(m, s), noise, 400, solver=solver)
    torch.testing.assert_close(got, expected, rtol=0.02 if solver == "euler" else 1e-4, atol=0)


def test_constant_speed_is_part_of_being_straight():
    """Straight lines, but slow at first: dx/dt = 2t has S = ∫ (1 - 2t)² dt = 1/3 an entry."""
    noise = torch.zeros(2, 3, dtype=F64)
    got = flow.straightness(lambda x, t: 2 * t[:, None] + 0 * x, noise, 200)
    assert got.tolist() == pytest.approx([1, 1], rel=1e-4)


@pytest.mark.slow
def test_reflow_straightens():
    """Two clusters: the first flow bends, the next one hardly does, and one step is enough for it."""
    means = torch.tensor([[2.0, 0.0], [-2.0, 0.0]])
    velocity = flow.exact_velocity(means, 0.2)
    noise = torch.randn(4000, 2, generator=gen())
    pairs = flow.reflow_pairs(velocity, noise, 30, solver="heun")
    net = train(torch.stack(pairs, dim=1), flow.pair_loss, steps=1000, batch=256).net
    fresh = torch.randn(500, 2, generator=gen(1))
    before = flow.straightness(velocity, fresh, 30).mean()
    after = flow.straightness(net, fresh, 30).mean()
    assert float(after) < 0.25 * float(before)

    def distance(v) -> float:
        """From one Euler step to the nearest cluster."""
        return float(torch.cdist(flow.sample(v, noise=fresh, steps=1), means).amin(1).mean())

    assert distance(velocity) > 1.5
    assert distance(net) < 0.6
