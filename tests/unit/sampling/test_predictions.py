"""Samplers obey what a network says that it predicts: all of these draw what the noise prediction draws."""

import pytest
import torch
from torch import Tensor, nn

import minidiff as md
from minidiff import flow
from minidiff.base.contracts import unchecked
from minidiff.base.model import PREDICTIONS
from minidiff.sampling.solvers import solve

F64 = torch.float64
S = md.linear_schedule()
SMALL = md.linear_schedule(12, 0.05, 0.4)
ZERO_SNR = md.rescale_zero_terminal_snr(SMALL)
MEANS = torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]], dtype=F64)
STD = 0.3
OTHERS = [kind for kind in PREDICTIONS if kind != "eps"]
others = pytest.mark.parametrize("kind", OTHERS)


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Exact:
    """The best prediction of the mixture's data, in the given form; it says which."""

    def __init__(self, kind: str, schedule: md.NoiseSchedule = S) -> None:
        self.predicts, self.schedule = kind, schedule
        self.eps = md.exact.mixture(MEANS, STD, None, schedule)
        self.velocity = flow.exact_velocity(MEANS, STD)

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        if self.predicts == "velocity":
            assert t.is_floating_point()
            assert t.shape == (len(x),)
            return self.velocity(x, t)
        options = {"source": "eps", "target": self.predicts}
        return unchecked(md.convert)(self.eps(x, t), x, t, self.schedule, **options)


def last(states):
    *_, end = states
    return end.x


X = torch.randn(6, 2, generator=gen(), dtype=F64)
INNER = S.continuous.times(900, 30, 8)
SAMPLERS = {
    "sampling_steps": lambda net, **o: last(
        md.sampling_steps(net, S, x_T=X, steps=9, generator=gen(), **o)
    ),
    "ddpm": lambda net, **o: md.ddpm_sample(net, S, x_T=X, steps=12, generator=gen(), **o),
    "ddpm, large": lambda net, **o: md.ddpm_sample(
        net, S, x_T=X, steps=12, variance="large", generator=gen(), **o
    ),
    "ddim": lambda net, **o: md.ddim_sample(net, S, x_T=X, steps=9, **o),
    "ddim, η = 0.5": lambda net, **o: md.ddim_sample(
        net, S, x_T=X, steps=9, eta=0.5, generator=gen(), **o
    ),
    "ddim, clipped": lambda net, **o: md.ddim_sample(net, S, x_T=X, steps=9, clip=True, **o),
    "solver_steps": lambda net, **o: last(
        md.solver_steps(net, S, x_T=X, steps=9, solver="ddim", **o)
    ),
    "heun": lambda net, **o: md.heun_sample(net, S, x_T=X, steps=6, **o),
    "dpm_solver": lambda net, **o: md.dpm_solver_sample(net, S, x_T=X, steps=9, **o),
    "over real times": lambda net, **o: last(solve(net, S, INNER, X, "heun", **o)),
    "inversion": lambda net, **o: md.invert(net, S, MEANS, steps=9, **o),
}
samplers = pytest.mark.parametrize("sample", SAMPLERS.values(), ids=SAMPLERS)


@others
@samplers
def test_what_a_network_says_it_predicts_is_obeyed(sample, kind):
    expected = sample(Exact("eps"))
    torch.testing.assert_close(sample(Exact(kind)), expected, rtol=0, atol=1e-6)


@samplers
def test_the_word_of_the_caller_comes_before_the_networks(sample):
    net = Exact("x0")
    net_that_errs = lambda x, t: net(x, t)  # noqa: E731
    net_that_errs.predicts = "eps"
    torch.testing.assert_close(sample(net_that_errs, kind="x0"), sample(net), rtol=0, atol=0)
    assert not torch.allclose(sample(net_that_errs), sample(net), atol=0.01)


@samplers
def test_a_network_that_says_nothing_predicts_the_noise(sample):
    torch.testing.assert_close(sample(Exact("eps").eps), sample(Exact("eps")), rtol=0, atol=1e-12)


@samplers
def test_an_unknown_word_is_refused_at_once(sample):
    net = Exact("x0")
    net.predicts = "noise"
    with pytest.raises(ValueError, match=r"predicts must be one of 'eps', 'x0'.*'noise'"):
        sample(net)


def test_the_walk_asks_a_flow_at_the_times_of_the_flow():
    seen = []

    def net(x: Tensor, t: Tensor) -> Tensor:
        seen.append(t)
        return -x

    net.predicts = "velocity"
    md.ddim_sample(net, SMALL, (3, 2), steps=None, times=[12, 5, 0])
    a = SMALL.alpha_bar.sqrt()
    b = (1 - SMALL.alpha_bar).sqrt()
    for t, tau in zip((12, 5), seen, strict=True):
        torch.testing.assert_close(tau, (a / (a + b))[[t] * 3].float())


