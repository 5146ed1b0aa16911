"""Moves the controls of an interactive figure by keyboard, and reads what it says and draws.

`root` is the figure's div in the browser and `widget` the figure in Python.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

LIMIT = 3.2  # the half of the side of the plane that three of the figures show


def state(widget: Any, root: Any) -> dict[str, Any]:
    """What the controls say that they are set to, as the types that Python has for them."""
    texts = root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('[data-control]')]
        .filter((i) => i.type !== 'radio' || i.checked)
        .map((i) => [i.dataset.control, i.type === 'range' ? i.getAttribute('aria-valuetext') : i.value]))"""
    )
    return {name: like(widget.state[name], text) for name, text in texts.items()}


def like(value: Any, text: str) -> Any:
    """A text as a value of the same kind; a control that starts at 3 may go on to 2.5."""
    if isinstance(value, str):
        return text
    number = float(text)
    return int(number) if isinstance(value, int) and number.is_integer() else number


def readouts(root: Any) -> dict[str, str]:
    """The texts of the read-outs that can be seen."""
    return root.evaluate(
        """(root) => Object.fromEntries([...root.querySelectorAll('output[data-readout]')]
        .filter((o) => o.checkVisibility()).map((o) => [o.dataset.readout, o.textContent]))"""
    )


def assert_agrees(widget: Any, root: Any) -> dict[str, Any]:
    """Every number on the page is the one that Python computes; gives the state of the controls."""
    controls = state(widget, root)
    assert readouts(root) == widget.readout(**controls), controls
    return controls


def press(control: Any, *keys: str) -> None:
    control.focus()
    for key in keys:
        control.press(key)


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
    d = plot.locator(f"path.mdw-curve.{kind}").get_attribute("d")
    x, y = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", d), float).T
    return (x - 44) / (width - 54), (156 - y) / 148


def press_on(plot: Any, along: float) -> None:
    """Press on a plot, at a share of the way from the left edge of its frame to the right one."""
    width = plot.bounding_box()["width"]
    plot.click(position={"x": 44 + along * (width - 54), "y": 60})


def pixels(canvas: Any) -> Any:
    """What a canvas shows, (height, width, 4): red, green, blue and how opaque it is."""
    height, width, data = canvas.evaluate(
        """(c) => [c.height, c.width,
        [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]"""
    )
    return np.array(data).reshape(height, width, 4)


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
    along = np.array(re.findall(r"M\S+ \S+?l(-?[\d.]+) (-?[\d.]+)", d), float)
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
    np.testing.assert_allclose(pixels(root.locator("canvas"))[..., 3], wanted, atol=1)


def log_mixture(x: torch.Tensor, means: torch.Tensor, variance: Any) -> torch.Tensor:
    """The logarithm of equal normal distributions around means, up to a number."""
    return (-(torch.cdist(x, means.double()) ** 2) / (2 * variance)).logsumexp(1)
