"""Laws of divergences, likelihoods and the ELBO, for every schedule, model and size."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minidiff as md

F64 = torch.float64
laws = settings(derandomize=True, deadline=None, max_examples=40)
means = st.floats(-5, 5)
variances = st.floats(1e-6, 50)
betas = st.lists(st.floats(1e-3, 0.9), min_size=1, max_size=12)
words = st.sampled_from(["small", "large"])


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=F64)[:, None]


@laws
@given(means, variances, means, variances)
def test_a_divergence_is_never_negative_and_has_no_unit(m_1, v_1, m_2, v_2):
    kl = float(md.gaussian_kl(m_1, v_1, m_2, v_2))
    assert kl >= -1e-12
    if m_1 != m_2 and abs(m_1 - m_2) ** 2 > 1e-6 * v_2:
        assert kl > 0
    # Both Gaussians moved and stretched alike: the divergence stays.
    moved = float(md.gaussian_kl(3 * m_1 + 1, 9 * v_1, 3 * m_2 + 1, 9 * v_2))
    assert math.isclose(kl, moved, rel_tol=1e-9, abs_tol=1e-9)


@laws
@given(st.floats(-2, 2), st.floats(1e-7, 30))
def test_256_probabilities_sum_to_1(mean, variance):
    values = torch.arange(256, dtype=F64) / 127.5 - 1
    log_p = md.discretised_log_likelihood(values, torch.full_like(values, mean), variance)
    assert bool((log_p <= 0).all())
    assert abs(float(log_p.logsumexp(0))) < 1e-10


@laws
@given(betas, means, st.floats(0.05, 3), words)
def test_no_model_beats_the_entropy_and_the_exact_one_is_the_best(beta, m, s, variance):
    schedule = md.NoiseSchedule(beta)
    x_0 = column(m + s, m - s)
    exact = md.elbo(md.exact.gaussian(m, s, schedule), x_0, schedule, variance=variance)
    wrong = md.elbo(md.exact.gaussian(m + 0.3, 1.5 * s, schedule), x_0, schedule, variance=variance)
    entropy = 0.5 * math.log(2 * math.pi * math.e * s**2)
    best = float(exact.negative_elbo.mean())
    assert best >= entropy - 1e-9
    assert float(wrong.negative_elbo.mean()) >= best - 1e-9
    assert bool((exact.L_T >= 0).all())
    assert bool((exact.L_t >= 0).all())


@laws
@given(betas, words, st.integers(1, 50), st.integers(1, 3), st.integers(0, 2**31))
def test_the_size_of_a_call_changes_nothing_but_the_order_of_work(
    beta, variance, batch, draws, seed
):
    schedule = md.NoiseSchedule(beta)
    generator = torch.Generator().manual_seed(seed)
    x_0 = torch.randn(3, 2, generator=generator, dtype=F64)
    noise = torch.randn(draws, 3, 2, generator=generator, dtype=F64)

    def model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.sin(x_t + t[:, None])

    options = {"variance": variance, "noise": noise}
    one = md.elbo(model, x_0, schedule, batch=10_000, **options)
    many = md.elbo(model, x_0, schedule, batch=batch, **options)
    torch.testing.assert_close(many.negative_elbo, one.negative_elbo)
    torch.testing.assert_close(many.L_t, one.L_t)


@laws
@given(betas.filter(lambda beta: len(beta) > 1), words)
def test_the_network_is_weighed_by_what_the_loss_leaves_out(beta, variance):
    """L_{t-1} grows with the squared error of ε by the weight of appendix D, whatever the schedule."""
    schedule = md.NoiseSchedule(beta)
    t = torch.arange(2, schedule.T + 1)
    eps_error = torch.linspace(0.1, 2.0, schedule.T + 1, dtype=F64)
    x0_error = torch.zeros(2, schedule.T + 1, dtype=F64)
    x0_error[1, 1:] = eps_error[1:] / schedule.snr[1:]
    none, some = md.kl_terms(x0_error, schedule, variance)
    expected = md.loss_weights(schedule, variance)[t] * eps_error[t]
    torch.testing.assert_close((some - none)[t], expected)
