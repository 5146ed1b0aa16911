"""Moves the controls of an interactive figure by keyboard, and reads what it says and draws.

`root` is the figure's div in the browser and `widget` the figure in Python.
"""

import base64
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

LIMIT = 3.2  # the half of the side of the plane that three of the figures show


SET = """[...root.querySelectorAll('[data-control]')].filter((i) => i.type !== 'radio' || i.checked)
    .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value])"""
SAID = """[...root.querySelectorAll('output[data-readout]')].filter((o) => o.checkVisibility())
    .map((o) => [o.dataset.readout, o.textContent])"""


def state(widget: Any, root: Any) -> dict[str, Any]:
    """What the controls say that they are set to, as the types that Python has for them."""
    return typed(widget, root.evaluate(f"(root) => {SET}"))


def typed(widget: Any, texts: list[list[str]]) -> dict[str, Any]:
    """The texts of controls as values."""
    return {name: like(widget.state[name], text) for name, text in texts}


def like(value: Any, text: str) -> Any:
    """A text as a value of the same kind; a control that starts at 3 may go on to 2.5."""
    if isinstance(value, str):
        return text
    number = float(text)
    return int(number) if isinstance(value, int) and number.is_integer() else number


def assert_agrees(widget: Any, root: Any) -> dict[str, Any]:
    """Every number that can be seen is the one that Python computes; gives the state of the controls."""
    texts, said = root.evaluate(f"(root) => [{SET}, {SAID}]")
    controls = typed(widget, texts)
    assert dict(said) == widget.readout(**controls), controls
    return controls


def press(control: Any, *keys: str) -> None:
    control.focus()
    for key in keys:
        control.page.keyboard.press(key)


def slider(root: Any, name: str) -> Any:
    return root.locator(f"input[type=range][data-control={name}]")


def menu(root: Any, name: str) -> Any:
    return root.locator(f"select[data-control={name}]")


def drive(widget: Any, root: Any, name: str, *ways: list[str]) -> None:
    """Move a slider by keyboard, one list of keys after another: each moves it, and all numbers follow."""
    for keys in ways:
        before = state(widget, root)[name]
        press(slider(root, name), *keys)
        assert assert_agrees(widget, root)[name] != before, f"{keys} did not move {name}"


def reset(widget: Any, root: Any) -> None:
    """Press Reset, after which all is as it was first."""
    press(root.get_by_role("button", name="Reset"), "Enter")
    assert assert_agrees(widget, root) == widget.state


def choose(root: Any, name: str, value: Any) -> None:
    """Go through a group of radio buttons with the arrow key until it says `value`."""
    group = root.locator(f"input[type=radio][data-control={name}]")
    for _ in range(group.count()):
        chosen = root.locator(f"input[type=radio][data-control={name}]:checked")
        said = chosen.get_attribute("value")
        if said == value or (not isinstance(value, str) and float(said) == value):
            return
        chosen.press("ArrowRight")
    raise AssertionError(f"{name} never said {value!r}")


def move(root: Any, name: str, to: Any) -> None:
    """Set a control of any kind: a slider by the names of keys, a menu or a group by its value."""
    if slider(root, name).count():
        press(slider(root, name), *to.split())
    elif menu(root, name).count():
        menu(root, name).select_option(to)
    else:
        choose(root, name, to)


# ---- plots and pictures: what is drawn, read back -------------------------------------------------


def curve(plot: Any, kind: str) -> tuple[Any, Any]:
    """The points of a curve as shares of the frame: from its left edge, and from its lower one.

    The frame's edges stand in `Plot.axes`.
    """
    width = float(plot.get_attribute("viewBox").split()[2])
    d = plot.locator(f"path.mdw-curve.{kind}:not([data-part])").get_attribute("d")
    x, y = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", d), float).T
    return (x - 44) / (width - 54), (156 - y) / 148


def ticks(plot: Any) -> tuple[list[str], Any]:
    """What stands at the marks of a plot's lower edge, and where: as shares of the frame's width."""
    texts, marks = plot.evaluate(
        """(svg) => { const marks = [...svg.querySelectorAll('path[d$=v4]')];
        return [marks.map((p) => p.nextSibling.textContent), marks.map((p) => [p, p.nextSibling]
          .map((e) => { const b = e.getBoundingClientRect(); return b.x + b.width / 2; }))]; }"""
    )
    box = plot.bounding_box()
    mark, text = (np.array(marks) - box["x"]).T
    # The text stands below its mark; the last one may be moved to the left, where room ends.
    np.testing.assert_allclose(text[:-1], mark[:-1], atol=1)
    assert abs(text[-1] - mark[-1]) < 20
    return [text.replace("−", "-") for text in texts], (mark - 44) / (box["width"] - 54)


def top_of(plot: Any) -> float:
    """The number that stands at the upper end of a plot's left edge."""
    found = plot.locator("text[x='38']").all_text_contents()
    return float(found[-1].replace("−", "-"))


def across(plot: Any, part: str) -> Any:
    """Where parts of a plot stand, by their centres, as shares of the frame's width."""
    centres = plot.locator(part).evaluate_all(
        "(all) => all.map((e) => { const b = e.getBoundingClientRect(); return b.x + b.width / 2; })"
    )
    box = plot.bounding_box()
    return (np.array(centres) - box["x"] - 44) / (box["width"] - 54)


def press_on(plot: Any, along: float) -> None:
    """Press on a plot, at a share of the way from the left edge of its frame to the right one."""
    width = plot.bounding_box()["width"]
    plot.click(position={"x": 44 + along * (width - 54), "y": 60})


