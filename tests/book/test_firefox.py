"""Pages in which networks draw, in Firefox, as a reader opens them: over file://, the network cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import canvases
from firefox import Tab
from interactives import MAKERS

PAGES = {
    "book/intro": "live_digits",
    "notebooks/08_sampling": "live_walk",
    "notebooks/11_ddim": "live_ddim",
    "notebooks/13_classifier_free_guidance": "live_guidance",
    "notebooks/21_flow_matching": "live_flow",
}
# Press Play, wait until all steps are drawn and shown; the greys of all pictures.
PLAY = """(figure) => new Promise((resolve, reject) => {
    const root = document.querySelector(figure);
    const button = (name) => [...root.querySelectorAll('button')].find((b) => b.textContent.trim() === name);
    const greys = (canvas) => [...canvas.getContext('2d')
        .getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 0);
    button('Play').click();
    const look = setInterval(() => {
        if (!/(\\d+) of \\1 steps in/.test(root.textContent) || !button('Play')) return;
        clearInterval(look);
        resolve([...root.querySelectorAll('canvas')].map(greys));
    }, 100);
})"""


@pytest.mark.parametrize("name", PAGES)
def test_play_draws_what_python_draws(firefox: Tab, site: Path, name: str) -> None:
    firefox.open((site / f"{name}.html").as_uri())
    widget: Any = MAKERS[PAGES[name]]()
    painted = firefox.evaluate(PLAY, f".mdw-{PAGES[name]}[data-ready]")
    expected = canvases(widget, widget.states()[-1])
    assert len(painted) == len(expected)
    for greys, x in zip(painted, expected, strict=True):
        assert x is not None
        levels = ((x.clamp(-1, 1) + 1) * 127.5).round().flatten()
        np.testing.assert_allclose(greys, levels, atol=1)
    assert not firefox.errors
