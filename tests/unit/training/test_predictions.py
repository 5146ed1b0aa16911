"""What a network predicts: told by the loss, kept with the run, obeyed by grids, command line and load."""

import functools
import sys
import types

import matplotlib.image
import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.__main__ import main
from minidiff.nn import Denoiser
from minidiff.training.objective import taught_by
from minidiff.training.preview import can_preview

SCHEDULE = md.linear_schedule()
PIXELS = 4
PICTURE = torch.linspace(-1, 1, PIXELS * PIXELS).reshape(1, 1, PIXELS, PIXELS)
EQUAL = PICTURE.expand(16, 1, PIXELS, PIXELS).clone()
QUICK = {"batch": 16, "warmup": 10, "ema": 0.9, "progress": False, "device": "cpu"}
LOSSES = {
    **{kind: functools.partial(md.simple_loss, kind=kind) for kind in ("eps", "x0", "v", "score")},
    "velocity": md.flow.matching_loss,
}


class Known(Denoiser):
    """Knows one picture, its only weights, and answers in closed form what it is made to answer."""

    def __init__(self, answers: str) -> None:
        super().__init__()
        self.channels = 1
        self.answers = answers
        self.picture = nn.Parameter(torch.zeros(1, 1, PIXELS, PIXELS))

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        if self.answers == "velocity":
            return (self.picture - x) / (1 - t).reshape(-1, 1, 1, 1).clamp(min=1e-3)
        picture = self.picture.expand_as(x)
        return md.convert(picture, x, t, SCHEDULE, source="x0", target=self.answers)


@pytest.fixture
def known(monkeypatch) -> type[Known]:
    """The class, as if it stood in a file of the library: only there load looks for it."""
    home = types.ModuleType("minidiff.systems.known")
    home.Known = Known
    monkeypatch.setitem(sys.modules, home.__name__, home)
    monkeypatch.setattr(Known, "__module__", home.__name__)
    return Known


def tiles(path) -> torch.Tensor:
    """The pictures of a sheet in [-1, 1], shape (N, H, W)."""
    sheet = torch.from_numpy(matplotlib.image.imread(path)[..., 0].copy())
    sheet = sheet[::4, ::4][1:, 1:]  # a pixel is 4 × 4, and between pictures runs a line
    rows = [row[:PIXELS] for row in sheet.split(PIXELS + 1)]
    return (
        torch.stack([tile[:, :PIXELS] for row in rows for tile in row.split(PIXELS + 1, 1)]) * 2 - 1
    )


def error(path) -> float:
    return float((tiles(path) - PICTURE[0]).square().mean().sqrt())


def schedule_for(kind: str) -> md.NoiseSchedule | None:
    return None if kind == "velocity" else SCHEDULE


@pytest.mark.parametrize("kind", sorted(LOSSES))
def test_grid_command_line_and_load_obey(kind, known, tmp_path):
    run = md.train(
        known(kind), EQUAL, LOSSES[kind], schedule=schedule_for(kind), steps=300, lr=0.1,
        out=tmp_path / "run", sample_every=300, **QUICK,
    )  # fmt: skip
    assert run.raw_net.predicts == run.net.predicts == kind
    assert error(tmp_path / "run" / "samples" / "step_000300.png") < 1e-2
    out = tmp_path / "x.png"
    assert main(["sample", str(tmp_path / "run"), "--n", "20", "--out", str(out)]) == 0
    assert error(out) < 1e-2
    net, _ = md.load(tmp_path / "run")
    assert net.predicts == kind


@pytest.mark.parametrize("kind", ["x0", "v"])
def test_a_run_goes_on_with_what_it_predicts(kind, known, tmp_path):
    given = {"schedule": SCHEDULE, "steps": 4, "out": tmp_path, **QUICK}
    md.train(known(kind), EQUAL, LOSSES[kind], **given)
    run = md.train(known(kind), EQUAL, LOSSES[kind], **given)
    assert run.net.predicts == kind
    other = known(kind)
    other.predicts = "eps"
    with pytest.raises(ValueError, match=f"predicts: {kind} in the folder, eps now"):
        md.train(other, EQUAL, **given)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["x0"])