@pytest.mark.parametrize("wrap", ["module", "_orig_mod"])
def test_a_network_inside_a_wrapper_of_torch_is_heard(wrap):
    """DistributedDataParallel and torch.compile keep the network in these attributes."""

    class Wrapper(nn.Module):
        def __init__(self, net: Exact) -> None:
            super().__init__()
            object.__setattr__(self, wrap, net)

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return getattr(self, wrap)(x, t)

    expected = md.ddim_sample(Exact("eps"), S, x_T=X, steps=5)
    got = md.ddim_sample(Wrapper(Exact("x0")), S, x_T=X, steps=5)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


@others
def test_images_in_single_precision(kind):
    means = torch.randn(4, 1, 6, 6, generator=gen(1)).clamp(-1, 1)
    eps = md.exact.mixture(means, 0.2, None, S)
    velocity = flow.exact_velocity(means, 0.2)

    def net(x: Tensor, t: Tensor) -> Tensor:
        if kind == "velocity":
            return velocity(x, t)
        return md.convert(eps(x, t), x, t, S, source="eps", target=kind)

    net.predicts = kind
    x_T = torch.randn(3, 1, 6, 6, generator=gen())
    expected = md.ddim_sample(eps, S, x_T=x_T, steps=20)
    got = md.ddim_sample(net, S, x_T=x_T, steps=20)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, expected, rtol=0, atol=2e-3)


@others
def test_guidance_wraps_any_prediction(kind):
    """Guided noise and guided anything else are the same thing, for the weights sum to 1."""

    class Labelled(Exact):
        null_label = 3

        def __call__(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
            shift = 0.3 * y[:, None].to(x)  # the data of label y are moved
            if self.predicts == "velocity":
                tau = t[:, None].to(x)
                return super().__call__(x - tau * shift, t) + shift
            eps = self.eps(x - S.alpha_bar[t][:, None].sqrt() * shift, t)
            return md.convert(eps, x, t, S, source="eps", target=self.predicts)

    def draw(kind: str) -> Tensor:
        guided = md.classifier_free_guidance(Labelled(kind), 1, 1.5)
        assert guided.predicts == kind
        return md.ddim_sample(guided, S, x_T=X, steps=9)

    torch.testing.assert_close(draw(kind), draw("eps"), rtol=0, atol=1e-6)


@others
def test_guidance_by_a_classifier_takes_any_prediction(kind):
    classifier = md.exact.classifier(md.exact.mixture(MEANS, STD, None, S), torch.tensor([0, 1, 0]))

    def draw(net: Exact) -> Tensor:
        guided = md.classifier_guidance(net, classifier, 1, 1.0, S)
        assert guided.predicts == "eps"
        return md.ddim_sample(guided, S, x_T=X, steps=9)

    torch.testing.assert_close(draw(Exact(kind)), draw(Exact("eps")), rtol=0, atol=1e-6)


def test_a_network_with_a_learned_variance_is_obeyed_too():
    class Pair(Exact):
        def __call__(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            return super().__call__(x, t), torch.full_like(x, 0.5)

    options = {"x_T": X, "steps": 9, "variance": "learned"}
    expected = md.ddpm_sample(Pair("eps"), S, generator=gen(), **options)
    for kind in ("x0", "v", "score"):
        got = md.ddpm_sample(Pair(kind), S, generator=gen(), **options)
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


# ---- pure noise at T, and devices --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["eps", "score"])
def test_from_pure_noise_these_two_are_refused_by_their_own_word(kind):
    with pytest.raises(ValueError, match=rf"alpha_bar = 0 at t = 12 .*{kind!r}"):
        md.ddim_sample(Exact(kind, ZERO_SNR), ZERO_SNR, x_T=X, steps=4)


@pytest.mark.parametrize(
    "sample", [md.ddim_sample, md.ddpm_sample, md.heun_sample, md.dpm_solver_sample]
)
def test_a_flow_knows_the_way_from_pure_noise(sample):
    """A velocity at pure noise tells the data's mean, as v does, and the noise does not."""
    net = Exact("velocity")
    a, b = ZERO_SNR.alpha_bar.sqrt(), (1 - ZERO_SNR.alpha_bar).sqrt()

    def by_hand(x: Tensor, t: Tensor) -> Tensor:
        signal, noise = a[t][:, None], b[t][:, None]
        data, eps = flow.data_and_noise(
            x / (signal + noise),
            net.velocity(x / (signal + noise), (a / (a + b))[t]),
            (a / (a + b))[t],
        )
        return signal * eps - noise * data

    ours = sample(net, ZERO_SNR, x_T=X, steps=6, generator=gen())
    theirs = sample(by_hand, ZERO_SNR, x_T=X, steps=6, kind="v", generator=gen())
    assert bool(ours.isfinite().all())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8)


def test_no_step_of_a_flow_waits_for_the_device():
    """Tensors of the meta device hold no numbers, so whatever reads one raises."""

    def net(x: Tensor, t: Tensor) -> Tensor:
        assert t.is_floating_point()
        return 0.1 * x * t.reshape(-1, 1, 1, 1)

    net.predicts = "velocity"
    walk = md.sampling_steps(net, SMALL, (2, 1, 8, 8), device="meta", eta=0.0)
    states = [next(walk) for _ in range(SMALL.T)]  # the last step looks for NaN, once
    assert states[-1].x.device.type == "meta"
