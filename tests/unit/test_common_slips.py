"""What people stumble over, by kind: a right value, a warning, or an error that says what to do."""

import warnings

import pytest
import torch
from bad_input import refused

import minidiff as md
from minidiff import flow
from minidiff.__main__ import main
from minidiff.base.files import CHECKPOINT, load_checkpoint, save_checkpoint

S = md.linear_schedule(20, 0.01, 0.3)
COSINE = md.cosine_schedule(1000)
PIXELS = torch.randint(0, 256, (16, 1, 4, 4), generator=md.seeded(0)).float()
POINTS = torch.randn(16, 2, generator=md.seeded(1))
T3 = torch.tensor([3] * 16)


def said(call) -> list[str]:
    """What a call warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(one.message) for one in caught if issubclass(one.category, UserWarning)]


def unet(channels=1, classes=None, **options):
    return md.TinyUNet(channels, classes, width=4, multipliers=(1,), blocks=1, **options)


def trained(net, data, **options):
    given = {"schedule": S, "steps": 2, "batch": 16, "device": "cpu", "progress": False}
    return md.train(net, data, **{**given, **options})


# ---- pictures outside their range ------------------------------------------------------------------

UNIT, TWICE = PIXELS / 255, PIXELS / 127.5 - 1
RANGES = {
    "0 to 255": (PIXELS, "pictures in 0..255", "x.float() / 127.5 - 1"),
    "0 to 1": (UNIT, "pictures in 0..1", "2 * x - 1"),
    "-1 to 1": (TWICE,),
    "colours, 0 to 1": (UNIT.expand(-1, 3, -1, -1), "pictures in 0..1", "2 * x - 1"),
    "black": (TWICE * 0 - 1,),
    "white": (TWICE * 0 + 1,),
    "light grey and white": (TWICE * 0.2 + 0.8,),
    "latents": (UNIT.expand(-1, 4, -1, -1),),
    "points": (POINTS * 100,),
    "points that are all positive": (POINTS.abs() * 100,),
}
LOSSES = {
    "simple_loss": lambda x: md.simple_loss(lambda x, t: x, x, S),
    "matching_loss": lambda x: flow.matching_loss(lambda x, t: x, x),
    "noisy_classifier_loss": lambda x: md.noisy_classifier_loss(
        lambda x, t: x.flatten(1), x, S, y=torch.zeros(16).long()
    ),
    "train": lambda x: trained(
        md.MLP(2, width=4, depth=1) if x.dim() == 2 else unet(x.shape[1]), x, steps=4
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", RANGES)
def test_data_outside_their_range_are_warned_of_once(name, loss):
    x, *words = RANGES[name]
    found = said(lambda: LOSSES[loss](x))
    assert len(found) == bool(words)
    assert all(word in found[0] for word in words)


def test_the_warning_shows_the_line_of_the_caller():
    with pytest.warns(UserWarning, match="data looks like pictures in 0\\.\\.255") as caught:
        trained(unet(), PIXELS)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="x_0 looks like pictures in 0\\.\\.255") as caught:
        md.simple_loss(lambda x, t: x, PIXELS, S)
    assert caught[0].filename == __file__

    labels = 1 + torch.arange(16) % 3
    with pytest.warns(UserWarning, match="Labels count from 0") as caught:
        trained(unet(classes=3), (TWICE, labels))
    assert caught[0].filename == __file__


def wrong(x, t):  # an untrained network
    return 0 * x


SAMPLERS = {
    "ddpm": lambda shape, **o: md.ddpm_sample(wrong, COSINE, shape, steps=50, **o),
    "ddim": lambda shape, **o: md.ddim_sample(wrong, COSINE, shape, steps=50, **o),
    "heun": lambda shape, **o: md.heun_sample(wrong, COSINE, shape, steps=20, **o),
    "dpm": lambda shape, **o: md.dpm_solver_sample(wrong, COSINE, shape, steps=20, **o),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_pictures_that_leave_their_range_are_warned_of(sampler):
    def draw(*shape, **options):
        return said(lambda: SAMPLERS[sampler](shape, generator=md.seeded(0), **options))

    (found,) = draw(2, 1, 4, 4)
    assert all(word in found for word in ("far outside [-1, 1]", "clip=True", "chapter 9"))
    assert draw(2, 1, 4, 4, clip=True) == []
    assert draw(20, 2) == []  # points have no range
    assert draw(2, 4, 4, 4) == []  # nor have latents


def test_a_flow_warns_too_and_speaks_of_no_clip():
    found = said(lambda: flow.sample(lambda x, t: 9 * x, (2, 3, 4, 4), generator=md.seeded(0)))
    assert len(found) == 1
    assert "far outside [-1, 1]; train for longer" in found[0]
    assert "clip" not in found[0]


# ---- the null label as a class ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "warned"),
    [
        (torch.arange(16) % 3 + 1, True),
        (torch.arange(16) % 3, False),
        (torch.arange(16) % 4, False),  # some examples have no class, and that is said by 3
        (torch.ones(16).long(), False),
    ],
)
@pytest.mark.parametrize("kind", ["tensors", "dataset", "function"])
def test_labels_that_count_from_1_are_warned_of(labels, warned, kind):
    data = {
        "tensors": (TWICE, labels),
        "dataset": torch.utils.data.TensorDataset(TWICE, labels),
        "function": lambda n, g: {"x_0": TWICE[:n], "y": labels[:n]},
    }[kind]
    found = said(lambda: trained(unet(classes=3), data))
    assert len(found) == warned
    if warned:
        assert all(
            word in found[0] for word in ("label 3 and no label 0", "count from 0", "Subtract")
        )


# ---- a first step that fails -----------------------------------------------------------------------


def test_a_call_that_fails_at_its_first_batch_writes_nothing_and_the_next_one_works(tmp_path):
    net, odd = md.TinyUNet(1, width=4, multipliers=(1, 2), blocks=1), torch.zeros(4, 1, 5, 5) - 1
    with pytest.raises(ValueError, match="multiples of 2"):
        trained(net, odd, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert trained(net, TWICE, out=tmp_path / "run").steps == 2


def test_a_call_that_fails_loses_no_earlier_run(tmp_path):
    trained(unet(), TWICE, out=tmp_path, sample_every=1)
    before = (tmp_path / CHECKPOINT).read_bytes()
    pictures = sorted((tmp_path / "samples").iterdir())
    net = md.TinyUNet(1, width=4, multipliers=(1, 2), blocks=1)
    with pytest.raises(ValueError, match="multiples of 2"):
        trained(net, torch.zeros(4, 1, 5, 5) - 1, out=tmp_path, fresh=True)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert sorted((tmp_path / "samples").iterdir()) == pictures
    trained(unet(), TWICE, out=tmp_path, fresh=True, steps=3, sample_every=None)
    assert load_checkpoint(tmp_path / CHECKPOINT)["state"]["step"] == 3
    assert not any((tmp_path / "samples").glob("*"))


def test_weights_that_became_nan_are_the_trainings_own_error(tmp_path):
    """The loss of the last step was finite; without the look at the weights, the grid would say it."""
    with pytest.raises(FloatingPointError, match=r"after step 1 .*lower lr"):
        trained(unet(), TWICE, lr=1e38, warmup=0, clip_norm=None, out=tmp_path, sample_every=1)
    assert not (tmp_path / CHECKPOINT).exists()


# ---- a learned variance meets the rest -------------------------------------------------------------


def two_heads(x, t):
    """A noise and a v that depend on x and t, as twice the channels."""
    t = torch.as_tensor(t, dtype=x.dtype).expand(len(x)).reshape(-1, 1, 1, 1)
    return torch.cat([x * (0.5 + t / 100), x.sin()], dim=1)


def pair(x, t):
    return md.split_variance(two_heads(x, t))


def noise_alone(x, t):
    return pair(x, t)[0]


def classifier(x, t):
    return torch.stack([x.flatten(1).sum(1), x.flatten(1).square().sum(1)], dim=1)


X = torch.randn(3, 1, 4, 4, generator=md.seeded(2))
WALKS = {
    "ddim": lambda model: md.ddim_sample(model, S, steps=5, x_T=X),
    "ddpm": lambda model: md.ddpm_sample(model, S, x_T=X, generator=md.seeded(3)),
    "heun": lambda model: md.heun_sample(model, S, steps=5, x_T=X),
    "dpm": lambda model: md.dpm_solver_sample(model, S, steps=5, x_T=X),
    "invert": lambda model: md.invert(model, S, X, steps=5),
    "elbo, small": lambda model: (
        md.elbo(model, X, S, variance="small", likelihood="density", generator=md.seeded(4)).L_t
    ),
    "as a flow": lambda model: flow.velocity_from_eps_model(model, S)(X, 0.5),
}


@pytest.mark.parametrize("heads", [two_heads, pair])
@pytest.mark.parametrize("walk", WALKS)
def test_who_has_no_use_for_the_variance_leaves_it_aside(walk, heads):
    assert torch.equal(WALKS[walk](heads), WALKS[walk](noise_alone))


@pytest.mark.parametrize("heads", [two_heads, pair])
def test_the_bound_takes_the_variance_that_is_learned(heads):
    def bound(model, **options):
        given = {"likelihood": "density", "generator": md.seeded(4), **options}
        return md.elbo(model, X, S, **given)

    got = bound(heads)
    assert got.variance == "learned"
    assert torch.equal(got.L_t, bound(pair, variance="learned").L_t)
    assert not torch.equal(got.L_t, bound(noise_alone).L_t)
    assert bound(noise_alone).variance == "small"
    p = torch.tensor([0, 0, *[1 / 19] * 19], dtype=torch.float64)
    given = {"likelihood": "density", "generator": md.seeded(5)}
    drawn = md.sampled_bits_per_dim(heads, X, S, p, **given)
    given = {"likelihood": "density", "generator": md.seeded(5), "variance": "learned"}
    assert torch.equal(drawn, md.sampled_bits_per_dim(pair, X, S, p, **given))


@pytest.mark.parametrize("heads", [two_heads, pair])
def test_a_classifier_guides_the_mean_and_leaves_the_variance(heads):
    t = torch.tensor([3, 9, 20])
    eps, v = md.classifier_guidance(heads, classifier, 1, 2.0, S)(X, t)
    assert torch.equal(v, pair(X, t)[1])
    assert torch.equal(eps, md.classifier_guidance(noise_alone, classifier, 1, 2.0, S)(X, t))
    guided = md.classifier_guidance(heads, classifier, 1, 2.0, S)
    drawn = md.ddpm_sample(guided, S, x_T=X, variance="learned", generator=md.seeded(3))
    assert drawn.shape == X.shape


def test_the_shipped_network_with_a_learned_variance_goes_through_every_sampler():
    net, schedule = md.load("digits16_hybrid")
    noise = torch.randn(2, 1, 16, 16, generator=md.seeded(0))
    first = lambda x, t: md.split_variance(net(x, t))[0]  # noqa: E731
    for sample in (md.ddim_sample, md.heun_sample, md.dpm_solver_sample):
        drawn = sample(net, schedule, x_T=noise, steps=4, clip=True)
        assert torch.equal(drawn, sample(first, schedule, x_T=noise, steps=4, clip=True))
    up = md.invert(net, schedule, drawn, steps=4)
    assert torch.equal(up, md.invert(first, schedule, drawn, steps=4))
    short = md.NoiseSchedule(schedule.beta[1:4])
    black = torch.full((2, 1, 16, 16), -1.0)
    assert md.elbo(net, black, short, generator=md.seeded(0)).variance == "learned"


# ---- messages for the commonest slips --------------------------------------------------------------

NET = md.MLP(2, width=4, depth=1)
AVERAGE = md.MLP(2, width=4, depth=1).requires_grad_(False)
MESSAGES = {
    "a seed for a generator": (
        lambda: md.q_sample(POINTS, 3, S, generator=0),
        (TypeError, ("generator must be a torch.Generator", "generator=md.seeded(0)")),
    ),
    "a seed for a sampler": (
        lambda: md.ddim_sample(NET, S, (3, 2), steps=2, generator=7),
        (TypeError, ("generator=md.seeded(7)",)),
    ),
    "a seed for a function without a contract": (
        lambda: md.MLP(2, width=4, depth=1, generator=0),
        (TypeError, ("generator=md.seeded(0)",)),
    ),
    "an average trained again": (
        lambda: trained(AVERAGE, POINTS),
        (ValueError, ("run.net is the average", "run.raw_net", "requires_grad_(True)")),
    ),
    "grey without channels": (
        lambda: trained(unet(), TWICE[:, 0]),
        (ValueError, ("(B, C, H, W)", "x[:, None]")),
    ),
    "grey for a network of colours": (
        lambda: unet(3)(TWICE[:, 0], 3),
        (ValueError, ("(B, C, H, W)", "x[:, None].expand(-1, 3, -1, -1)")),
    ),
    "one picture without a batch": (
        lambda: unet(3)(torch.zeros(3, 4, 4), 3),
        (ValueError, ("(B, C, H, W)", "x[None]")),
    ),
    "one point without a batch": (lambda: NET(POINTS[0], 3), (ValueError, ("x[None]",))),
}


@pytest.mark.parametrize("slip", MESSAGES)
def test_the_message_says_what_to_do(slip):
    call, (kind, words) = MESSAGES[slip]
    refused(call, kind, words)


def test_what_a_hint_says_works():
    assert trained(unet(), TWICE[:, 0][:, None]).steps == 2
    assert unet(3)(TWICE[:, 0][:, None].expand(-1, 3, -1, -1), 3).shape == (16, 3, 4, 4)


def test_a_compiled_network_is_trained_kept_and_loaded(tmp_path):
    net = md.MLP(2, width=4, depth=1)
    compiled = torch.compile(net, backend="eager")
    run = trained(compiled, POINTS, out=tmp_path / "run")
    again, _ = md.load(tmp_path / "run")
    assert torch.equal(again(POINTS, T3), run.net(POINTS, T3))
    more = trained(md.MLP(2, width=4, depth=1), POINTS, out=tmp_path / "run")
    assert more.steps == 2  # the same training, compiled or not
    md.weights.save(tmp_path / "net.safetensors", compiled, S, shape=(2,))
    assert torch.equal(md.load(tmp_path / "net.safetensors")[0](POINTS, T3), net(POINTS, T3))


def test_a_checkpoint_that_was_written_compiled_fits_the_network(tmp_path):
    run = trained(md.MLP(2, width=4, depth=1), POINTS, out=tmp_path)
    saved = load_checkpoint(tmp_path / CHECKPOINT)
    saved["state"]["ema"] = {f"_orig_mod.{n}": x for n, x in saved["state"]["ema"].items()}
    save_checkpoint(tmp_path / CHECKPOINT, saved)
    again, _ = md.load(tmp_path, net=md.MLP(2, width=4, depth=1))
    assert torch.equal(again(POINTS, T3), run.net(POINTS, T3))


def test_a_network_on_several_devices_is_guided():
    net = md.MLP(2, 4, width=4, depth=1)
    guided = md.classifier_free_guidance(torch.nn.DataParallel(net), y=1, w=2.0)
    assert torch.equal(guided(POINTS, T3), md.classifier_free_guidance(net, y=1, w=2.0)(POINTS, T3))


# ---- the command line ------------------------------------------------------------------------------


def run_of(tmp_path, net, data):
    trained(net, data, out=tmp_path / "run", sample_every=None)
    return str(tmp_path / "run")


def test_sampling_says_at_once_what_it_cannot_write(tmp_path, capsys, monkeypatch):
    four = run_of(tmp_path, unet(4), torch.randn(16, 4, 4, 4, generator=md.seeded(0)))
    drawn = []
    monkeypatch.setattr("minidiff.__main__.samples", lambda *a, **o: drawn.append(1))
    rows = [
        ([four], ("(4, 4, 4)", "pictures have 1 or 3 channels")),
        (["--out", str(tmp_path / "x.bmp")], ("x.bmp must end in .png or .jpg",)),
        (["--gif", "--out", str(tmp_path / "x.png")], ("x.png must end in .gif",)),
        (["--label", "10"], ("0..9 or none", "10 is the null label", "say none")),
        (["--label", "cat"], ("0..9 or none, got cat",)),
        (["digit_classifier16"], ("draws nothing", "digits16_flow")),
    ]
    for arguments, words in rows:
        assert main(["sample", "--n", "2", *arguments]) == 1
        error = capsys.readouterr().err
        assert all(word in error for word in words), error
    assert drawn == []


@pytest.mark.parametrize(
    ("classes", "columns"), [(3, 9), (4, 8), (10, 10), (2, 10), (15, 15), (7, 7), (100, 10)]
)
def test_a_column_is_a_class(classes, columns):
    from minidiff.__main__ import _columns

    assert _columns(classes) == columns


def test_no_label_draws_what_a_network_draws_without_one(tmp_path, monkeypatch):
    kept = {}
    monkeypatch.setattr(
        "minidiff.base.pictures.save_sheet", lambda path, x, columns, about: kept.update(x=x)
    )
    run = run_of(tmp_path, unet(classes=3), (TWICE, torch.arange(16) % 3))
    assert main(["sample", run, "--n", "4", "--steps", "2", "--label", "none"]) == 0
    net, schedule = md.load(run)
    noise = torch.randn(4, 1, 4, 4, generator=md.seeded(0))
    wanted = md.ddim_sample(net, schedule, x_T=noise, steps=2, clip=True)
    torch.testing.assert_close(kept["x"], wanted)


def test_pictures_and_films_keep_how_they_were_made(tmp_path, monkeypatch, capsys):
    from PIL import Image

    run = run_of(tmp_path, unet(classes=3), (TWICE, torch.arange(16) % 3))
    monkeypatch.chdir(tmp_path)
    given = ["--n", "6", "--steps", "4", "--seed", "5", "--w", "0.5"]
    wanted = {"network": run, "seed": "5", "steps": "4", "w": "0.5"}
    for options, name, kind, frames in (
        ([], "samples.png", "PNG", 1),
        (["--gif"], "samples.gif", "GIF", 5),
        (["--out", "x.jpg"], "x.jpg", "JPEG", 1),
        (["--out", "y.GIF"], "y.GIF", "GIF", 5),
    ):
        assert main(["sample", run, *given, *options]) == 0
        assert capsys.readouterr().out.strip().endswith(name)
        with Image.open(name) as picture:
            assert (picture.format, getattr(picture, "n_frames", 1)) == (kind, frames)
            text = picture.info
            words = text.get("comment", b"").decode() or "; ".join(
                f"{key}: {value}" for key, value in text.items()
            )
        assert all(f"{key}: {value}" in words for key, value in wanted.items())


def test_a_film_of_many_states_shows_some_of_them_and_always_the_last(tmp_path):
    from PIL import Image

    from minidiff.base.pictures import MOST_FRAMES, save_film

    shades = torch.linspace(-1, 1, 200)
    save_film(tmp_path / "x.gif", [torch.full((1, 1, 8, 8), float(v)) for v in shades])
    with Image.open(tmp_path / "x.gif") as film:
        assert MOST_FRAMES // 2 < film.n_frames <= MOST_FRAMES
        film.seek(film.n_frames - 1)
        middle = (film.width // 2, film.height // 2)
        assert film.convert("L").getpixel(middle) == 255  # the last state is white
    with pytest.raises(ValueError, match="no images"):
        save_film(tmp_path / "never.gif", [])


def test_a_film_is_as_fast_as_the_eye_can_follow_and_holds_its_last_picture(tmp_path):
    from PIL import Image

    from minidiff.base.pictures import save_film

    states = [torch.full((2, 1, 4, 4), v) for v in (-1.0, 0.0, 1.0)]
    save_film(tmp_path / "a.gif", states)
    shown = []
    with Image.open(tmp_path / "a.gif") as film:
        for k in range(film.n_frames):
            film.seek(k)
            shown.append(film.info["duration"])
    assert shown == [80, 80, 2000]
