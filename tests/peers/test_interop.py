"""``md.interop``: schedules, networks and models to diffusers and back, equal to 1e-6 both ways.

Diffusers counts times from 0, so its index is ours minus one. It keeps its tables in float32.
"""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

import minidiff as md
from minidiff.weights import diffusers_unet

D = diffusers_unet.import_diffusers()  # with the help that torchvision needs beside a CPU torch
D.utils.logging.disable_progress_bar()
TOLERANCE = {"rtol": 0, "atol": 1e-6}
ROUNDED = {"rtol": 1e-6, "atol": 2e-5}  # after a whole walk in float32, their tables in float32
pytestmark = [  # what diffusers does with numpy 2, and says of itself
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:the pictures that were drawn reach"),
]
F64 = torch.float64
T = 20
SHAPE = (1, 8, 8)
BATCH = (3, *SHAPE)
SCHEDULE = md.NoiseSchedule(torch.linspace(0.01, 0.1, T, dtype=F64))
ZERO_SNR = md.rescale_zero_terminal_snr(SCHEDULE)
SMALL = {"width": 8, "multipliers": (1, 2)}
NETS: dict[str, dict[str, Any]] = {
    "plain": {},
    "labels": {"classes": 4},
    "colour, three levels, two blocks": {"channels": 3, "multipliers": (1, 2, 3), "blocks": 2},
    "attention at the top": {"attention": (True, False)},
    "heads": {"heads": 2, "multipliers": (1, 2, 2)},
    "dropout": {"dropout": 0.5},
}


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def tiny(predicts: str = "eps", **options: Any) -> md.TinyUNet:
    """A network whose answers are about as large as noise, no weight of which is 0 or 1."""
    net = md.TinyUNet(**{**SMALL, **options}).eval()
    generator = gen(1)
    for p in net.parameters():
        p.add_(0.05 * torch.randn(p.shape, generator=generator))
    net.predicts = predicts
    return net


def their_unet(**options: Any) -> D.UNet2DModel:
    """One that was never ours: cosines first, another number of groups and of channels a head."""
    torch.manual_seed(0)
    plain = {
        "sample_size": 8,
        "in_channels": 1,
        "out_channels": 1,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        "norm_num_groups": 4,
        "attention_head_dim": 8,
    }
    return D.UNet2DModel(**{**plain, **options}).eval()


def walked(pipeline: Any, steps: int, **options: Any) -> Tensor:
    """Where a pipeline's walk from seed 3 ends, before it is made a picture in [0, 1].

    A pipeline in double precision gets its tables so, too, from its own numbers: diffusers has them in
    float32, in which 1 - ᾱ_t / ᾱ_{t-1} has lost two digits.
    """
    pipeline.set_progress_bar_config(disable=True)
    scheduler = pipeline.scheduler
    step, ends = scheduler.step, []
    if pipeline.unet.dtype == F64:
        beta = torch.tensor(scheduler.config.trained_betas, dtype=F64)
        scheduler.alphas_cumprod = torch.cumprod(1 - beta, 0)
        scheduler.one = scheduler.one.double() if hasattr(scheduler, "one") else None

    def noted(*args: Any, **given: Any) -> Any:
        ends.append(step(*args, **given))
        return ends[-1]

    scheduler.step = noted
    pipeline(
        batch_size=BATCH[0],
        generator=gen(3),
        num_inference_steps=steps,
        output_type="pt",
        **options,
    )
    assert len(ends) == steps
    return ends[-1].prev_sample


# ---- schedules ---------------------------------------------------------------------------------

