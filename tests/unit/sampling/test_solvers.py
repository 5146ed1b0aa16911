"""Higher-order solvers: their order, their equations in the papers' own variables, and how they walk."""

import inspect
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

import minidiff as md
from minidiff.sampling import solvers
from minidiff.sampling.solvers import solve

F64 = torch.float64
LINEAR, COSINE = md.linear_schedule(), md.cosine_schedule()
SMALL = md.linear_schedule(12, 0.05, 0.4)
ZERO_SNR = md.rescale_zero_terminal_snr(SMALL)
MEAN, STD = 0.3, 0.5
CENTERS = torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]], dtype=F64)
SOLVERS = list(solvers.SOLVERS)
SAMPLERS = [md.heun_sample, md.dpm_solver_sample]


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=gen(), dtype=F64)


def wavy(x: Tensor, t: Tensor) -> Tensor:
    """Some eps-model or other, sensitive to x and t."""
    return 0.7 * x + 0.2 * torch.sin(3 * x) + 0.01 * t.reshape(-1, 1).to(x)


class Watched:
    """An eps-model that notes the times at which it was asked, and whether gradients were on."""

    def __init__(self) -> None:
        self.times: list[Tensor] = []
        self.grad: set[bool] = set()

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.times.append(t)
        self.grad.add(torch.is_grad_enabled())
        return wavy(x, t)


# ---- orders, over an interior interval of real times -----------------------------------------

START, END = 700.0, 20.0
ORDERS = {"ddim": 1, "heun": 2, "dpm_solver": 2}


def end_of(model, schedule: md.NoiseSchedule, x: Tensor, solver: str, steps: int) -> Tensor:
    times = schedule.continuous.times(START, END, steps)
    *_, last = solve(model, schedule, times, x, solver)
    assert last.t == END
    return last.x


def slope(counts: list[int], errors: list[float]) -> float:
    """How fast the errors fall with the number of steps: the order of the method."""
    return -float(np.polyfit(np.log(counts), np.log(errors), 1)[0])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=str)
def test_the_order_on_gaussian_data(schedule, solver):
    """The equation's solution is known: each point keeps its place, in deviations from the mean."""
    face, x, counts = schedule.continuous, noise(16, 2), [40, 80, 160, 320]
    deviation = {t: math.hypot(face.alpha(t) * STD, face.sigma(t)) for t in (START, END)}
    place = (x - face.alpha(START) * MEAN) / deviation[START]
    exact = face.alpha(END) * MEAN + deviation[END] * place
    model = md.exact.gaussian(MEAN, STD, schedule)
    errors = [float((end_of(model, schedule, x, solver, n) - exact).abs().max()) for n in counts]
    assert slope(counts, errors) == pytest.approx(ORDERS[solver], abs=0.1)
    assert errors[-1] < (0.01 if solver == "ddim" else 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=str)
def test_the_orders_on_a_mixture(schedule):
    x, counts = noise(16, 2), [40, 80, 160, 320]
    model = md.exact.mixture(CENTERS, 0.3, None, schedule)
    ends = {solver: [end_of(model, schedule, x, solver, n) for n in counts] for solver in SOLVERS}
    # Richardson: what two runs of Heun's method, of which one has half the other's step, agree on
    finest = end_of(model, schedule, x, "heun", 640)
    exact = finest + (finest - ends["heun"][-1]) / 3
    for solver, order in ORDERS.items():
        errors = [float((end - exact).square().mean().sqrt()) for end in ends[solver]]
        assert slope(counts, errors) == pytest.approx(order, abs=0.1), solver


def test_few_steps_do_better_than_ddims():
    """On Gaussian data, whose samples should have the data's deviation."""
    x_T = torch.tensor([[-1.0], [1.0]], dtype=F64)  # one deviation to each side
    model = md.exact.gaussian(MEAN, STD, LINEAR)

    def error(x: Tensor) -> float:
        return abs(float(x[1] - x[0]) / 2 - STD)

    ddim = error(md.ddim_sample(model, LINEAR, x_T=x_T, steps=20))
    for sample in SAMPLERS:
        assert error(sample(model, LINEAR, x_T=x_T, steps=20)) < ddim / 3
    times = md.log_snr_times(LINEAR, 10)
    assert error(md.dpm_solver_sample(model, LINEAR, x_T=x_T, steps=None, times=times)) < ddim / 4


# ---- the papers' equations -------------------------------------------------------------------


