"""The networks: shapes, what they refuse, what a fresh one computes, how one is built again."""

import math

import pytest
import torch
from torch import Tensor

import minidiff as md
from minidiff.base.inputs import batch_of_labels
from minidiff.base.model import seeded_weights
from minidiff.nn import MLP, Denoiser, DigitClassifier, TinyUNet
from minidiff.nn.layers import Dropout

SMALL = {"width": 8, "multipliers": (1, 2), "blocks": 1}
NETWORKS = {
    "labels": lambda **kw: TinyUNet(classes=3, **SMALL, **kw),
    "no labels": lambda **kw: TinyUNet(**SMALL, **kw),
    "colour, heads, dropout": lambda **kw: TinyUNet(3, 2, heads=2, dropout=0.5, **SMALL, **kw),
    "attention at the top only": lambda **kw: TinyUNet(attention=(True, False), **SMALL, **kw),
    "MLP": lambda **kw: MLP(classes=3, width=16, depth=2, **kw),
    "MLP without labels": lambda **kw: MLP(channels=5, width=16, depth=2, **kw),
}
POINTS = (MLP,)  # networks that take points; the others take pictures
each_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
labelled = pytest.mark.parametrize("make", [NETWORKS["labels"], NETWORKS["MLP"]], ids=["U", "MLP"])


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def shaken(net: torch.nn.Module) -> torch.nn.Module:
    """Move every weight off its first value: the zeros of a fresh network hide what it depends on."""
    generator = gen(1)
    for p in net.parameters():
        p.add_(0.2 * torch.randn(p.shape, generator=generator))
    return net.eval()


def input_for(net: Denoiser, batch: int = 2, size: tuple[int, int] = (8, 8)) -> Tensor:
    shape = (batch, net.channels) + (() if isinstance(net, POINTS) else size)
    return torch.randn(shape, generator=gen())


# --- shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(8, 8), (16, 8), (8, 24), (40, 16)])
def test_any_size_that_the_depth_allows(depth, size):
    net = TinyUNet(2, width=4, multipliers=(1,) * depth, blocks=1)
    assert net(torch.zeros(1, 2, *size), 1).shape == (1, 2, *size)


@pytest.mark.parametrize(
    ("depth", "size", "multiple"),
    [(2, (9, 8), 2), (2, (8, 9), 2), (3, (8, 6), 4), (4, (28, 28), 8)],
)
def test_other_sizes_name_the_multiple(depth, size, multiple):
    net = TinyUNet(width=4, multipliers=(1,) * depth, blocks=1)
    message = f"x is {size[0]}×{size[1]} pixels.*multiples of {multiple}"
    with pytest.raises(ValueError, match=message):
        net(torch.zeros(1, 1, *size), 1)


def test_out_channels():
    net = TinyUNet(out_channels=6, channels=3, **SMALL)
    assert net(torch.zeros(2, 3, 8, 8), 1).shape == (2, 6, 8, 8)


@each_network
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_answer_has_the_type_of_x(make, dtype):
    net = shaken(make())
    x = input_for(net)
    expected = net(x.to(dtype).float(), 3)
    assert net(x.to(dtype), 3).dtype == dtype
    torch.testing.assert_close(net(x.to(dtype), 3), expected.to(dtype))


# --- time -----------------------------------------------------------------------------------------


@each_network
def test_a_time_may_be_written_in_many_ways(make):
    net = shaken(make())
    x = input_for(net)
    expected = net(x, torch.tensor([7, 7]))
    ways = (7, 7.0, torch.tensor(7), torch.tensor(7.0), torch.full((2,), 7.0, dtype=torch.float64))
    for t in ways:
        torch.testing.assert_close(net(x, t), expected)


@each_network
def test_each_example_has_its_own_time(make):
    net = shaken(make())
    x = input_for(net)
    both = net(x, torch.tensor([3, 800]))
    torch.testing.assert_close(both[:1], net(x[:1], 3))
    torch.testing.assert_close(both[1:], net(x[1:], 800))


@pytest.mark.parametrize("width", [4, 8, 12, 16])
def test_a_narrow_network_sees_the_time_and_the_label(width):
    # With one channel in a group, GroupNorm would take away what the condition adds.
    net = shaken(TinyUNet(classes=2, width=width, multipliers=(1,), blocks=1))
    x = input_for(net)
    now = net(x, 500, 0)
    assert (now - net(x, 100, 0)).abs().max() > 1e-3
    assert (now - net(x, 500, 1)).abs().max() > 1e-3


