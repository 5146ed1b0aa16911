"""The live faces of the chapters' figures: their controls, and that Python's answers are the library's."""

import pytest
import torch

import minidiff as md
from minidiff.viz.kernel.box import LiveBox

T = 40


def quadratic(T):
    return torch.linspace(0.02, 0.5, T) ** 2


def as_schedule(T):
    return md.NoiseSchedule(quadratic(T))


MAKERS = {
    "beta_explorer": lambda: md.viz.beta_explorer(T=100),
    "schedule_explorer": lambda: md.viz.schedule_explorer(T=100),
    "noise_explorer": lambda: md.viz.noise_explorer(T=T),
    "live_digits": lambda: md.viz.live_digits(steps=10),
    "live_walk": lambda: md.viz.live_walk(steps=10),
    "live_ddim": lambda: md.viz.live_ddim(steps=5),
    "live_guidance": md.viz.live_guidance,
    "live_flow": lambda: md.viz.live_flow(steps=2),
}


@pytest.fixture(params=MAKERS)
def page(request):
    return MAKERS[request.param]()


def test_a_page_shows_the_figure_itself(page):
    box = page.live()
    assert isinstance(box, LiveBox)
    assert box._repr_html_() == page._repr_html_()
    assert repr(box) == f"<minidiff live box: {repr(page)[1:-1]}, in a kernel>"


def test_without_anything_of_ones_own_it_says_what_the_page_says(page):
    box = page.live()
    state = {name: x for name, x in box.state.items() if name in page.state}
    state.pop("noise", None)
    last = {"frame": page.length(page.state)} if "frame" in page.state else {}
    assert box.shown.values == page.readout(**state, **last)


def test_every_control_can_be_moved_to_each_of_its_ends(page):
    box = page.live()
    for name, control in box.controls.items():
        first = box.state[name]
        if name == "file":
            continue
        ends = (
            [control.low, control.end(box.state)]
            if hasattr(control, "low")
            else [*control.options.values()]
        )
        for value in (ends[0], ends[-1]):
            assert box.move(**{name: value}).picture.startswith("<svg ")
        box.move(**{name: first})


@pytest.mark.parametrize("own", [quadratic, as_schedule, lambda T: quadratic(T).tolist()])
def test_a_schedule_that_was_typed_stands_beside_those_that_ship(own):
    beta = quadratic(100).double()
    wanted = md.NoiseSchedule(beta)
    box = md.viz.beta_explorer(T=100).live(mine=own)
    assert box.state["schedule"] == "mine"
    assert box.shown.values["alpha_bar_t"] == f"{float(wanted.alpha_bar[50]):.4f}"
    assert (
        "of the mine schedule" in box.shown.picture or "of the custom schedule" in box.shown.picture
    )
    assert (
        box.move(schedule="cosine").values
        == md.viz.beta_explorer(T=100, schedule="cosine").readout()
    )
    assert list(box.controls["schedule"].options) == ["linear", "cosine", "mine"]


def test_it_is_asked_again_for_every_T():
    asked = []

    def mine(T):
        asked.append(T)
        return quadratic(T)

    box = md.viz.beta_explorer(T=100).live(mine=mine)
    asked.clear()
    box.move(T=200)
    assert set(asked) == {200}
    assert box.state["t"] == 100


def test_two_rows_and_one_of_them_typed():
    box = md.viz.schedule_explorer(T=100).live(mine=quadratic)
    assert (box.state["top"], box.state["bottom"]) == ("linear", "mine")
    left = md.NoiseSchedule(quadratic(100)).alpha_bar[50]
    assert box.shown.values["alpha_bar_t_bottom"] == f"{float(left):.4f}"
    assert ">mine</text>" in box.shown.picture
    assert "mine" not in md.viz.schedule_explorer(T=100).menu


