"""Further schedules against diffusers, which keeps them in float32: equal to 1e-6."""

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

import minidiff as md

MAKERS = {
    "linear": md.linear_schedule,
    "scaled_linear": md.scaled_linear_schedule,
    "sigmoid": md.sigmoid_beta_schedule,
}
ENDS = [(1000, 1e-4, 0.02), (1000, 8.5e-4, 0.012), (50, 0.01, 0.4)]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("T", "beta_1", "beta_T"), ENDS)
def test_the_tables_are_theirs(name, T, beta_1, beta_T):
    peer = DDPMScheduler(T, beta_start=beta_1, beta_end=beta_T, beta_schedule=name)
    ours = MAKERS[name](T, beta_1, beta_T)
    torch.testing.assert_close(ours.beta[1:], peer.betas.double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.alpha_bar[1:], peer.alphas_cumprod.double(), rtol=0, atol=1e-6)


def test_the_other_sigmoid_is_not_theirs():
    peer = DDPMScheduler(beta_schedule="sigmoid").alphas_cumprod.double()
    assert float((md.sigmoid_schedule().alpha_bar[1:] - peer).abs().max()) > 0.1


@pytest.mark.parametrize(
    "schedule",
    [*[make() for make in MAKERS.values()], md.cosine_schedule(), md.sigmoid_schedule()],
    ids=str,
)
def test_rescaling_to_zero_terminal_snr_is_theirs(schedule):
    ours = md.rescale_zero_terminal_snr(schedule)
    theirs = rescale_zero_terminal_snr(schedule.beta[1:].clone())
    torch.testing.assert_close(ours.beta[1:], theirs, rtol=0, atol=1e-12)
    in_float32 = rescale_zero_terminal_snr(schedule.beta[1:].float()).double()
    near = torch.cumprod(1 - in_float32, 0)
    torch.testing.assert_close(ours.alpha_bar[1:], near, rtol=0, atol=1e-6)
