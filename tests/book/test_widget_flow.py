"""The flow explorer in a real browser: every control by keyboard, every number against Python."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from controls import (
    assert_agrees,
    assert_shaded,
    choose,
    curve,
    drawn,
    drive,
    log_mixture,
    places,
    press,
    slider,
)
from interactives import CENTRES, figure

import minidiff as md


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 21; made once, for Python remembers the walks that it has taken."""
    return figure("flow_explorer")


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with few particles."""
    return md.viz.flow_explorer(CENTRES, 0.2, steps=5, t=0.52, points=20, particle=3, seed=2)


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    for path, compare in (("vp", "pairs"), ("trigonometric", "none"), ("ot", "exact")):
        choose(root, "path", path)
        assert_agrees(widget, root)
        choose(root, "compare", compare)
        assert_agrees(widget, root)
        for name in ("steps", "t", "particle"):
            ways = ["Home"], ["PageUp"] * 3, ["ArrowRight"] * 2, ["End"], ["ArrowLeft"]
            drive(widget, root, name, *ways)


def assert_drawn(root: Any, parts: tuple[str, str], points: Any, followed: int) -> None:
    """A part shows all of the points but the followed one, and its neighbour shows that."""
    inside = (points.abs() <= 3.2).all(1)
    assert inside[followed]
    inside[followed] = False
    np.testing.assert_allclose(places(root, drawn(root, parts[0])), points[inside], atol=0.01)
    np.testing.assert_allclose(
        places(root, drawn(root, parts[1]))[-1:], points[followed : followed + 1], atol=0.01
    )


def test_it_draws_the_particles_and_what_they_are_compared_with(
    open_figure: Callable, small: Any
) -> None:
    root = open_figure(small)
    walk, exact = small.walk("ot", 5), small.exact("ot")
    here = walk[2] + 0.6 * (walk[3] - walk[2])  # t = 0.52 is 0.6 of the third step
    assert_drawn(root, ("points", "followed"), here, 2)
    way = [*(x[2] for x in walk[:3]), here[2]]
    np.testing.assert_allclose(
        places(root, drawn(root, "followed-way")), torch.stack(way), atol=0.01
    )

    assert_drawn(root, ("compare-now", "compare-followed-now"), exact[52], 2)
    fine = torch.stack([x[2] for x in exact[::4]])
    np.testing.assert_allclose(places(root, drawn(root, "compare-followed")), fine, atol=0.01)

    choose(root, "compare", "pairs")
    assert_drawn(root, ("compare-now", "compare-followed-now"), small.pairs("ot", 0.52), 2)
    ends = places(root, drawn(root, "compare-followed"))[[0, -1]]
    wanted = torch.stack([small.noise[2], small.pairs("ot", 1)[2]])
    np.testing.assert_allclose(ends, wanted, atol=0.01)

    choose(root, "path", "vp")
    assert_drawn(root, ("compare-now", "compare-followed-now"), small.pairs("vp", 0.52), 2)
    choose(root, "compare", "none")
    assert drawn(root, "compare") is drawn(root, "compare-now") is None


def test_ways_break_where_they_leave_the_frame(open_figure: Callable) -> None:
    widget = md.viz.flow_explorer(CENTRES, 0.2, steps=5, t=0.2, points=200, particle=3, seed=1)
    out = (widget.noise.abs() > 3.2).any(1)
    assert out.any()
    root = open_figure(widget)
    for part in ("ways", "points", "compare", "compare-now"):
        assert np.abs(places(root, drawn(root, part))).max() <= 3.21, part
    # Those that start outside are drawn where they are inside.
    inside = int((widget.walk("ot", 5)[1].abs() <= 3.2).all(1).sum())
    assert len(places(root, drawn(root, "points"))) == inside - 1


@pytest.mark.parametrize("path", ["ot", "vp", "trigonometric"])
def test_the_shading_is_the_density_of_the_exact_flow(
    open_figure: Callable, small: Any, path: str
) -> None:
    root = open_figure(small)
    choose(root, "path", path)
    a = {
        "ot": 0.52,
        "vp": math.exp(-(0.1 * 0.48 + 19.9 / 2 * 0.48**2) / 2),
        "trigonometric": math.sin(0.26 * math.pi),
    }[path]
    b2 = 0.48**2 if path == "ot" else 1 - a**2
    assert_shaded(root, lambda x: log_mixture(x, a * CENTRES, a**2 * 0.2**2 + b2))


def test_the_plot_says_the_error_of_each_path(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    plot = root.locator(".mdw-plot svg[role=img]")
    press(slider(root, "steps"), "ArrowRight", "ArrowRight")
    label = plot.get_attribute("aria-label")
    assert "With 7:" in label
    errors = [small.readout(path=p, steps=7)["error"] for p in ("ot", "vp", "trigonometric")]
    assert re.findall(r"\d\.\d{3}", label) == errors
    # One place for each number of steps, and the curve's height is the error's logarithm.
    n = np.arange(1, 51)
    for path, kind in (("ot", "mdw-a"), ("vp", "mdw-b"), ("trigonometric", "mdw-c")):
        along, y = curve(plot, kind)
        np.testing.assert_allclose(along, np.log(n) / np.log(50), atol=0.001)
        at = [math.log10(float(small.readout(path=path, steps=k)["error"])) for k in (1, 4, 16)]
        drops = (y[0] - y[3], y[0] - y[15])
        scale = drops[1] / (at[0] - at[2])
        assert drops[0] / scale == pytest.approx(at[0] - at[1], abs=0.03)
    curves = plot.locator("path.mdw-curve")
    before = curves.nth(0).get_attribute("d")
    choose(root, "path", "vp")  # the curves stay; the dot goes to another
    assert curves.nth(0).get_attribute("d") == before
    assert "mdw-b" in plot.locator("circle").get_attribute("class")