MAKERS = {
    "linear": md.linear_schedule,
    "cosine": md.cosine_schedule,
    "sigmoid": md.sigmoid_schedule,
    "short": lambda: SCHEDULE,
    "zero terminal SNR": lambda: ZERO_SNR,
}
THEIRS: dict[str, Any] = {
    "DDPM": lambda: D.DDPMScheduler(),
    "sigmoid": lambda: D.DDPMScheduler(beta_schedule="sigmoid"),
    "DDIM, cosine": lambda: D.DDIMScheduler(beta_schedule="squaredcos_cap_v2"),
    "DDIM, scaled": lambda: D.DDIMScheduler(250, beta_schedule="scaled_linear"),
    "DDIM, zero": lambda: D.DDIMScheduler(rescale_betas_zero_snr=True),
    "Euler": lambda: D.EulerDiscreteScheduler(),
    "given": lambda: D.DDPMScheduler(3, trained_betas=[0.1, 0.2, 0.3]),
}


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
@pytest.mark.parametrize("name", MAKERS)
def test_their_tables_are_ours(name, sampler):
    schedule = MAKERS[name]()
    peer = md.interop.schedule_to_diffusers(schedule, sampler=sampler, kind="v")
    assert isinstance(peer, {"ddpm": D.DDPMScheduler, "ddim": D.DDIMScheduler}[sampler])
    torch.testing.assert_close(peer.alphas_cumprod.double(), schedule.alpha_bar[1:], **TOLERANCE)
    assert peer.config.trained_betas == schedule.beta[1:].tolist()  # kept to the last digit
    back = md.interop.schedule_from_diffusers(peer)
    assert schedule.T == back.T
    torch.testing.assert_close(back.beta, schedule.beta, **TOLERANCE)
    torch.testing.assert_close(back.alpha_bar, schedule.alpha_bar, **TOLERANCE)
    assert schedule.last_signal == back.last_signal


@pytest.mark.parametrize("name", THEIRS)
def test_our_tables_are_theirs(name):
    peer = THEIRS[name]()
    ours = md.interop.schedule_from_diffusers(peer)
    assert len(peer.betas) == ours.T
    torch.testing.assert_close(ours.alpha_bar[1:], peer.alphas_cumprod.double(), **TOLERANCE)
    assert (ours.last_signal < ours.T) == name.endswith("zero")


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
@pytest.mark.parametrize("steps", [1, 2, 5, 10, 20])
def test_they_visit_our_times_minus_one(sampler, steps):
    peer = md.interop.schedule_to_diffusers(SCHEDULE, sampler=sampler)
    peer.set_timesteps(steps)
    assert [t + 1 for t in peer.timesteps.tolist()] == md.sampling_times(T, steps)[:-1]


@pytest.mark.parametrize(
    ("kind", "word"), [("eps", "epsilon"), ("x0", "sample"), ("v", "v_prediction")]
)
def test_what_is_predicted_has_a_word_there(kind, word):
    peer = md.interop.schedule_to_diffusers(SCHEDULE, kind=kind)
    assert peer.config.prediction_type == word
    assert md.interop.kind_from_diffusers(peer) == kind
    net, _ = md.interop.from_diffusers(their_unet(), peer)
    assert net.predicts == kind


# ---- one call of a network ---------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 2, T, 1000])
@pytest.mark.parametrize("name", NETS)
def test_their_network_answers_at_t_minus_1_what_ours_does_at_t(name, t):
    ours = tiny(**NETS[name])
    pipeline = md.interop.to_diffusers(ours, SCHEDULE, shape=(ours.channels, 8, 8))
    x = torch.randn(3, ours.channels, 8, 8, generator=gen())
    with torch.no_grad():
        expected = ours(x, t)
        assert expected.std() > 0.1
        assert (expected - ours(x, t + 1)).abs().max() > 1e-5
        torch.testing.assert_close(pipeline.unet(x, t - 1).sample, expected, **TOLERANCE)
        back, _ = md.interop.from_diffusers(pipeline.unet, pipeline.scheduler)
        torch.testing.assert_close(back(x, t), expected, **TOLERANCE)


def test_real_times_are_shifted_as_well():
    ours = tiny()
    unet = md.interop.to_diffusers(ours, SCHEDULE, shape=SHAPE).unet
    x, t = torch.randn(BATCH, generator=gen()), torch.tensor([1.5, 7.25, 19.9])
    with torch.no_grad():
        torch.testing.assert_close(unet(x, t - 1).sample, ours(x, t), **TOLERANCE)


@pytest.mark.parametrize("y", [None, 0, 3, 4])
def test_one_label_is_folded_in(y):
    ours = tiny(classes=4)
    unet = md.interop.to_diffusers(ours, SCHEDULE, shape=SHAPE, y=y).unet
    x = torch.randn(BATCH, generator=gen())
    with torch.no_grad():
        torch.testing.assert_close(unet(x, 6).sample, ours(x, 7, y=y), **TOLERANCE)
        assert (ours(x, 7, y=1) - unet(x, 6).sample).abs().max() > 1e-3