def test_heuns_steps_are_the_papers():
    """In y = x / √ᾱ over the noise level √(1-ᾱ) / √ᾱ, where the slope is eps (Karras et al.)."""
    times, x_T = [12, 9, 8, 3, 0], noise(4, 2)
    y = x_T / SMALL.alpha_bar[12].sqrt()

    def slope_at(y: Tensor, t: int) -> Tensor:
        return wavy(SMALL.alpha_bar[t].sqrt() * y, torch.full((4,), t))

    level = (1 / SMALL.alpha_bar - 1).sqrt()
    states = list(md.solver_steps(wavy, SMALL, x_T=x_T, times=times, solver="heun"))
    for (t, s), state in zip(pairwise(times), states[1:], strict=True):
        here = slope_at(y, t)
        ahead = y + (level[s] - level[t]) * here
        if s > 0:
            ahead = y + (level[s] - level[t]) * (here + slope_at(ahead, s)) / 2
        y = ahead
        torch.testing.assert_close(state.x, SMALL.alpha_bar[s].sqrt() * y, rtol=0, atol=1e-11)


def test_dpm_solvers_steps_are_the_papers():
    """Lu et al., algorithm 2, with exponentials of λ; the first and the last step are of first order."""
    times, x = [12, 9, 8, 3, 1, 0], noise(4, 2)
    alpha, sigma = SMALL.alpha_bar.sqrt(), (1 - SMALL.alpha_bar).sqrt()
    lam = (alpha / sigma).log()
    states = list(md.solver_steps(wavy, SMALL, x_T=x, times=times, solver="dpm_solver"))
    guess_before, t_before = None, None
    for (t, s), state in zip(pairwise(times), states[1:], strict=True):
        guess = (x - sigma[t] * wavy(x, torch.full((4,), t))) / alpha[t]
        torch.testing.assert_close(state.x0_hat, guess, rtol=0, atol=1e-11)
        D = guess
        if guess_before is not None and s > 0:
            r = (lam[t] - lam[t_before]) / (lam[s] - lam[t])
            D = (1 + 1 / (2 * r)) * guess - 1 / (2 * r) * guess_before
        x = sigma[s] / sigma[t] * x - alpha[s] * torch.expm1(lam[t] - lam[s]) * D
        guess_before, t_before = guess, t
        torch.testing.assert_close(state.x, x, rtol=0, atol=1e-11)


def test_without_a_second_order_it_is_ddim():
    x_T = noise(4, 2)
    states = list(md.solver_steps(wavy, SMALL, x_T=x_T, steps=5, solver="ddim"))
    expected = list(md.sampling_steps(wavy, SMALL, x_T=x_T, steps=5, eta=0.0))
    for ours, theirs in zip(states, expected, strict=True):
        assert ours.t == theirs.t
        assert torch.equal(ours.x, theirs.x)
    for sample in SAMPLERS:  # one step, the one into 0, is Euler's
        one = sample(wavy, SMALL, x_T=x_T, steps=1)
        torch.testing.assert_close(one, md.ddim_sample(wavy, SMALL, x_T=x_T, steps=1))


