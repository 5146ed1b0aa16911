"""Solvers of a flow: their orders, their walks, and what they ask for."""

import math
import sys
from itertools import pairwise

import pytest
import torch

import minidiff as md
from minidiff import flow
from minidiff.base.rng import BatchSlice
from minidiff.flow.solvers import ADAPTIVE

F64 = torch.float64
MEANS, WEIGHTS = torch.tensor([[1.0], [-0.8]], dtype=F64), torch.tensor([0.3, 0.7], dtype=F64)
WIDTH = 0.5
MIXTURE = flow.exact_velocity(MEANS, WIDTH, WEIGHTS)
NOISE = torch.linspace(-2, 2, 9, dtype=F64)[:, None]
all_solvers = pytest.mark.parametrize("solver", [*flow.SOLVERS, ADAPTIVE])


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def share_below(x: torch.Tensor) -> torch.Tensor:
    """The mixture's cumulative distribution: along a flow of one dimension it stays the same."""
    return torch.special.ndtr((x - MEANS[:, 0]) / WIDTH) @ WEIGHTS[:, None]


def growth(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """dx/dt = x, so that x(1) = e · x(0)."""
    return x


@pytest.mark.parametrize(("solver", "order"), [(n, t.order) for n, t in flow.SOLVERS.items()])
def test_the_measured_order_is_the_stated_one(solver, order):
    assert order == {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}[solver]
    counts = torch.tensor([30, 60, 120])
    errors = torch.tensor(
        [
            (share_below(flow.sample(MIXTURE, noise=NOISE, steps=int(n), solver=solver)))
            .sub(torch.special.ndtr(NOISE))
            .abs()
            .max()
            for n in counts
        ]
    )
    slopes = (errors[:-1] / errors[1:]).log2()
    assert slopes.tolist() == pytest.approx([order] * 2, abs=0.1)


@pytest.mark.parametrize(
    ("solver", "factor"),
    [
        ("euler", 1.5),
        ("midpoint", 1.625),
        ("heun", 1.625),
        ("rk4", 1 + 0.5 + 1 / 8 + 1 / 48 + 1 / 384),
    ],
)
def test_one_step_is_the_series_of_the_exponential_cut_off(solver, factor):
    x = flow.sample(growth, noise=torch.ones(1, 1, dtype=F64), times=[0.0, 0.5], solver=solver)
    assert float(x) == pytest.approx(factor, rel=1e-14)


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        ("euler", [0.2]),
        ("midpoint", [0.2, 0.4]),
        ("heun", [0.2, 0.6]),
        ("rk4", [0.2, 0.4, 0.4, 0.6]),
    ],
)
def test_where_and_how_often_the_velocity_is_asked(solver, expected):
    seen = []

    def velocity(x, t):
        assert t.shape == (2,)
        seen.append(float(t[0]))
        return x

    flow.sample(velocity, noise=torch.ones(2, 3, dtype=F64), times=[0.2, 0.6], solver=solver)
    assert seen == pytest.approx(expected)
    assert len(flow.SOLVERS[solver].weights) == len(expected)


@all_solvers
def test_a_time_dependent_velocity_is_integrated(solver):
    """dx/dt = 3t² ends at 1; Euler's sum of rectangles is known."""
    x = flow.sample(
        lambda x, t: (3 * t**2)[:, None] + 0 * x,
        noise=torch.zeros(2, 1, dtype=F64),
        steps=1 if solver == ADAPTIVE else 10,
        solver=solver,
    )
    expected = {"euler": 0.855, "midpoint": 0.9975, "heun": 1.005}.get(solver, 1.0)
    assert x.flatten().tolist() == pytest.approx([expected] * 2, abs=1e-9)


def test_the_adaptive_solver_keeps_its_tolerance():
    errors = []
    for tolerance in (1e-4, 1e-7, 1e-10):
        x = flow.sample(MIXTURE, noise=NOISE, solver=ADAPTIVE, tolerance=tolerance)
        errors.append(float((share_below(x) - torch.special.ndtr(NOISE)).abs().max()))
        assert errors[-1] < 10 * tolerance
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


@all_solvers
def test_no_time_outside_the_walk_is_asked_for(solver):
    seen = []

    def velocity(x, t):
        seen.append(float(t[0]))
        return 1e-3 * x.cos()

    flow.sample(velocity, noise=torch.ones(2, 1), solver=solver)
    flow.invert(velocity, torch.ones(2, 1), solver=solver)
    assert min(seen) >= 0
    assert max(seen) <= 1


def test_without_torchdiffeq_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchdiffeq", None)
    for call in (flow.flow_steps, flow.log_likelihood, flow.invert):
        with pytest.raises(ImportError, match=r"pip install torchdiffeq, or take solver='rk4'"):
            call(growth, NOISE, solver=ADAPTIVE)


def test_every_state_is_handed_out():
    states = list(flow.flow_steps(MIXTURE, NOISE, 4))
    assert [state.t for state in states] == [0, 0.25, 0.5, 0.75, 1]
    assert states[0].x is NOISE
    assert states[0].data_hat is None
    x = NOISE
    for before, state in pairwise(states):
        u = MIXTURE(x, before.t)
        torch.testing.assert_close(state.data_hat, x + (1 - before.t) * u)
        x = x + 0.25 * u
        torch.testing.assert_close(state.x, x)


