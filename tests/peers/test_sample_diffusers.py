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


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=["linear", "cosine"])
@pytest.mark.parametrize("t", [2, 3, 500, 1000])
def test_learned_variance_is_the_peers_learned_range(schedule, t):
    """Both take a network's output o in [-1, 1] and mix the logarithms by (o + 1) / 2."""
    x_t, eps = pair()
    output = torch.cat([eps, 2 * torch.rand(x_t.shape, generator=gen(1), dtype=F64) - 1], dim=1)
    peer = ddpm(schedule, variance_type="learned_range")
    theirs = peer.step(output, t - 1, x_t, generator=gen(2)).prev_sample
    prediction, v = md.split_variance(output)
    ours, _ = md.sample_step(
        prediction, x_t, t, t - 1, schedule, variance="learned", v=v, generator=gen(2)
    )
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-10)


def test_chain_with_learned_variance_is_the_peers():
    """50 steps of 1000: the variances are those between the times walked.

    The last step is left out: there the peer adds noise, whose variance mixes the logarithm of 1e-20 in,
    unless the list ends at its index 0. Ours adds none on the way into 0.
    """

    def two_heads(x: Tensor, t: Tensor) -> Tensor:
        return torch.cat([small_net(x, t), torch.sin(5 * x)], dim=1)

    peer = ddpm(LINEAR, variance_type="learned_range", timestep_spacing="trailing")
    peer.set_timesteps(50)
    generator = gen(3)
    x = torch.randn(2, 1, 3, 3, generator=generator, dtype=F64)
    x_T = x.clone()
    for index in peer.timesteps[:-1]:
        answer = two_heads(x, torch.full((2,), int(index) + 1))
        x = peer.step(answer, int(index), x, generator=generator).prev_sample
    generator = gen(3)
    torch.randn(2, 1, 3, 3, generator=generator, dtype=F64)
    *_, ours, _ = md.sampling_steps(
        lambda x, t: md.split_variance(two_heads(x, t)), LINEAR, steps=50, variance="learned",
        x_T=x_T, generator=generator,
    )  # fmt: skip
    assert ours.t == int(peer.timesteps[-1]) + 1
    torch.testing.assert_close(ours.x, x, atol=1e-8, rtol=1e-8)