def test_all_labels_are_kept_where_asked():
    ours = tiny(classes=4)
    pipeline = md.interop.to_diffusers(ours, SCHEDULE, shape=SHAPE, labels=True)
    x, t, y = torch.randn(BATCH, generator=gen()), torch.tensor([1, 9, T]), torch.tensor([0, 3, 4])
    back, _ = md.interop.from_diffusers(pipeline.unet, pipeline.scheduler, null=True)
    assert (back.classes, back.null_label, back.takes) == (4, 4, ("y",))
    with torch.no_grad():
        said = pipeline.unet(x, t - 1, class_labels=y).sample
        torch.testing.assert_close(said, ours(x, t, y=y), **TOLERANCE)
        torch.testing.assert_close(back(x, t, y=y), ours(x, t, y=y), **TOLERANCE)
        torch.testing.assert_close(back(x, t), ours(x, t), **TOLERANCE)
    for guided in (ours, back):
        guided.answer = md.classifier_free_guidance(guided, y=2, w=3.0)(x, t)
    torch.testing.assert_close(back.answer, ours.answer, rtol=0, atol=1e-5)


@pytest.mark.parametrize("t", [1, T])
@pytest.mark.parametrize("classes", [None, 3])
def test_our_network_asks_theirs_at_t_minus_1(t, classes):
    unet = their_unet(num_class_embeds=classes)
    net, _ = md.interop.from_diffusers(unet, D.DDPMScheduler())
    y = None if classes is None else torch.tensor([0, 1, 2])
    assert (net.channels, net.classes, net.null_label) == (1, classes, None)
    x = torch.randn(BATCH, generator=gen())
    with torch.no_grad():
        expected = unet(x, t - 1, class_labels=y).sample
        assert (expected - unet(x, t, class_labels=y).sample).abs().max() > 1e-5
        torch.testing.assert_close(net(x, t, y), expected, rtol=0, atol=0)
        assert net(x.double(), t, y).dtype == F64


def test_weights_in_double_precision_stay_so():
    ours = tiny().double()
    unet = md.interop.to_diffusers(ours, SCHEDULE, shape=SHAPE).unet
    x = torch.randn(BATCH, generator=gen(), dtype=F64)
    with torch.no_grad():
        torch.testing.assert_close(unet(x, 0).sample, ours(x, 1), **TOLERANCE)


# ---- whole walks, from the same noise, in double precision -------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Any:
    """Folders of pipelines, each written once."""
    made: dict[Any, Any] = {}

    def write(net: md.TinyUNet, schedule: md.NoiseSchedule = SCHEDULE, **options: Any) -> Any:
        key = (str(net.config), net.predicts, schedule.name, net.dtype, str(options))
        if key not in made:
            made[key] = tmp_path_factory.mktemp("pipeline")
            md.interop.to_diffusers(net, schedule, made[key], shape=SHAPE, **options)
        return made[key]

    return write


WALKS = {
    "eps": ("eps", SCHEDULE),
    "x0": ("x0", SCHEDULE),
    "v": ("v", SCHEDULE),
    "v, zero terminal SNR": ("v", ZERO_SNR),
}


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("steps", [1, 5, T])
@pytest.mark.parametrize("name", WALKS)
def test_a_folder_loaded_by_their_ddim_pipeline_walks_as_ours(folder, name, steps, clip):
    kind, schedule = WALKS[name]
    net = tiny(kind).double()
    pipeline = D.DDIMPipeline.from_pretrained(folder(net, schedule, clip=clip), torch_dtype=F64)
    theirs = walked(pipeline, steps, eta=0.5, use_clipped_model_output=clip)
    ours = md.ddim_sample(
        net, schedule, BATCH, steps=steps, eta=0.5, clip=clip, generator=gen(3), dtype=F64
    )
    assert 0.1 < ours.std() < 5
    torch.testing.assert_close(theirs, ours, **TOLERANCE)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("steps", [5, T])
@pytest.mark.parametrize("name", WALKS)
def test_a_folder_loaded_by_their_ddpm_pipeline_walks_as_ours(folder, name, steps, clip):
    kind, schedule = WALKS[name]
    net = tiny(kind).double()
    pipeline = D.DDPMPipeline.from_pretrained(folder(net, schedule, clip=clip), torch_dtype=F64)
    ours = md.ddpm_sample(net, schedule, BATCH, steps=steps, clip=clip, generator=gen(3), dtype=F64)
    torch.testing.assert_close(walked(pipeline, steps), ours, **TOLERANCE)