@each_network
def test_time_is_real_and_the_output_continuous_in_it(make):
    net = shaken(make())
    x = input_for(net)
    at = {t: net(x, t) for t in (10, 10.01, 10.5)}
    assert 0 < (at[10.01] - at[10]).abs().max() < (at[10.5] - at[10]).abs().max()


@pytest.mark.parametrize("kind", [TinyUNet, MLP])
def test_time_scale_serves_times_in_0_1(kind):
    options = {"width": 8, "seed": 1}
    plain, scaled = shaken(kind(**options)), shaken(kind(**options, time_scale=1000))
    x = input_for(plain)
    torch.testing.assert_close(scaled(x, 0.25), plain(x, 250))


def test_patches_are_channels_to_all_but_stem_and_head():
    """The same weights, told of 2×2 patches as of four channels, answer the same; by hand, place by place."""
    cut = shaken(TinyUNet(3, width=8, multipliers=(1, 2), out_channels=6, patch=2))
    plain = TinyUNet(12, width=8, multipliers=(1, 2), out_channels=24)
    plain.load_state_dict(cut.state_dict())
    x = torch.randn(2, 3, 8, 12, generator=gen())
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    as_channels = torch.stack([x[:, :, i::2, j::2] for i, j in corners], dim=2).flatten(1, 2)
    said = plain(as_channels, 7).unflatten(1, (6, 4))
    expected = torch.empty(2, 6, 8, 12)
    for k, (i, j) in enumerate(corners):
        expected[:, :, i::2, j::2] = said[:, :, k]
    assert torch.equal(cut(x, 7), expected)


def test_a_picture_that_cannot_be_cut_into_patches_is_refused():
    net = TinyUNet(width=4, multipliers=(1, 1), patch=3)
    assert net(torch.zeros(1, 1, 6, 12), 1).shape == (1, 1, 6, 12)
    with pytest.raises(ValueError, match=r"6×8 pixels.*patches of 3×3 and halves.*multiples of 6"):
        net(torch.zeros(1, 1, 6, 8), 1)
    with pytest.raises(ValueError, match=r"this network halves height"):
        TinyUNet(width=4, multipliers=(1, 1))(torch.zeros(1, 1, 6, 7), 1)


# --- labels ---------------------------------------------------------------------------------------


@labelled
def test_no_label_is_the_null_label(make):
    net = shaken(make())
    x = input_for(net)
    assert net.null_label == net.classes == 3
    nothing = net(x, 5)
    torch.testing.assert_close(nothing, net(x, 5, net.null_label), rtol=0, atol=0)
    torch.testing.assert_close(nothing, net(x, 5, torch.tensor([3, 3])), rtol=0, atol=0)
    for label in range(3):
        assert (nothing - net(x, 5, label)).abs().max() > 1e-3


@labelled
def test_each_example_has_its_own_label(make):
    net = shaken(make())
    x = input_for(net)
    both = net(x, 5, torch.tensor([0, 2]))
    torch.testing.assert_close(both[:1], net(x[:1], 5, 0))
    torch.testing.assert_close(both[1:], net(x[1:], 5, 2))


def test_a_network_without_classes():
    net = NETWORKS["no labels"]()
    assert net.classes is None
    assert net.null_label is None
    with pytest.raises(ValueError, match=r"y was given.*classes="):
        net(input_for(net), 1, 0)


# --- what is refused ------------------------------------------------------------------------------

