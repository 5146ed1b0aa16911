"""An interactive figure of DDIM: how many steps, and how much fresh noise in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...base.model import EpsModel
from ...base.times import check_t
from ...base.validate import check_floats, check_number, check_schedule
from ...chain.posterior import step_variances
from ...chain.schedule import NoiseSchedule
from ...sampling.loop import sampling_steps
from ...sampling.walk import sampling_times
from ..frames import LEVELS, frame_png, frames_text, grey_levels
from ..still import figure, image, text
from ..widget import Widget, chosen, number

SEEDS = (1, 2)
MOST_SHOWN = 5  # steps of a walk that are kept, at the same t for 5, 10, 20 and 50 steps
MOST_PICTURES, MOST_PIXELS = 4, 32 * 32
ETAS = (0.0, 0.5, 1.0)
STEPS = (1, 2, 5, 10, 20, 50)


class Walk(NamedTuple):
    """What is kept of one walk, in grey levels: its pictures, and the guesses that led to them."""

    x: npt.NDArray[np.uint8]  # (kept times, B, H, W), x_T first
    guess: npt.NDArray[np.uint8]  # (kept times - 1, B, H, W)


class DdimExplorer(Widget):
    """The figure that :func:`ddim_explorer` makes."""

    name = "ddim_explorer"
    scripts = ("pictures.js", "frames.js", "player.js")

    def __init__(
        self,
        schedule: NoiseSchedule,
        walks: dict[tuple[int, float, int], Walk],
        times: dict[int, list[int]],
        state: dict[str, Any],
    ) -> None:
        self.walks, self.times, self.state = walks, times, state
        # Where the walks stop to be drawn: which steps have been taken, and how far the last went.
        self.stops = {n: _stops(n) for n in times}
        self._spreads = {
            n: [0.0] + [_spread(times[n][k - 1], times[n][k], schedule) for k in self.stops[n][1:]]
            for n in times
        }
        first = next(iter(walks.values())).x
        etas = list(dict.fromkeys(eta for _, eta, _ in walks))
        data = {
            "T": schedule.T,
            "height": first.shape[2],
            "width": first.shape[3],
            "pictures": first.shape[1],
            "etas": etas,
            "seeds": SEEDS,
            "steps": [
                {
                    "n": n,
                    "stops": self.stops[n],
                    "t": [times[n][k] for k in self.stops[n]],
                    "spread": self._spreads[n],
                }
                for n in times
            ],
            # Of each walk what no other part says: all start alike, and the last guess is the end.
            "start": frames_text(first[0]),
            "walks": {
                f"{n} {etas.index(eta)} {seed}": frames_text(
                    np.concatenate([walk.x[1:-1], walk.guess])
                )
                for (n, eta, seed), walk in walks.items()
                if eta or seed == SEEDS[0]
            },
            "state": state,
        }
        steps = ", ".join(map(str, times))
        summary = f"DDIM explorer, {first.shape[1]} pictures, {steps} steps, T={schedule.T}"
        super().__init__(data, self._still(), summary)

    def walk(self, steps: int, eta: float, seed: int) -> Walk:
        """What is kept of the walk with so many steps, this η, and this seed of the fresh noise."""
        if (steps, eta, seed) not in self.walks:
            on_offer = f"steps {list(self.times)}, eta {self._data['etas']}, seeds {list(SEEDS)}"
            raise ValueError(
                f"no walk of steps={steps}, eta={eta}, seed={seed}; there are {on_offer}"
            )
        return self.walks[steps, eta, seed]

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``steps``, ``eta``, and ``frame``: 0 is the start, and the last is the end.

        Returns:
            Texts of ``t``; of ``calls``, how often the network has been asked; of ``sigma``, the
            :math:`\sigma` of the step that led here; of ``to_go``, how far the guess :math:`\hat x_0` is
            from the picture at the end; of ``apart``, how far the pictures of the two seeds are
            apart (both as the root of the mean squared difference of the drawn pixels); and of
            ``sentence``.
        """
        state = chosen(self.state, controls)
        n, eta, frame = state["steps"], state["eta"], state["frame"]
        one, other = (self.walk(n, eta, seed) for seed in SEEDS)
        stops = self.stops[n]
        check_t(frame, len(stops) - 1, low=0, name="frame")
        t, apart = self.times[n][stops[frame]], _distance(one.x[frame], other.x[frame])
        to_go = "–" if frame == 0 else _distance(one.guess[frame - 1], one.x[-1])
        sigma = eta * self._spreads[n][frame]
        if frame == 0:
            sentence = "both walks start from the same noise. Press Play."
        elif n == 1:
            sentence = (
                "one step is the first guess and no more. No noise is added on the step into 0, so η "
                "changes nothing."
            )
        elif eta == 0:
            sentence = (
                "no step adds noise, so both walks are one and the same: the start decides all."
            )
        elif t == 0:
            sentence = (
                f"the two walks had the same start, and their pictures are {apart} apart: the fresh "
                f"noise decides too."
            )
        else:
            sentence = f"the step that led here added fresh noise; the two walks are {apart} apart."
        return {
            "t": str(t),
            "calls": f"{stops[frame]} of {n}",
            "sigma": "–" if frame == 0 else number(sigma),
            "to_go": to_go,
            "apart": apart,
            "sentence": f"t = {t}: {sentence}",
        }

    def _still(self) -> str:
        one, parts = self.walk(self.state["steps"], self.state["eta"], SEEDS[0]), []
        n = self.state["steps"]
        frames = np.unique(np.linspace(0, len(one.x) - 1, 6).round().astype(int)).tolist()
        for place, frame in enumerate(frames):
            left, t = 106 * place + 44, self.times[n][self.stops[n][frame]]
            parts.append(image(left, 8, 84, frame_png(one.x[frame][0]), f"t = {t}"))
            if frame:
                parts.append(image(left, 124, 84, frame_png(one.guess[frame - 1][0]), "guess"))
        parts += [text(22, 54, "x_t"), text(22, 170, "x̂_0")]
        alt = (
            f"DDIM in {n} steps: from noise at t = {self.times[n][0]} to a picture at t = 0, and below, the "
            f"guesses of the picture on the way."
        )
        return figure(alt, 690, 236, parts)