def test_a_picture_under_all_schedules():
    box = md.viz.noise_explorer(T=T).live(mine=quadratic)
    assert all(f">{name}</text>" in box.shown.picture for name in ("linear", "cosine", "mine"))
    wanted = md.NoiseSchedule(quadratic(T))
    assert box.move(t=T // 2).values["alpha_bar_t"] == f"{float(wanted.alpha_bar[T // 2]):.4f}"


def test_a_picture_from_a_file_is_noised():
    page = md.viz.noise_explorer(T=T, t=0, view="straight")
    box = page.live()
    white = torch.ones(1, 1, 28, 28)
    assert box.move(file=white).values["mean"] == "1.000"
    assert box.state["picture"] == len(page.labels)
    assert box.move(picture=0).values == page.readout()
    assert box.move(picture=len(page.labels)).values["mean"] == "1.000"
    with_t = box.move(t=10).values
    x = md.viz.noise_explorer(white, T=T, t=10, view="straight").readout()
    assert with_t == x


def test_a_file_fits_pictures_of_any_shape():
    page = md.viz.noise_explorer(torch.zeros(1, 1, 6, 9), T=T, t=0)
    assert page.live().move(file=torch.ones(1, 1, 9, 9)).values["mean"] == "1.000"


def test_before_there_is_a_file_ones_own_picture_is_grey():
    page = md.viz.noise_explorer(T=T, t=0)
    assert page.live().move(picture=len(page.labels)).values["mean"] == "0.000"


@pytest.mark.parametrize("view", ["chain", "straight", "compare"])
def test_views(view):
    box = md.viz.noise_explorer(T=T, view=view).live()
    assert box.state["view"] == ("straight" if view == "compare" else view)


@pytest.mark.parametrize(
    "make", [md.viz.beta_explorer, md.viz.noise_explorer, md.viz.schedule_explorer]
)
@pytest.mark.parametrize(
    ("own", "error", "words"),
    [
        ({"mine": 3}, TypeError, "mine must be a function"),
        ({"linear": quadratic}, ValueError, "there is a schedule 'linear' already"),
        (
            {"mine": lambda T: torch.full((T,), 2.0)},
            ValueError,
            r"beta_1 = 2.0 is outside \(0, 1\)",
        ),
        (
            {"mine": lambda T: quadratic(T + 1)},
            ValueError,
            r"mine\(100\) gave 101 steps; it must give β_1..β_T",
        ),
        ({"mine": lambda T: "words"}, TypeError, "."),
    ],
)
def test_what_is_no_schedule_is_refused(make, own, error, words):
    with pytest.raises(error, match=words):
        make(T=100).live(**own)


def perfect(x_t, t):
    """The noise in x_t if all data were one grey."""
    left = md.linear_schedule().alpha_bar[t].float()[:, None, None, None]
    return (x_t - left.sqrt() * 0.5) / (1 - left).sqrt()


def test_a_network_of_ones_own_draws():
    box = md.viz.live_ddim(steps=5).live(perfect)
    assert box.shown.values["apart"] == "0.00"
    assert box.shown.values["calls"] == "5"


def test_it_is_told_the_label_if_it_has_labels():
    told = []

    class Net(torch.nn.Module):
        null_label, predicts = 10, "x0"

        def forward(self, x, t, y=None):
            told.append(y.tolist())
            return torch.zeros_like(x)

    md.viz.live_guidance(label=4, w=0.0).live(Net())
    assert told[0] == [4] * 4


def test_what_it_predicts_is_obeyed():
    class Zeros(torch.nn.Module):
        predicts = "x0"

        def forward(self, x, t):
            return torch.zeros_like(x)

    box = md.viz.live_ddim(steps=5).live(Zeros())
    assert box.shown.values["apart"] == "0.00"


def test_a_network_without_layers_is_one_too():
    class Zeros(torch.nn.Sequential):  # its length is 0, which is false
        predicts = "x0"

        def forward(self, x, t):
            return torch.zeros_like(x)

    assert md.viz.live_ddim(steps=5).live(Zeros()).shown.values["apart"] == "0.00"


def test_noises_without_end_and_each_its_own():
    for make in (md.viz.live_guidance, lambda: md.viz.live_ddim(steps=5)):
        box = make().live()
        first = box.shown.picture
        assert box.move(noise=9).picture != first
        assert box.move(noise=1).picture == first
        assert box.controls["noise"].high == 100


def test_a_later_noise_is_that_of_a_later_seed():
    wanted = md.viz.live_flow(steps=2, seed=4).live().shown
    assert md.viz.live_flow(steps=2, seed=1).live().move(noise=4) == wanted


def test_a_schedule_of_ones_own_for_the_figures_network():
    cosine = md.cosine_schedule()
    box = md.viz.live_walk(steps=10).live(schedule=cosine)
    assert box.shown.picture != md.viz.live_walk(steps=10).live().shown.picture


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((3,), TypeError, "eps_model must be a function, got 3"),
        ((None, "linear"), TypeError, "schedule"),
        (
            (None, md.linear_schedule(49, rescale=True)),
            ValueError,
            "T = 49, but the figure's walks take up to 50",
        ),
    ],
)
def test_what_cannot_draw_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        md.viz.live_ddim(steps=5).live(*arguments)


def test_a_flow_of_ones_own():
    box = md.viz.live_flow(steps=1).live(lambda x, t: -x)
    assert box.shown.picture != md.viz.live_flow(steps=1).live().shown.picture
    with pytest.raises(TypeError, match="velocity_model must be a function"):
        md.viz.live_flow(steps=1).live(3)


def test_a_figure_remembers_so_many_walks(monkeypatch):
    from minidiff.viz import live_figure

    monkeypatch.setattr(live_figure, "MOST_WALKS", 3)
    box = md.viz.live_flow(steps=1).live(lambda x, t: -x)
    pictures = {noise: box.move(noise=noise).picture for noise in range(1, 7)}
    assert len(set(pictures.values())) == 6
    assert box.move(noise=1).picture == pictures[1]
