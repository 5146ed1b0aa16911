"""Classifier-free guidance: (1 + w)·cond − w·uncond, in one call of the network."""

import pytest
import torch
from torch import Tensor, nn

import minidiff as md


class LabelNet:
    """Answers 100·y + t for each example, and notes its calls."""

    null_label = 10

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, ...]] = []

    def __call__(self, x: Tensor, t, y: Tensor) -> Tensor:
        self.calls.append((x, t, y))
        said = 100.0 * y + t
        return said[:, None].expand_as(x)


X = torch.arange(6.0).reshape(3, 2)
T = torch.tensor([7, 8, 9])


@pytest.mark.parametrize("w", [-1, -0.5, 0, 1, 2.5])
def test_the_mix_by_hand(w):
    guided = md.classifier_free_guidance(LabelNet(), torch.tensor([0, 3, 9]), w)
    said = guided(X, T)
    for row, (y, t) in zip(said.tolist(), [(0, 7), (3, 8), (9, 9)], strict=True):
        cond, uncond = 100 * y + t, 100 * 10 + t
        assert row == pytest.approx([(1 + w) * cond - w * uncond] * 2)


@pytest.mark.parametrize("w", [0, 1, 6.5])
def test_the_other_convention_is_s_equal_to_1_plus_w(w):
    said = md.classifier_free_guidance(LabelNet(), 3, w)(X, T)
    cond, uncond = (100.0 * y + T[:, None].expand(3, 2) for y in (3, 10))
    torch.testing.assert_close(said, uncond + (1 + w) * (cond - uncond))


def test_one_call_on_a_doubled_batch():
    net = LabelNet()
    md.classifier_free_guidance(net, torch.tensor([0, 3, 9]), 2.0)(X, T)
    ((x, t, y),) = net.calls
    assert torch.equal(x, torch.cat([X, X]))
    assert t.tolist() == [7, 8, 9, 7, 8, 9]
    assert y.tolist() == [0, 3, 9, 10, 10, 10]
    assert y.dtype == torch.int64


def test_without_guidance_nothing_is_doubled():
    net = LabelNet()
    md.classifier_free_guidance(net, 4, 0)(X, T)
    ((x, _, y),) = net.calls
    assert x is X
    assert y.tolist() == [4, 4, 4]


def test_w_of_minus_1_leaves_the_unconditional_model():
    said = md.classifier_free_guidance(LabelNet(), 4, -1)(X, T)
    assert torch.equal(said, (1000.0 + T)[:, None].expand(3, 2))


def test_the_null_label_is_the_networks_own():
    net = LabelNet()
    net.null_label = 3
    md.classifier_free_guidance(net, 2, 1.0)(X, T)
    assert net.calls[0][2].tolist() == [2, 2, 2, 3, 3, 3]


def test_one_t_for_all_examples_is_passed_on():
    said = md.classifier_free_guidance(LabelNet(), 3, 2.0)(X, 7)
    assert torch.equal(said, torch.full((3, 2), 3 * 307.0 - 2 * 1007.0))


def test_a_real_network_guides_a_sampler():
    net = md.TinyUNet(channels=1, classes=4, width=8, multipliers=(1, 2), seed=0)
    with torch.no_grad():
        net.eval()
        for parameter in net.parameters():  # an untrained one answers 0
            parameter.add_(0.02)
    schedule = md.linear_schedule(5, 0.1, 0.5)
    x_T = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([1, 3])
    samples = md.ddim_sample(md.classifier_free_guidance(net, y, 1.5), schedule, steps=3, x_T=x_T)

    def by_hand(x: Tensor, t: Tensor) -> Tensor:
        return 2.5 * net(x, t, y) - 1.5 * net(x, t)

    torch.testing.assert_close(
        samples, md.ddim_sample(by_hand, schedule, steps=3, x_T=x_T), rtol=1e-4, atol=1e-4
    )


def test_a_sampler_finds_the_device_of_the_network_behind():
    class Elsewhere(nn.Module):
        null_label = 10

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1, device="meta")

    guided = md.classifier_free_guidance(Elsewhere(), 3, 1.0)
    state = next(md.sampling_steps(guided, md.linear_schedule(), (2, 1)))
    assert state.x.device.type == "meta"


# ---- conditions by name --------------------------------------------------------------------------


class Named(md.nn.Denoiser):
    """A network with a label and a made-up vector; it notes its calls, and says what it was told."""

    classes = 10

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[dict[str, Tensor]] = []

    def forward(self, x: Tensor, t: Tensor, y: Tensor, embed: Tensor) -> Tensor:
        self.calls.append({"x": x, "t": t, "y": y, "embed": embed})
        return 100.0 * y[:, None] + embed.sum(1, keepdim=True) + x

    def none_of(self, name: str, value: Tensor) -> Tensor:
        return torch.full_like(value, -1.0) if name == "embed" else super().none_of(name, value)


LABELS, VECTORS = torch.tensor([0, 3, 9]), torch.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize("w", [0.5, 2.0])
def test_two_conditions_by_name_guide_together_in_one_call(w):
    net = Named()
    said = md.classifier_free_guidance(net, w=w, y=LABELS, embed=VECTORS)(X, T)
    (call,) = net.calls
    assert torch.equal(call["x"], torch.cat([X, X]))
    assert call["t"].tolist() == [7, 8, 9, 7, 8, 9]
    assert call["y"].tolist() == [0, 3, 9, 10, 10, 10]
    assert torch.equal(call["embed"], torch.cat([VECTORS, torch.full((3, 4), -1.0)]))
    cond = 100.0 * LABELS[:, None] + VECTORS.sum(1, keepdim=True) + X
    torch.testing.assert_close(said, (1 + w) * cond - w * (1000 - 4 + X))


def test_without_guidance_both_conditions_are_told_and_nothing_is_doubled():
    net = Named()
    said = md.classifier_free_guidance(net, w=0, y=LABELS, embed=VECTORS)(X, T)
    (call,) = net.calls
    assert call["x"] is X
    assert torch.equal(call["embed"], VECTORS)
    assert torch.equal(said, 100.0 * LABELS[:, None] + VECTORS.sum(1, keepdim=True) + X)


def test_the_old_call_by_place_still_means_label_and_weight():
    by_place = md.classifier_free_guidance(LabelNet(), LABELS, 2.0)(X, T)
    by_name = md.classifier_free_guidance(LabelNet(), w=2.0, y=LABELS)(X, T)
    assert torch.equal(by_place, by_name)
    by_place = md.classifier_free_guidance(Named(), LABELS, 2.0, embed=VECTORS)(X, T)
    by_name = md.classifier_free_guidance(Named(), y=LABELS, w=2.0, embed=VECTORS)(X, T)
    assert torch.equal(by_place, by_name)


def test_a_condition_of_another_batch_is_refused():
    guided = md.classifier_free_guidance(Named(), y=LABELS, embed=VECTORS[:2])
    with pytest.raises(ValueError, match="embed has 2 rows, but the batch has 3 examples"):
        guided(X, T)
