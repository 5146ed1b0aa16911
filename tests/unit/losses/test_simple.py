"""Algorithm 1, lines 3 to 5: the loss by hand, and what is drawn for it."""

import itertools
import math

import pytest
import torch
from torch import Tensor

import minidiff as md
from minidiff.base.rng import BatchSlice

SCHEDULE = md.linear_schedule(10, 0.05, 0.4)


class Recorder:
    """A stand-in for a network that notes what it was given and answers 0."""

    null_label = 10

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, ...]] = []

    def __call__(self, *arguments: Tensor) -> Tensor:
        self.calls.append(arguments)
        return torch.zeros_like(arguments[0])


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_loss_by_hand():
    x_0, noise = [[0.5, -0.5], [1.0, 0.0]], [[2.0, -1.0], [0.0, 3.0]]
    total = 0.0
    for t, xs, zs in zip((3, 10), x_0, noise, strict=True):
        left = math.prod(1 - float(b) for b in SCHEDULE.beta[1 : t + 1])
        for x, z in zip(xs, zs, strict=True):
            x_t = math.sqrt(left) * x + math.sqrt(1 - left) * z
            total += (z - (0.3 * x_t + 0.01 * t)) ** 2  # the "network" below
    loss = md.simple_loss(
        lambda x_t, t: 0.3 * x_t + 0.01 * t[:, None].double(),
        torch.tensor(x_0).double(),
        SCHEDULE,
        t=torch.tensor([3, 10]),
        noise=torch.tensor(noise).double(),
    )
    assert loss.shape == ()
    assert float(loss) == pytest.approx(total / 4, abs=1e-14)


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "score"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 5.0])
def test_min_snr_weighs_the_error_in_x0_that_a_prediction_means(kind, gamma):
    """Whatever is predicted: its error, turned into one of x_0, has the weight min(SNR, γ)."""
    x_0, noise = torch.randn(2, 20, 3, generator=gen(2), dtype=torch.float64)
    t = torch.arange(20) % 10 + 1
    x_t = md.q_sample(x_0, t, SCHEDULE, noise)
    guess = torch.randn(20, 3, generator=gen(3), dtype=torch.float64)
    x0_hat = md.convert(guess, x_t, t, SCHEDULE, source=kind, target="x0")
    weight = SCHEDULE.snr[t].clamp(max=gamma)
    assert 0 < int((weight == gamma).sum()) < 20  # both sides of the minimum are seen
    expected = (weight[:, None] * (x0_hat - x_0).square()).mean()
    given = {"t": t, "noise": noise, "kind": kind}
    loss = md.simple_loss(lambda x_t, t: guess, x_0, SCHEDULE, gamma=gamma, **given)
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)
    plain = md.simple_loss(lambda x_t, t: guess, x_0, SCHEDULE, **given)
    assert float(plain) != pytest.approx(float(loss), rel=1e-3)


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "score"])
def test_min_snr_at_both_ends(kind):
    """Also where there is no noise (t = 0) or no signal (a zero terminal SNR) the weights are finite."""
    schedule = md.rescale_zero_terminal_snr(SCHEDULE)
    weights = md.min_snr_weights(schedule, 2.0, kind)
    assert weights.shape == (11,)
    assert weights.dtype == torch.float64
    first, last = {"x0": (2.0, 0.0), "v": (0.0, 0.0)}.get(kind, (0.0, 1.0))
    assert float(weights[0]) == first
    assert float(weights[-1]) == last
    assert torch.isfinite(weights).all()


def test_with_a_large_gamma_the_noise_is_weighed_alike():
    assert torch.equal(md.min_snr_weights(SCHEDULE, 1e9)[1:], torch.ones(10).double())
    assert torch.equal(md.min_snr_weights(SCHEDULE), md.min_snr_weights(SCHEDULE, 5.0, "eps"))


def test_a_network_that_says_zero_has_a_loss_of_about_one():
    loss = md.simple_loss(Recorder(), torch.zeros(2000, 1, 4, 4), SCHEDULE, generator=gen())
    assert float(loss) == pytest.approx(1, abs=4 * math.sqrt(2 / 32_000))


def test_the_perfect_network_for_one_picture_has_no_loss():
    x_0 = torch.randn(1, 3, generator=gen(), dtype=torch.float64)
    perfect = md.exact.ideal(x_0, SCHEDULE)
    assert float(md.simple_loss(perfect, x_0.expand(50, 3), SCHEDULE, generator=gen())) < 1e-20


