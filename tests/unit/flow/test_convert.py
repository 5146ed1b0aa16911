"""The map between diffusion and flow matching, both ways."""

import math
from itertools import pairwise

import pytest
import torch

import minidiff as md
from minidiff import flow

F64 = torch.float64
SCHEDULES = [md.linear_schedule(), md.cosine_schedule(200), md.linear_schedule(12, 0.05, 0.4)]
all_schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
M, WIDTH = torch.tensor([[0.3, -0.5], [-1.0, 0.2]], dtype=F64), 0.4


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exact_at(schedule, kind="eps"):
    """The exact prediction for the mixture at any real t, by the shares of a noisy mixture."""

    def model(x, t):
        a = schedule.continuous.alpha(t.double())[:, None, None].to(x)
        b = schedule.continuous.sigma(t.double())[:, None, None].to(x)
        variance = a**2 * WIDTH**2 + b**2
        away = x[:, None] - a * M
        share = (-away.square().sum(2, keepdim=True) / (2 * variance)).softmax(1)
        eps = (share * b / variance * away).sum(1)
        x_0 = (share * (M + a * WIDTH**2 / variance * away)).sum(1)
        a, b = a[:, 0], b[:, 0]
        return {"eps": eps, "x0": x_0, "v": a * eps - b * x_0, "score": -eps / b}[kind]

    return model


def noisiest(schedule) -> float:
    a = schedule.alpha_bar[-1].sqrt()
    return float(a / (a + (1 - schedule.alpha_bar[-1]).sqrt()))


@all_schedules
def test_a_point_of_the_diffusion_lies_on_the_straight_path(schedule):
    """The same noise and data, mixed either way, land in the same place."""
    noise, data = (torch.randn(5, 3, generator=gen(i), dtype=F64) for i in range(2))
    t = torch.tensor([1, 2, 5, 9, 12])
    x_t = md.q_sample(data, t, schedule, noise=noise)
    x, tau = flow.to_flow(x_t, t, schedule)
    expected, _ = flow.on_path(noise, data, tau)
    torch.testing.assert_close(x, expected, rtol=1e-10, atol=1e-10)
    a, b = schedule.alpha_bar[t].sqrt(), (1 - schedule.alpha_bar[t]).sqrt()
    torch.testing.assert_close(tau, a / (a + b))


