"""The conventions that hold everywhere, one block each, numbered as on the page book/notation.md.

What a single module owes them is tested with that module; here stands what goes across.
"""

import inspect
import random

import numpy as np
import pytest
import torch
from torch import Tensor

import minidiff as md
from minidiff.base import rng as draw

F64 = torch.float64
SCHEDULE = md.linear_schedule(12, 0.05, 0.4)
PUBLIC = [getattr(md, name) for name in md.__all__ if callable(getattr(md, name))]


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def eps_model(x: Tensor, t: Tensor) -> Tensor:
    return 0.1 * x


@pytest.fixture(scope="module")
def net() -> md.TinyUNet:
    """A small network whose answers are not all 0."""
    net = md.TinyUNet(channels=1, classes=10, width=8, multipliers=(1, 2), seed=0).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=gen()) * 0.05)
    return net


# 1. t is the slides' t.


@pytest.mark.parametrize(
    "schedule", [SCHEDULE, md.linear_schedule(), md.cosine_schedule(), md.NoiseSchedule([0.5])]
)
def test_convention_1_tables_are_indexed_by_t_itself(schedule):
    for name in ("beta", "alpha", "alpha_bar", "beta_tilde"):
        assert getattr(schedule, name).shape == (schedule.T + 1,)
    assert schedule.beta[0] == schedule.beta_tilde[0] == 0
    assert schedule.alpha_bar[0] == schedule.alpha[0] == 1
    assert schedule.alpha_bar[1] == 1 - schedule.beta[1]
    assert schedule.beta_tilde[1] == 0
    assert not [name for name in vars(schedule) if "prev" in name]


def test_convention_1_steps_run_from_1_to_T():
    x = torch.zeros(1, 1)
    for t in (1, 12):
        md.q_sample(x, t, SCHEDULE)
    for t in (0, 13):
        with pytest.raises(IndexError, match=rf"t = {t} is outside 1\.\.12"):
            md.q_sample(x, t, SCHEDULE)


def test_convention_1_the_parameter_is_called_schedule():
    named = 0
    for function in [*PUBLIC, md.exact.gaussian, md.exact.mixture, md.exact.ideal]:
        for parameter in inspect.signature(function).parameters.values():
            if "NoiseSchedule" in str(parameter.annotation):
                assert parameter.name == "schedule", function
                named += 1
    assert named > 15


# 2. Tables are float64 until they are gathered.


def test_convention_2_tables_are_double_and_answers_have_the_type_of_x():
    assert {getattr(SCHEDULE, n).dtype for n in ("beta", "alpha", "alpha_bar", "beta_tilde")} == {
        F64
    }
    for dtype in (torch.float16, torch.float32, F64):
        x = torch.ones(2, 1, dtype=dtype)
        for t in (3, torch.tensor([3, 4])):
            made = [md.q_sample(x, t, SCHEDULE), *md.q_posterior(x, x, t, SCHEDULE)]
            made += [md.v_from_eps(x, x, t, SCHEDULE), md.gather(SCHEDULE.beta, t, x)]
            assert {m.dtype for m in made} == {dtype}
        x_s, x0_hat = md.sample_step(x, x, 3, 2, SCHEDULE)
        assert x_s.dtype == x0_hat.dtype == dtype


def test_convention_2_single_precision_is_as_good_as_it_can_be():
    """1 - ᾱ_1 in float32 would be off by 2e-4; gathered from doubles it is right to a rounding."""
    schedule = md.linear_schedule()
    noise = torch.ones(1, 1)
    left = float(md.q_sample(torch.zeros(1, 1), torch.tensor([1]), schedule, noise=noise))
    assert left == pytest.approx(1e-4**0.5, rel=1e-7)


def test_convention_2_what_is_gathered_is_on_the_device_of_x():
    t = torch.tensor([1, 2])
    assert md.gather(SCHEDULE.beta, t, torch.zeros(2, 1, device="meta")).device.type == "meta"


# 3. Images are (B, C, H, W), t is a LongTensor (B,) or an int, networks are net(x_t, t[, y]).


def test_convention_3_one_int_is_that_t_for_every_example(net):
    x, y = torch.randn(3, 1, 8, 8, generator=gen()), torch.tensor([1, 2, 3])
    many = torch.full((3,), 7)
    functions = [
        lambda t: md.q_step(x, t, SCHEDULE, noise=x),
        lambda t: md.q_sample(x, t, SCHEDULE, noise=x),
        lambda t: md.q_posterior(x, x, t, SCHEDULE)[0],
        lambda t: md.x0_from_eps(x, x, t, SCHEDULE),
        lambda t: md.exact.gaussian(0.3, 0.1, SCHEDULE)(x, t),
        lambda t: md.exact.ideal(x, SCHEDULE)(x, t),
        lambda t: net(x, t),
        lambda t: md.classifier_free_guidance(net, y, 1.0)(x, t),
    ]
    with torch.no_grad():
        for i, function in enumerate(functions):
            torch.testing.assert_close(function(7), function(many), msg=f"function {i}")


