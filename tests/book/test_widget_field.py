"""The guidance field in a real browser: every control by keyboard, every number against Python."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from controls import assert_agrees, choose, opacity, press, shaded, slider, state
from interactives import figure

import minidiff as md

MEANS = torch.tensor([[1.2, 0.4], [-1.0, 0.8], [0.1, -1.4]])
LABELS = torch.tensor([0, 1, 0])


@pytest.fixture(scope="module")
def widget() -> Any:
    """The figure of chapter 12."""
    return figure("guidance_field")


@pytest.fixture(scope="module")
def small() -> Any:
    """A figure with three clouds and a short chain."""
    return md.viz.guidance_field(MEANS, 0.3, LABELS, 50, y=1, s=3, t=15)


def test_it_agrees_with_python_wherever_its_controls_go(open_html: Callable, widget: Any) -> None:
    visit = open_html(widget._repr_html_())
    root = visit.page.locator(".mdw-guidance_field")
    assert assert_agrees(widget, root) == widget.state
    for y in ("1", "2", "0"):
        choose(root, "y", y)
        assert_agrees(widget, root)
        for name in ("s", "t", "x1", "x2"):
            for keys in (["Home"], ["ArrowRight"] * 2, ["PageUp"] * 2, ["End"]):
                before = state(widget, root)[name]
                press(slider(root, name), *keys)
                now = assert_agrees(widget, root)[name]
                assert now != before, f"{keys} did not move {name}"
    press(root.get_by_role("button", name="Reset"), "Enter")
    assert assert_agrees(widget, root) == widget.state
    visit.assert_clean()


def test_each_readout_depends_on_its_controls(small: Any) -> None:
    first = small.readout()
    moved = {"y": "0", "s": 5, "t": 40, "x1": -1.0, "x2": 1.0}
    changed = {
        name: {key for key, text in small.readout(**{name: value}).items() if text != first[key]}
        for name, value in moved.items()
    }
    assert changed["s"] == {"guided", "sentence"}
    assert changed["y"] == {"probability", "gradient", "guided", "sentence"}
    assert changed["t"] == set(first)
    assert changed["x1"] == changed["x2"] == set(first) - {"alpha_bar_t"}


def arrows(root: Any, part: str) -> tuple[Any, Any]:
    """Where the arrows of a part of the picture start, in the units of the data, and where they go."""
    d = root.locator(f"path[data-part={part}]").get_attribute("d")
    frame = root.locator("svg[role=img] > rect")
    x, y, size = (float(frame.get_attribute(name)) for name in ("x", "y", "width"))
    found = re.findall(r"M(-?[\d.]+) (-?[\d.]+)l(-?[\d.]+) (-?[\d.]+)", d)
    places = np.array(found, float)
    start = np.stack([(places[:, 0] - x) / size * 2 - 1, 1 - (places[:, 1] - y) / size * 2], 1)
    return start * 3.2, places[:, 2:] * [1, -1] / size * 6.4


@pytest.mark.parametrize("show", ["guided", "score", "gradient"])
def test_the_arrows_are_the_field_that_is_chosen(
    open_html: Callable, small: Any, show: str
) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    choose(root, "show", show)
    start, along = arrows(root, "field")
    assert len(start) == 225
    field = small.field(torch.from_numpy(start))[show]
    noise = float((1 - small.schedule.alpha_bar[15]).sqrt())
    length = (field.norm(dim=1) * noise).clamp(max=2) / 2 * 0.9 * 6.4 / 15
    wanted = field / field.norm(dim=1, keepdim=True).clamp(min=1e-9) * length[:, None]
    np.testing.assert_allclose(along, wanted, atol=0.012)  # a tenth of a pixel
    assert length.max() > 2 * length.min()


def test_at_the_probe_two_arrows_add_up_to_the_third(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    press(slider(root, "x1"), *["ArrowRight"] * 4)
    at = state(small, root)
    ends = {}
    for part in ("score", "push", "sum"):
        start, along = arrows(root, part)
        np.testing.assert_allclose(start, [[at["x1"], at["x2"]]], atol=0.01)
        ends[part] = along[0]
    np.testing.assert_allclose(ends["score"] + ends["push"], ends["sum"], atol=0.03)
    field = small.field(torch.tensor([[at["x1"], at["x2"]]], dtype=torch.float64))
    guided = field["guided"][0].numpy()
    assert ends["sum"] @ guided > 0.99 * np.linalg.norm(ends["sum"]) * np.linalg.norm(guided)
    assert np.linalg.norm(ends["push"]) > 0.1


def test_the_shading_is_the_density_of_the_guided_score(open_html: Callable, small: Any) -> None:
    root = open_html(small._repr_html_()).page.locator(".mdw")
    alpha, grid = opacity(root), shaded()
    a_bar = small.schedule.alpha_bar[15]
    var = a_bar * 0.3**2 + 1 - a_bar
    log_q = -(torch.cdist(grid, a_bar.sqrt() * MEANS.double()) ** 2) / (2 * var)
    everything, own = log_q.logsumexp(1), log_q[:, LABELS == 1].logsumexp(1)
    log_density = everything + 3 * (own - everything)
    density = (log_density - log_density.max()).exp()
    np.testing.assert_allclose(alpha, (255 * density).round(), atol=1)


def test_pressing_in_the_picture_moves_the_probe(open_html: Callable, small: Any) -> None:
    page = open_html(small._repr_html_()).page
    root = page.locator(".mdw")
    box = root.locator("svg[role=img]").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    now = assert_agrees(small, root)
    assert now["x1"] < -1
    assert now["x2"] > 1