@pytest.mark.parametrize(
    "path", [flow.ot_path(), flow.vp_path(), flow.trigonometric_path()], ids=str
)
@all_solvers
def test_the_guess_of_the_data_is_right_where_there_is_one_thing_to_guess(path, solver):
    """A flow to a single point: every guess on the way is that point, whatever the path."""
    point = torch.tensor([[0.7, -0.2]], dtype=F64)
    velocity = flow.exact_velocity(point, 1e-6, path=path)
    noise = torch.randn(3, 2, generator=gen(), dtype=F64)
    times = [0.0, 0.3, 0.5, 0.8]
    states = list(flow.flow_steps(velocity, noise, solver=solver, times=times, path=path))
    for state in states[1:]:
        torch.testing.assert_close(state.data_hat, point.expand(3, 2), rtol=0, atol=1e-4)


def test_guesses_come_on_the_way_back_too():
    states = list(flow.flow_steps(MIXTURE, NOISE, times=[1.0, 0.5, 0.0], path=flow.vp_path()))
    assert all(bool(state.data_hat.isfinite().all()) for state in states[1:])


@all_solvers
def test_the_way_back_leads_to_the_noise(solver):
    steps = 1 if solver == ADAPTIVE else 100
    data = flow.sample(MIXTURE, noise=NOISE, steps=steps, solver=solver, tolerance=1e-9)
    back = flow.invert(MIXTURE, data, steps, solver=solver, tolerance=1e-9)
    tolerance = {"euler": 0.1, "midpoint": 1e-3, "heun": 1e-3}.get(solver, 1e-7)
    torch.testing.assert_close(back, NOISE, rtol=0, atol=tolerance)


def test_fifty_steps_unless_told_otherwise():
    assert len(list(flow.flow_steps(growth, NOISE))) == 51
    assert len(list(flow.flow_steps(growth, NOISE, solver=ADAPTIVE))) == 2
    torch.testing.assert_close(flow.sample(growth, noise=NOISE), NOISE * 1.02**50)


@pytest.mark.parametrize("dtype", [torch.float32, F64, torch.float16, torch.bfloat16])
def test_samples_have_the_type_asked_for_and_times_are_never_coarse(dtype):
    kinds = set()

    def velocity(x, t):
        kinds.add(t.dtype)
        return 0 * x

    x = flow.sample(velocity, (3, 2), 2, generator=gen(), dtype=dtype)
    assert x.dtype == dtype
    assert kinds == {F64 if dtype == F64 else torch.float32}
    assert torch.equal(x, md.base.rng.randn((3, 2), gen(), dtype=dtype))


def test_a_generator_decides_and_the_global_state_stays():
    state = torch.get_rng_state()
    first, again, other = (flow.sample(growth, (3, 2), 2, generator=gen(s)) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(0)
    unseeded = flow.sample(growth, (3, 2), 2)
    torch.manual_seed(0)
    assert torch.equal(unseeded, flow.sample(growth, (3, 2), 2))


def test_slices_of_a_batch_are_the_batch():
    whole = flow.sample(growth, (5, 2), 3, generator=gen())
    parts = [
        flow.sample(growth, (n, 2), 3, generator=BatchSlice(gen(), start, 5))
        for start, n in ((0, 2), (2, 3))
    ]
    assert torch.equal(torch.cat(parts), whole)


def test_no_gradients_are_kept():
    net = md.MLP(2, width=8, depth=1, time_scale=1000)
    net.predicts = "velocity"
    assert not flow.sample(net, (3, 2), 3, solver="rk4", generator=gen()).requires_grad


def test_it_computes_where_the_network_is():
    """Tensors of the meta device hold no numbers: only the look for NaN at the end reads one."""
    seen = []

    def velocity(x, t):
        seen.append((x.device.type, t.device.type))
        return x

    velocity.device = torch.device("meta")
    with pytest.raises(RuntimeError):
        flow.sample(velocity, (3, 2), 3, solver="rk4", generator=gen())
    assert seen == [("meta", "meta")] * 12


@pytest.mark.parametrize("w", [0.0, 1.5])
def test_guidance_of_velocities_is_the_same_weighted_sum(w):
    net = md.MLP(2, classes=3, width=8, depth=1, time_scale=1000)
    net.predicts = "velocity"
    x, t, y = torch.randn(4, 2, generator=gen()), torch.full((4,), 0.3), torch.tensor([0, 1, 2, 1])
    velocity = md.classifier_free_guidance(net, y, w)
    with torch.no_grad():
        torch.testing.assert_close(velocity(x, t), (1 + w) * net(x, t, y) - w * net(x, t))
    assert flow.sample(velocity, (4, 2), 3, solver="heun", generator=gen()).shape == (4, 2)


def test_the_table_itself_is_consistent():
    """Conditions of order 1 and 2, and rows that lead to their nodes."""
    for tableau in flow.SOLVERS.values():
        assert sum(tableau.weights) == pytest.approx(1)
        for node, row in zip(tableau.nodes, tableau.rows, strict=True):
            assert sum(row) == pytest.approx(node)
        if tableau.order >= 2:
            mean = sum(w * c for w, c in zip(tableau.weights, tableau.nodes, strict=True))
            assert mean == pytest.approx(0.5)
    assert math.isclose(sum(flow.SOLVERS["rk4"].weights[1:3]), 2 / 3)
