"""Learned variance: its terms, its losses and where their gradients go."""

import math

import pytest
import torch

import minidiff as md
from minidiff.base.rng import draw_times
from minidiff.chain.posterior import log_interpolation
from minidiff.losses.bound import bound_terms

F64 = torch.float64
S = md.linear_schedule(8, 0.05, 0.4)


def gen(seed):
    return torch.Generator().manual_seed(seed)


def pixels(*shape, seed=0):
    return torch.randint(0, 256, shape, generator=gen(seed)).double() / 127.5 - 1


class TwoHeads(torch.nn.Module):
    """ε and the variance from one weight each, so that their gradients can be told apart."""

    def __init__(self, eps=0.3, mixing=-0.2):
        super().__init__()
        self.eps = torch.nn.Parameter(torch.tensor(eps, dtype=F64))
        self.mixing = torch.nn.Parameter(torch.tensor(mixing, dtype=F64))

    def forward(self, x, t):
        return torch.cat([self.eps * x, self.mixing * torch.ones_like(x)], dim=1)


def test_output_of_minus_1_is_the_small_variance_and_1_the_large():
    output = torch.tensor([[7.0, -1.0], [8.0, 1.0], [9.0, 0.0]])
    prediction, v = md.split_variance(output)
    assert prediction.tolist() == [[7], [8], [9]]
    assert v.tolist() == [[0], [1], [0.5]]


def test_interpolation_meets_both_ends_and_is_their_geometric_mean_half_way():
    v = torch.tensor([0.0, 1.0, 0.5], dtype=F64)
    found = log_interpolation(v, 0.4, 0.1).exp()
    torch.testing.assert_close(found, torch.tensor([0.1, 0.4, 0.2], dtype=F64))


@pytest.mark.parametrize(("v", "variance"), [(0.0, "small"), (1.0, "large")])
def test_at_its_ends_learned_is_one_of_the_fixed_variances(v, variance):
    x_0 = pixels(3, 1, 2, 2)
    noise = torch.randn(2, *x_0.shape, generator=gen(1), dtype=F64)

    def mean(x, t):
        return 0.4 * x + 0.01 * t[:, None, None, None]

    def model(x, t):
        return mean(x, t), torch.full_like(x, v)

    learned = md.elbo(model, x_0, S, variance="learned", noise=noise)
    fixed = md.elbo(mean, x_0, S, variance=variance, noise=noise)
    for name in ("L_T", "L_t", "L_0", "x0_error"):
        torch.testing.assert_close(getattr(learned, name), getattr(fixed, name))


def test_terms_are_divergences_of_the_literal_gaussians():
    x_0, x0_hat = pixels(8, 1, 2, 2), pixels(8, 1, 2, 2, seed=1)
    v = torch.rand(x_0.shape, generator=gen(2), dtype=F64)
    t = torch.arange(1, 9)
    found = bound_terms(x_0, x0_hat, v, t, S)
    x_t = torch.zeros_like(x_0)  # any will do: both means hold the same multiple of it
    for row in range(1, 8):
        time = row + 1
        mean, variance = md.q_posterior(x_t, x_0, time, S)
        guess, _ = md.q_posterior(x_t, x0_hat, time, S)
        wide = float(S.beta[time]) ** v[row] * float(S.beta_tilde[time]) ** (1 - v[row])
        kl = md.gaussian_kl(mean[row], variance, guess[row], wide).sum()
        torch.testing.assert_close(found[row], kl)
    wide = float(S.beta[1]) ** v[:1] * float(S.beta_tilde[2]) ** (1 - v[:1])
    log_p = md.discretised_log_likelihood(x_0[:1], x0_hat[:1], wide).sum()
    torch.testing.assert_close(found[0], -log_p)


@pytest.mark.parametrize("likelihood", ["discretised", "density"])
def test_the_best_variance_is_the_error_that_is_there(likelihood):
    """Among all v the bound is lowest where Σ is the posterior variance plus the squared gap."""
    x_0, x0_hat = pixels(1, 1, 4, 4), pixels(1, 1, 4, 4)
    x0_hat = x0_hat + 0.12
    t = torch.tensor([4])
    weight_0, _ = md.posterior_weights(S)
    best = float(S.beta_tilde[4]) + (float(weight_0[4]) * 0.12) ** 2
    small, large = math.log(float(S.beta_tilde[4])), math.log(float(S.beta[4]))
    best_v = (math.log(best) - small) / (large - small)
    at = [
        float(bound_terms(x_0, x0_hat, v, t, S, likelihood=likelihood))
        for v in (torch.full_like(x_0, best_v + d) for d in (-0.05, 0.0, 0.05))
    ]
    assert at[1] < min(at[0], at[2])


