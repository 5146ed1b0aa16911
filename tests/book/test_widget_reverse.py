"""The reverse explorer in a real browser: every control by keyboard, every number against Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from controls import (
    assert_agrees,
    assert_arrows,
    assert_shaded,
    choose,
    drawn,
    drive,
    log_mixture,
    places,
)
from interactives import CENTRES, figure

import minidiff as md


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 4; made once, for Python remembers the walks that it has taken."""
    return figure("reverse_explorer")


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with short walks."""
    return md.viz.reverse_explorer(CENTRES, 0.2, 50, points=40, t=20)


def test_it_agrees_with_python_wherever_its_controls_go(open_figure: Callable, widget: Any) -> None:
    root = open_figure(widget)
    assert assert_agrees(widget, root) == widget.state
    walks = (
        ("eight_gaussians", "1", "1"),
        ("eight_gaussians", "3", "none"),
        ("two_moons", "4", "2"),
        ("two_moons", "2", "3"),
    )
    for data, start, noise in walks:
        for name, value in (("data", data), ("start", start), ("noise", noise)):
            choose(root, name, value)
            assert_agrees(widget, root)
        ways = ["PageDown"] * 4, ["ArrowLeft"] * 2, ["Home"], ["PageUp"] * 3, ["End"]
        drive(widget, root, "t", *ways)


def assert_dots(root: Any, x: torch.Tensor) -> None:
    """The points that lie in the frame are drawn, the followed ones apart; the others are not."""
    inside = np.flatnonzero((x.abs() <= 3.2).all(1).numpy())
    order = [*inside[inside >= 8], *inside[inside < 8]]
    shown = np.concatenate([places(root, drawn(root, part)) for part in ("points", "followed")])
    np.testing.assert_allclose(shown, x[order], atol=0.01)


def test_it_draws_the_points_of_the_walk_and_their_guesses(
    open_figure: Callable, small: Any
) -> None:
    root = open_figure(small)
    x = small.walk("centres", 1, "1")[20]
    inside = np.flatnonzero((x.abs() <= 3.2).all(1).numpy())
    assert len(inside) > 30
    assert_dots(root, x)

    assert drawn(root, "guess") is None
    choose(root, "show", "guess")
    assert drawn(root, "score") is None
    guess = md.x0_from_eps(x, small.eps_model("centres")(x, 20), 20, small.schedule)
    ends = places(root, drawn(root, "guess")).reshape(-1, 2, 2)
    np.testing.assert_allclose(ends[:, 0], x[inside], atol=0.01)
    np.testing.assert_allclose(ends[:, 1], guess[inside], atol=0.01)


def test_it_leaves_out_points_that_lie_outside_the_frame(open_figure: Callable) -> None:
    widget = md.viz.reverse_explorer(CENTRES, 0.2, 50, points=100, t=40)
    root = open_figure(widget)
    x = widget.walk("centres", 1, "1")[40]
    assert not (x.abs() <= 3.2).all()
    assert_dots(root, x)
    choose(root, "show", "guess")
    guess = md.x0_from_eps(x, widget.eps_model("centres")(x, 40), 40, widget.schedule)
    ends = places(root, drawn(root, "guess")).reshape(-1, 2, 2)
    both = ((x.abs() <= 3.2) & (guess.abs() <= 3.2)).all(1)
    np.testing.assert_allclose(ends[:, 0], x[both], atol=0.01)
    # Nothing at all is drawn beyond the frame.
    choose(root, "noise", "none")
    for part in ("trail", "points", "followed", "guess"):
        assert np.abs(places(root, drawn(root, part))).max() <= 3.21


def test_the_arrows_are_the_score(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    eps_model, schedule = small.eps_model("centres"), small.schedule

    def score(x: torch.Tensor) -> torch.Tensor:
        return md.score_from_eps(x, eps_model(x, 20), 20, schedule)

    assert_arrows(root, "score", score, float(schedule.alpha_bar[20]))


def test_the_shading_is_the_density(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    a_bar = small.schedule.alpha_bar[20]
    var = a_bar * 0.2**2 + 1 - a_bar
    assert_shaded(root, lambda x: log_mixture(x, a_bar.sqrt() * CENTRES, var))


def test_trails_are_whole_only_where_they_are_smooth(open_figure: Callable, small: Any) -> None:
    root = open_figure(small)
    with_noise = places(root, drawn(root, "trail"))
    assert len(with_noise) == 8 * 4  # 50 steps: a twentieth, rounded up, is 3
    choose(root, "noise", "none")
    first = places(root, drawn(root, "trail"))[:31]
    walk = small.walk("centres", 1, "none")
    np.testing.assert_allclose(first, [walk[t][0].numpy() for t in range(50, 19, -1)], atol=0.01)