def test_a_learned_variance_walks_as_ours(folder):
    net = tiny(out_channels=2).double()
    pipeline = D.DDPMPipeline.from_pretrained(folder(net), torch_dtype=F64)
    ours = md.ddpm_sample(net, SCHEDULE, BATCH, variance="learned", generator=gen(3), dtype=F64)
    torch.testing.assert_close(walked(pipeline, T), ours, **TOLERANCE)
    back, schedule = md.interop.from_diffusers(pipeline.unet, pipeline.scheduler)
    again = md.ddpm_sample(back, schedule, BATCH, variance="learned", generator=gen(3), dtype=F64)
    torch.testing.assert_close(again, ours, **TOLERANCE)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_a_pipeline_of_theirs_walks_the_same_with_us(kind, eta):
    pipeline = D.DDIMPipeline(
        their_unet().double(), md.interop.schedule_to_diffusers(SCHEDULE, sampler="ddim", kind=kind)
    )
    net, schedule = md.interop.from_diffusers(pipeline.unet, pipeline.scheduler)
    ours = md.ddim_sample(net, schedule, BATCH, steps=10, eta=eta, generator=gen(3), dtype=F64)
    theirs = walked(pipeline, 10, eta=eta)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)


def test_any_model_of_ours_is_asked_by_a_pipeline_of_theirs():
    net = tiny("v", classes=4)
    asked: list[Tensor] = []
    guided = md.classifier_free_guidance(net, y=1, w=2.0)

    def model(x: Tensor, t: Tensor) -> Tensor:
        asked.append(t)
        return guided(x, t)

    pipeline = md.interop.eps_model_to_diffusers(model, SCHEDULE, shape=SHAPE, kind="v")
    walk = D.DDIMPipeline(pipeline.unet, pipeline.scheduler)
    theirs = walked(walk, 5)
    assert [t.tolist() for t in asked] == [[t] * BATCH[0] for t in (20, 16, 12, 8, 4)]
    assert asked[0].dtype == torch.int64
    ours = md.ddim_sample(guided, SCHEDULE, BATCH, steps=5, generator=gen(3))
    torch.testing.assert_close(theirs, ours, **ROUNDED)


