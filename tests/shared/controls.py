"""Moves the controls of an interactive figure by keyboard, and reads what it says and draws.

`root` is the figure's div in the browser and `widget` the figure in Python.
"""

import re
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


def steps_along(d: str) -> Any:
    """The arrows of a path that its places start, in pixels, upwards positive."""
    return np.array(re.findall(r"M\S+ \S+?l(-?[\d.]+) (-?[\d.]+)", d), float) * [1, -1]


def opacity(root: Any) -> list[int]:
    """How opaque the shading is, from 0 to 255, in 64 rows of 64 pixels."""
    return root.locator("canvas").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, 64, 64).data].filter((_, i) => i % 4 === 3)"
    )


def shaded() -> torch.Tensor:
    """The middles of the shading's pixels, from the upper left, row by row, in the units of the data."""
    middle = (torch.arange(64, dtype=torch.float64) + 0.5) / 64 * 2 * LIMIT - LIMIT
    return torch.cartesian_prod(-middle, middle).flip(1)
