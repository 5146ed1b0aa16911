"""Inversion and interpolation: DDIM walked upwards, and the arc between two noises."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

import minidiff as md

F64 = torch.float64
LINEAR = md.linear_schedule()
SMALL = md.linear_schedule(12, 0.05, 0.4)
CENTERS = torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]], dtype=F64)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def wavy(x: Tensor, t: Tensor) -> Tensor:
    return 0.7 * x + 0.2 * torch.sin(3 * x) + 0.01 * t.reshape(-1, 1).to(x)


def test_the_way_up_is_its_equation_and_asks_at_1_where_t_is_0():
    times, asked = [12, 9, 4, 0], []

    def model(x: Tensor, t: Tensor) -> Tensor:
        asked.append(t.tolist())
        assert not torch.is_grad_enabled()
        return wavy(x, t)

    x = x_0 = noise(3, 2)
    for t, u in pairwise(times[::-1]):
        eps = wavy(x, torch.full((3,), max(t, 1)))
        a_t, a_u = SMALL.alpha_bar[t], SMALL.alpha_bar[u]
        guess = (x - (1 - a_t).sqrt() * eps) / a_t.sqrt()
        x = a_u.sqrt() * guess + (1 - a_u).sqrt() * eps
    made = md.invert(model, SMALL, x_0, steps=None, times=times)
    torch.testing.assert_close(made, x, rtol=0, atol=1e-12)
    assert asked == [[1] * 3, [4] * 3, [9] * 3]
    assert made.dtype == F64
    assert md.invert(wavy, SMALL, x_0.float(), steps=4).dtype == torch.float32


def test_the_times_are_the_samplers():
    x_0 = noise(3, 2)
    by_steps = md.invert(wavy, SMALL, x_0, steps=5)
    by_times = md.invert(wavy, SMALL, x_0, steps=None, times=md.sampling_times(12, 5))
    assert torch.equal(by_steps, by_times)
    asked = []
    md.invert(lambda x, t: asked.append(int(t[0])) or x, LINEAR, x_0)
    assert asked == [1, *range(20, 1000, 20)]  # 50 steps, as ddim_sample


def test_there_and_back_is_the_same_the_more_steps_the_closer():
    """Both ways are Euler's, so twice the steps halve the distance."""
    model = md.exact.mixture(CENTERS, 0.3, None, LINEAR)
    x_0 = CENTERS[torch.tensor([0, 1, 2, 0, 1])] + 0.3 * noise(5, 2)
    errors = []
    for steps in (50, 100, 200, 500):
        x_T = md.invert(model, LINEAR, x_0, steps=steps)
        back = md.ddim_sample(model, LINEAR, x_T=x_T, steps=steps)
        errors.append(float((back - x_0).square().mean().sqrt()))
    for coarse, fine in pairwise(errors):
        assert fine < 0.65 * coarse
    assert errors[-1] < 0.02


def test_the_noise_of_data_is_noise():
    """Data from a wide Gaussian go to points that are standard normal."""
    model = md.exact.gaussian(0.3, 2.0, LINEAR)
    x_0 = torch.tensor([[0.3 - 2.0], [0.3], [0.3 + 2.0]], dtype=F64)
    x_T = md.invert(model, LINEAR, x_0, steps=1000)
    torch.testing.assert_close(
        x_T.flatten(), torch.tensor([-1.0, 0, 1], dtype=F64), rtol=0, atol=0.02
    )


@pytest.mark.parametrize("kind", ["x0", "v", "score"])
def test_every_kind_of_prediction_inverts_alike(kind):
    def model(x: Tensor, t: Tensor) -> Tensor:
        return md.convert(wavy(x, t), x, t, SMALL, source="eps", target=kind)

    x_0 = noise(3, 2)
    ours = md.invert(model, SMALL, x_0, steps=6, kind=kind)
    torch.testing.assert_close(ours, md.invert(wavy, SMALL, x_0, steps=6), rtol=0, atol=1e-10)


def test_inversion_reaches_zero_terminal_snr():
    schedule = md.rescale_zero_terminal_snr(SMALL)
    x_T = md.invert(lambda x, t: 0.5 * x, schedule, noise(3, 2), steps=4, kind="v")
    assert bool(torch.isfinite(x_T).all())