# As one text: a list of ten thousand numbers takes much longer on its way.
READ = """(all) => all.map((c) => [c.height, c.width,
    btoa([...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]
        .map((v) => String.fromCharCode(v)).join(''))])"""


def all_pixels(canvases: Any) -> list[Any]:
    """What canvases show, each (height, width, 4): red, green, blue and how opaque it is."""
    return [
        np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4).astype(int)
        for height, width, data in canvases.evaluate_all(READ)
    ]


def pixels(canvas: Any) -> Any:
    """What a canvas shows."""
    (seen,) = all_pixels(canvas)
    return seen


def all_greys(canvases: Any) -> list[Any]:
    """The grey levels (height, width) of pictures that are nothing but grey, and opaque."""
    seen = [np.moveaxis(one, 2, 0) for one in all_pixels(canvases)]
    for red, green, blue, opaque in seen:
        assert (red == green).all()
        assert (red == blue).all()
        assert (opaque == 255).all()
    return [red for red, *_ in seen]


def greys(canvas: Any) -> Any:
    """The grey levels of one picture."""
    (seen,) = all_greys(canvas)
    return seen


def assert_picture(canvas: Any, x: torch.Tensor) -> None:
    """The picture is x: black at -1 and below, white at 1 and above."""
    np.testing.assert_allclose(greys(canvas), (x.clamp(-1, 1).numpy() + 1) * 127.5, atol=0.51)


# ---- figures that show a plane ---------------------------------------------------------------


def drawn(root: Any, part: str) -> Any:
    """The path of a part of the picture, or None where it is not drawn."""
    path = root.locator(f"path[data-part={part}]")
    return path.get_attribute("d") if path.count() else None


def frame(root: Any) -> tuple[float, float, float]:
    """The left, the top and the size of the plane's frame, in pixels."""
    found = root.locator("svg[role=img] > rect").first
    x, y, size = (float(found.get_attribute(name)) for name in ("x", "y", "width"))
    return x, y, size


def places(root: Any, d: str) -> Any:
    """The absolute places of a path, in the units of the data."""
    x, y, size = frame(root)
    pairs = np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d), float)
    return np.stack([(pairs[:, 0] - x) / size * 2 - 1, 1 - (pairs[:, 1] - y) / size * 2], 1) * LIMIT


def arrows(root: Any, part: str) -> tuple[Any, Any]:
    """Where the arrows of a part of the picture start, and where they go, in the units of the data."""
    d = drawn(root, part)
    steps = np.array(re.findall(r"[lm](-?[\d.]+) (-?[\d.]+)", d), float).reshape(-1, 5, 2)
    along, left, there, right, here = steps.transpose(1, 0, 2)
    # From the tip two strokes lead back, one on either side; the pen returns to the tip after each.
    np.testing.assert_array_equal([left, right], [-there, -here])
    long = (along**2).sum(1) > 100
    sides = [(along[:, 0] * s[:, 1] - along[:, 1] * s[:, 0])[long] for s in (left, right)]
    assert (sides[0] * sides[1] < 0).all()
    assert all(((s * along).sum(1)[long] < 0).all() for s in (left, right))
    return places(root, d), along * [1, -1] / frame(root)[2] * 2 * LIMIT


def assert_arrows(
    root: Any, part: str, scores: Callable[[torch.Tensor], Any], a_bar: float
) -> None:
    """The arrows on the grid are these scores times the noise's standard deviation, cut off at 2."""
    start, along = arrows(root, part)
    assert len(start) == 225
    score = scores(torch.from_numpy(start))
    long = score.norm(dim=1, keepdim=True)
    length = (long * (1 - a_bar) ** 0.5).clamp(max=2) / 2 * 0.9 * 2 * LIMIT / 15
    # A tenth of a pixel, to which their starts are known too.
    np.testing.assert_allclose(along, score / long.clamp(min=1e-9) * length, atol=0.012)
    assert length.max() > 2 * length.min()


def assert_shaded(root: Any, log_density: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """The shading is as opaque as this density is high, at 64 places in each of 64 rows."""
    middle = (torch.arange(64, dtype=torch.float64) + 0.5) / 64 * 2 * LIMIT - LIMIT
    # From the upper left, row by row.
    log = log_density(torch.cartesian_prod(-middle, middle).flip(1))
    wanted = (255 * (log - log.max()).exp()).round().reshape(64, 64)
    canvas = root.locator("canvas")
    red, green, blue, opaque = np.moveaxis(pixels(canvas), 2, 0)
    np.testing.assert_allclose(opaque, wanted, atol=1)
    # One see-through blue, where it is most opaque; a browser rounds what it hardly shows.
    (here,) = {tuple(v) for v in np.stack([red, green, blue], 2)[opaque == 255].tolist()}
    assert here[0] + 60 < here[2] > here[1]
    assert 0.3 < canvas.evaluate("(c) => Number(getComputedStyle(c).opacity)") < 0.8
    assert canvas.bounding_box() == pytest.approx(square(root), abs=1.5)


def square(root: Any) -> dict[str, float]:
    """Where the plane's frame is on the page."""
    return root.locator("svg[role=img] > rect").first.bounding_box()


def spot(root: Any, x: float, y: float) -> tuple[float, float]:
    """Where a place, in the units of the data, is on the page."""
    box = square(root)
    across, down = (x / LIMIT + 1) / 2, (1 - y / LIMIT) / 2
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def log_mixture(x: torch.Tensor, means: torch.Tensor, variance: Any) -> torch.Tensor:
    """The logarithm of equal normal distributions around means, up to a number."""
    return (-(torch.cdist(x, means.double()) ** 2) / (2 * variance)).logsumexp(1)