X = torch.zeros(2, 1, 8, 8)
REFUSED = {
    "a list": ([[0.0]], 1, None, TypeError, "x must be a torch.Tensor.*list"),
    "integers": (X.to(torch.uint8), 1, None, TypeError, "x must hold floating.*uint8.*/ 127.5 - 1"),
    "no batch": (X[0], 1, None, ValueError, r"\(B, C, H, W\).*\(1, 8, 8\).*x\[None\]"),
    "channels last": (X.permute(0, 2, 3, 1), 1, None, ValueError, "1 channel.*b h w c -> b c h w"),
    "channels": (torch.zeros(2, 3, 8, 8), 1, None, ValueError, r"1 channel.*\(2, 3, 8, 8\)"),
    "empty": (X[:0], 1, None, ValueError, "x is empty"),
    "no pixels": (X[:, :, :0], 1, None, ValueError, "x is empty"),
    "t of another batch": (X, torch.tensor([1, 2, 3]), None, ValueError, r"t must.*\(2,\).*\(3,\)"),
    "one t in a batch": (X, torch.tensor([1]), None, ValueError, r"t must.*\(2,\).*\(1,\)"),
    "t as a column": (X, torch.ones(2, 1), None, ValueError, r"t must.*\(2, 1\)"),
    "t in words": (X, "5", None, TypeError, "t must be a number.*str"),
    "t true": (X, True, None, TypeError, "t must be a number.*bool"),
    "t of booleans": (X, torch.tensor([True, False]), None, TypeError, "t must hold.*bool"),
    "t complex": (X, torch.tensor(1j), None, TypeError, "t must hold.*complex"),
    "y too large": (X, 1, torch.tensor([0, 4]), IndexError, "y = 4 is outside 0..2"),
    "y negative": (X, 1, torch.tensor([-1, 0]), IndexError, "y = -1 is outside"),
    "y int too large": (X, 1, 4, IndexError, "y = 4 is outside"),
    "y of floats": (X, 1, torch.tensor([0.0, 1.0]), TypeError, "y must be.*float32"),
    "y int32": (X, 1, torch.tensor([0, 1], dtype=torch.int32), TypeError, "y must be.*int32"),
    "y of another batch": (X, 1, torch.tensor([0, 1, 2]), ValueError, r"y must have shape \(2,\)"),
    "y a list": (X, 1, [0, 1], TypeError, "y must be"),
}