def test_one_t_for_all_is_t_for_each():
    x_0, x0_hat = pixels(3, 1, 2, 2), pixels(3, 1, 2, 2, seed=1)
    for t in (1, 5):
        each = bound_terms(x_0, x0_hat, 0 * x_0, torch.full((3,), t), S)
        assert torch.equal(bound_terms(x_0, x0_hat, 0 * x_0, t, S), each)


@pytest.mark.parametrize("loss", [md.vlb_loss, md.hybrid_loss])
def test_conditions_reach_the_network_by_name_and_are_dropped_with_one_coin(loss):
    """Half of the examples lose label and picture, and always both."""
    seen = {}

    class Told(md.nn.Denoiser):
        classes = 10

        def forward(self, x, t, y=None, image=None):
            seen.update(y=y, image=image)
            return torch.cat([0.1 * x, 0 * x], dim=1)

    x_0 = pixels(200, 1, 2, 2).float()
    y, image = torch.full((200,), 3), torch.ones(200, 1, 2, 2)
    loss(Told(), x_0, S, y, image=image, label_dropout=0.5, generator=gen(0))
    gone = seen["y"] == 10
    assert torch.equal(seen["image"].flatten(1).any(1), ~gone)
    assert 70 < int(gone.sum()) < 130


def test_the_vlb_averages_to_the_sum_of_the_terms():
    net, x_0 = TwoHeads(), pixels(2, 1, 2, 2)
    t = torch.arange(1, 9).repeat_interleave(2)
    noise = torch.randn(16, 1, 2, 2, generator=gen(3), dtype=F64)
    every = md.vlb_loss(net, x_0.repeat(8, 1, 1, 1), S, t=t, noise=noise)
    nats = 0
    for row in range(16):
        x = x_0[row % 2 : row % 2 + 1]
        x_t = md.q_sample(x, t[row : row + 1], S, noise=noise[row : row + 1])
        eps, v = md.split_variance(net(x_t, t))
        x0_hat = md.x0_from_eps(x_t, eps, t[row : row + 1], S)
        nats = nats + bound_terms(x, x0_hat, v, t[row : row + 1], S) / 2
    torch.testing.assert_close(every, (nats / (4 * math.log(2))).squeeze())


def test_drawing_by_importance_changes_the_luck_and_not_the_mean():
    net, x_0 = TwoHeads(), pixels(2, 1, 2, 2).repeat(4000, 1, 1, 1)
    p = torch.tensor([0, 4, 1, 1, 1, 2, 1, 1, 1], dtype=F64) / 12
    with torch.no_grad():
        values = {}
        for name, table in {"uniform": None, "importance": p}.items():
            draws = [
                md.vlb_loss(net, part, S, probabilities=table, generator=gen(seed))
                for seed, part in enumerate(x_0.split(400))
            ]
            values[name] = torch.stack(draws)
    difference = values["uniform"].mean() - values["importance"].mean()
    error = math.hypot(*(md.standard_error(v) for v in values.values()))
    assert abs(float(difference)) < 4 * error


def test_times_are_drawn_with_their_probabilities():
    p = torch.tensor([0, 0.5, 0, 0.2, 0.3], dtype=F64)
    share = draw_times(p, 20_000, gen(0)).bincount(minlength=5) / 20_000
    assert share[0] == share[2] == 0
    torch.testing.assert_close(share.double(), p, atol=0.02, rtol=0)


