"""What a network predicts decides how it is walked."""

import functools

import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.sampling.suited import predicts_variance, samples

SCHEDULE = md.linear_schedule()
PICTURE = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
NOISE = torch.randn(8, 1, 4, 4, generator=md.seeded(0))


def knows(kind):
    """The exact model of one picture."""

    def model(x, t):
        if kind == "velocity":
            return (PICTURE - x) / (1 - t).reshape(-1, 1, 1, 1)
        return md.convert(PICTURE.expand_as(x), x, t, SCHEDULE, source="x0", target=kind)

    if kind != "eps":
        model.predicts = kind
    return model


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "score", "velocity"])
def test_every_prediction_leads_to_the_picture(kind):
    schedule = None if kind == "velocity" else SCHEDULE
    drawn = samples(knows(kind), schedule, NOISE, steps=10)
    assert (drawn - PICTURE).abs().max() < 1e-2


def test_only_a_velocity_goes_without_a_schedule():
    with pytest.raises(ValueError, match="predicts 'x0' needs its noise schedule"):
        samples(knows("x0"), None, NOISE)


class TwoHeads(nn.Module):
    """Knows the picture; its second head says which of two variances a step has."""

    null_label = 2

    def forward(self, x, t, y=None):
        eps = md.eps_from_x0(x, PICTURE.expand_as(x), t, SCHEDULE)
        return torch.cat([eps, torch.full_like(x, 0.5)], dim=1)


@pytest.mark.parametrize("told", [{}, {"y": 1}, {"y": torch.arange(8) % 2}])
def test_a_second_head_is_the_variance(told):
    """A network of one's own, which has no config to read it off."""
    heads = lambda x, t: md.split_variance(TwoHeads()(x, t))  # noqa: E731
    draw = functools.partial(md.ddpm_sample, heads, SCHEDULE, variance="learned", clip=True)
    by_hand = draw(x_T=NOISE, steps=5, generator=md.seeded(1))
    drawn = samples(TwoHeads(), SCHEDULE, NOISE, steps=5, generator=md.seeded(1), **told)
    torch.testing.assert_close(drawn, by_hand, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("shape", "heads", "says"),
    [((3, 8, 8), 2, True), ((3, 8, 8), 1, False), ((1, 4, 6), 2, True), ((4, 2, 4), 1, False)],
)
def test_twice_the_channels_are_a_variance_whatever_height_and_width(shape, heads, says):
    net = lambda x, t: x.repeat(1, heads, 1, 1)  # noqa: E731
    assert predicts_variance(net, SCHEDULE, torch.zeros(2, *shape), {}) is says
