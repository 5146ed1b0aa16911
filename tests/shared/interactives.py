"""The interactive figures, for the tests that hold every one of them to the same laws.

`figure(name)` is the figure of the chapter, or of the first page. Two of them show what a trained network
made; in their place stand figures of the same kind whose pictures a formula makes.
"""

import configparser
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import minidiff as md
from minidiff.viz import Widget

SANITIZE = Path(__file__).resolve().parents[1] / "nbval_sanitize.cfg"
SHORT = md.linear_schedule(100, rescale=True)
THIRTY = torch.arange(30) % 3

# Three clouds in the plane, of two classes.
CENTRES = torch.tensor([[1.0, 0.5], [-1.0, 0.25], [0.0, -1.5]])
CLASSES = torch.tensor([0, 1, 0])


def wavy(x: Tensor, t: Tensor) -> Tensor:
    """A denoiser that is not linear and needs no network."""
    return 0.6 * x + 0.2 * torch.sin(2 * x)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Thirds(nn.Module):
    """Reads which third of a picture is the brightest; its features are the three means."""

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1).unflatten(1, (3, -1)).mean(2)

    def forward(self, x: Tensor) -> Tensor:
        return 3 * self.features(x)


def pictures(w: float, labels: Tensor = THIRTY, seed: int = 0) -> Tensor:
    """Pictures of three classes; the larger w, the brighter the third of the class, the less noise."""
    count = len(labels)
    thirds = torch.zeros(count, 1, 3, 12)
    thirds[torch.arange(count), 0, labels] = 0.1 + 0.1 * w
    return thirds.reshape(count, 1, 6, 6) + noise(count, 1, 6, 6, seed=seed) / (2 + w)


def ddim_explorer(**changes: Any) -> Widget:
    given = {"eps_model": wavy, "schedule": SHORT, "x_T": noise(2, 1, 16, 16)}
    return md.viz.ddim_explorer(**{**given, "steps": (1, 2, 10, 25), **changes})


def guidance_explorer(**changes: Any) -> Widget:
    samples = {w: pictures(w) for w in (0.0, 0.25, 1.0, 4.0)}
    given = {"samples": samples, "labels": THIRTY, "classifier": Thirds(), "w": 1.0, "focus": 2}
    real = (pictures(2.0, seed=1), THIRTY)
    return md.viz.guidance_explorer(**{**given, "real": real, **changes})


MAKERS: dict[str, Callable[..., Widget]] = {
    "beta_explorer": md.viz.beta_explorer,
    "noise_explorer": md.viz.noise_explorer,
    "reverse_explorer": md.viz.reverse_explorer,
    "elbo_explorer": md.viz.elbo_explorer,
    "schedule_explorer": md.viz.schedule_explorer,
    "ddim_explorer": ddim_explorer,
    "guidance_field": md.viz.guidance_field,
    "guidance_explorer": guidance_explorer,
    "flow_explorer": md.viz.flow_explorer,
    "posterior_explorer": md.viz.posterior_explorer,
    "live_digits": md.viz.live_digits,
    "live_walk": md.viz.live_walk,
    "live_ddim": md.viz.live_ddim,
    "live_guidance": md.viz.live_guidance,
    "live_flow": md.viz.live_flow,
}


@cache
def figure(name: str) -> Any:
    """The figure of that name; made once, for some take seconds and remember what they computed."""
    return MAKERS[name]()


def sanitised(page: str) -> str:
    """What nbval leaves of an output before it compares it."""
    config = configparser.RawConfigParser()
    config.read(SANITIZE, encoding="utf-8")
    for section in config.sections():
        page = re.sub(config.get(section, "regex"), config.get(section, "replace"), page)
    return page