def test_in_the_hybrid_loss_the_bound_moves_the_variance_only():
    x_0 = pixels(16, 1, 2, 2)
    t = torch.randint(1, 9, (16,), generator=gen(4))
    noise = torch.randn(x_0.shape, generator=gen(5), dtype=F64)
    options = {"t": t, "noise": noise}
    hybrid, simple, bound = TwoHeads(), TwoHeads(), TwoHeads()
    md.hybrid_loss(hybrid, x_0, S, vlb_weight=0.5, **options).backward()
    eps = md.split_variance(simple(md.q_sample(x_0, t, S, noise=noise), t))[0]
    torch.nn.functional.mse_loss(eps, noise).backward()
    md.vlb_loss(bound, x_0, S, **options).backward()
    torch.testing.assert_close(hybrid.eps.grad, simple.eps.grad)
    torch.testing.assert_close(hybrid.mixing.grad, 0.5 * bound.mixing.grad)
    assert bound.eps.grad != 0


def test_detach_mean_stops_the_gradient_of_the_bound():
    net, x_0 = TwoHeads(), pixels(16, 1, 2, 2)
    md.vlb_loss(net, x_0, S, detach_mean=True, generator=gen(0)).backward()
    assert net.eps.grad is None or net.eps.grad == 0
    assert net.mixing.grad != 0


def test_gradients_are_those_of_finite_differences():
    x_0 = pixels(6, 1, 2, 2)
    options = {
        "t": torch.arange(1, 7),
        "noise": torch.randn(x_0.shape, generator=gen(1), dtype=F64),
    }

    def loss(eps, mixing):
        return md.vlb_loss(
            lambda x, t: torch.cat([eps * x, mixing * torch.ones_like(x)], 1), x_0, S, **options
        )

    at = [torch.tensor(x, dtype=F64, requires_grad=True) for x in (0.3, -0.2)]
    assert torch.autograd.gradcheck(loss, at)


def test_training_with_the_hybrid_loss_finds_the_error_of_a_poor_mean():
    """A mean that cannot be right, and a variance that learns by how much."""
    net, x_0 = TwoHeads(eps=0.0), pixels(64, 1, 4, 4)
    net.eps.requires_grad_(False)
    optimizer = torch.optim.Adam([net.mixing], lr=0.1)
    generator = gen(0)

    def loss_on_all_times():
        with torch.no_grad():
            return float(md.vlb_loss(net, x_0, S, t=torch.arange(64) % 8 + 1, generator=gen(1)))

    before = loss_on_all_times()
    for _ in range(100):
        loss = md.hybrid_loss(net, x_0, S, generator=generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss_on_all_times() < 0.95 * before
    assert net.mixing.item() > 0  # wider than it began


def test_a_unet_with_two_heads_trains_and_samples():
    net = md.TinyUNet(channels=1, classes=10, width=8, multipliers=(1, 2), out_channels=2)
    x_0, y = pixels(4, 1, 8, 8).float(), torch.tensor([0, 1, 2, 3])
    md.hybrid_loss(net, x_0, S, y=y, generator=gen(0)).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)

    def model(x, t):
        return md.split_variance(net(x, t, y))

    x = md.ddpm_sample(model, S, (4, 1, 8, 8), variance="learned", generator=gen(1))
    assert torch.isfinite(x).all()


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "score"])
def test_the_perfect_prediction_of_any_kind_has_no_loss(kind):
    x_0 = torch.randn(5, 3, generator=gen(0), dtype=F64)
    noise = torch.randn(5, 3, generator=gen(1), dtype=F64)

    def perfect(x_t, t):
        return md.convert(noise, x_t, t, S, source="eps", target=kind)

    t = torch.tensor([1, 2, 4, 6, 8])
    assert float(md.simple_loss(perfect, x_0, S, t=t, noise=noise, kind=kind)) < 1e-20
    shifted = md.simple_loss(lambda x, t: perfect(x, t) + 0.1, x_0, S, t=t, noise=noise, kind=kind)
    weight = (1 - S.alpha_bar[t]).mean() if kind == "score" else 1
    assert float(shifted) == pytest.approx(0.01 * float(weight))


def test_only_at_t_1_pixels_must_be_of_8_bits():
    """There alone a likelihood of bytes is asked for."""
    x = torch.full((2, 1, 2, 2), 0.123)
    v = torch.zeros_like(x)
    bound_terms(x, x, v, torch.tensor([2, 5]), S)
    for t in (1, torch.tensor([1, 5])):
        with pytest.raises(ValueError, match="8-bit"):
            bound_terms(x, x, v, t, S)