def test_a_small_unet_on_sixteen_equal_pictures(kind, tmp_path):
    net = md.TinyUNet(1, width=8, multipliers=(1,))
    md.train(
        net, EQUAL, LOSSES[kind], schedule=SCHEDULE, steps=300, lr=1e-2, precision="fp32",
        out=tmp_path / "run", sample_every=300, **{**QUICK, "ema": 0.97},
    )  # fmt: skip
    assert error(tmp_path / "run" / "samples" / "step_000300.png") < 1e-2
    out = tmp_path / "x.png"
    assert main(["sample", str(tmp_path / "run"), "--n", "20", "--out", str(out)]) == 0
    assert error(out) < 1e-2


# ---- who says it -----------------------------------------------------------------------------------


def plain(net, x_0, schedule, *, generator=None):
    """A loss that says nothing."""
    return md.simple_loss(net, x_0, schedule, kind="eps", generator=generator)


def marked(net, x_0, schedule, *, generator=None):
    """A loss that says what it teaches."""
    return md.simple_loss(net, x_0, schedule, kind="x0", generator=generator)


marked.teaches = "x0"


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (md.simple_loss, "v"),  # the network's word
        (functools.partial(md.simple_loss, kind="x0"), "x0"),
        (functools.partial(md.simple_loss, kind=None), "v"),
        (functools.partial(functools.partial(md.simple_loss, kind="eps"), label_dropout=0), "eps"),
        (md.hybrid_loss, "eps"),
        (md.vlb_loss, "eps"),
        (functools.partial(md.hybrid_loss, vlb_weight=1.0), "eps"),
        (md.flow.matching_loss, "velocity"),
        (functools.partial(md.flow.matching_loss, coupling="ot"), "velocity"),
        (md.flow.pair_loss, "velocity"),
        (md.noisy_classifier_loss, "v"),
        (marked, "x0"),
        (functools.partial(marked), "x0"),
        (plain, "v"),
        (torch.add, "v"),  # its signature cannot be read
    ],
)
def test_the_loss_says_it_or_else_the_network(loss, said):
    net = md.MLP(2, width=16, depth=1)
    net.predicts = "v"
    assert taught_by(loss, net) == said


def test_a_module_that_says_nothing_is_told():
    net = nn.Linear(2, 2)
    assert taught_by(plain, net) is None
    assert taught_by(md.simple_loss, net) == "eps"


class Foreign(nn.Module):
    """Not derived from anything of the library."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x, t):
        return self.layer(x)


def points_run(net, loss, **changes):
    x = torch.linspace(-1, 1, 64).reshape(32, 2)
    given = {"schedule": SCHEDULE, "steps": 1, **QUICK, **changes}
    return md.train(net, x, loss, **given)


def test_a_foreign_module_is_told_too(tmp_path):
    run = points_run(Foreign(), LOSSES["v"], out=tmp_path)
    assert run.net.predicts == run.raw_net.predicts == "v"
    assert md.load(tmp_path, net=Foreign())[0].predicts == "v"


def test_a_loss_that_says_nothing_leaves_the_network_as_it_is(tmp_path):
    run = points_run(Foreign(), plain, out=tmp_path)
    assert not hasattr(run.net, "predicts")
    assert not hasattr(md.load(tmp_path, net=Foreign())[0], "predicts")
    net = md.MLP(2, width=16, depth=1)
    net.predicts = "score"
    assert points_run(net, plain).net.predicts == "score"


def test_what_the_class_states_and_the_loss_does_not_teach_is_refused():
    class States(Foreign):
        predicts = "v"

    with pytest.raises(ValueError, match="matching_loss teaches 'velocity', but the class States"):
        points_run(States(), md.flow.matching_loss, schedule=None)
    assert points_run(States(), LOSSES["v"]).net.predicts == "v"
    assert points_run(States(), md.simple_loss).net.predicts == "v"


def test_what_an_earlier_training_said_gives_way_to_the_loss():
    run = points_run(md.MLP(2, width=16, depth=1), LOSSES["x0"])
    assert points_run(run.raw_net, LOSSES["v"]).net.predicts == "v"


def test_a_word_that_is_no_prediction_is_refused():
    def wrong(net, x_0, schedule, *, generator=None):
        return x_0.sum()

    wrong.teaches = "noise"
    with pytest.raises(ValueError, match="what the loss teaches must be one of 'eps', 'x0'"):
        points_run(Foreign(), wrong)


# ---- what draws the grid ---------------------------------------------------------------------------


def test_no_grid_where_noise_says_nothing_of_the_picture(known, tmp_path):
    """With a zero terminal SNR the first step of the walk has no noise to go by."""
    zero = md.rescale_zero_terminal_snr(SCHEDULE)
    given = {"steps": 1, "sample_every": 1, **QUICK}
    md.train(known("x0"), EQUAL, LOSSES["eps"], schedule=zero, out=tmp_path / "eps", **given)
    assert not (tmp_path / "eps" / "samples").exists()
    md.train(known("x0"), EQUAL, LOSSES["x0"], schedule=zero, out=tmp_path / "x0", **given)
    assert (tmp_path / "x0" / "samples" / "step_000001.png").exists()


def bright(net, schedule, noise, **told):
    """A sampler of one's own."""
    seen.append(told)
    return torch.ones_like(noise)