def test_a_model_that_learned_its_variance_is_asked_as_well():
    net = tiny(out_channels=2)

    def model(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return md.split_variance(net(x, t))

    pipeline = md.interop.eps_model_to_diffusers(
        model, SCHEDULE, shape=SHAPE, variance="learned", clip=True
    )
    assert pipeline.unet.config.out_channels == 2 * SHAPE[0]
    ours = md.ddpm_sample(model, SCHEDULE, BATCH, variance="learned", clip=True, generator=gen(3))
    torch.testing.assert_close(walked(pipeline, T), ours, **ROUNDED)


@pytest.mark.parametrize("scheduler", [D.EulerDiscreteScheduler, D.HeunDiscreteScheduler])
def test_schedulers_that_ask_at_floats_ask_at_the_same_times(scheduler):
    net, asked = tiny().double(), []

    def model(x: Tensor, t: Tensor) -> Tensor:
        asked.append(t.tolist())
        return net(x, t)

    pipeline = md.interop.eps_model_to_diffusers(model, SCHEDULE, shape=SHAPE)
    walk = D.DDPMPipeline(pipeline.unet, scheduler.from_config(pipeline.scheduler.config))
    walk.scheduler.set_timesteps(4)
    x = torch.zeros(BATCH, dtype=F64)
    for t in walk.scheduler.timesteps:
        said = walk.unet(x, t, return_dict=False)[0]
        saved = md.interop.to_diffusers(net, SCHEDULE, shape=SHAPE).unet(x, t).sample
        torch.testing.assert_close(said, saved, **TOLERANCE)
    assert asked[0] == [T] * BATCH[0]
    assert isinstance(asked[0][0], int)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", WALKS)
def test_in_single_precision_they_differ_by_rounding(folder, name, clip):
    kind, schedule = WALKS[name]
    net = tiny(kind)
    path = folder(net, schedule, clip=clip)
    ours = md.ddim_sample(net, schedule, BATCH, steps=10, clip=clip, generator=gen(3))
    theirs = walked(D.DDIMPipeline.from_pretrained(path), 10, use_clipped_model_output=clip)
    torch.testing.assert_close(theirs, ours, **ROUNDED)
    ours = md.ddpm_sample(net, schedule, BATCH, clip=clip, generator=gen(3))
    torch.testing.assert_close(walked(D.DDPMPipeline.from_pretrained(path), T), ours, **ROUNDED)


# ---- what is refused ---------------------------------------------------------------------------


def to(net: Any = None, schedule: Any = SCHEDULE, **options: Any) -> Any:
    return md.interop.to_diffusers(
        tiny() if net is None else net, schedule, **{"shape": SHAPE, **options}
    )


def read(scheduler: Any, **options: Any) -> Any:
    return md.interop.from_diffusers(their_unet(**options), scheduler)


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    # to diffusers
    "a flow": (lambda: to(tiny("velocity")), ValueError, "'velocity': flows have schedulers"),
    "a score": (lambda: to(tiny("score")), ValueError, "'score': convert it first"),
    "noise at zero SNR": (lambda: to(schedule=ZERO_SNR), ValueError, "cannot start at zero"),
    "no schedule": (lambda: to(schedule=None), TypeError, "schedule must be a NoiseSchedule"),
    "another network": (lambda: to(md.MLP(2)), TypeError, "got MLP: md.interop.eps_model_to"),
    "a batch": (lambda: to(shape=BATCH), ValueError, "that of one picture"),
    "colours": (lambda: to(shape=(3, 8, 8)), ValueError, r"network's 1 channel\(s\)"),
    "a label": (lambda: to(y=1), ValueError, "takes no labels"),
    "labels": (lambda: to(labels=True), ValueError, "takes no labels"),
    "both": (lambda: to(tiny(classes=3), y=1, labels=True), ValueError, "leave y out"),
    "too large a label": (lambda: to(tiny(classes=3), y=4), IndexError, "y"),
    "heads": (
        lambda: to(tiny(heads=2, multipliers=(1, 2, 3))),
        ValueError,
        r"heads of \[8, 12\] channels",
    ),
    "a wide start": (lambda: to(tiny(multipliers=(2, 2))), ValueError, "begin with 1"),
    "patches": (lambda: to(tiny(patch=2)), ValueError, "patch must be 1"),
    "scaled times": (lambda: to(tiny(time_scale=1000)), ValueError, "time_scale must be 1"),
    "no model": (
        lambda: md.interop.eps_model_to_diffusers(3, SCHEDULE, shape=SHAPE),
        TypeError,
        "eps_model must be called",
    ),
    "another sampler": (
        lambda: md.interop.schedule_to_diffusers(SCHEDULE, sampler="heun"),
        ValueError,
        "one of 'ddpm', 'ddim'",
    ),
    "another variance": (
        lambda: md.interop.schedule_to_diffusers(SCHEDULE, variance="none"),
        ValueError,
        "variance must be one of",
    ),
    "DDIM, learned": (
        lambda: md.interop.schedule_to_diffusers(SCHEDULE, sampler="ddim", variance="learned"),
        ValueError,
        "goes with sampler='ddpm'",
    ),
    # from diffusers
    "Euler at zero SNR": (
        lambda: read(D.EulerDiscreteScheduler(rescale_betas_zero_snr=True)),
        ValueError,
        "its σ do not fall with the default betas; take DDIM",
    ),
    "ancestral Euler at zero SNR": (
        lambda: read(D.EulerAncestralDiscreteScheduler(rescale_betas_zero_snr=True)),
        ValueError,
        "infinite at zero terminal SNR",
    ),
    "Heun at zero SNR": (
        lambda: read(D.HeunDiscreteScheduler(2, trained_betas=[0.5, 1.0])),
        ValueError,
        "infinite at zero terminal SNR",
    ),
    "Karras": (
        lambda: read(D.DPMSolverMultistepScheduler(use_karras_sigmas=True)),
        ValueError,
        "has use_karras_sigmas",
    ),
    "a flow's scheduler": (
        lambda: read(D.FlowMatchEulerDiscreteScheduler()),
        TypeError,
        "that has betas",
    ),
    "a flow's prediction": (
        lambda: read(D.DPMSolverMultistepScheduler(prediction_type="flow_prediction")),
        ValueError,
        "got 'flow_prediction'",
    ),
    "a shifted SNR": (
        lambda: read(D.CogVideoXDDIMScheduler(snr_shift_scale=3.0)),
        ValueError,
        "not the products of 1 - betas",
    ),
    "fewer betas": (
        lambda: read(D.DDPMScheduler(trained_betas=[0.1, 0.2])),
        ValueError,
        "2 betas and num_train_timesteps = 1000",
    ),
    "another learned variance": (
        lambda: read(D.DDPMScheduler(variance_type="learned"), out_channels=2),
        ValueError,
        "'learned_range'",
    ),
    "three for one": (lambda: read(D.DDPMScheduler(), out_channels=3), ValueError, "got 1 and 3"),
    "σ": (
        lambda: read(D.DDPMScheduler(), time_embedding_type="fourier"),
        ValueError,
        "asked at σ",
    ),
    "times as labels": (
        lambda: read(D.DDPMScheduler(), class_embed_type="timestep"),
        ValueError,
        "class_embed_type must be None",
    ),
    "no UNet": (
        lambda: md.interop.from_diffusers(D.UNet1DModel.__new__(D.UNet1DModel), D.DDPMScheduler()),
        TypeError,
        "got UNet1DModel",
    ),
    "null without labels": (
        lambda: md.interop.from_diffusers(their_unet(), D.DDPMScheduler(), null=True),
        ValueError,
        "no num_class_embeds",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_refused(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()


def test_their_sigmas_do_not_fall_at_zero_terminal_snr():
    """What the refusal says, and only with the default betas: with ours, of T = 20, they do."""
    theirs = D.EulerDiscreteScheduler(rescale_betas_zero_snr=True)
    assert theirs.alphas_cumprod[-1] == 2**-24 > theirs.alphas_cumprod[-2]
    ours = D.EulerDiscreteScheduler(T, trained_betas=SCHEDULE.beta[1:].tolist())
    assert bool((ours.alphas_cumprod.diff() < 0).all())


X = torch.zeros(2, 1, 8, 8)
CALLS: dict[str, tuple[dict[str, Any], Any, type[Exception], str]] = {
    "t = 0": ({}, lambda net: net(X, 0), ValueError, "at least 1"),
    "y": ({}, lambda net: net(X, 1, y=0), ValueError, "takes no labels"),
    "no y": ({"num_class_embeds": 3}, lambda net: net(X, 1), ValueError, "wants a label: pass y="),
    "y too large": ({"num_class_embeds": 3}, lambda net: net(X, 1, y=3), IndexError, r"0\.\.2"),
    "guidance": (
        {"num_class_embeds": 3},
        lambda net: md.classifier_free_guidance(net, y=1, w=1.0)(X, torch.tensor([1, 1])),
        ValueError,
        "knows no 'no label'",
    ),
    "channels": ({}, lambda net: net(X[:, [0, 0]], 1), ValueError, r"1 channel\(s\)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_calls_of_their_network_are_refused(name):
    options, call, error, words = CALLS[name]
    net, _ = md.interop.from_diffusers(their_unet(**options), D.DDPMScheduler())
    with pytest.raises(error, match=words):
        call(net)


def test_their_network_is_not_saved_as_ours(tmp_path):
    net, schedule = md.interop.from_diffusers(their_unet(), D.DDPMScheduler())
    with pytest.raises(TypeError, match="cannot be written down"):
        md.weights.save(tmp_path / "net.safetensors", net, schedule, shape=SHAPE)


# ---- diffusers itself --------------------------------------------------------------------------


def test_without_diffusers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match="pip install diffusers"):
        md.interop.schedule_to_diffusers(SCHEDULE)


def test_diffusers_is_imported_when_it_is_needed():
    code = (
        "import sys, minidiff as md; before = 'minidiff.weights.interop' in sys.modules;"
        "found = md.interop; print(before, 'diffusers' in sys.modules, 'interop' in dir(md))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


def test_the_shift_is_one_number(monkeypatch):
    """Where it is another, both directions follow it."""
    monkeypatch.setattr(diffusers_unet, "SHIFT", 3)
    ours, x = tiny(), torch.randn(BATCH, generator=gen())
    pipeline = md.interop.to_diffusers(ours, SCHEDULE, shape=SHAPE)
    back, _ = md.interop.from_diffusers(pipeline.unet, pipeline.scheduler)
    with torch.no_grad():
        torch.testing.assert_close(pipeline.unet(x, 7).sample, ours(x, 10), **TOLERANCE)
        torch.testing.assert_close(back(x, 10), ours(x, 10), **TOLERANCE)
