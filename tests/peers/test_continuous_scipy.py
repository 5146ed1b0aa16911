"""The spline of the continuous face against scipy's, where no slope had to be limited."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

import minidiff as md


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        (md.linear_schedule(), 1000),
        (md.linear_schedule(100, rescale=True), 100),
        (md.cosine_schedule(), 980),  # its last β are a cliff, and there the limit bites
        (md.NoiseSchedule([0.1, 0.15]), 2),
        (md.NoiseSchedule([0.1, 0.15, 0.12]), 3),
    ],
    ids=str,
)
def test_the_curve_is_scipys_natural_spline(schedule, end):
    table = np.log(schedule.alpha_bar.numpy())
    peer = CubicSpline(np.arange(schedule.T + 1), table, bc_type="natural")
    t = np.linspace(0, end, 3001)
    ours = 2 * schedule.continuous.alpha(torch.as_tensor(t)).log().numpy()
    np.testing.assert_allclose(ours, peer(t), rtol=0, atol=1e-11)
