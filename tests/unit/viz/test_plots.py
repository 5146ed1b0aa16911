"""The chapters' plots draw the numbers they are given, say what the axes are, and refuse the rest."""

import base64
import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

import minidiff as md
from minidiff.viz.style import DPI, INK, SHARP

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def images(n=5, channels=1, height=4, width=6):
    g = torch.Generator().manual_seed(0)
    return torch.rand(n, channels, height, width, generator=g) * 2 - 1


def drawn(axes):
    """The pictures on a pair of axes, by where they lie: (left, top) -> pixels."""
    return {(im.get_extent()[0], im.get_extent()[3]): im.get_array() for im in axes.get_images()}


@pytest.mark.parametrize("channels", [1, 3])
def test_show_grid_draws_each_image_row_by_row(channels):
    x = images(5, channels)
    figure = md.viz.show_grid(x, 3, titles=list("abcde"), title="all")
    (axes,) = figure.axes
    places = drawn(axes)
    wanted = ((x + 1) * 127.5).round().byte().permute(0, 2, 3, 1).expand(-1, -1, -1, 3)
    for image, (_, seen) in zip(
        wanted, sorted(places.items(), key=lambda p: p[0][::-1]), strict=True
    ):
        assert np.array_equal(seen, image)
    assert len({top for _, top in places}) == 2
    assert [t.get_text() for t in axes.texts] == list("abcde")
    assert axes.get_title() == "all"
    left, right, bottom, top = next(iter(axes.get_images())).get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(6 / 4)


def test_show_grid_is_about_square_and_cuts_what_lies_outside():
    figure = md.viz.show_grid(3 * images(9))
    places = drawn(figure.axes[0])
    assert len({top for _, top in places}) == len({left for left, _ in places}) == 3
    assert min(p.min() for p in places.values()) == 0
    assert max(p.max() for p in places.values()) == 255


def test_filmstrip_draws_rows_with_their_names_and_one_row_of_labels():
    x = images(4)
    axes = md.viz.filmstrip([x, -x], ["t = 0", "1", "2", "3"], rows=["linear", "cosine"]).axes[0]
    pictures = [p for _, p in sorted(drawn(axes).items(), key=lambda p: p[0][::-1])]
    assert len(pictures) == 8
    for first, second in zip(pictures[:4], pictures[4:], strict=True):
        assert np.abs(255 - first.astype(int) - second).max() <= 1
    words = [t.get_text() for t in axes.texts]
    assert words == ["t = 0", "1", "2", "3", "linear", "cosine"]
    assert len(drawn(md.viz.filmstrip(x).axes[0])) == 4


def test_plot_schedules_draws_the_tables():
    linear, cosine = md.linear_schedule(), md.cosine_schedule()
    figure = md.viz.plot_schedules({"a": linear, "b": cosine})
    for axes, attribute, first in zip(
        figure.axes, ("beta", "alpha_bar", "snr"), (1, 0, 1), strict=True
    ):
        for line, s in zip(axes.lines, (linear, cosine), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(first, 1001))
            np.testing.assert_array_equal(line.get_ydata(), getattr(s, attribute)[first:])
        assert axes.get_xlabel() == "$t$"
        assert axes.get_ylabel()
    assert figure.axes[2].get_yscale() == "log"
    assert [t.get_text() for t in figure.axes[1].get_legend().texts] == ["a", "b"]


def test_plot_schedules_of_different_lengths_share_an_axis():
    figure = md.viz.plot_schedules({"a": md.cosine_schedule(10), "b": md.cosine_schedule(1000)})
    assert [line.get_xdata()[-1] for line in figure.axes[0].lines] == [1, 1]
    assert figure.axes[0].get_xlabel() == "$t / T$"
    assert len(md.viz.plot_schedules(md.cosine_schedule(10)).axes[0].lines) == 1


def test_plot_points_draws_all_sets_on_one_scale():
    g = torch.Generator().manual_seed(0)
    sets = {name: md.data.toy(name, 50, generator=g) for name in md.data.TOY}
    figure = md.viz.plot_points(sets, ncol=3)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(sets)
    for axes, x in zip(shown, sets.values(), strict=True):
        np.testing.assert_allclose(axes.collections[0].get_offsets(), x)
        assert axes.get_xlim() == shown[0].get_xlim() == axes.get_ylim()
        assert x.abs().max() < axes.get_xlim()[1]
    assert md.viz.plot_points(torch.zeros(3, 2), limit=2.5).axes[0].get_xlim() == (-2.5, 2.5)


def test_plot_losses_draws_the_running_mean():
    losses = np.random.default_rng(0).gamma(2, size=200) + 0.1
    figure = md.viz.plot_losses(losses.tolist(), window=20)
    raw, mean = figure.axes[0].lines
    np.testing.assert_allclose(raw.get_ydata(), losses)
    np.testing.assert_allclose(mean.get_ydata(), np.convolve(losses, np.ones(20) / 20, "valid"))
    assert mean.get_xdata()[[0, -1]].tolist() == [20, 200]
    assert mean.get_label() == "mean of 20 steps"
    assert figure.axes[0].get_yscale() == "log"
    assert "plateau is normal" in figure.get_supxlabel()
    assert len(md.viz.plot_losses([0.5]).axes[0].lines[1].get_ydata()) == 1