def test_convention_3_without_labels_a_network_uses_the_null_label(net):
    assert net.null_label == net.classes == 10
    x, t = torch.randn(2, 1, 8, 8, generator=gen()), torch.tensor([3, 9])
    with torch.no_grad():
        null = net(x, t, torch.full((2,), net.null_label))
        assert torch.equal(net(x, t), null)
        assert not torch.equal(net(x, t, torch.tensor([0, 1])), null)


def test_convention_3_labels_are_dropped_in_the_loss_and_not_in_the_network(net):
    x, t = torch.randn(200, 1, 8, 8, generator=gen()), torch.full((200,), 3)
    y = torch.zeros(200).long()
    seen = []

    def watched(x_t, t, y):
        seen.append(y)
        return net(x_t, t, y)

    watched.null_label = net.null_label
    net.train()
    try:
        with torch.no_grad():
            assert torch.equal(net(x, t, y), net(x, t, y))
            md.simple_loss(watched, x, SCHEDULE, y, generator=gen())
    finally:
        net.eval()
    assert 0 < int((seen[0] == net.null_label).sum()) < 50


def test_convention_3_a_sampler_wants_an_eps_model_of_x_t_and_t_only():
    seen = []

    def model(*arguments):
        seen.append(arguments)
        return arguments[0]

    md.ddim_sample(model, SCHEDULE, (2, 1), steps=2)
    for x, t in seen:
        assert x.shape == (2, 1)
        assert t.dtype == torch.int64
        assert t.shape == (2,)


# 4. Four kinds of prediction, one table: test_convert.py. Their names are the same everywhere.


def test_convention_4_the_four_names_work_wherever_a_prediction_has_a_kind():
    x = torch.full((1, 1), 0.5, dtype=F64)
    for kind in ("eps", "x0", "v", "score"):
        md.convert(x, x, 3, SCHEDULE, source=kind, target="eps")
        md.convert(x, x, 3, SCHEDULE, source="eps", target=kind)
        md.sample_step(x, x, 3, 2, SCHEDULE, kind=kind)
        md.ddim_sample(eps_model, SCHEDULE, (1, 1), steps=2, kind=kind)


def test_convention_4_v_has_the_sign_of_its_paper():
    x_0, eps = torch.tensor([[0.5]], dtype=F64), torch.tensor([[2.0]], dtype=F64)
    x_t = md.q_sample(x_0, 5, SCHEDULE, noise=eps)
    a = float(SCHEDULE.alpha_bar[5])
    expected = a**0.5 * 2.0 - (1 - a) ** 0.5 * 0.5
    assert float(md.v_from_x0(x_t, x_0, 5, SCHEDULE)) == pytest.approx(expected)


# 5 and 6. One step primitive, one loop; η and the variance: test_sample.py has the numbers.


def test_convention_5_the_primitive_takes_a_prediction_and_never_a_model():
    parameters = inspect.signature(md.sample_step).parameters
    assert list(parameters)[:5] == ["prediction", "x_t", "t", "s", "schedule"]
    assert not [name for name in parameters if "model" in name or "net" in name]


@pytest.mark.parametrize(("T", "steps"), [(1000, 50), (1000, 333), (1000, 7), (10, 4), (12, 12)])
def test_convention_5_default_times_are_the_rounded_linspace(T, steps):
    expected = [round(T - i * T / steps) for i in range(steps + 1)]
    assert md.sampling_times(T, steps) == expected


