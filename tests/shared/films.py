"""What the figures have in common in which networks draw: walks from noise, frame by frame.

`root` is the figure's div in the browser.
"""

from typing import Any

import numpy as np
import torch
from controls import all_greys

from minidiff.viz.frames import grey_levels

# Those of the family, with arguments that keep their first walks short, and the number of steps of these.
FILMS: dict[str, tuple[dict[str, Any], int]] = {
    "live_digits": ({"steps": 10}, 10),
    "live_walk": ({"steps": 10}, 10),
    "live_ddim": ({"steps": 5}, 5),
    "live_guidance": ({"w": 0.0}, 20),
    "live_flow": ({"steps": 2}, 2),
}


def button(root: Any, name: str) -> Any:
    return root.get_by_role("button", name=name)


def drawn(root: Any, steps: int) -> None:
    """Wait until a network has drawn so many steps, and all of them have been shown."""
    patience = 120_000  # larger digits take long where other tests want the processors too
    root.get_by_text(f"{steps} of {steps} steps in").wait_for(timeout=patience)
    button(root, "Play").wait_for()


def canvases(widget: Any, state: Any) -> list[torch.Tensor | None]:
    """What the canvases show of a state, in their order: pictures (H, W), or None for plain grey."""
    noisy = list(state.x[:, 0])
    if widget.name == "live_flow":
        return noisy
    return noisy + ([None] * len(noisy) if state.x0_hat is None else list(state.x0_hat[:, 0]))


def assert_paints(widget: Any, root: Any, state: Any) -> None:
    """The canvases show that state, as exactly as 256 greys can; at the edge of two greys either will do."""
    expected = canvases(widget, state)
    for greys, x in zip(all_greys(root.locator("canvas")), expected, strict=True):
        level = 128 if x is None else ((x.clamp(-1, 1) + 1) * 127.5).round().numpy()
        np.testing.assert_allclose(greys, np.broadcast_to(level, greys.shape), atol=1)


def assert_kept(widget: Any, root: Any, state: Any) -> None:
    """The canvases show that state in the 16 greys in which a figure keeps frames."""
    expected = canvases(widget, state)
    for greys, x in zip(all_greys(root.locator("canvas")), expected, strict=True):
        np.testing.assert_array_equal(greys, 17 * grey_levels(x))