def test_a_progress_bar_changes_nothing_but_stderr(capsys):
    x_0 = noise(3, 2)
    quiet = md.invert(wavy, SMALL, x_0, steps=4)
    assert capsys.readouterr().err == ""
    assert torch.equal(md.invert(wavy, SMALL, x_0, steps=4, progress=True), quiet)
    assert "4/4" in capsys.readouterr().err


# ---- slerp -----------------------------------------------------------------------------------


def test_a_quarter_of_a_circle():
    x_a, x_b = torch.tensor([[3.0, 0.0]], dtype=F64), torch.tensor([[0.0, 3.0]], dtype=F64)
    for w in (0.0, 0.25, 0.5, 1.0):
        angle = w * math.pi / 2
        expected = torch.tensor([[3 * math.cos(angle), 3 * math.sin(angle)]], dtype=F64)
        torch.testing.assert_close(md.slerp(x_a, x_b, w), expected, rtol=0, atol=1e-14)


def test_the_arc_stays_on_the_sphere_where_the_straight_way_cuts_through():
    x_a, x_b = noise(4, 1, 16, 16), noise(4, 1, 16, 16, seed=1)
    lengths = x_a.flatten(1).norm(dim=1, keepdim=True)
    x_b = x_b / x_b.flatten(1).norm(dim=1)[:, None, None, None] * lengths[:, :, None, None]
    for w in (0.1, 0.5, 0.77):
        made = md.slerp(x_a, x_b, w)
        assert made.shape == x_a.shape
        torch.testing.assert_close(made.flatten(1).norm(dim=1, keepdim=True), lengths)
    straight = (x_a + x_b) / 2
    shares = straight.flatten(1).norm(dim=1, keepdim=True) / lengths
    torch.testing.assert_close(shares, torch.full_like(shares, 0.5**0.5), rtol=0.1, atol=0)


def test_the_angle_grows_evenly():
    x_a, x_b = noise(3, 50), noise(3, 50, seed=1)
    x_a, x_b = (x / x.norm(dim=1, keepdim=True) for x in (x_a, x_b))
    stops = [md.slerp(x_a, x_b, w) for w in (0.0, 0.25, 0.5, 0.75, 1.0)]
    angles = torch.stack([(p * q).sum(1).acos() for p, q in pairwise(stops)])
    torch.testing.assert_close(angles, angles[:1].expand(4, 3), rtol=0, atol=1e-10)
    torch.testing.assert_close(stops[0], x_a, rtol=0, atol=1e-14)
    torch.testing.assert_close(stops[-1], x_b, rtol=0, atol=1e-14)


def test_each_example_has_its_own_angle_and_may_have_its_own_weight():
    x_a, x_b = noise(3, 5), noise(3, 5, seed=1)
    w = torch.tensor([0.2, 0.5, 0.9])
    together = md.slerp(x_a, x_b, w)
    for i in range(3):
        alone = md.slerp(x_a[i : i + 1], x_b[i : i + 1], float(w[i]))
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_nearly_equal_noises_are_no_trouble_and_the_type_is_kept(dtype):
    x_a = noise(2, 5).to(dtype)
    torch.testing.assert_close(md.slerp(x_a, x_a, 0.3), x_a, rtol=1e-7, atol=0)
    x_b = x_a * (1 + 1e-6 * noise(2, 5, seed=1).to(dtype))
    made = md.slerp(x_a, x_b, 0.5)
    assert made.dtype == dtype
    near = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(made, (x_a + x_b) / 2, rtol=0, atol=near)


def test_opposite_noises_are_refused_whatever_the_rounding():
    """A cosine that rounding takes below -1 has no angle, and must not pass for one."""
    cosines = []
    for seed in range(50):
        x = noise(1, 5, seed=seed)
        cosines.append(float((x * -x).sum() / (x.norm() * x.norm())))
        with pytest.raises(ValueError, match="x_a and x_b are opposite"):
            md.slerp(x, -x, 0.5)
    assert min(cosines) < -1  # else the test would show nothing
