"""The reverse explorer in a real browser: every control by keyboard, every number against Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from controls import (
    assert_agrees,
    choose,
    drawn,
    frame,
    opacity,
    places,
    press,
    shaded,
    slider,
    state,
    steps_along,
)
from interactives import figure

import minidiff as md

MEANS = torch.tensor([[1.2, 0.4], [-1.0, 0.8], [0.1, -1.4]])


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 4; made once, for Python remembers the walks that it has taken."""
    return figure("reverse_explorer")


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with short walks."""
    return md.viz.reverse_explorer(MEANS, 0.2, 50, points=40, t=20)


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-reverse_explorer")
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
        for keys in (["PageDown"] * 4, ["ArrowLeft"] * 2, ["Home"], ["PageUp"] * 3, ["End"]):
            before = state(widget, root)["t"]
            press(slider(root, "t"), *keys)
            assert assert_agrees(widget, root)["t"] != before, f"{keys} did not move t"
    visit.assert_clean()


def test_it_draws_the_points_of_the_walk_and_their_guesses(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    x = small.walk("centres", 1, "1")[20]
    inside = np.flatnonzero((x.abs() <= 3.2).all(1).numpy())
    assert len(inside) > 30
    order = [*inside[inside >= 8], *inside[inside < 8]]
    shown = np.concatenate([places(root, drawn(root, part)) for part in ("points", "followed")])
    np.testing.assert_allclose(shown, x[order], atol=0.01)

    assert drawn(root, "guess") is None
    choose(root, "show", "guess")
    assert drawn(root, "score") is None
    guess = md.x0_from_eps(x, small.eps_model("centres")(x, 20), 20, small.schedule)
    ends = places(root, drawn(root, "guess")).reshape(-1, 2, 2)
    np.testing.assert_allclose(ends[:, 0], x[inside], atol=0.01)
    np.testing.assert_allclose(ends[:, 1], guess[inside], atol=0.01)


def test_the_arrows_are_the_score(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    d = drawn(root, "score")
    starts = torch.from_numpy(places(root, d))
    assert len(starts) == 225
    along = steps_along(d)
    score = md.score_from_eps(starts, small.eps_model("centres")(starts, 20), 20, small.schedule)
    noise = float((1 - small.schedule.alpha_bar[20]).sqrt())
    size = frame(root)[2]
    length = (score.norm(dim=1) * noise).clamp(max=2) / 2 * 0.9 * size / 15
    wanted = score / score.norm(dim=1, keepdim=True) * length[:, None]
    # Pixels, rounded to a tenth; a start is known to a tenth of a pixel too.
    np.testing.assert_allclose(along, wanted, atol=0.4)
    assert length.max() > 2 * length.min()


def test_the_shading_is_the_density(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    alpha, grid = opacity(root), shaded()
    a_bar = small.schedule.alpha_bar[20]
    var = a_bar * 0.2**2 + 1 - a_bar
    gap = torch.cdist(grid, a_bar.sqrt() * MEANS.double())
    density = (-(gap**2) / (2 * var)).exp().sum(1)
    np.testing.assert_allclose(alpha, (255 * density / density.max()).round(), atol=1)


def test_trails_are_whole_only_where_they_are_smooth(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    with_noise = places(root, drawn(root, "trail"))
    assert len(with_noise) == 8 * 4  # 50 steps: a twentieth, rounded up, is 3
    choose(root, "noise", "none")
    first = places(root, drawn(root, "trail"))[:31]
    walk = small.walk("centres", 1, "none")
    np.testing.assert_allclose(first, [walk[t][0].numpy() for t in range(50, 19, -1)], atol=0.01)
