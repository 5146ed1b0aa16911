"""The ELBO against closed forms, simulated chains and the literal sum of divergences."""

import math
from itertools import pairwise

import pytest
import torch

import minidiff as md
from minidiff.losses.elbo import L_T

F64 = torch.float64
VARIANCES = ("small", "large")


def column(*values):
    return torch.tensor(values, dtype=F64)[:, None]


def expected_elbo(m, s, schedule, variance):
    """E[-ELBO] of N(m, s²) with the exact denoiser, one entry, each term from its own formula."""
    beta, alpha, alpha_bar = (getattr(schedule, n).tolist() for n in ("beta", "alpha", "alpha_bar"))
    T, tilde = schedule.T, schedule.beta_tilde.tolist()
    total = 0.5 * (alpha_bar[T] * (s**2 + m**2) - alpha_bar[T] - math.log(1 - alpha_bar[T]))
    for t in range(1, T + 1):
        error = s**2 * (1 - alpha_bar[t]) / (alpha_bar[t] * s**2 + 1 - alpha_bar[t])
        if t == 1:
            sigma_2 = beta[1] if variance == "large" else tilde[2]
            total += 0.5 * math.log(2 * math.pi * sigma_2) + error / (2 * sigma_2)
            continue
        sigma_2 = beta[t] if variance == "large" else tilde[t]
        eps_error = error * alpha_bar[t] / (1 - alpha_bar[t])
        weight = beta[t] ** 2 / (2 * sigma_2 * alpha[t] * (1 - alpha_bar[t]))
        ratio = tilde[t] / sigma_2
        total += 0.5 * (ratio - 1 - math.log(ratio)) + weight * eps_error
    return total


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize(("m", "s"), [(0.3, 0.5), (0.0, 1.0), (-0.8, 0.05), (2.0, 3.0)])
@pytest.mark.parametrize("make", [md.linear_schedule, md.cosine_schedule])
def test_gaussian_data_have_the_closed_form(m, s, variance, make):
    schedule = make()
    terms = md.elbo(
        md.exact.gaussian(m, s, schedule), column(m + s, m - s), schedule, variance=variance
    )
    # Every term is quadratic in x_0: the two points m ± s have the right mean and variance.
    expected = expected_elbo(m, s, schedule, variance)
    assert float(terms.negative_elbo.mean()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("variance", VARIANCES)
def test_drawing_gives_what_the_closed_form_says(variance):
    """The same model, but without its knowledge: ε = ±1 has the moments that count."""
    schedule = md.linear_schedule(40, 1e-3, 0.3)
    model = md.exact.gaussian(0.2, 0.4, schedule)
    x_0 = column(0.5, -0.3, 1.7)
    noise = torch.stack([torch.ones_like(x_0), -torch.ones_like(x_0)])
    drawn = md.elbo(lambda x, t: model(x, t), x_0, schedule, variance=variance, noise=noise)
    known = md.elbo(model, x_0, schedule, variance=variance)
    for name in ("L_T", "L_t", "L_0", "x0_error", "negative_elbo", "bits_per_dim"):
        torch.testing.assert_close(getattr(drawn, name), getattr(known, name))


@pytest.mark.parametrize("variance", VARIANCES)
def test_random_draws_agree_within_their_error(variance):
    schedule = md.linear_schedule(30, 1e-3, 0.4)
    model = md.exact.gaussian(0.2, 0.4, schedule)
    x_0 = column(0.5, -0.3).repeat(1000, 1)
    drawn = md.elbo(
        lambda x, t: model(x, t),
        x_0,
        schedule,
        variance=variance,
        generator=torch.Generator().manual_seed(0),
    )
    known = md.elbo(model, x_0, schedule, variance=variance).negative_elbo.mean()
    error = md.standard_error(drawn.negative_elbo)
    assert abs(float(drawn.negative_elbo.mean() - known)) < 3 * error
    assert error < 0.5


def test_terms_are_the_literal_divergences_of_the_chain():
    """Each column beside KL(q(x_{t-1} | x_t, x_0) || p_θ), made from q_posterior twice."""
    schedule = md.linear_schedule(6, 0.05, 0.4)
    generator = torch.Generator().manual_seed(1)
    x_0 = torch.randn(4, 3, generator=generator, dtype=F64)
    noise = torch.randn(2, 4, 3, generator=generator, dtype=F64)

    def model(x_t, t):
        return torch.tanh(x_t) + 0.1 * t[:, None]

    for variance in VARIANCES:
        terms = md.elbo(model, x_0, schedule, variance=variance, noise=noise)
        sigma_2 = schedule.beta if variance == "large" else schedule.beta_tilde
        for t in range(2, 7):
            kl = 0
            for eps in noise:
                x_t = md.q_sample(x_0, t, schedule, noise=eps)
                x0_hat = md.x0_from_eps(x_t, model(x_t, torch.full((4,), t)), t, schedule)
                true_mean, true_variance = md.q_posterior(x_t, x_0, t, schedule)
                mean, _ = md.q_posterior(x_t, x0_hat, t, schedule)
                kl = kl + md.gaussian_kl(true_mean, true_variance, mean, sigma_2[t]).sum(1) / 2
            torch.testing.assert_close(terms.L_t[:, t], kl)


def test_terms_are_where_convention_8_puts_them():
    schedule = md.linear_schedule(6, 0.05, 0.4)
    x_0 = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    terms = md.elbo(lambda x, t: 0 * x, x_0, schedule, generator=torch.Generator().manual_seed(2))
    assert terms.L_T.shape == terms.L_0.shape == (4,)
    assert terms.L_t.shape == terms.x0_error.shape == (4, 7)
    assert not terms.L_t[:, :2].any()
    assert (terms.L_t[:, 2:] > 0).all()
    assert (terms.L_T >= 0).all()
    total = terms.L_T + terms.L_t.sum(1) + terms.L_0
    torch.testing.assert_close(terms.negative_elbo, total)
    torch.testing.assert_close(terms.bits_per_dim, total / (3 * math.log(2)))
    assert terms.L_0.dtype == F64


def test_the_bound_is_above_the_exact_likelihood_and_meets_it_where_the_model_is_exact():
    """T = 2, a linear p_θ: log p_θ(x_0) is the density of a Gaussian that can be written down."""
    schedule = md.NoiseSchedule([0.3, 0.6])
    m, s = 0.4, 0.7
    model = md.exact.gaussian(m, s, schedule)
    x_0 = column(-1.0, 0.1, 1.5)
    for variance in VARIANCES:
        sigma_2 = md.model_variance(schedule, variance)
        mean, var = 0.0, 1.0  # p(x_2), pushed through two linear Gaussian steps
        for t in (2, 1):
            points = column(0.0, 1.0)
            x0_hat = md.x0_from_eps(points, model(points, t), t, schedule)
            at_0, at_1 = md.q_posterior(points, x0_hat, t, schedule)[0].flatten().tolist()
            mean, var = at_0 + (at_1 - at_0) * mean, (at_1 - at_0) ** 2 * var + float(sigma_2[t])
        log_p = md.gaussian_log_density(x_0, torch.full_like(x_0, mean), var)[:, 0]
        gap = md.elbo(model, x_0, schedule, variance=variance).negative_elbo + log_p
        assert (gap > 0).all(), variance
        assert (gap < 1).all(), variance


def test_standard_normal_data_are_met_exactly_by_the_large_variance():
    """Then p_θ(x_{t-1} | x_t) is the true reverse step, so the bound is the entropy."""
    for T in (2, 20, 300):
        schedule = md.linear_schedule(T, 0.01, 0.3)
        terms = md.elbo(
            md.exact.gaussian(0.0, 1.0, schedule), column(1.0, -1.0), schedule, variance="large"
        )
        entropy = 0.5 * math.log(2 * math.pi * math.e)
        assert float(terms.negative_elbo.mean()) == pytest.approx(entropy, abs=1e-9)


def test_the_gap_falls_as_1_over_T_for_large_and_levels_off_for_small():
    def gap(T, variance):
        schedule = md.linear_schedule(T, rescale=True)
        terms = md.elbo(
            md.exact.gaussian(0.0, 0.5, schedule), column(0.5, -0.5), schedule, variance=variance
        )
        return float(terms.negative_elbo.mean()) - 0.5 * math.log(2 * math.pi * math.e * 0.25)

    # What L_T leaves does not depend on T, and is small.
    large = [gap(T, "large") for T in (500, 1000, 2000)]
    assert 1.8 < large[0] / large[1] < 2.2
    assert 1.8 < large[1] / large[2] < 2.2
    small = [gap(T, "small") for T in (1000, 2000, 4000, 8000)]
    falls = [a - b for a, b in pairwise(small)]
    assert all(0 < later < 0.7 * earlier for earlier, later in pairwise(falls))
    # Were each further fall 0.7 of the one before, this much would still be left in the end.
    assert small[-1] - falls[-1] * 0.7 / (1 - 0.7) > 0.4


def test_L_T_is_a_simulated_divergence():
    schedule = md.linear_schedule(5, 0.1, 0.5)
    x_0 = torch.tensor([[1.3, -0.4]], dtype=F64)
    generator = torch.Generator().manual_seed(3)
    many = x_0.repeat(400_000, 1)
    x_T = md.q_sample(many, 5, schedule, generator=generator)
    var = 1 - float(schedule.alpha_bar[5])
    mean = float(schedule.alpha_bar[5]) ** 0.5 * many
    log_ratio = md.gaussian_log_density(x_T, mean, var) - md.gaussian_log_density(
        x_T, torch.zeros_like(x_T), 1.0
    )
    draws = log_ratio.sum(1)
    assert abs(float(draws.mean() - L_T(x_0, schedule))) < 4 * md.standard_error(draws)


def test_discretised_and_density_differ_by_the_width_of_a_bin_where_the_model_is_wide():
    schedule = md.NoiseSchedule([0.5, 0.5])
    x_0 = (torch.tensor([[[[100.0, 30.0], [200.0, 77.0]]]], dtype=F64) / 127.5) - 1
    model = md.exact.gaussian(0.0, 0.5, schedule)
    noise = torch.randn(3, *x_0.shape, generator=torch.Generator().manual_seed(0), dtype=F64)
    plain = {
        name: md.elbo(lambda x, t: model(x, t), x_0, schedule, likelihood=name, noise=noise)
        for name in ("discretised", "density")
    }
    width = 4 * math.log(2 / 255)
    difference = float(plain["discretised"].L_0 - plain["density"].L_0)
    assert difference == pytest.approx(-width, abs=1e-3)
    assert md.elbo(model, x_0, schedule).likelihood == "discretised"  # four dimensions: an image
    assert md.elbo(model, x_0.flatten(1), schedule).likelihood == "density"


def test_a_closed_form_leaves_only_the_discretised_L_0_to_draw():
    schedule = md.linear_schedule(30, 0.01, 0.3)
    model = md.exact.gaussian(0.0, 0.5, schedule)
    asked = []

    def counting(x_t, t):
        asked.extend(t.tolist())
        return model(x_t, t)

    counting.expected_error = model.expected_error
    x_0 = torch.zeros(2, 1, 2, 2) - 1
    md.elbo(counting, x_0, schedule, draws=3, generator=torch.Generator().manual_seed(0))
    assert asked == [1] * 6
    asked.clear()
    md.elbo(counting, x_0, schedule, likelihood="density")
    assert asked == []
    md.elbo(counting, x_0, schedule, clip=True)
    assert sorted(set(asked)) == list(range(1, 31))  # clipping ends the closed form


@pytest.mark.parametrize("kind", ["x0", "v", "score"])
def test_what_a_model_says_of_itself_is_obeyed_unless_kind_is_given(kind):
    schedule = md.linear_schedule(12, 0.05, 0.4)
    x_0 = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(1, 3, 2, generator=torch.Generator().manual_seed(1))
    p = torch.tensor([0.0, 0.0, *[1 / 11] * 11], dtype=torch.float64)

    def model(x_t, t):
        return 0.3 * x_t

    def sampled(**options):
        seed = torch.Generator().manual_seed(2)
        return md.sampled_bits_per_dim(model, x_0, schedule, p, generator=seed, **options)

    said = md.elbo(model, x_0, schedule, kind=kind, noise=noise), sampled(kind=kind)
    noisy = md.elbo(model, x_0, schedule, noise=noise)  # one that says nothing predicts noise
    model.predicts = kind
    assert torch.equal(md.elbo(model, x_0, schedule, noise=noise).L_t, said[0].L_t)
    assert torch.equal(sampled(), said[1])
    assert torch.equal(md.elbo(model, x_0, schedule, kind="eps", noise=noise).L_t, noisy.L_t)
    assert not torch.equal(noisy.L_t, said[0].L_t)


def test_a_velocity_has_no_bound_in_the_chain():
    schedule = md.linear_schedule(12, 0.05, 0.4)

    def model(x_t, t):
        return x_t

    model.predicts = "velocity"
    with pytest.raises(ValueError, match=r"predicts 'velocity'.*minidiff\.flow\.log_likelihood"):
        md.elbo(model, torch.zeros(3, 2), schedule)


def test_memory_does_not_grow_with_T():
    """The model never sees more than ``batch`` examples at once, and each (t, example) once."""
    schedule = md.linear_schedule(37, 0.01, 0.3)
    calls = []

    def model(x_t, t):
        calls.append(t)
        return torch.zeros_like(x_t)

    x_0 = torch.zeros(5, 2)
    md.elbo(model, x_0, schedule, draws=2, batch=16, generator=torch.Generator().manual_seed(0))
    assert max(len(t) for t in calls) == 16
    assert torch.cat(calls).bincount().tolist() == [0] + [10] * 37


def test_clipping_limits_the_guess():
    schedule = md.linear_schedule(30, 0.01, 0.3)
    x_0 = torch.zeros(2, 1, 4, 4) - 1
    options = {"noise": torch.randn(1, *x_0.shape, generator=torch.Generator().manual_seed(0))}
    wild = md.elbo(lambda x, t: -9 * x, x_0, schedule, **options)
    tame = md.elbo(lambda x, t: -9 * x, x_0, schedule, clip=True, **options)
    assert float(tame.x0_error.max()) <= 4 < float(wild.x0_error.max())


@pytest.mark.parametrize("kind", ["x0", "v", "score"])
def test_other_predictions_give_the_same_terms(kind):
    schedule = md.linear_schedule(12, 0.05, 0.4)
    model = md.exact.gaussian(0.1, 0.6, schedule)
    x_0 = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    noise = torch.randn(1, 3, 2, generator=torch.Generator().manual_seed(1), dtype=F64)

    def other(x_t, t):
        return md.convert(model(x_t, t), x_t, t, schedule, source="eps", target=kind)

    expected = md.elbo(lambda x, t: model(x, t), x_0, schedule, noise=noise)
    found = md.elbo(other, x_0, schedule, kind=kind, noise=noise)
    torch.testing.assert_close(found.L_t, expected.L_t)
    torch.testing.assert_close(found.L_0, expected.L_0)


@pytest.mark.parametrize("variance", VARIANCES)
def test_loss_weights_are_those_of_the_paper(variance):
    s = md.cosine_schedule(50)
    t = torch.arange(2, 51)
    sigma_2 = s.beta[t] if variance == "large" else s.beta_tilde[t]
    expected = s.beta[t] ** 2 / (2 * sigma_2 * s.alpha[t] * (1 - s.alpha_bar[t]))
    weights = md.loss_weights(s, variance)
    assert weights.shape == (51,)
    assert weights[0] == 0
    torch.testing.assert_close(weights[t], expected)
    of_x0 = md.loss_weights(s, variance, kind="x0")
    torch.testing.assert_close(of_x0[1:], weights[1:] * s.snr[1:])


@pytest.mark.parametrize("variance", VARIANCES)
def test_weights_times_error_and_constant_make_the_terms(variance):
    s = md.linear_schedule(20, 0.01, 0.3)
    error = torch.rand(3, 21, generator=torch.Generator().manual_seed(0), dtype=F64)
    sigma_2 = s.beta if variance == "large" else s.beta_tilde
    ratio = s.beta_tilde[2:] / sigma_2[2:]
    constant = (ratio - 1 - ratio.log()) / 2
    expected = md.loss_weights(s, variance, kind="x0")[2:] * error[:, 2:] + constant
    torch.testing.assert_close(md.kl_terms(error, s, variance)[:, 2:], expected)


def test_model_variance_at_1_is_beta_tilde_2_or_beta_1():
    s = md.linear_schedule(20, 0.01, 0.3)
    assert md.model_variance(s, "small")[1] == s.beta_tilde[2]
    assert md.model_variance(s, "large")[1] == s.beta[1]
    torch.testing.assert_close(md.model_variance(s, "small")[2:], s.beta_tilde[2:])
    torch.testing.assert_close(md.model_variance(s, "large"), s.beta)
    assert s.beta_tilde[1] == 0  # the schedule's own table is not written to


def test_posterior_weights_make_the_posterior_mean():
    s = md.linear_schedule(20, 0.01, 0.3)
    generator = torch.Generator().manual_seed(0)
    x_t, x_0 = (torch.randn(20, 2, generator=generator, dtype=F64) for _ in range(2))
    t = torch.arange(1, 21)
    weight_0, weight_t = md.posterior_weights(s)
    mean = weight_0[t, None] * x_0 + weight_t[t, None] * x_t
    torch.testing.assert_close(md.q_posterior(x_t, x_0, t, s)[0], mean)
    assert weight_0[:2].tolist() == pytest.approx([0, 1], abs=1e-12)
    assert weight_t[:2].tolist() == [0, 0]


def test_importance_follows_the_root_mean_square():
    schedule = md.linear_schedule(6, 0.05, 0.4)
    terms = md.elbo(md.exact.gaussian(0.0, 0.3, schedule), column(0.4, -0.1), schedule)
    p = md.importance_of_times(terms)
    assert p[:2].tolist() == [0, 0]
    assert float(p.sum()) == pytest.approx(1)
    size = (terms.L_t[0] ** 2 + terms.L_t[1] ** 2).sqrt()
    torch.testing.assert_close(p, size / size.sum())


@pytest.mark.parametrize("likelihood", ["density", "discretised"])
def test_sampled_times_are_right_on_average(likelihood):
    schedule = md.linear_schedule(25, 0.01, 0.4)
    model = md.exact.gaussian(0.0, 0.4, schedule)
    bytes_ = torch.randint(0, 256, (3, 1, 1, 2), generator=torch.Generator().manual_seed(4))
    x_0 = (bytes_.double() / 127.5 - 1).repeat(700, 1, 1, 1)
    options = {"variance": "large", "likelihood": likelihood}
    pilot = md.elbo(model, 0 * x_0[:2] - 1, schedule, **options)
    generator = torch.Generator().manual_seed(5)
    sampled = md.sampled_bits_per_dim(
        model, x_0, schedule, md.importance_of_times(pilot), draws=4, generator=generator, **options
    )
    full = md.elbo(model, x_0, schedule, draws=4, generator=generator, **options)
    # Both estimates of the same examples: their differences are luck, and average out.
    luck = sampled - full.bits_per_dim
    assert sampled.shape == (2100,)
    assert abs(float(luck.mean())) < 4 * md.standard_error(luck)
    assert float(luck.std()) > 0


def test_importance_beats_uniform_times():
    schedule = md.linear_schedule(200, rescale=True)
    model = md.exact.gaussian(0.0, 0.2, schedule)
    x_0 = column(0.2, -0.2).repeat(300, 1)
    p = md.importance_of_times(md.elbo(model, column(0.1, -0.3), schedule))
    uniform = torch.cat([torch.zeros(2), torch.full((199,), 1 / 199)]).double()
    spread = [
        md.sampled_bits_per_dim(
            model, x_0, schedule, q, draws=2, generator=torch.Generator().manual_seed(0)
        ).std()
        for q in (p, uniform)
    ]
    assert spread[0] < 0.7 * spread[1]


def test_a_generator_decides_every_draw():
    schedule = md.linear_schedule(8, 0.05, 0.4)
    x_0 = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))

    def run(seed):
        generator = torch.Generator().manual_seed(seed)
        return md.elbo(lambda x, t: 0.1 * x, x_0, schedule, generator=generator).negative_elbo

    state = torch.get_rng_state()
    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_expected_error_of_the_exact_model_is_simulated():
    schedule = md.linear_schedule(10, 0.05, 0.4)
    model = md.exact.gaussian(0.3, 0.5, schedule)
    x_0 = column(1.1).repeat(200_000, 1)
    for t in (1, 4, 10):
        x_t = md.q_sample(x_0, t, schedule, generator=torch.Generator().manual_seed(t))
        x0_hat = md.x0_from_eps(x_t, model(x_t, t), t, schedule)
        squares = (x_0 - x0_hat).square().flatten()
        expected = float(model.expected_error(x_0[:1], t))
        assert abs(float(squares.mean()) - expected) < 4 * md.standard_error(squares)


def test_the_result_says_what_it_is():
    schedule = md.linear_schedule(8, 0.05, 0.4)
    terms = md.elbo(md.exact.gaussian(0.0, 1.0, schedule), column(1.0, -0.4), schedule)
    assert "bits/dim" in repr(terms)
    assert "small" in repr(terms)
    assert f"{float(terms.bits_per_dim.mean()):.4f}" in repr(terms)
    assert terms.standard_error == pytest.approx(float(terms.bits_per_dim.std()) / math.sqrt(2))