@all_schedules
@pytest.mark.parametrize("shape", [(6, 2), (6, 1, 3, 3)])
def test_there_and_back(schedule, shape):
    x_t = torch.randn(shape, generator=gen(), dtype=F64)
    t = torch.tensor([0.0, 0.3, 1.0, 4.7, 11.0, schedule.T], dtype=F64)
    x, tau = flow.to_flow(x_t, t, schedule)
    again, time = flow.to_diffusion(x, tau, schedule)
    torch.testing.assert_close(again, x_t, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(time, t, rtol=1e-6, atol=1e-6)


@all_schedules
def test_the_ends_go_back_in_single_precision_too(schedule):
    x_t = torch.randn(2, 2, generator=gen())
    t = torch.tensor([schedule.T, 0])
    x, tau = flow.to_flow(x_t, t, schedule)
    assert tau.dtype == torch.float32
    again, time = flow.to_diffusion(x, tau, schedule)
    torch.testing.assert_close(again, x_t, rtol=1e-5, atol=1e-5)
    assert time.tolist() == pytest.approx([schedule.T, 0], abs=0.1)


def test_a_number_gives_a_number():
    x_t = torch.randn(2, 3, generator=gen(), dtype=F64)
    x, tau = flow.to_flow(x_t, 500, SCHEDULES[0])
    many, taus = flow.to_flow(x_t, torch.full((2,), 500), SCHEDULES[0])
    assert isinstance(tau, float)
    assert taus.tolist() == [tau, tau]
    torch.testing.assert_close(x, many)
    again, time = flow.to_diffusion(x, tau, SCHEDULES[0])
    assert isinstance(time, float)
    assert time == pytest.approx(500)
    torch.testing.assert_close(again, x_t)


def test_flow_time_rises_as_diffusion_time_falls():
    x = torch.zeros(1001, 1, dtype=F64)
    _, tau = flow.to_flow(x, torch.arange(1001), SCHEDULES[0])
    assert bool((tau.diff() < 0).all())
    assert (float(tau[0]), float(tau[-1])) == (1, pytest.approx(noisiest(SCHEDULES[0])))


@all_schedules
@pytest.mark.parametrize("kind", ["eps", "x0", "v", "score"])
def test_the_exact_prediction_becomes_the_exact_velocity(schedule, kind):
    _, first = flow.to_flow(torch.zeros(1, 1), 1, schedule)
    tau = torch.linspace(noisiest(schedule), first, 50, dtype=F64)
    x = torch.randn(50, 2, generator=gen(), dtype=F64)
    velocity = flow.velocity_from_eps_model(exact_at(schedule, kind), schedule, kind=kind)
    expected = flow.exact_velocity(M, WIDTH)(x, tau)
    torch.testing.assert_close(velocity(x, tau), expected, rtol=1e-5, atol=1e-6)


@all_schedules
def test_the_exact_denoisers_go_in_as_they_are(schedule):
    _, first = flow.to_flow(torch.zeros(1, 1), 1, schedule)
    tau = torch.linspace(noisiest(schedule), first, 20, dtype=F64)
    x = torch.randn(20, 2, generator=gen(), dtype=F64)
    velocity = flow.velocity_from_eps_model(md.exact.mixture(M, WIDTH, None, schedule), schedule)
    expected = flow.exact_velocity(M, WIDTH)(x, tau)
    torch.testing.assert_close(velocity(x, tau), expected, rtol=1e-5, atol=1e-6)


@all_schedules
def test_the_exact_velocity_becomes_the_exact_prediction(schedule):
    eps_model = flow.eps_model_from_velocity(flow.exact_velocity(M, WIDTH), schedule)
    exact = md.exact.mixture(M, WIDTH, None, schedule)
    x, t = torch.randn(12, 2, generator=gen(), dtype=F64), torch.arange(1, 13)
    torch.testing.assert_close(eps_model(x, t), exact(x, t), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(eps_model(x, 5), exact(x, 5), rtol=1e-8, atol=1e-8)


@all_schedules
def test_wrapped_twice_a_velocity_is_itself(schedule):
    original = flow.exact_velocity(M, WIDTH)
    again = flow.velocity_from_eps_model(flow.eps_model_from_velocity(original, schedule), schedule)
    _, first = flow.to_flow(torch.zeros(1, 1), 1, schedule)
    tau = torch.linspace(noisiest(schedule), first, 20, dtype=F64)
    x = torch.randn(20, 2, generator=gen(), dtype=F64)
    torch.testing.assert_close(again(x, tau), original(x, tau), rtol=1e-6, atol=1e-7)


def test_a_flow_can_be_sampled_by_ddim():
    schedule = SCHEDULES[0]
    eps_model = flow.eps_model_from_velocity(flow.exact_velocity(M[:1], WIDTH), schedule)
    exact = md.exact.gaussian(M[0], WIDTH, schedule)
    got, expected = (
        md.ddim_sample(model, schedule, (20, 2), steps=50, generator=gen(), dtype=F64)
        for model in (eps_model, exact)
    )
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


def test_one_model_under_both_views_ends_in_the_same_place():
    """DDIM and the flow solve one equation: from one noise their ends agree, the better the more steps."""
    schedule, x_T = SCHEDULES[0], torch.randn(20, 2, generator=gen(), dtype=F64)
    eps_model = exact_at(schedule)
    velocity = flow.velocity_from_eps_model(eps_model, schedule)
    noise, first = flow.to_flow(x_T, schedule.T, schedule)
    far, middle = (flow.to_flow(x_T, t, schedule)[1] for t in (900, 100))
    start, _ = flow.to_flow(x_T, 900, schedule)
    times = [far + (middle - far) * i / 100 for i in range(101)]
    reference = flow.sample(velocity, noise=start, times=times, solver="rk4")

    def ddim(stride: int) -> torch.Tensor:
        """Euler's steps in b/a from t = 900 to t = 100, by the DDIM formula."""
        x = x_T
        for t in range(900, 100, -stride):
            eps = eps_model(x, torch.full((20,), t))
            x = md.sample_step(eps, x, t, t - stride, schedule, eta=0.0)[0]
        return flow.to_flow(x, 100, schedule)[0]

    errors = [float((ddim(stride) - reference).abs().max()) for stride in (20, 10, 5)]
    assert errors[2] < 0.01
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(1, abs=0.1)
    assert first == pytest.approx(noisiest(schedule))
    assert bool(noise.isfinite().all())


def test_outside_the_schedule_the_nearest_time_stands_in():
    schedule, asked = SCHEDULES[2], []

    def eps_model(x, t):
        asked.append(t)
        return x.cos()

    velocity = flow.velocity_from_eps_model(eps_model, schedule)
    x = torch.randn(3, 2, generator=gen(), dtype=F64)
    edge = noisiest(schedule)
    for tau in (0.0, edge / 2, edge):
        got = velocity(x, torch.full((3,), tau, dtype=F64))
        torch.testing.assert_close(got, velocity(x, torch.full((3,), edge, dtype=F64)))
    for tau in (0.999, 1.0):
        last = velocity(x, torch.full((3,), tau, dtype=F64))
        assert asked[-1].tolist() == [1, 1, 1]
    assert torch.equal(
        last, x - x.cos()
    )  # at the data x is the data, and the noise is what is said
    assert max(float(t.max()) for t in asked) <= 12
    data = flow.sample(velocity, noise=x, steps=10, solver="rk4")
    assert bool(data.isfinite().all())


def test_with_zero_terminal_snr_v_works_from_pure_noise_on():
    schedule = md.NoiseSchedule([0.1, 0.5, 1.0], zero_terminal_snr=True)
    velocity = flow.velocity_from_eps_model(exact_at(schedule, "v"), schedule, kind="v")
    x, tau = torch.randn(5, 2, generator=gen(), dtype=F64), torch.zeros(5, dtype=F64)
    torch.testing.assert_close(velocity(x, tau), flow.exact_velocity(M, WIDTH)(x, tau))


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "score"])
def test_what_a_network_says_it_predicts_is_obeyed(kind):
    """And the caller's word comes before it."""
    schedule, model = SCHEDULES[0], exact_at(SCHEDULES[0], kind)
    x, tau = torch.randn(5, 2, generator=gen(), dtype=F64), torch.linspace(0.1, 0.9, 5, dtype=F64)
    expected = flow.exact_velocity(M, WIDTH)(x, tau)
    for said, word in ((kind, None), ("v" if kind == "x0" else "x0", kind)):
        model.predicts = said
        velocity = flow.velocity_from_eps_model(model, schedule, kind=word)
        torch.testing.assert_close(velocity(x, tau), expected, rtol=1e-5, atol=1e-6)
        assert velocity.predicts == "velocity"


