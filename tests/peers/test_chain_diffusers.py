"""Schedules, the Nice property and the posterior against diffusers.

Diffusers counts times from 0, so its index is ours minus one. It keeps its tables in float32: they are
compared to 1e-6 as they are, and the arithmetic to 1e-10 after our float64 table is put in their place.
"""

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

import minidiff as md

F64 = torch.float64
SCHEDULES = {"linear": md.linear_schedule(), "cosine": md.cosine_schedule()}
NAMES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}


def theirs(name: str, **options) -> DDPMScheduler:
    """Their scheduler with our table, in float64."""
    peer = DDPMScheduler(beta_schedule=NAMES[name], clip_sample=False, **options)
    peer.alphas_cumprod = SCHEDULES[name].alpha_bar[1:]
    peer.one = torch.tensor(1.0, dtype=F64)
    return peer


@pytest.mark.filterwarnings("ignore:linear_schedule")  # at T = 250 too much is left: not the point
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("T", [1000, 250])
def test_the_tables_are_theirs(name, T):
    peer = DDPMScheduler(num_train_timesteps=T, beta_schedule=NAMES[name])
    ours = md.cosine_schedule(T) if name == "cosine" else md.linear_schedule(T)
    torch.testing.assert_close(ours.beta[1:], peer.betas.double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.alpha_bar[1:], peer.alphas_cumprod.double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_posterior_variance_is_theirs(name):
    peer = theirs(name)
    for t in (2, 3, 500, 1000):  # at t = 1 theirs is 1e-20, so that it has a logarithm; ours is 0
        expected = float(peer._get_variance(t - 1))
        assert float(SCHEDULES[name].beta_tilde[t]) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_the_jump_is_theirs(name):
    generator = torch.Generator().manual_seed(0)
    x_0, noise = (torch.randn(4, 1, 3, 3, generator=generator, dtype=F64) for _ in range(2))
    t = torch.tensor([1, 2, 617, 1000])
    ours = md.q_sample(x_0, t, SCHEDULES[name], noise=noise)
    expected = theirs(name).add_noise(x_0, noise, t - 1)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_v_is_their_velocity(name):
    generator = torch.Generator().manual_seed(0)
    x_0, noise = (torch.randn(4, 2, generator=generator, dtype=F64) for _ in range(2))
    t = torch.tensor([1, 2, 617, 1000])
    x_t = md.q_sample(x_0, t, SCHEDULES[name], noise=noise)
    ours = md.v_from_eps(x_t, noise, t, SCHEDULES[name])
    expected = theirs(name).get_velocity(x_0, noise, t - 1)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("t", [1, 2, 617, 1000])
def test_a_draw_from_the_posterior_is_theirs(name, t):
    generator = torch.Generator().manual_seed(0)
    x_t, x_0 = (torch.randn(4, 1, 3, 3, generator=generator, dtype=F64) for _ in range(2))
    mean, variance = md.q_posterior(x_t, x_0, t, SCHEDULES[name])
    z = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(5), dtype=F64)
    peer = theirs(name, prediction_type="sample", variance_type="fixed_small")
    step = peer.step(x_0, t - 1, x_t, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(mean + variance.sqrt() * z, step.prev_sample, rtol=0, atol=1e-10)


def test_a_zero_terminal_snr_schedule_made_by_them_is_one_for_us():
    beta = rescale_zero_terminal_snr(SCHEDULES["linear"].beta[1:])
    schedule = md.NoiseSchedule(beta, zero_terminal_snr=True)
    assert float(schedule.alpha_bar[1000]) == 0
    assert float(schedule.alpha_bar[1]) == pytest.approx(
        float(SCHEDULES["linear"].alpha_bar[1]), abs=1e-10
    )