def test_t_is_uniform_on_1_to_T_with_both_ends():
    net, n = Recorder(), 20_000
    md.simple_loss(net, torch.zeros(n, 1), SCHEDULE, generator=gen())
    ((_, t),) = net.calls
    assert t.dtype == torch.int64
    assert t.shape == (n,)
    counts = t.bincount(minlength=11)
    assert int(counts[0]) == 0
    assert len(counts) == 11
    expected = n / 10
    assert (
        float(((counts[1:] - expected) ** 2 / expected).sum()) < 27.9
    )  # chi-squared, 9: p = 0.001


def test_the_network_sees_the_nice_property_of_what_was_drawn():
    """t is drawn first, then the noise: Algorithm 1's order."""
    net = Recorder()
    x_0 = torch.randn(5, 2, generator=gen(1))
    md.simple_loss(net, x_0, SCHEDULE, generator=gen(7))
    generator = gen(7)
    t = torch.randint(1, 11, (5,), generator=generator)
    noise = torch.randn(5, 2, generator=generator)
    ((x_t, seen),) = net.calls
    assert torch.equal(seen, t)
    assert torch.equal(x_t, md.q_sample(x_0, t, SCHEDULE, noise=noise))


def test_the_gradient_reaches_the_network():
    net = torch.nn.Linear(2, 2)
    md.simple_loss(lambda x, t: net(x), torch.zeros(4, 2), SCHEDULE, generator=gen()).backward()
    assert float(net.weight.grad.abs().sum()) > 0


def test_without_labels_the_network_gets_none():
    net = Recorder()
    md.simple_loss(net, torch.zeros(2, 1), SCHEDULE)
    assert len(net.calls[0]) == 2


def test_one_label_in_ten_gives_way_to_the_null_label():
    net, n = Recorder(), 20_000
    y = torch.arange(n) % 10
    md.simple_loss(net, torch.zeros(n, 1), SCHEDULE, y, generator=gen())
    seen = net.calls[0][2]
    dropped = seen == 10
    assert torch.equal(seen[~dropped], y[~dropped])
    assert float(dropped.float().mean()) == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / n))


@pytest.mark.parametrize(("rate", "expected"), [(0.0, [0, 4, 9, 10]), (1.0, [10, 10, 10, 10])])
def test_the_ends_of_label_dropout(rate, expected):
    net = Recorder()
    y = torch.tensor([0, 4, 9, 10])
    md.simple_loss(net, torch.zeros(4, 1), SCHEDULE, y, label_dropout=rate)
    assert net.calls[0][2].tolist() == expected
    assert y.tolist() == [0, 4, 9, 10]


def test_the_null_label_of_a_wrapped_network_is_found():
    class Wrapper(Recorder):
        null_label = None
        module = Recorder()

    net = Wrapper()
    md.simple_loss(net, torch.zeros(4, 1), SCHEDULE, torch.zeros(4).long(), label_dropout=1.0)
    assert net.calls[0][2].tolist() == [10] * 4


@pytest.mark.parametrize("cut", [[0, 6], [0, 2, 6], [0, 1, 2, 3, 4, 5, 6]])
def test_the_processes_of_a_batch_see_together_what_one_sees(cut):
    x_0 = torch.randn(6, 2, generator=gen(1))
    y = torch.arange(6)
    whole, parts = Recorder(), Recorder()
    loss = md.simple_loss(whole, x_0, SCHEDULE, y, label_dropout=0.5, generator=gen(3))
    losses = []
    for start, end in itertools.pairwise(cut):
        mine = slice(start, end)
        own = BatchSlice(gen(3), start, 6)
        part = md.simple_loss(parts, x_0[mine], SCHEDULE, y[mine], label_dropout=0.5, generator=own)
        losses.append((end - start) * part)
    for i, seen in enumerate(whole.calls[0]):
        assert torch.equal(torch.cat([call[i] for call in parts.calls]), seen)
    assert float(sum(losses) / 6) == pytest.approx(float(loss), rel=1e-6)


def test_an_answer_that_would_broadcast_is_refused():
    with pytest.raises(ValueError, match=r"prediction has shape \(4, 1\) .* \(4, 2\)"):
        md.simple_loss(lambda x, t: x[:, :1], torch.zeros(4, 2), SCHEDULE)