@pytest.mark.parametrize("kind", ["x0", "v", "score"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_kind_of_prediction_makes_the_same_walk(solver, kind):
    def model(x: Tensor, t: Tensor) -> Tensor:
        return md.convert(wavy(x, t), x, t, SMALL, source="eps", target=kind)

    options = {"x_T": noise(4, 2), "steps": 5, "solver": solver}
    by_eps = list(md.solver_steps(wavy, SMALL, **options))
    by_kind = list(md.solver_steps(model, SMALL, kind=kind, **options))
    for ours, expected in zip(by_kind[1:], by_eps[1:], strict=True):
        torch.testing.assert_close(ours.x, expected.x, rtol=0, atol=1e-11)
        torch.testing.assert_close(ours.x0_hat, expected.x0_hat, rtol=0, atol=1e-11)


@pytest.mark.parametrize("solver", SOLVERS)
def test_clipping_limits_every_guess(solver):
    options = {"x_T": 0.5 * noise(6, 2), "steps": 4, "solver": solver}
    clipped = list(md.solver_steps(wavy, SMALL, clip=True, **options))
    free = list(md.solver_steps(wavy, SMALL, **options))
    for state in clipped[1:]:
        assert float(state.x0_hat.abs().max()) <= 1
    assert float(free[1].x0_hat.abs().max()) > 1  # else the test would show nothing


def test_what_2m_makes_of_two_clipped_guesses_is_no_guess_and_is_not_clipped():
    def model(x: Tensor, t: Tensor) -> Tensor:
        return 0.25 * (13 - t).reshape(-1, 1).to(x).expand_as(x)  # 0.25 at 12, 1.5 at 7

    _, first, second, _ = md.solver_steps(
        model, SMALL, x_T=noise(6, 2), times=[12, 7, 4, 0], kind="x0", clip=True
    )
    lam = (SMALL.snr.log() / 2).tolist()
    D = 1 + (lam[4] - lam[7]) / (2 * (lam[7] - lam[12])) * (1 - 0.25)
    assert D > 1
    assert torch.equal(second.x0_hat, torch.ones(6, 2, dtype=F64))
    given = torch.full((6, 2), D, dtype=F64)
    expected, _ = md.sample_step(given, first.x, 7, 4, SMALL, kind="x0", eta=0.0)
    torch.testing.assert_close(second.x, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("s", "first", "second"), [(11, 3.0, -0.5), (11, -0.5, 3.0), (4, 0.9, 1.0)]
)
def test_heun_clips_both_guesses_and_what_their_mean_says(s, first, second):
    """In the third case neither guess is beyond 1, but the mean of their noises says an x_0 that is."""
    x, said = noise(6, 2), {12: first, s: second}

    def model(x: Tensor, t: Tensor) -> Tensor:
        return torch.full_like(x, said[int(t[0])])

    _, state, _ = md.solver_steps(
        model, SMALL, x_T=x, times=[12, s, 0], solver="heun", kind="x0", clip=True
    )
    ones = torch.ones_like(x)
    here = md.eps_from_x0(x, min(first, 1) * ones, 12, SMALL)
    ahead, _ = md.sample_step(here, x, 12, s, SMALL, eta=0.0)
    both = (here + md.eps_from_x0(ahead, min(second, 1) * ones, s, SMALL)) / 2
    beyond = float(md.x0_from_eps(x, both, 12, SMALL).abs().max()) > 1
    assert beyond == (s == 4)
    expected, guess = md.sample_step(both, x, 12, s, SMALL, eta=0.0, clip=True)
    torch.testing.assert_close(state.x, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(state.x0_hat, guess, rtol=0, atol=1e-12)


# ---- zero terminal SNR -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["v", "x0"])
def test_from_pure_noise_the_steps_without_a_second_order_are_eulers(kind):
    """λ is -infinity at T: Heun's first step, and 2M's first two, which know no length before."""

    def model(x: Tensor, t: Tensor) -> Tensor:
        return 0.3 * x + 0.01 * t.reshape(-1, 1)

    options = {"x_T": noise(4, 2), "steps": 4, "kind": kind}
    walks = {
        solver: list(md.solver_steps(model, ZERO_SNR, solver=solver, **options))
        for solver in SOLVERS
    }
    ddim, heun, dpm = (walks[solver] for solver in ("ddim", "heun", "dpm_solver"))
    assert torch.equal(heun[1].x, ddim[1].x)
    for k in (1, 2):
        torch.testing.assert_close(dpm[k].x, ddim[k].x, rtol=0, atol=1e-12)
    assert not torch.allclose(heun[2].x, ddim[2].x)
    assert not torch.allclose(dpm[3].x, ddim[3].x)
    for states in walks.values():
        assert bool(torch.isfinite(states[-1].x).all())


# ---- the walk --------------------------------------------------------------------------------


def test_heun_asks_twice_a_step_but_once_in_the_last_and_2m_once():
    times = [12, 9, 5, 0]
    for solver, expected in (("heun", [12, 9, 9, 5, 5]), ("dpm_solver", [12, 9, 5])):
        model = Watched()
        states = list(md.solver_steps(model, SMALL, (3, 2), times=times, solver=solver))
        assert [state.t for state in states] == times
        assert [t.tolist() for t in model.times] == [[t] * 3 for t in expected]
        assert {t.dtype for t in model.times} == {torch.int64}
        assert model.grad == {False}


@pytest.mark.parametrize("solver", SOLVERS)
def test_real_times_that_are_whole_make_the_walk_over_the_table(solver):
    x_T, times, model = noise(4, 2), [12, 9, 5, 2], Watched()
    whole = list(solve(wavy, SMALL, times, x_T, solver))
    real = list(solve(model, SMALL, [float(t) for t in times], x_T, solver))
    for ours, expected in zip(real, whole, strict=True):
        torch.testing.assert_close(ours.x, expected.x, rtol=0, atol=1e-12)
    assert {t.dtype for t in model.times} == {F64}
    assert model.times[0].shape == (4,)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_walk_is_lazy_but_its_checks_are_not(solver):
    model = Watched()
    walk = md.solver_steps(model, SMALL, (1, 2), solver=solver)
    assert inspect.isgenerator(walk)
    assert (next(walk).t, model.times) == (12, [])
    with pytest.raises(ValueError, match="steps must be at most T = 12, got 13"):
        md.solver_steps(model, SMALL, (1, 2), solver=solver, steps=13)  # no next() is needed


@pytest.mark.parametrize(
    ("sample", "solver", "default"),
    [(md.heun_sample, "heun", 25), (md.dpm_solver_sample, "dpm_solver", 20)],
)
def test_the_samplers_are_the_walks_end(sample, solver, default):
    *_, last = md.solver_steps(wavy, SMALL, (4, 2), solver=solver, steps=5, generator=gen())
    assert torch.equal(sample(wavy, SMALL, (4, 2), steps=5, generator=gen()), last.x)
    x_T, times = noise(4, 2), [11, 4, 0]
    *_, last = md.solver_steps(wavy, SMALL, x_T=x_T, solver=solver, times=times)
    assert torch.equal(sample(wavy, SMALL, x_T=x_T, steps=None, times=times), last.x)
    model = Watched()
    sample(model, LINEAR, (1, 2))
    assert len(model.times) == (2 * default - 1 if solver == "heun" else default)


@pytest.mark.parametrize("sample", SAMPLERS)
def test_types_follow_x_T_or_the_argument(sample):
    assert sample(wavy, SMALL, (1, 2), steps=3).dtype == torch.float32
    assert sample(wavy, SMALL, (1, 2), steps=3, dtype=F64).dtype == F64
    assert sample(wavy, SMALL, x_T=noise(1, 2), steps=3).dtype == F64


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_step_waits_for_the_device(solver):
    """Tensors of the meta device hold no numbers, so whatever reads one raises."""
    walk = md.solver_steps(
        lambda x, t: 0.1 * x, SMALL, (2, 1, 8, 8), solver=solver, device="meta", clip=True
    )
    states = [next(walk) for _ in range(SMALL.T)]  # the last step looks for NaN, once
    assert states[-1].t == 1
    assert states[-1].x.device.type == "meta"


@pytest.mark.parametrize("sample", SAMPLERS)
def test_nan_at_the_end_is_not_handed_out(sample):
    with pytest.raises(ValueError, match="sampling ended in NaN or infinity"):
        sample(lambda x, t: x * math.nan, SMALL, (1, 2), steps=3)


@pytest.mark.parametrize("sample", SAMPLERS)
def test_a_progress_bar_changes_nothing_but_stderr(sample, capsys):
    quiet = sample(wavy, SMALL, (1, 2), steps=4, generator=gen())
    assert capsys.readouterr().err == ""
    loud = sample(wavy, SMALL, (1, 2), steps=4, generator=gen(), progress=True)
    assert "4/4" in capsys.readouterr().err
    assert torch.equal(quiet, loud)


# ---- times -----------------------------------------------------------------------------------


def test_times_evenly_spread_in_log_snr():
    assert md.log_snr_times(LINEAR, 1) == [1000, 0]
    assert md.log_snr_times(LINEAR, 2) == [1000, 1, 0]
    times = md.log_snr_times(LINEAR, 10)
    assert (len(times), times[0], times[-2:]) == (11, 1000, [1, 0])
    log_snr = LINEAR.snr.log()[times[:-1]]
    even = torch.linspace(float(log_snr[0]), float(log_snr[-1]), 10, dtype=F64)
    # rounding moves a time by half a step at most
    for t, wanted in zip(times[1:-1], even.tolist()[1:], strict=False):
        assert LINEAR.continuous.log_snr(t + 0.5) <= wanted <= LINEAR.continuous.log_snr(t - 0.5)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE, SMALL], ids=str)
def test_crowded_times_take_the_next_free_ones(schedule):
    for steps in {1, 2, 3, 10, 50, 200, schedule.T - 1, schedule.T} & set(range(schedule.T + 1)):
        times = md.log_snr_times(schedule, steps)
        assert (len(times), times[0], times[-1]) == (steps + 1, schedule.T, 0)
        assert all(t > s for t, s in pairwise(times))