def test_a_figure_that_ends_a_cell_is_shown_once(monkeypatch):
    import IPython.display
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, metadata, **_: shown.append((data, metadata))
    )
    figure = md.viz.show_grid(images())
    assert plt.get_fignums() == [figure.number]
    figure._ipython_display_()
    assert plt.get_fignums() == []  # nothing is left for the end of the cell
    ((data, metadata),) = shown
    assert sorted(data) == ["image/png", "text/plain"]
    assert "0x" not in data["text/plain"]
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as picture:
        wide, high = picture.size
        assert picture.mode == "RGBA"
        assert picture.getpixel((0, 0))[3] == 0, "the ground is clear"
        assert round(picture.info["dpi"][0]) == SHARP * DPI
    assert metadata == {"image/png": {"width": wide // 2, "height": high // 2}}


def test_words_and_axes_are_drawn_in_ink_alone():
    """So that the book can draw them lighter on its dark pages."""
    figure = md.viz.plot_schedules(md.linear_schedule())
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    grey = (np.ptp(pixels[..., :3].astype(int), axis=-1) < 20) & (pixels[..., 3] > 200)
    ink = np.abs(pixels[grey][:, :3].astype(int) - [0x71, 0x77, 0x80]).max(axis=-1)
    assert grey.sum() > 1000
    assert (ink <= 3).mean() > 0.97


def test_use_style_is_for_all_plots_from_here_on():
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        md.viz.use_style()
        figure, axes = plt.subplots()
        axes.set_xlabel("t")
        assert figure.get_facecolor()[3] == axes.get_facecolor()[3] == 0
        assert axes.xaxis.label.get_color() == INK
        assert matplotlib.colors.to_hex("C6").lower() == INK.lower()


def test_in_a_notebook_figures_are_twice_as_sharp(monkeypatch):
    from matplotlib_inline import backend_inline

    asked = []
    monkeypatch.setattr(backend_inline, "set_matplotlib_formats", asked.append)
    with matplotlib.rc_context():
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
        md.viz.use_style()
        assert asked == []
        monkeypatch.setitem(sys.modules, "ipykernel", matplotlib)
        md.viz.use_style()
    assert asked == ["retina"]


def test_plots_leave_matplotlib_s_settings_alone():
    before = dict(matplotlib.rcParams)
    md.viz.plot_losses([1.0, 2.0])
    md.viz.show_grid(images())
    assert dict(matplotlib.rcParams) == before


def test_importing_the_plots_does_not_import_matplotlib():
    code = "import sys, minidiff.viz; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda v: v.show_grid(images()[0]), ValueError, r"images must be \(N, C, H, W\)"),
        (lambda v: v.show_grid(images(channels=2)), ValueError, "C = 1 or 3"),
        (lambda v: v.show_grid(images().byte()), TypeError, "images must hold floating"),
        (lambda v: v.show_grid(images(), 0), ValueError, "ncol must be at least 1"),
        (lambda v: v.show_grid(images(), titles=["a"]), ValueError, "titles must hold 5 strings"),
        (lambda v: v.filmstrip([]), ValueError, "images is an empty list"),
        (lambda v: v.filmstrip([images(), images(4)]), ValueError, r"images\[1\] has \(4"),
        (lambda v: v.filmstrip([images(), images().long()]), TypeError, r"images\[1\] must hold"),
        (lambda v: v.filmstrip(images(), ["a"]), ValueError, "labels must hold 5"),
        (lambda v: v.filmstrip(images(), rows=["a", "b"]), ValueError, "rows must hold 1"),
        (lambda v: v.plot_schedules({}), ValueError, "schedules is empty"),
        (lambda v: v.plot_schedules({"a": [0.1]}), TypeError, r"schedules\['a'\] must be a Noise"),
        (lambda v: v.plot_points({}), ValueError, "points is empty"),
        (
            lambda v: v.plot_points(torch.zeros(3, 3)),
            ValueError,
            r"points must have shape \(N, 2\)",
        ),
        (lambda v: v.plot_points({"a": torch.zeros(2)}), ValueError, r"points\['a'\] must have"),
        (lambda v: v.plot_points(torch.zeros(1, 2), limit=-1.0), ValueError, "limit"),
        (lambda v: v.plot_losses([]), ValueError, "one number a step"),
        (lambda v: v.plot_losses([1.0, float("nan")]), ValueError, r"losses\[1\] = nan"),
        (lambda v: v.plot_losses([1.0, 0.0]), ValueError, r"losses\[1\] = 0"),
        (lambda v: v.plot_losses([1.0], window=0), ValueError, "window must be at least 1"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call(md.viz)