@pytest.mark.parametrize(("x", "t", "y", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused(x, t, y, error, message):
    with pytest.raises(error, match=message):
        NETWORKS["labels"]()(x, t, y)


def test_the_mlp_wants_points():
    net = MLP(width=8)
    with pytest.raises(ValueError, match=r"x must have shape \(B, D\), got \(2, 1, 8, 8\)"):
        net(X, 1)
    with pytest.raises(ValueError, match=r"2 channel.*\(4, 3\)"):
        net(torch.zeros(4, 3), 1)


MISBUILT = [
    (TinyUNet, {"channels": 0}, ValueError),
    (TinyUNet, {"classes": 0}, ValueError),
    (TinyUNet, {"width": 10}, ValueError),
    (TinyUNet, {"blocks": 1.5}, TypeError),
    (TinyUNet, {"heads": 3}, ValueError),
    (TinyUNet, {"dropout": 1.5}, ValueError),
    (TinyUNet, {"multipliers": ()}, ValueError),
    (TinyUNet, {"multipliers": (1, 0)}, ValueError),
    (TinyUNet, {"attention": (True,)}, ValueError),
    (TinyUNet, {"out_channels": -1}, ValueError),
    (TinyUNet, {"time_scale": "1000"}, TypeError),
    (TinyUNet, {"patch": 0}, ValueError),
    (MLP, {"width": 3}, ValueError),
    (MLP, {"depth": 0}, ValueError),
    (DigitClassifier, {"size": 18}, ValueError),
    (DigitClassifier, {"classes": "ten"}, TypeError),
]


@pytest.mark.parametrize(("kind", "arguments", "error"), MISBUILT)
def test_a_bad_argument_of_the_constructor_is_named(kind, arguments, error):
    (name,) = arguments
    with pytest.raises(error, match=f"^{name}"):
        kind(**arguments)


# --- weights --------------------------------------------------------------------------------------


def test_a_fresh_unet_answers_0():
    net = NETWORKS["labels"]()
    assert torch.equal(net(input_for(net), 500, 1), torch.zeros(2, 1, 8, 8))


def test_every_fresh_block_adds_nothing():
    net = TinyUNet(width=8, multipliers=(1,), blocks=1)
    h, c = torch.randn(2, 8, 4, 4, generator=gen()), torch.randn(2, 32, generator=gen())
    for stage in (net.down[0], *net.middle):
        assert torch.equal(stage(h, c), h)


@each_network
def test_every_parameter_learns(make):
    net = shaken(make()).train()
    x = input_for(net)
    y = None if net.classes is None else torch.arange(2)
    extra = 0 if y is None else net(x, 9).square().sum()  # the row of the null label
    (net(x, torch.tensor([1, 700]), y).square().sum() + extra).backward()
    still = [
        name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert still == []


@each_network
def test_config_and_state_dict_rebuild_it(make):
    net = shaken(make())
    twin = type(net)(**net.config)
    assert twin.config == net.config
    twin.load_state_dict(net.state_dict())
    x = input_for(net)
    assert torch.equal(twin.eval()(x, 3), net(x, 3))


def test_config_says_what_none_came_to():
    config = TinyUNet(1, multipliers=(1, 2, 2)).config
    assert config["attention"] == [False, True, True]
    assert config["out_channels"] == 1
    assert config["classes"] is None


def test_what_came_later_is_noted_where_it_says_something():
    """So the config that an earlier version kept is still that of the same network."""
    assert "patch" not in TinyUNet(patch=1).config
    cut = TinyUNet(patch=2)
    assert cut.config["patch"] == 2
    assert type(cut)(**cut.config).patch == 2

    class Mine(TinyUNet):
        def __init__(self, **options):
            super().__init__(1, **options)

    assert Mine(patch=1).config == {"patch": 1}  # it has no default of its own to differ from
    assert Mine().config == {}


def test_config_of_a_constructor_that_hands_options_on():
    class Wide(MLP):
        def __init__(self, factor: int, **options):
            super().__init__(width=16 * factor, **options)

    net = Wide(2, depth=1, seed=3)
    assert net.config == {"factor": 2, "depth": 1}
    assert Wide(**net.config).stem.out_features == 32


@pytest.mark.parametrize("kind", [TinyUNet, MLP, DigitClassifier])
def test_a_seed_gives_the_weights_and_leaves_the_global_generator_alone(kind):
    before = torch.get_rng_state()
    one, same, other = kind(seed=1), kind(seed=1), kind(seed=2)
    drawn, again = kind(generator=gen(5)), kind(generator=gen(5))
    assert torch.equal(before, torch.get_rng_state())

    def weights(net: torch.nn.Module) -> Tensor:
        return torch.cat([p.detach().flatten() for p in net.parameters()])

    assert torch.equal(weights(one), weights(same))
    assert torch.equal(weights(drawn), weights(again))
    assert not torch.equal(weights(one), weights(other))
    assert not torch.equal(weights(one), weights(drawn))


def test_weights_are_the_same_wherever_the_network_is_born():
    with torch.device("meta"):
        born_elsewhere = MLP(width=8)
    assert born_elsewhere.device.type == "meta"
    assert MLP(width=8).device.type == "cpu"


# --- what it computes -----------------------------------------------------------------------------


@each_network
def test_examples_do_not_see_each_other(make):
    net = shaken(make())
    x = input_for(net, batch=3)
    t = torch.tensor([1, 500, 1000])
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(net(x[order], t[order]), net(x, t)[order])


def test_a_flipped_picture_gives_a_flipped_answer_where_kernels_are_symmetric():
    net = shaken(NETWORKS["labels"]())
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.add_(module.weight.flip(3))
    # A stride of 2 starts from the left edge: only the levels without it can be mirrored exactly.
    h, c = torch.randn(2, 8, 6, 6, generator=gen()), torch.randn(2, 32, generator=gen())
    stage = net.down[0]
    torch.testing.assert_close(stage(h.flip(3), c), stage(h, c).flip(3))


def test_self_attention_moves_with_its_pixels():
    stage = shaken(TinyUNet(width=8, multipliers=(1,), heads=2, attention=(True,))).middle[0]
    x = torch.randn(1, 8, 4, 5, generator=gen())
    order = torch.randperm(20, generator=gen())
    mixed = x.flatten(2)[..., order].view_as(x)
    expected = stage.attention(x).flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(stage.attention(mixed), expected)


def test_dropout_only_while_training():
    net = shaken(TinyUNet(dropout=0.5, **SMALL))
    x = input_for(net)
    assert torch.equal(net(x, 3), net(x, 3))
    net.train()
    with torch.random.fork_rng(devices=[]):
        assert not torch.equal(net(x, 3), net(x, 3))


@each_network
def test_autocast_changes_the_last_digits_only(make):
    net = shaken(make())
    x = input_for(net)
    exact = net(x, 3)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = net(x, 3)
    assert coarse.dtype == torch.float32
    assert 0 < (coarse - exact).abs().max() < 0.1 * exact.abs().max()


def test_the_copies_are_carried_across():
    # Nothing but a copy can bring a single pixel's detail past the way down to one pixel.
    net = shaken(TinyUNet(width=8, multipliers=(1, 1, 1), blocks=1, attention=(False,) * 3))
    seen = []
    net.up[-1].res.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    stem = []
    net.stem.register_forward_hook(lambda _, inputs, output: stem.append(output))
    net(input_for(net), 3)
    assert torch.equal(
        seen[0][:, 8:], stem[0]
    )  # the last copy that is used is the first that was kept


# --- dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_keeps_the_right_part_and_the_mean(p, dtype):
    x = torch.ones(
        101, 999, dtype=dtype
    )  # no multiple of four: a number decides about four entries
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        out = Dropout(p).train()(x)
    assert out.shape == x.shape
    assert out.dtype == dtype
    kept = (out != 0).float()
    spread = math.sqrt(p * (1 - p) / x.numel())
    assert abs(kept.mean().item() - (1 - p)) < 4 * spread
    assert out[out != 0].unique().float().tolist() == pytest.approx([1 / (1 - p)], rel=5e-3)
    row = kept.flatten() - kept.mean()
    for apart in range(1, 6):  # entries decided by one number do not agree more often than others
        correlation = (row[apart:] * row[:-apart]).mean() / row.var()
        assert abs(correlation.item()) < 4 / math.sqrt(x.numel())


def test_dropout_at_the_ends_and_in_use():
    x = torch.randn(6, 7, generator=gen())
    assert torch.equal(Dropout(0.0).train()(x), x)
    assert torch.equal(Dropout(1.0).train()(x), torch.zeros_like(x))
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_dropout_repeats_with_the_seed_and_passes_the_gradient_of_what_it_kept():
    x = torch.rand(8, 9, generator=gen()).add(1).requires_grad_()
    outs = []
    with torch.random.fork_rng(devices=[]):
        for seed in (3, 3, 4):
            torch.manual_seed(seed)
            outs.append(Dropout(0.5).train()(x))
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])
    (grad,) = torch.autograd.grad(outs[0].sum(), x)
    torch.testing.assert_close(grad, (outs[0] != 0) * 2.0)


# --- the classifier -------------------------------------------------------------------------------


def test_the_classifier():
    net = shaken(DigitClassifier())
    x = torch.randn(5, 1, 16, 16, generator=gen())
    assert net.features(x).shape == (5, 64)
    assert net(x).shape == (5, 10)
    torch.testing.assert_close(net(x), net.head(net.features(x)))
    torch.testing.assert_close(net.train().features(x)[:1], net.features(x[:1]))  # no batch norm
    again = DigitClassifier(**net.config)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(x), net.eval()(x))
    with pytest.raises(ValueError, match="16×16 pixels, got 16×20"):
        DigitClassifier()(torch.zeros(1, 1, 16, 20))
    with pytest.raises(ValueError, match="16×16 pixels, got 28×28"):
        net(torch.zeros(1, 1, 28, 28))
    with pytest.raises(TypeError, match="uint8"):
        net(torch.zeros(1, 1, 16, 16, dtype=torch.uint8))


