"""An interactive figure of the forward process: a picture turns into noise, in three views."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...base.validate import check_choice, check_floats, check_positive_int, check_t
from ...chain.forward import q_sample, q_step
from ...chain.schedule import NoiseSchedule
from ..still import figure, image, text
from ..widget import Widget, chosen, encode, png
from .beta import SCHEDULES, check_settings, make_schedule, values_at

VIEWS = ("chain", "straight", "compare")
MOST_PICTURES, LARGEST_SIDE = 12, 64


class NoiseExplorer(Widget):
    """The figure that :func:`noise_explorer` makes."""

    name = "noise_explorer"
    scripts = ("hash_noise.js", "player.js")

    def __init__(
        self,
        pictures: npt.NDArray[np.uint8],
        labels: Sequence[str],
        settings: dict[str, int | float],
        seed: int,
        state: dict[str, Any],
    ) -> None:
        self.state = state
        self.seed = seed
        # What the page will see: 8-bit values mapped back to [-1, 1], in double precision.
        self.pictures = torch.from_numpy(pictures.astype(np.float64) / 127.5 - 1)
        self.schedules = {name: make_schedule({"schedule": name, **settings}) for name in SCHEDULES}
        height, width = pictures.shape[1:]
        data = {
            **settings,
            "seed": seed,
            "width": width,
            "height": height,
            "pictures": encode(pictures),
            "labels": list(labels),
            "state": state,
        }
        summary = f"forward process explorer, {len(pictures)} pictures, T={settings['T']}"
        super().__init__(data, self._still(), summary)

    def state_at(
        self, view: str = "straight", picture: int = 0, schedule: str = "linear", t: int = 1
    ) -> Tensor:
        r"""The picture :math:`x_t` that the figure draws, shape (H, W), float64.

        Args:
            view: ``"chain"`` takes t steps of :func:`minidiff.q_step`, each with its own noise;
                other views jump with :func:`minidiff.q_sample`.
            picture: Which picture, counted from 0.
            schedule: ``"linear"`` or ``"cosine"``.
            t: How far, 0..T.

        Raises:
            IndexError: If ``picture`` or ``t`` is out of range.
            ValueError: If ``schedule`` is another word.
        """
        check_choice("schedule", schedule, SCHEDULES)
        check_t(picture, len(self.pictures) - 1, low=0, name="picture")
        table, x = self.schedules[schedule], self.pictures[picture][None]
        check_t(t, table.T, low=0)
        if view == "chain":
            for step in range(1, t + 1):
                x = q_step(x, step, table, noise=self._noise(step))
        elif t > 0:
            x = q_sample(x, t, table, noise=self._noise(0))
        return x[0]

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``view``, ``picture``, ``schedule``, ``t``.

        Returns:
            Texts of ``beta_t``, ``alpha_bar_t``, ``sqrt_alpha_bar_t``,
            ``sqrt_one_minus_alpha_bar_t``, ``snr_t``, of the pixels' ``mean`` and ``std``, and of
            ``sentence``. In the view ``"compare"`` each name but the last ends in ``_linear`` or
            ``_cosine``, and ``beta_t`` is left out.
        """
        state = chosen(self.state, controls)
        check_choice("view", state["view"], VIEWS)
        check_choice("schedule", state["schedule"], SCHEDULES)
        t = state["t"]
        if state["view"] == "compare":
            both = {}
            for name, table in self.schedules.items():
                row = self._row(table, {**state, "schedule": name})
                del row["beta_t"]
                both.update({f"{key}_{name}": value for key, value in row.items()})
            sentence = (
                f"At t = {t} the linear schedule keeps {both['alpha_bar_t_linear']} of the "
                f"picture’s variance, the cosine schedule {both['alpha_bar_t_cosine']}."
            )
            return {**both, "sentence": sentence}
        row = self._row(self.schedules[state["schedule"]], state)
        factors = (
            f"{row['sqrt_alpha_bar_t']} times the picture plus noise of standard deviation "
            f"{row['sqrt_one_minus_alpha_bar_t']}."
        )
        if t == 0:
            sentence = "t = 0: the clean picture."
        elif state["view"] == "chain":
            sentence = f"Step {t} of the chain adds fresh noise to the picture before it. "
            sentence += f"In all: {factors}"
        else:
            sentence = f"One jump from the clean picture to t = {t}: {factors}"
        return {**row, "sentence": sentence}

    def _row(self, table: NoiseSchedule, state: dict[str, Any]) -> dict[str, str]:
        x = self.state_at(**state)
        spread = float(x.std(correction=0))
        return {
            **values_at(table, state["t"]),
            "mean": f"{float(x.mean()):.3f}",
            "std": f"{spread:.3f}",
        }

    def _noise(self, t: int) -> Tensor:
        height, width = self.pictures.shape[1:]
        noise = chain_noise(self.seed, t, height * width).reshape(1, height, width)
        return torch.from_numpy(noise)

    def _still(self) -> str:
        times = np.linspace(0, self.schedules["linear"].T, 6).round().astype(int).tolist()
        parts = []
        for row, name in enumerate(SCHEDULES):
            parts.append(text(52, 130 * row + 58, name, anchor="end", size=13))
            for column, t in enumerate(times):
                x = self.state_at("straight", self.state["picture"], name, t)
                grey = ((x.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
                parts.append(image(100 * column + 64, 130 * row + 8, 90, png(grey), f"t = {t}"))
        alt = (
            "A picture at six times of the forward process, under the linear and the cosine "
            "schedule: it turns into noise. The interactive figure needs JavaScript."
        )
        return figure(alt, 664, 250, parts)


def noise_explorer(
    x_0: Tensor | None = None,
    T: int = 1000,
    *,
    beta_1: float = 1e-4,
    beta_T: float = 0.02,
    s: float = 0.008,
    view: str = "chain",
    schedule: str = "linear",
    t: int | None = None,
    seed: int = 0,
) -> NoiseExplorer:
    r"""Watch a picture turn into noise: step by step, straight to t, or under two schedules.

    The figure has three views, with a slider over t in each:

    * *step by step*: the chain, :math:`x_t = \sqrt{1-\beta_t}\,x_{t-1} + \sqrt{\beta_t}\,z_t`, with
      buttons to take one step or to play;
    * *straight to t*: the Nice property,
      :math:`x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon`;
    * *linear against cosine*: the straight way with the same noise under both schedules.

    All of it is computed in the page itself, in double precision. The noise is made there too, by a
    hash of (seed, t, pixel); :func:`chain_noise` gives the same numbers in Python.

    Args:
        x_0: Up to twelve grey pictures (B, 1, H, W) in [-1, 1], each side at most 64; they are
            rounded to 8 bits. None takes one of each of the bundled digits.
        T: Number of steps, 2..2000.
        beta_1: First variance of the linear schedule, in (0, 1).
        beta_T: Last variance of the linear schedule, in (0, 1).
        s: Offset of the cosine schedule, in (0, 1).
        view: What is shown first: ``"chain"``, ``"straight"`` or ``"compare"``.
        schedule: The schedule of the first two views at first: ``"linear"`` or ``"cosine"``.
        t: The time shown first, 0..T; None is T/4.
        seed: Which noise, 0..2³²-1.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If ``x_0`` is not a tensor of floating-point numbers.
        IndexError: If ``t`` is outside 0..T.
        ValueError: If another argument is out of its range.

    Source:
        Slides "The forward process", "The Nice™ property" and "Variance/noise schedulers" (their
        three demos); Ho et al. 2020, equations 2 and 4.
    """
    check_choice("view", view, VIEWS)
    check_choice("schedule", schedule, SCHEDULES)
    settings = check_settings(T, beta_1, beta_T, s, largest_T=2000)
    t = T // 4 if t is None else t
    check_t(t, T, low=0)
    seed = check_seed(seed)
    pixels, labels = pixels_and_labels(x_0)
    state = {"view": view, "picture": 0, "schedule": schedule, "t": int(t)}
    return NoiseExplorer(pixels, labels, settings, seed, state)


def chain_noise(seed: int, t: int, n: int) -> npt.NDArray[np.float64]:
    r"""The standard normal numbers of step t in :func:`noise_explorer`, shape (n,).

    Number i comes from two hashes :math:`u, v \in (0, 1)` of (seed, t, i) by the method of Box and
    Muller, :math:`z = \sqrt{-2 \ln u}\,\cos(2\pi v)`, so a page can make the noise of any step
    without storing any. t = 0 is the noise :math:`\epsilon` of the straight way.

    Args:
        seed: Which noise, 0..2³²-1.
        t: The step, 0 or more.
        n: How many numbers.

    Source:
        The hash is the finaliser of MurmurHash3 (A. Appleby, public domain), applied twice.
    """
    golden = np.uint64(0x9E3779B9)
    first = _mix(_mix(np.array([seed], np.uint64) + golden) ^ np.uint64(t))
    second = _mix(first + golden)
    hashes = _mix(_mix(np.arange(2 * n, dtype=np.uint64) + first) ^ second)
    uniform = (hashes.astype(np.float64) + 0.5) / 2.0**32
    u, v = uniform[0::2], uniform[1::2]
    z: npt.NDArray[np.float64] = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    return z


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scramble 32-bit words, each held in 64 bits so that products do not overflow."""
    word = np.uint64(0xFFFFFFFF)
    x = x & word
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & word
    x = ((x ^ (x >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & word
    return x ^ (x >> np.uint64(16))


def pixels_and_labels(x_0: Tensor | None) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """What a figure shows of given pictures (B, H, W), or of the bundled digits, and what to call each."""
    if x_0 is None:
        x_0, labels = _typical_digits(), [f"digit {digit}" for digit in range(10)]
    else:
        _check_pictures(x_0)
        labels = [f"picture {k + 1}" for k in range(len(x_0))]
    return ((x_0[:, 0].detach().cpu().double() + 1) * 127.5).round().byte().numpy(), labels


def check_seed(seed: int) -> int:
    """Refuse what :func:`chain_noise` cannot take for a seed."""
    if check_positive_int("seed", seed, low=0) >= 2**32:
        raise ValueError(f"seed must be below 2^32, got {seed}")
    return int(seed)


@cache
def _typical_digits() -> Tensor:
    """Of each class of the bundled digits, the picture nearest to the mean of its class."""
    from ...data import digits

    images, y = digits("train", size=28)
    picked = []
    for digit in range(10):
        group = images[y == digit].double()
        distance = ((group - group.mean(0)) ** 2).flatten(1).sum(1)
        picked.append(group[distance.argmin()])
    return torch.stack(picked)


def _check_pictures(x_0: Tensor) -> None:
    check_floats("x_0", x_0)
    if x_0.dim() != 4 or x_0.shape[1] != 1 or len(x_0) > MOST_PICTURES:
        raise ValueError(
            f"x_0 must be up to {MOST_PICTURES} grey pictures (B, 1, H, W), got {tuple(x_0.shape)}"
        )
    if max(x_0.shape[2:]) > LARGEST_SIDE:
        raise ValueError(
            f"x_0 must be at most {LARGEST_SIDE} pixels high and wide, got {tuple(x_0.shape)}: "
            f"the page computes every step itself; make the pictures smaller"
        )
    if x_0.abs().max() > 1:
        low, high = (float(v) for v in x_0.aminmax())
        raise ValueError(f"x_0 must lie in [-1, 1], its values run from {low:g} to {high:g}")
