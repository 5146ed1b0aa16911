"""DDPM and DDIM against diffusers: single steps, and whole chains from the same generator.

Diffusers counts times from 0, so its index is ours minus one; our float64 table is put in the place
of its float32 one.
"""

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

import minidiff as md

F64 = torch.float64
LINEAR, COSINE = md.linear_schedule(), md.cosine_schedule()
VARIANCES = {"small": "fixed_small", "large": "fixed_large"}
KINDS = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair() -> tuple[Tensor, Tensor]:
    generator = gen()
    x_t, said = (torch.randn(4, 1, 3, 3, generator=generator, dtype=F64) for _ in range(2))
    return x_t, said


def ddpm(schedule: md.NoiseSchedule, **options) -> DDPMScheduler:
    peer = DDPMScheduler(num_train_timesteps=schedule.T, **{"clip_sample": False, **options})
    peer.alphas_cumprod = schedule.alpha_bar[1:]
    peer.one = torch.tensor(1.0, dtype=F64)
    return peer


def ddim(schedule: md.NoiseSchedule, steps: int, **options) -> DDIMScheduler:
    options = {"clip_sample": False, "timestep_spacing": "trailing", **options}
    peer = DDIMScheduler(num_train_timesteps=schedule.T, set_alpha_to_one=True, **options)
    peer.alphas_cumprod = schedule.alpha_bar[1:]
    peer.final_alpha_cumprod = torch.tensor(1.0, dtype=F64)
    peer.set_timesteps(steps)
    return peer


def small_net(x: Tensor, t: Tensor) -> Tensor:
    """Some eps-model or other, sensitive to x and t."""
    return (0.8 * x + 0.1 * torch.sin(3 * x) + 1e-4 * t.reshape(-1, 1, 1, 1).double()).clamp(-3, 3)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=str)
@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("t", [1, 2, 500, 1000])
def test_a_ddpm_step_is_theirs(schedule, t, variance, kind, clip):
    x_t, said = pair()
    peer = ddpm(
        schedule,
        variance_type=VARIANCES[variance],
        prediction_type=KINDS[kind],
        clip_sample=clip,
    )
    step = peer.step(said, t - 1, x_t, generator=gen(5))
    options = {"kind": kind, "variance": variance, "clip": clip, "generator": gen(5)}
    x_s, x0_hat = md.sample_step(said, x_t, t, t - 1, schedule, **options)
    torch.testing.assert_close(x0_hat, step.pred_original_sample, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(x_s, step.prev_sample, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=str)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("t", [20, 40, 500, 1000])
def test_a_ddim_step_is_theirs(schedule, t, eta, kind, clip):
    x_t, said = pair()
    peer = ddim(schedule, 50, prediction_type=KINDS[kind], clip_sample=clip)
    step = peer.step(said, t - 1, x_t, eta=eta, use_clipped_model_output=clip, generator=gen(5))
    options = {"kind": kind, "eta": eta, "clip": clip, "generator": gen(5)}
    x_s, x0_hat = md.sample_step(said, x_t, t, t - 20, schedule, **options)
    torch.testing.assert_close(x0_hat, step.pred_original_sample, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(x_s, step.prev_sample, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("T", [10, 50])
@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("clip", [False, True])
def test_the_whole_of_algorithm_2_is_theirs(T, variance, clip):
    """Both draw one tensor a step and none in the last one, so one seed gives one chain."""
    schedule = md.linear_schedule(T, rescale=T > 20) if T > 20 else md.cosine_schedule(T)
    ours = md.ddpm_sample(
        small_net, schedule, (4, 1, 3, 3), variance=variance, clip=clip, generator=gen(3), dtype=F64
    )
    peer = ddpm(schedule, variance_type=VARIANCES[variance], clip_sample=clip)
    generator = gen(3)
    x = torch.randn(4, 1, 3, 3, generator=generator, dtype=F64)
    for t in range(T, 0, -1):
        said = small_net(x, torch.full((4,), t))
        x = peer.step(said, t - 1, x, generator=generator).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [50, 10, 1])
@pytest.mark.parametrize("clip", [False, True])
def test_the_whole_of_ddim_is_theirs(steps, eta, clip):
    ours = md.ddim_sample(
        small_net,
        LINEAR,
        (4, 1, 3, 3),
        steps=steps,
        eta=eta,
        clip=clip,
        generator=gen(3),
        dtype=F64,
    )
    peer = ddim(LINEAR, steps, clip_sample=clip)
    generator = gen(3)
    x = torch.randn(4, 1, 3, 3, generator=generator, dtype=F64)
    for index in peer.timesteps.tolist():
        said = small_net(x, torch.full((4,), index + 1))
        x = peer.step(
            said, index, x, eta=eta, use_clipped_model_output=clip, generator=generator
        ).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("steps", [1, 2, 5, 10, 50, 250, 1000])
def test_the_default_times_are_their_trailing_ones(steps):
    theirs = [index + 1 for index in ddim(LINEAR, steps).timesteps.tolist()]
    assert md.sampling_times(1000, steps) == [*theirs, 0]