seen = []


def test_a_sampler_of_ones_own_draws_the_grid(known, tmp_path):
    seen.clear()
    md.train(
        known("eps"), EQUAL, schedule=SCHEDULE, steps=1, sample=bright, sample_every=1,
        out=tmp_path, **QUICK,
    )  # fmt: skip
    assert (tiles(tmp_path / "samples" / "step_000001.png") == 1).all()
    assert seen[0].keys() == {"steps", "w", "generator"}


def test_what_is_no_picture_is_not_written(tmp_path):
    points_run(Foreign(), LOSSES["x0"], sample=bright, sample_every=1, out=tmp_path)
    assert not (tmp_path / "samples").exists()


def test_the_command_line_draws_by_the_runs_own_sampler(known, tmp_path, monkeypatch):
    """If it is the library's: one from elsewhere is not imported, and the usual one takes its place."""
    given = {"schedule": SCHEDULE, "steps": 1, "sample": bright, **QUICK}
    md.train(known("eps"), EQUAL, out=tmp_path / "outside", **given)
    monkeypatch.setattr(sys.modules[known.__module__], "bright", bright, raising=False)
    monkeypatch.setattr(bright, "__module__", known.__module__)
    md.train(known("eps"), EQUAL, out=tmp_path / "inside", **given)
    out = tmp_path / "x.png"
    for run, drawn in (("inside", True), ("outside", False)):
        assert main(["sample", str(tmp_path / run), "--n", "2", "--out", str(out)]) == 0
        assert bool((tiles(out) == 1).all()) is drawn


@pytest.mark.parametrize(
    ("predicts", "schedule", "shape", "can"),
    [
        ("velocity", None, (1, 8, 8), True),
        ("velocity", SCHEDULE, (1, 8, 8), True),
        ("eps", SCHEDULE, (1, 8, 8), True),
        ("eps", None, (1, 8, 8), False),
        ("x0", None, (1, 8, 8), False),
        (None, SCHEDULE, (1, 8, 8), False),
        ("eps", md.rescale_zero_terminal_snr(SCHEDULE), (1, 8, 8), False),
        ("score", md.rescale_zero_terminal_snr(SCHEDULE), (1, 8, 8), False),
        ("v", md.rescale_zero_terminal_snr(SCHEDULE), (1, 8, 8), True),
        ("x0", md.rescale_zero_terminal_snr(SCHEDULE), (1, 8, 8), True),
        ("eps", SCHEDULE, (3, 8, 8), True),
        ("eps", SCHEDULE, (4, 8, 8), False),
        ("eps", SCHEDULE, (8,), False),
    ],
)
def test_grids_are_drawn_where_the_walk_gives_pictures(predicts, schedule, shape, can):
    net = torch.nn.Identity()
    net.predicts = predicts
    assert can_preview(net, schedule, shape) is can