def test_a_velocity_is_given_back_as_it_is():
    net = md.MLP(2, width=8, depth=1, time_scale=1000)
    net.predicts = "velocity"
    assert flow.velocity_from_eps_model(net, SCHEDULES[0]) is net


@pytest.mark.parametrize("kind", ["eps", "v"])
@all_schedules
def test_a_velocity_becomes_either_prediction_and_says_which(schedule, kind):
    velocity = flow.exact_velocity(M, WIDTH)
    model = flow.eps_model_from_velocity(velocity, schedule, kind=kind)
    assert model.predicts == kind
    x, t = torch.randn(12, 2, generator=gen(), dtype=F64), torch.arange(1, 13)
    eps = md.exact.mixture(M, WIDTH, None, schedule)(x, t)
    expected = md.convert(eps, x, t, schedule, source="eps", target=kind)
    torch.testing.assert_close(model(x, t), expected, rtol=1e-8, atol=1e-8)


def test_by_v_a_velocity_tells_the_data_from_pure_noise():
    schedule = md.NoiseSchedule([0.1, 0.5, 1.0], zero_terminal_snr=True)
    x = torch.randn(5, 2, generator=gen(), dtype=F64)
    v = flow.eps_model_from_velocity(flow.exact_velocity(M, WIDTH), schedule, kind="v")(x, 3)
    torch.testing.assert_close(md.x0_from_v(x, v, 3, schedule), M.mean(0).expand(5, 2))


def test_guidance_of_a_flow_is_a_velocity_and_of_diffusion_is_none():
    nets = {kind: md.MLP(2, classes=3, width=8, depth=1) for kind in ("velocity", "eps")}
    for kind, net in nets.items():
        net.predicts = kind
    guided = {kind: md.classifier_free_guidance(net, 1, 1.0) for kind, net in nets.items()}
    assert flow.sample(guided["velocity"], (3, 2), 2, generator=gen()).shape == (3, 2)
    with pytest.raises(
        ValueError, match=r"predicts 'eps'.*velocity_from_eps_model\(net, schedule\)"
    ):
        flow.sample(guided["eps"], (3, 2), 2)
    velocity = flow.velocity_from_eps_model(guided["eps"], SCHEDULES[0])
    assert flow.sample(velocity, (3, 2), 2, generator=gen()).shape == (3, 2)


def test_samplers_learn_from_either_wrapper_where_the_network_is():
    def model(x, t):
        return x

    model.device = torch.device("meta")
    for wrap in (flow.velocity_from_eps_model, flow.eps_model_from_velocity):
        assert torch.device(wrap(model, SCHEDULES[0]).device) == model.device


def test_a_network_trained_for_diffusion_is_taken_as_it_is():
    net, schedule = md.load("digits16")
    velocity = flow.velocity_from_eps_model(md.classifier_free_guidance(net, 3, 1.0), schedule)
    assert torch.device(velocity.device) == net.device
    x = flow.sample(velocity, (2, 1, 16, 16), 4, solver="midpoint", generator=gen())
    assert x.dtype == torch.float32
    assert float(x.std()) < 1.2
    again = flow.eps_model_from_velocity(velocity, schedule)
    with torch.no_grad():
        t = torch.tensor([500, 20], device=x.device)
        torch.testing.assert_close(
            again(x, t), md.classifier_free_guidance(net, 3, 1.0)(x, t), rtol=1e-3, atol=1e-3
        )


def test_a_network_that_nobody_told_is_taken_for_a_velocity():
    """As one is that a loop of one's own has trained; told that it predicts the noise, it is refused."""
    net = md.MLP(2, width=8, depth=1, time_scale=1000)
    assert flow.sample(net, (3, 2), steps=2).shape == (3, 2)
    net.predicts = "eps"
    with pytest.raises(ValueError, match="velocity_from_eps_model"):
        flow.sample(net, (3, 2), steps=2)
