"""Samplers: what they draw from, worked out in closed form, and how they walk.

For data N(m, s²) the best eps is a linear function of x_t, so each step is x_s = A x_t + B + σ z and
mean and variance obey mean ← A·mean + B, var ← A²·var + σ². The recursions below are written from
the papers' own forms of the step, which are not the form that the library uses for DDPM.
"""

import inspect
import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

import minidiff as md

F64 = torch.float64
MEAN, STD = 0.3, 0.1


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear_eps(alpha_bar: float) -> tuple[float, float]:
    """Slope and offset of E[eps | x_t] for the data N(MEAN, STD²)."""
    slope = math.sqrt(1 - alpha_bar) / (alpha_bar * STD**2 + 1 - alpha_bar)
    return slope, -slope * math.sqrt(alpha_bar) * MEAN


def ancestral(a_t: float, a_s: float, large: bool) -> tuple[float, float, float]:
    """A, B, σ of Algorithm 2, line 4, with α = ᾱ_t/ᾱ_s and β = 1 − α for a step of any length."""
    alpha, beta = a_t / a_s, 1 - a_t / a_s
    slope, offset = linear_eps(a_t)
    pull = beta / math.sqrt(1 - a_t)
    sigma_2 = beta if large else (1 - a_s) / (1 - a_t) * beta
    return (1 - pull * slope) / math.sqrt(alpha), -pull * offset / math.sqrt(alpha), sigma_2**0.5


def implicit(a_t: float, a_s: float, eta: float) -> tuple[float, float, float]:
    """A, B, σ of the DDIM paper's equation 12, with its equation 16 for σ."""
    sigma = eta * math.sqrt((1 - a_s) / (1 - a_t)) * math.sqrt(1 - a_t / a_s)
    slope, offset = linear_eps(a_t)
    direction = math.sqrt(max(1 - a_s - sigma**2, 0))
    scale = math.sqrt(a_s / a_t)
    weight = direction - scale * math.sqrt(1 - a_t)  # of eps, in all
    return scale + weight * slope, weight * offset, sigma


def recursion(schedule, times, eta, variance) -> list[tuple[float, float]]:
    """Mean and variance at each of the times, from N(0, 1) on."""
    moments = [(0.0, 1.0)]
    for t, s in pairwise(times):
        a_t, a_s = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[s])
        if eta == 1:
            A, B, sigma = ancestral(a_t, a_s, variance == "large")
        else:
            A, B, sigma = implicit(a_t, a_s, eta)
        if s == 0:
            sigma = 0.0
        mean, var = moments[-1]
        moments.append((A * mean + B, A**2 * var + sigma**2))
    return moments


class UnitNoise:
    """Draws that show a linear sampler's weights: in draw k, row k + 2 gets 1 and the others 0."""

    def __init__(self) -> None:
        self.draws = 0

    def __call__(self, shape, generator=None, device=None, dtype=None) -> Tensor:
        unit = torch.zeros(shape, dtype=dtype)
        unit[self.draws + 2] = 1
        self.draws += 1
        return unit


def moments_of(monkeypatch, schedule, steps, **options) -> tuple[list[int], list[tuple]]:
    """Times, and the exact mean and variance there, of what the library's sampler draws.

    Row 0 starts in 0 and meets no noise: the mean. Row 1 starts in 1. Row k + 2 meets a noise of 1
    in the k-th draw. What these rows have more than row 0 are the weights of independent N(0, 1)s.
    """
    noise = UnitNoise()
    monkeypatch.setattr("minidiff.base.rng.randn", noise)
    x_T = torch.zeros(steps + 2, 1, dtype=F64)
    x_T[1] = 1
    model = md.exact.gaussian(MEAN, STD, schedule)
    walk = list(md.sampling_steps(model, schedule, steps=steps, x_T=x_T, **options))
    moments = [(float(w.x[0]), float((w.x - w.x[0]).square().sum())) for w in walk]
    return [w.t for w in walk], moments


SAMPLERS = {
    "ddpm-small": {"eta": 1.0, "variance": "small"},
    "ddpm-large": {"eta": 1.0, "variance": "large"},
    "ddim-0": {"eta": 0.0, "variance": "small"},
    "ddim-0.5": {"eta": 0.5, "variance": "small"},
}


