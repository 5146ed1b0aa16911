"""Euler's steps of a flow against diffusers, where time runs the other way.

Its sigma is our 1 - t, and its model answers noise - data, so minus our velocity.
"""

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from minidiff import flow

VELOCITY = flow.exact_velocity(torch.tensor([[1.0, 0.5], [-1.0, 0.0]]), 0.3)


@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_every_step_is_theirs(n):
    noise = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    peer = FlowMatchEulerDiscreteScheduler(shift=1.0)
    peer.set_timesteps(sigmas=np.linspace(1, 1 / n, n))
    ours = list(flow.flow_steps(VELOCITY, noise, n))
    x = noise
    for i, state in enumerate(ours[1:]):
        assert 1 - float(peer.sigmas[i]) == pytest.approx(ours[i].t, abs=1e-6)
        said = -VELOCITY(x, torch.full((6,), ours[i].t))
        x = peer.step(said, peer.timesteps[i], x).prev_sample
        torch.testing.assert_close(state.x, x, rtol=0, atol=2e-6)
    assert len(peer.timesteps) == n


def test_their_mixture_is_our_path():
    peer = FlowMatchEulerDiscreteScheduler(shift=1.0)
    noise, data = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    times = peer.timesteps[[0, 10, 500, 900, 999]]
    theirs = peer.scale_noise(data, times, noise)
    ours, _ = flow.on_path(noise, data, 1 - times / 1000)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