def test_convention_5_the_mean_is_that_of_the_small_variance_whatever_is_added():
    x = torch.randn(2, 3, generator=gen(), dtype=F64)
    zero = torch.zeros_like(x)
    means = [
        md.sample_step(x, x, 9, 4, SCHEDULE, variance=word, v=v, noise=zero)[0]
        for word, v in (("small", None), ("large", None), ("learned", zero + 0.3))
    ]
    alpha_bar_t, alpha_bar_s = SCHEDULE.alpha_bar[9], SCHEDULE.alpha_bar[4]
    _, beta_tilde = md.step_variances(9, 4, SCHEDULE)
    x_0 = (x - (1 - alpha_bar_t).sqrt() * x) / alpha_bar_t.sqrt()
    expected = alpha_bar_s.sqrt() * x_0 + (1 - alpha_bar_s - beta_tilde).sqrt() * x
    for mean in means:
        torch.testing.assert_close(mean, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variance", ["large", "learned"])
@pytest.mark.parametrize("eta", [0.0, 0.5, 0.999])
def test_convention_6_other_variances_need_eta_1(variance, eta):
    with pytest.raises(
        ValueError, match=f"variance='{variance}' needs eta = 1 .* got eta = {eta:g}"
    ):
        md.sampling_steps(eps_model, SCHEDULE, (1, 1), eta=eta, variance=variance)


def test_convention_6_clipping_is_off_by_default():
    for function in (md.sample_step, md.sampling_steps):
        assert inspect.signature(function).parameters["clip"].default is False


# 7. Guidance: test_guidance.py has the numbers.


def test_convention_7_the_docstring_gives_the_other_convention():
    assert "s = 1 + w" in md.classifier_free_guidance.__doc__


# 10. Every draw comes from generator=, and nothing touches the global seed.

X = torch.zeros(3, 2)
DRAWS = {
    "q_step": lambda g: md.q_step(X, 3, SCHEDULE, generator=g),
    "q_sample": lambda g: md.q_sample(X, 3, SCHEDULE, generator=g),
    "simple_loss": lambda g: md.simple_loss(eps_model, X + 1, SCHEDULE, generator=g),
    "sample_step": lambda g: md.sample_step(X, X, 3, 2, SCHEDULE, generator=g)[0],
    "sampling_steps": lambda g: [
        s.x for s in md.sampling_steps(eps_model, SCHEDULE, (3, 2), generator=g)
    ][-1],
    "ddpm_sample": lambda g: md.ddpm_sample(eps_model, SCHEDULE, (3, 2), generator=g),
    "ddim_sample": lambda g: md.ddim_sample(eps_model, SCHEDULE, (3, 2), steps=4, generator=g),
    "ddim_sample, eta": lambda g: md.ddim_sample(
        eps_model, SCHEDULE, (3, 2), steps=4, eta=0.5, generator=g
    ),
    "heun_sample": lambda g: md.heun_sample(eps_model, SCHEDULE, (3, 2), steps=4, generator=g),
    "dpm_solver_sample": lambda g: md.dpm_solver_sample(
        eps_model, SCHEDULE, (3, 2), steps=4, generator=g
    ),
    "draw.randn": lambda g: draw.randn((3, 2), g),
    "draw.rand": lambda g: draw.rand((3, 2), g),
    "draw.randint": lambda g: draw.randint(0, 99, (3, 2), g),
    "data.toy": lambda g: md.data.toy("two_moons", 3, generator=g),
}


def stir() -> None:
    """Move every global generator to a place where a fresh seed would not put it."""
    torch.rand(1), np.random.random(), random.random()  # noqa: NPY002


def global_states() -> list[bytes]:
    kept = np.random.get_state()[1]  # noqa: NPY002 (the global one is what is watched here)
    return [
        torch.get_rng_state().numpy().tobytes(),
        kept.tobytes(),
        repr(random.getstate()).encode(),
    ]


@pytest.mark.parametrize("function", DRAWS.values(), ids=DRAWS)
def test_convention_10_a_generator_decides_and_global_states_stay(function):
    stir()
    before = global_states()
    first, again, other = function(gen(1)), function(gen(1)), function(gen(2))
    assert global_states() == before
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("function", DRAWS.values(), ids=DRAWS)
def test_convention_10_without_one_torchs_own_is_drawn_from_and_never_set(function):
    torch.manual_seed(0)
    first, next_one = function(None), function(None)
    torch.manual_seed(0)
    again = function(None)
    assert torch.equal(first, again)
    assert not torch.equal(first, next_one)


def test_convention_10_every_public_function_that_draws_takes_a_generator():
    drawing = {"q_step", "q_sample", "simple_loss", "sample_step", "sampling_steps"}
    for name in drawing:
        assert "generator" in inspect.signature(getattr(md, name)).parameters, name
    has = {f.__name__ for f in PUBLIC if "generator" in inspect.signature(f).parameters}
    assert drawing <= has


@pytest.mark.parametrize("make", [md.TinyUNet, md.MLP, md.DigitClassifier])
def test_convention_10_making_a_network_leaves_the_global_states(make):
    stir()
    before = global_states()
    nets = [make(seed=seed) for seed in (0, 0, 1)]
    assert global_states() == before
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in nets]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_convention_10_slices_of_a_batch_are_the_batch():
    whole = md.ddpm_sample(eps_model, SCHEDULE, (5, 2), generator=gen())
    parts = [
        md.ddpm_sample(eps_model, SCHEDULE, (n, 2), generator=draw.BatchSlice(gen(), start, 5))
        for start, n in ((0, 2), (2, 3))
    ]
    assert torch.equal(torch.cat(parts), whole)


# 11. Bad input: test_bad_input.py has the table. Checks stand at the boundary, not in the loop.


def test_convention_11_no_step_of_a_loop_waits_for_the_device():
    """Tensors of the meta device hold no numbers, so whatever reads one raises."""
    with pytest.raises(RuntimeError):
        float(torch.zeros(1, device="meta"))
    for eta in (0.0, 1.0):
        walk = md.sampling_steps(
            eps_model, SCHEDULE, (2, 1, 8, 8), device="meta", eta=eta, clip=True
        )
        states = [next(walk) for _ in range(SCHEDULE.T)]  # the last step looks for NaN, once
        assert states[-1].t == 1
        assert states[-1].x.device.type == "meta"


def test_convention_11_no_training_step_waits_for_the_device():
    net = md.TinyUNet(channels=1, classes=10, width=8, multipliers=(1, 2)).to("meta")
    x_0 = torch.zeros(2, 1, 8, 8, device="meta")
    y = torch.zeros(2, dtype=torch.int64, device="meta")
    loss = md.simple_loss(net, x_0, SCHEDULE, y, generator=gen())
    loss.backward()
    assert loss.device.type == "meta"