@pytest.mark.parametrize("options", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize("make", [md.linear_schedule, md.cosine_schedule])
@pytest.mark.parametrize("steps", [1000, 50, 333, 7, 1])  # 333 and 7 do not divide 1000
def test_mean_and_variance_obey_their_recursion(monkeypatch, make, steps, options):
    schedule = make()
    times, moments = moments_of(monkeypatch, schedule, steps, **options)
    assert times == [round(float(t)) for t in torch.linspace(1000, 0, steps + 1, dtype=F64)]
    for ours, expected in zip(moments, recursion(schedule, times, **options), strict=True):
        assert ours == pytest.approx(expected, abs=1e-10)


def test_the_recursion_holds_on_an_uneven_list_of_times(monkeypatch):
    schedule, times = md.linear_schedule(), [1000, 990, 400, 399, 1, 0]
    monkeypatch.setattr("minidiff.base.rng.randn", UnitNoise())
    x_T = torch.zeros(7, 1, dtype=F64)
    x_T[1] = 1
    model = md.exact.gaussian(MEAN, STD, schedule)
    *_, last = md.sampling_steps(model, schedule, times=times, x_T=x_T)
    moments = float(last.x[0]), float((last.x - last.x[0]).square().sum())
    assert moments == pytest.approx(recursion(schedule, times, 1.0, "small")[-1], abs=1e-10)


@pytest.mark.parametrize(
    ("steps", "options", "figure"),
    [
        (1000, {"eta": 1.0, "variance": "small"}, 0.0963),
        (1000, {"eta": 1.0, "variance": "large"}, 0.1008),
        (50, {"eta": 0.0}, 0.0742),
    ],
)
def test_the_known_final_deviations(monkeypatch, steps, options, figure):
    _, moments = moments_of(monkeypatch, md.linear_schedule(), steps, **options)
    assert math.sqrt(moments[-1][1]) == pytest.approx(figure, abs=5e-5)


@pytest.mark.parametrize(("variance", "factor"), [("small", 1.7), ("large", 2.0)])
def test_twice_the_steps_bring_the_deviation_closer_to_the_datas(monkeypatch, variance, factor):
    errors = []
    for T in (500, 1000, 2000):
        schedule = md.linear_schedule(T, rescale=True)
        _, moments = moments_of(monkeypatch, schedule, T, variance=variance)
        errors.append(abs(math.sqrt(moments[-1][1]) - STD))
    for error, next_error in pairwise(errors):
        assert error / next_error >= factor


def test_the_samples_have_the_recursions_moments():
    """The same with real noise, drawn by the library itself."""
    schedule = md.linear_schedule(50, rescale=True)
    model = md.exact.gaussian(MEAN, STD, schedule)
    x = md.ddpm_sample(model, schedule, (40_000, 1), generator=gen(), dtype=F64)
    mean, var = recursion(schedule, range(50, -1, -1), 1.0, "small")[-1]
    error = math.sqrt(var / len(x))
    assert float(x.mean()) == pytest.approx(mean, abs=4 * error)
    assert float(x.std()) == pytest.approx(math.sqrt(var), abs=4 * error)


# ---- one step --------------------------------------------------------------------------------

SMALL = md.linear_schedule(12, 0.05, 0.4)


def three(seed: int = 0) -> list[Tensor]:
    generator = gen(seed)
    return [torch.randn(2, 3, generator=generator, dtype=F64) for _ in range(3)]


@pytest.mark.parametrize("t", range(2, 13))
def test_a_ddpm_step_is_a_draw_from_the_posterior_at_the_predicted_x_0(t):
    x_t, eps, z = three()
    x_s, x0_hat = md.sample_step(eps, x_t, t, t - 1, SMALL, noise=z)
    torch.testing.assert_close(x0_hat, md.x0_from_eps(x_t, eps, t, SMALL), rtol=0, atol=1e-12)
    mean, variance = md.q_posterior(x_t, x0_hat, t, SMALL)
    torch.testing.assert_close(x_s, mean + variance.sqrt() * z, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("t", [1, 5, 12])
def test_the_step_into_0_adds_no_noise_and_gives_x0_hat(t, eta, variance):
    x_t, eps, z = three()
    if variance == "large" and eta == 0:
        eta = 1.0
    options = {"eta": eta, "variance": variance, "noise": z, "generator": gen()}
    x_0, x0_hat = md.sample_step(eps, x_t, t, 0, SMALL, **options)
    torch.testing.assert_close(x_0, x0_hat, rtol=0, atol=1e-7)  # sqrt of a rounding, times eps
    assert torch.equal(x_0, md.sample_step(eps, x_t, t, 0, SMALL, **{**options, "noise": -z})[0])


@pytest.mark.parametrize(("t", "s"), [(12, 11), (12, 3), (2, 1)])
def test_the_variance_changes_the_noise_and_never_the_mean(t, s):
    x_t, eps, z = three()
    beta, beta_tilde = md.step_variances(t, s, SMALL)
    half = torch.full_like(x_t, 0.25)
    deviations = {
        ("small", None): math.sqrt(beta_tilde),
        ("large", None): math.sqrt(beta),
        ("learned", half): math.sqrt(beta**0.25 * beta_tilde**0.75),
    }
    mean, _ = md.sample_step(eps, x_t, t, s, SMALL, noise=torch.zeros_like(z))
    for (variance, v), deviation in deviations.items():
        x_s, _ = md.sample_step(eps, x_t, t, s, SMALL, variance=variance, v=v, noise=z)
        torch.testing.assert_close(x_s, mean + deviation * z, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("v", "word"), [(0.0, "small"), (1.0, "large")])
def test_the_ends_of_the_learned_variance_have_names(v, word):
    x_t, eps, z = three()
    options = {"noise": z, "variance": "learned", "v": torch.full_like(x_t, v)}
    learned, _ = md.sample_step(eps, x_t, 7, 4, SMALL, **options)
    named, _ = md.sample_step(eps, x_t, 7, 4, SMALL, noise=z, variance=word)
    torch.testing.assert_close(learned, named, rtol=0, atol=1e-13)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["x0", "v", "score"])
def test_every_kind_of_prediction_makes_the_same_step(kind, eta):
    x_t, eps, z = three()
    said = md.convert(eps, x_t, 7, SMALL, source="eps", target=kind)
    by_eps = md.sample_step(eps, x_t, 7, 4, SMALL, eta=eta, noise=z)
    by_kind = md.sample_step(said, x_t, 7, 4, SMALL, kind=kind, eta=eta, noise=z)
    for ours, expected in zip(by_kind, by_eps, strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


def test_clipping_derives_eps_again_from_the_clipped_x_0():
    x_t, eps, z = three()
    x_s, x0_hat = md.sample_step(3 * eps, x_t, 7, 4, SMALL, eta=0.5, clip=True, noise=z)
    free = md.x0_from_eps(x_t, 3 * eps, 7, SMALL)
    assert float(free.abs().max()) > 1  # else the test would show nothing
    assert torch.equal(x0_hat, free.clamp(-1, 1))
    again = md.eps_from_x0(x_t, x0_hat, 7, SMALL)
    expected, _ = md.sample_step(again, x_t, 7, 4, SMALL, eta=0.5, noise=z)
    torch.testing.assert_close(x_s, expected, rtol=0, atol=1e-12)


def test_v_prediction_starts_from_zero_terminal_snr():
    schedule = md.NoiseSchedule([0.3, 1.0], zero_terminal_snr=True)
    x = md.ddpm_sample(
        lambda x, t: torch.zeros_like(x), schedule, (4, 1), kind="v", generator=gen()
    )
    assert torch.isfinite(x).all()


# ---- the walk --------------------------------------------------------------------------------


class Watched:
    """An eps-model that notes the times at which it was asked, and whether gradients were on."""

    def __init__(self) -> None:
        self.times: list[Tensor] = []
        self.grad: set[bool] = set()

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.times.append(t)
        self.grad.add(torch.is_grad_enabled())
        return 0.1 * x


def test_sampling_times():
    assert md.sampling_times(1000, 10) == [1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0]
    assert md.sampling_times(10, 4) == [10, 8, 5, 2, 0]  # 7.5 and 2.5 are rounded to even
    assert md.sampling_times(5, 5) == [5, 4, 3, 2, 1, 0]
    assert md.sampling_times(1, 1) == [1, 0]


def test_x_T_comes_first_and_each_step_goes_to_the_next_entry():
    x_T = torch.randn(2, 3, generator=gen())
    times = [12, 9, 5, 4, 0]
    model = Watched()
    states = list(md.sampling_steps(model, SMALL, times=times, x_T=x_T, eta=0.0))
    assert [state.t for state in states] == times
    assert torch.equal(states[0].x, x_T)
    assert states[0].x0_hat is None
    assert [t.tolist() for t in model.times] == [[t, t] for t in times[:-1]]
    assert all(t.dtype == torch.int64 for t in model.times)
    x = x_T
    for (t, s), state in zip(pairwise(times), states[1:], strict=True):
        x, x0_hat = md.sample_step(0.1 * x, x, t, s, SMALL, eta=0.0)
        assert torch.equal(state.x, x)
        assert torch.equal(state.x0_hat, x0_hat)


def test_a_walk_may_begin_below_T():
    states = list(md.sampling_steps(Watched(), SMALL, times=torch.tensor([4, 2, 0]), shape=(1, 2)))
    assert [state.t for state in states] == [4, 2, 0]


def test_the_walk_is_lazy_but_its_checks_are_not():
    model = Watched()
    walk = md.sampling_steps(model, SMALL, (1, 2))
    assert inspect.isgenerator(walk)
    next(walk)
    assert model.times == []
    next(walk)
    assert len(model.times) == 1
    with pytest.raises(ValueError, match="steps must be at most T = 12, got 13"):
        md.sampling_steps(model, SMALL, (1, 2), steps=13)  # no next() is needed


def test_gradients_are_off_in_the_model_and_on_between_the_steps():
    model = Watched()
    for state in md.sampling_steps(model, SMALL, (1, 2), steps=3):
        assert torch.is_grad_enabled()
        assert not state.x.requires_grad
    assert model.grad == {False}


def test_ddpm_and_ddim_are_settings_of_the_walk():
    x_T = torch.randn(3, 2, generator=gen(), dtype=F64)
    model = md.exact.gaussian(MEAN, STD, SMALL)

    def end(**options):
        *_, last = md.sampling_steps(model, SMALL, x_T=x_T, generator=gen(4), **options)
        return last.x

    assert torch.equal(md.ddpm_sample(model, SMALL, x_T=x_T, generator=gen(4)), end())
    large = md.ddpm_sample(model, SMALL, x_T=x_T, generator=gen(4), variance="large")
    assert torch.equal(large, end(variance="large"))
    assert torch.equal(md.ddim_sample(model, SMALL, x_T=x_T, steps=5), end(steps=5, eta=0.0))
    noisy = md.ddim_sample(model, SMALL, x_T=x_T, steps=5, eta=1.0, generator=gen(4))
    assert torch.equal(noisy, md.ddpm_sample(model, SMALL, x_T=x_T, steps=5, generator=gen(4)))
    assert not torch.equal(noisy, end(steps=5, eta=0.5))


def test_ddim_takes_50_steps_unless_told():
    model = Watched()
    md.ddim_sample(model, md.linear_schedule(), (1, 2))
    assert [int(t) for t in model.times] == list(range(1000, 0, -20))
    model = Watched()
    md.ddim_sample(model, SMALL, (1, 2), steps=None)
    assert [int(t) for t in model.times] == list(range(12, 0, -1))


def test_the_generator_decides_everything():
    model = md.exact.gaussian(MEAN, STD, SMALL)
    first, again, other = (
        md.ddpm_sample(model, SMALL, (4, 2), generator=gen(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    x_T = md.ddim_sample(model, SMALL, steps=3, x_T=torch.randn(4, 2, generator=gen(1)))
    assert torch.equal(x_T, md.ddim_sample(model, SMALL, (4, 2), steps=3, generator=gen(1)))


def test_types_follow_x_T_or_the_argument():
    model = Watched()
    assert md.ddim_sample(model, SMALL, (1, 2), steps=2).dtype == torch.float32
    assert md.ddim_sample(model, SMALL, (1, 2), steps=2, dtype=F64).dtype == F64
    assert md.ddim_sample(model, SMALL, x_T=torch.zeros(1, 2).double(), steps=2).dtype == F64


def test_the_device_is_the_models():
    """A meta device computes nothing, but it shows where the tensors are made."""

    class Elsewhere(Watched):
        device = torch.device("meta")

    state = next(md.sampling_steps(Elsewhere(), SMALL, (1, 2)))
    assert state.x.device.type == "meta"
    state = next(md.sampling_steps(torch.nn.Linear(2, 2, device="meta"), SMALL, (1, 2)))
    assert state.x.device.type == "meta"
    assert next(md.sampling_steps(Watched(), SMALL, (1, 2))).x.device.type == "cpu"
    state = next(md.sampling_steps(Elsewhere(), SMALL, (1, 2), device="cpu"))
    assert state.x.device.type == "cpu"
    state = next(md.sampling_steps(Elsewhere(), SMALL, x_T=torch.zeros(1, 2)))
    assert state.x.device.type == "cpu"


def test_a_model_that_predicts_its_variance_gives_a_pair():
    x_T = torch.randn(2, 3, generator=gen(), dtype=F64)

    def pair(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return 0.1 * x, torch.ones_like(x)

    options = {"x_T": x_T, "kind": "v"}
    learned = md.ddpm_sample(pair, SMALL, variance="learned", generator=gen(1), **options)
    large = md.ddpm_sample(Watched(), SMALL, variance="large", generator=gen(1), **options)
    torch.testing.assert_close(learned, large, rtol=0, atol=1e-12)


def test_a_progress_bar_changes_nothing_but_stderr(capsys):
    quiet = md.ddim_sample(Watched(), SMALL, (1, 2), steps=4, generator=gen())
    assert capsys.readouterr().err == ""
    loud = md.ddim_sample(Watched(), SMALL, (1, 2), steps=4, generator=gen(), progress=True)
    assert "4/4" in capsys.readouterr().err
    assert torch.equal(quiet, loud)


def test_nan_at_the_end_is_not_handed_out():
    with pytest.raises(ValueError, match="sampling ended in NaN or infinity"):
        md.ddim_sample(lambda x, t: x * math.nan, SMALL, (1, 2), steps=2)
