"""DPM-Solver++(2M) and Heun against diffusers, on the same whole times.

Diffusers counts times from 0, so its index is ours minus one; our float64 table is put in the place of
its float32 one. DPM-Solver rounds x to float32 between steps, which is taken out as well.
"""

from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, HeunDiscreteScheduler
from torch import Tensor

import minidiff as md

F64 = torch.float64
LINEAR, COSINE = md.linear_schedule(), md.cosine_schedule()
KINDS = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}
TIMES = {
    "default, 20": md.sampling_times(1000, 20),
    "default, 7": md.sampling_times(1000, 7),
    "log-SNR, 15": md.log_snr_times(LINEAR, 15),
    "uneven": [950, 400, 390, 7, 1, 0],
    "one step": [1000, 0],
}


class DoubleTorch:
    """torch, in which float32 is double."""

    float32 = F64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def small_net(x: Tensor, t: Tensor) -> Tensor:
    """Some model or other, sensitive to x and t."""
    return (0.8 * x + 0.1 * torch.sin(3 * x) + 1e-4 * t.reshape(-1, 1).double()).clamp(-3, 3)


def levels(schedule: md.NoiseSchedule, times: list[int]) -> Tensor:
    """Their σ: noise over signal, ending in 0."""
    alpha_bar = schedule.alpha_bar[times]
    return ((1 - alpha_bar) / alpha_bar).sqrt()


def dpm_solver(schedule: md.NoiseSchedule, times: list[int], kind: str):
    peer = DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++",
        solver_order=2,
        solver_type="midpoint",
        final_sigmas_type="zero",
        euler_at_final=True,
        prediction_type=KINDS[kind],
    )
    peer.set_timesteps(timesteps=[t - 1 for t in times[:-1]])
    peer.sigmas = levels(schedule, times)
    return peer


# numpy 2's word on how diffusers turns a tensor into an array
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=str)
def test_the_whole_of_dpm_solver_is_theirs(monkeypatch, schedule, kind, times):
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(3), dtype=F64)
    ours = list(
        md.solver_steps(small_net, schedule, x_T=x, times=times, kind=kind, solver="dpm_solver")
    )
    peer = dpm_solver(schedule, times, kind)
    monkeypatch.setattr("diffusers.schedulers.scheduling_dpmsolver_multistep.torch", DoubleTorch())
    for t, state in zip(times[:-1], ours[1:], strict=True):
        said = small_net(x, torch.full((4,), t))
        x = peer.step(said, t - 1, x).prev_sample
        torch.testing.assert_close(state.x, x, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=str)
def test_the_whole_of_heun_is_theirs(schedule, times):
    """Their sample is x / √ᾱ, and each of their steps is asked twice."""
    x_T = torch.randn(4, 3, generator=torch.Generator().manual_seed(3), dtype=F64)
    ours = md.heun_sample(small_net, schedule, x_T=x_T, steps=None, times=times)
    peer = HeunDiscreteScheduler(prediction_type="epsilon")
    peer.set_timesteps(len(times) - 1)
    sigmas = levels(schedule, times)
    asked = [times[0], *[t for t in times[1:-1] for _ in range(2)]]
    peer.sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])
    peer.timesteps = torch.tensor(asked) - 1
    sample = x_T / schedule.alpha_bar[times[0]].sqrt()
    for t in asked:
        x = peer.scale_model_input(sample, t - 1)
        sample = peer.step(small_net(x, torch.full((4,), t)), t - 1, sample).prev_sample
    torch.testing.assert_close(ours, sample, rtol=1e-9, atol=1e-9)