def test_a_fresh_classifier_knows_nothing():
    x = torch.randn(64, 1, 16, 16, generator=gen())
    loss = torch.nn.functional.cross_entropy(DigitClassifier().eval()(x), torch.arange(64) % 10)
    assert abs(loss.item() - math.log(10)) < 0.2


def test_a_generator_draws_one_of_a_great_many_seeds():
    first = set()
    for k in range(300):
        with seeded_weights(0, md.seeded(k)):
            first.add(float(torch.rand(())))
    assert len(first) == 300


@pytest.mark.parametrize(
    "y", [torch.zeros(3, device="meta"), torch.zeros(2, dtype=torch.int64, device="meta")]
)
def test_labels_that_lie_elsewhere_are_of_the_right_type_and_number_all_the_same(y):
    """As on a GPU, whose values are not looked at."""
    with pytest.raises(ValueError, match=r"y must be int64 of shape \(3,\)"):
        batch_of_labels(y, 5, 3, torch.device("meta"))


@pytest.mark.parametrize(
    ("x", "hint"),
    [
        (torch.zeros(5), r"add the batch dimension with x\[None\]"),
        (torch.zeros(2), r"add the batch dimension with x\[None\]"),
    ],
)
def test_points_without_a_batch_are_told_of_it(x, hint):
    with pytest.raises(ValueError, match=hint):
        MLP(2, width=8)(x, 1)
