"""Sampling from a picture, and around a part of it, on data of which everything is known."""

import pytest
import torch
from bad_input import refused

import minidiff as md
from minidiff.sampling import editing

S = md.linear_schedule(300, rescale=True)  # long enough for the small variance to be right
F64 = torch.float64


def gaussian(covariance: torch.Tensor):
    """The best eps-model for normal data in the plane with a covariance, not only with a diagonal."""

    def eps_model(x, t):
        a = S.alpha_bar[int(t[0])]
        total = a * covariance + (1 - a) * torch.eye(2, dtype=F64)
        return (1 - a).sqrt() * x @ torch.linalg.inv(total)

    return eps_model


TIED = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=F64)
MODEL = gaussian(TIED)


def test_from_a_time_on_it_is_the_samplers_own_walk():
    x_0 = torch.randn(5, 2, generator=md.seeded(0), dtype=F64)
    noise = torch.randn(5, 2, generator=md.seeded(1), dtype=F64)
    got = md.sdedit(MODEL, S, x_0, 90, steps=10, noise=noise)
    x_t = md.q_sample(x_0, 90, S, noise)
    wanted = md.ddim_sample(MODEL, S, steps=None, times=md.sampling_times(90, 10), x_T=x_t)
    assert torch.equal(got, wanted)


def test_the_later_it_begins_the_less_is_left_of_the_picture():
    data = torch.linalg.cholesky(TIED) @ torch.randn(2, 4000, generator=md.seeded(2), dtype=F64)
    x_0 = data.T
    likeness = []
    for t in (1, 60, 150, 300):
        out = md.sdedit(MODEL, S, x_0, t, steps=300, eta=1.0, generator=md.seeded(3))
        likeness.append(float(torch.corrcoef(torch.stack([x_0[:, 0], out[:, 0]]))[0, 1]))
        assert torch.allclose(out.T.cov(), TIED, atol=0.12)  # whatever t: it is of the same data
    assert likeness == sorted(likeness, reverse=True)
    assert likeness[0] > 0.99
    assert abs(likeness[-1]) < 0.1


def test_no_more_steps_than_there_are():
    asked = []

    def model(x, t):
        asked.append(int(t[0]))
        return MODEL(x, t)

    md.sdedit(model, S, torch.zeros(1, 2, dtype=F64), 3, steps=50, generator=md.seeded(0))
    assert asked == [3, 2, 1]


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [1, 20])
def test_what_is_known_is_kept_and_the_rest_agrees_with_it(repeats):
    """Given the first coordinate y, the second one has the mean 0.8 y and the variance 0.36."""
    known = torch.tensor([[1.5, 99.0]], dtype=F64).expand(3000, 2)
    mask = torch.tensor([1.0, 0.0])
    out = md.inpaint(MODEL, S, known, mask, repeats=repeats, generator=md.seeded(4))
    assert torch.equal(out[:, 0], known[:, 0])
    second = out[:, 1]
    error = abs(float(second.mean()) - 1.2)
    # One pass puts the known part in under fresh noise each time, so the drawn one hears of it too late.
    assert error < 0.06 if repeats == 20 else 0.2 < error < 0.6
    if repeats == 20:
        assert float(second.var()) == pytest.approx(0.36, abs=0.06)


def test_up_again_is_the_forward_process():
    x = torch.full((50_000, 1), 0.7, dtype=F64)
    up = editing.up_again(x, 10, 30, S, md.seeded(6))
    kept = float(S.alpha_bar[30] / S.alpha_bar[10])
    assert float(up.mean()) == pytest.approx(0.7 * kept**0.5, abs=0.01)
    assert float(up.var()) == pytest.approx(1 - kept, rel=0.03)


def test_the_known_part_has_the_noise_of_its_time():
    x = torch.full((50_000, 1), 0.7, dtype=F64)
    assert torch.equal(editing.at_time(x, 0, S, md.seeded(6)), x)
    kept = float(S.alpha_bar[30])
    noisy = editing.at_time(x, 30, S, md.seeded(6))
    assert float(noisy.mean()) == pytest.approx(0.7 * kept**0.5, abs=0.01)
    assert float(noisy.var()) == pytest.approx(1 - kept, rel=0.03)


def test_all_known_is_given_back_and_nothing_known_is_sampling():
    x = torch.randn(4, 2, generator=md.seeded(7), dtype=F64)
    ones = torch.ones(2, dtype=torch.bool)
    assert torch.equal(md.inpaint(MODEL, S, x, ones, steps=5, generator=md.seeded(8)), x)
    free = md.inpaint(MODEL, S, x.repeat(1000, 1), ~ones, generator=md.seeded(9))
    assert torch.allclose(free.T.cov(), TIED, atol=0.12)


def test_a_velocity_fills_in_too():
    velocity = md.flow.velocity_from_eps_model(lambda x, t: 0 * x, S)
    known = torch.zeros(2, 1, 4, 4)
    mask = (torch.arange(4) < 2).expand(4, 4)
    out = md.inpaint(velocity, S, known, mask, steps=4, clip=True, generator=md.seeded(0))
    assert torch.equal(out[..., :2], known[..., :2])
    assert not torch.equal(out[..., 2:], known[..., 2:])


def test_a_mask_that_does_not_fit_is_refused():
    x = torch.zeros(2, 1, 4, 4)
    model = lambda x, t: 0 * x  # noqa: E731
    rows = [
        (torch.zeros(3, 4), ("mask must go with known, (2, 1, 4, 4)", "(3, 4)")),
        (torch.zeros(5, 2, 1, 4, 4), ("mask must go with known",)),
        (torch.full((4, 4), 0.5), ("1 where known is known",)),
    ]
    refused(lambda: md.inpaint(model, S, x, [[1]]), TypeError, ("mask must be a tensor", "list"))
    for mask, words in rows:
        refused(lambda mask=mask: md.inpaint(model, S, x, mask), ValueError, words)