def ddim_explorer(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    x_T: Tensor,
    *,
    steps: Sequence[int] = STEPS,
    etas: Sequence[float] = ETAS,
    clip: bool = False,
) -> DdimExplorer:
    r"""Watch DDIM walk from noise to pictures, in so many steps and with so much fresh noise.

    Each walk is :func:`minidiff.sampling_steps` over evenly spread times, from the same :math:`x_T`:

    .. math::
        x_s = \sqrt{\bar\alpha_s}\,\hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\,\hat\epsilon + \sigma z,
        \qquad \sigma = \eta \sqrt{\tilde\beta_{t\to s}}

    The figure draws :math:`x_t` and the guess :math:`\hat x_0`, twice: with fresh noise z from one seed and
    from another. At η = 0 there is none, and the two are one. All walks are made when this is called,
    and the figure keeps their frames (after at most five of a walk's steps, in 16 levels of grey).

    Args:
        eps_model: Called ``eps_model(x_t, t)``; it predicts the noise.
        schedule: The noise schedule.
        x_T: The noise to start from, shape (B, 1, H, W) with B up to 4, and H·W up to 1024.
        steps: Numbers of steps on offer, each 1..T.
        etas: Values of η on offer, each in [0, 1].
        clip: Limit each guess to [-1, 1].

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a shape or a number is out of its range, or one is offered twice.

    Source:
        Slides "Faster sampling: DDIMs"; Song et al. 2020 (DDIM), equations 12 and 16.
    """
    check_schedule(schedule)
    check_floats("x_T", x_T)
    if x_T.dim() != 4 or x_T.shape[1] != 1 or len(x_T) > MOST_PICTURES:
        raise ValueError(
            f"x_T must hold up to {MOST_PICTURES} grey pictures, shape (B, 1, H, W); got {tuple(x_T.shape)}"
        )
    if x_T.shape[2] * x_T.shape[3] > MOST_PIXELS:
        raise ValueError(
            f"a picture of x_T may have up to {MOST_PIXELS} pixels in this figure; got {tuple(x_T.shape)}"
        )
    times: dict[int, list[int]] = {}
    for n in steps:
        times[n] = sampling_times(schedule.T, n)
    offered = [check_number("etas", eta, 0, 1) for eta in etas]
    for name, values in (("steps", list(steps)), ("etas", offered)):
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must be one number or more, each once; got {values}")
    walks: dict[tuple[int, float, int], Walk] = {}
    for n in times:
        for eta in offered:
            for seed in SEEDS:
                if eta == 0 and seed != SEEDS[0]:
                    walks[n, eta, seed] = walks[n, eta, SEEDS[0]]  # nothing is drawn
                    continue
                walks[n, eta, seed] = _walk(
                    eps_model, schedule, x_T, n, eta=eta, seed=seed, clip=clip
                )
    shown = 10 if 10 in times else max(times)
    state = {"steps": shown, "eta": offered[0], "frame": len(_stops(shown)) // 2}
    return DdimExplorer(schedule, walks, times, state)


def _walk(
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    x_T: Tensor,
    n: int,
    *,
    eta: float,
    seed: int,
    clip: bool,
) -> Walk:
    generator, stops = torch.Generator().manual_seed(seed), _stops(n)
    states = list(
        sampling_steps(
            eps_model, schedule, x_T=x_T, steps=n, eta=eta, clip=clip, generator=generator
        )
    )
    guesses = [states[k].x0_hat for k in stops[1:]]
    return Walk(
        grey_levels(torch.stack([states[k].x[:, 0] for k in stops])),
        grey_levels(torch.stack([guess[:, 0] for guess in guesses if guess is not None])),
    )


def _stops(n: int) -> list[int]:
    """After how many of n steps the walk is drawn."""
    return [int(k) for k in np.round(np.linspace(0, n, min(n, MOST_SHOWN) + 1))]


def _spread(t: int, s: int, schedule: NoiseSchedule) -> float:
    """The σ of a step at η = 1; ten digits, for the last ones differ between machines."""
    return float(f"{math.sqrt(step_variances(t, s, schedule)[1]):.9e}")


def _distance(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> str:
    """Root of the mean squared difference of pixels in [-1, 1], from whole numbers: exact up to the root."""
    total = int(np.square(a.astype(int) - b).sum())
    return f"{math.sqrt(total / a.size) * 2 / LEVELS:.3f}"
