"""An interactive figure of the forward process: a picture turns into noise, in three views."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...base.times import check_t
from ...base.validate import check_choice
from ...chain.forward import q_sample, q_step
from ...chain.schedule import NoiseSchedule
from ..hash_noise import check_seed, normals
from ..kernel.box import LiveBox, answers_of, explorer_box
from ..kernel.controls import Choice, Control, Slider, among
from ..kernel.own import Own, check_own, own_schedule
from ..kernel.upload import PictureUpload
from ..pictures import Pictures, from_bytes, given_pictures, to_bytes
from ..schedules import SCHEDULES, check_settings, make_schedule, values_at
from ..still import figure, image, text
from ..widget import Widget, chosen, png

VIEWS = ("chain", "straight", "compare")


class NoiseExplorer(Widget):
    """The figure that :func:`noise_explorer` makes."""

    name = "noise_explorer"
    scripts = ("schedules.js", "hash_noise.js", "pictures.js", "packed.js", "player.js")

    def __init__(
        self,
        pictures: Pictures,
        settings: dict[str, int | float],
        seed: int,
        state: dict[str, Any],
    ) -> None:
        self.state = state
        self.seed = seed
        self.labels, self.pictures = pictures.labels, from_bytes(pictures.pixels)
        self.T = int(settings["T"])
        self.schedules = {name: make_schedule({"schedule": name, **settings}) for name in SCHEDULES}
        data = {**settings, "seed": seed, **pictures.plain(), "state": state}
        summary = f"forward process explorer, {len(self.pictures)} pictures, T={settings['T']}"
        super().__init__(data, self.still(), summary)

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
        check_choice("schedule", schedule, tuple(self.schedules))
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
        check_choice("schedule", state["schedule"], tuple(self.schedules))
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
        return normals(self.seed, t, 1, *self.pictures.shape[1:])

    def live(self, **schedules: Own) -> LiveBox:
        r"""The same in a kernel, with a picture of one's own and schedules of one's own.

        A button takes a picture from a file. The picture is shown under every schedule at six times, and at
        the t of choice the read-outs say how much of it is left.

        Args:
            **schedules: Functions of T by name; each gives :math:`\beta_1, \dots, \beta_T`, shape (T,), or a
                :class:`~minidiff.NoiseSchedule`. The first one is shown first.

        Returns:
            Controls of ipywidgets where a kernel runs; elsewhere the figure without them.

        Raises:
            TypeError: If one is no function, or gives no numbers.
            ValueError: If its name is taken, or it gives no T values in (0, 1).
        """
        check_own(schedules, SCHEDULES)
        own = OwnNoise(self, {n: own_schedule(n, make, self.T) for n, make in schedules.items()})
        menu = {name: k for k, name in enumerate([*self.labels, "your own"])}
        size, last = max(self.pictures.shape[1:]), len(self.labels)
        controls: dict[str, Control] = {
            "picture": Choice(menu, first=self.state["picture"]),
            "file": PictureUpload(size, also={"picture": last}),
            "view": among(VIEWS[:2], own.state["view"], slides=False),
            "schedule": among([*own.schedules], own.state["schedule"], slides=False),
            "t": Slider(0, self.T, first=self.state["t"]),
        }
        return explorer_box(self, answers_of(own), controls, {"file": "your own picture"})

    def still(self, **controls: Any) -> str:
        """The picture at six times under each schedule, as a still picture."""
        rows = self.rows(chosen(self.state, controls)["picture"], 8)
        return figure(self.alt(), 664, 130 * len(self.schedules) - 10, rows)

    def rows(self, picture: int, top: int) -> list[str]:
        """A row for each schedule."""
        times = np.linspace(0, self.T, 6).round().astype(int).tolist()
        parts = []
        for row, name in enumerate(self.schedules):
            parts.append(text(52, 130 * row + top + 50, name, anchor="end", size=13))
            for column, t in enumerate(times):
                x = self.state_at("straight", picture, name, t)
                address = png(to_bytes(x))
                parts.append(image(100 * column + 64, 130 * row + top, 90, address, f"t = {t}"))
        return parts

    def alt(self) -> str:
        """What the rows show, in words."""
        *others, last = [f"the {name}" for name in self.schedules]
        return (
            f"A picture at six times of the forward process, under {', '.join(others)} and {last} "
            f"schedule: it turns into noise."
        )


class OwnNoise(NoiseExplorer):
    """The figure in a kernel, with schedules and a picture of the reader's.

    Args:
        page: The figure without them.
        own: The schedules by name.
    """

    def __init__(self, page: NoiseExplorer, own: dict[str, NoiseSchedule]) -> None:
        self.seed, self.T, self.shipped = page.seed, page.T, page.pictures
        self.schedules = {**page.schedules, **own}
        self.state = {**page.state, "schedule": next(iter(own), page.state["schedule"])}
        if self.state["view"] not in VIEWS[:2]:  # all schedules are below one another here
            self.state["view"] = "straight"

    def readout(self, *, file: Tensor | None = None, **controls: Any) -> dict[str, str]:
        """As for the page's figure, of a picture from a file where one is asked for."""
        self._take(file)
        return super().readout(**controls)

    def still(self, *, file: Tensor | None = None, **controls: Any) -> str:
        """The picture and what is left of it at t, large; below, all schedules."""
        self._take(file)
        state = chosen(self.state, controls)
        k, t = state["picture"], state["t"]
        large = [
            image(64, 8, 180, png(to_bytes(self.pictures[k])), "t = 0"),
            image(
                274, 8, 180, png(to_bytes(self.state_at(**state))), f"t = {t}, {state['schedule']}"
            ),
        ]
        alt = f"A picture, and beside it the same at t = {t}. Below: {self.alt()}"
        return figure(alt, 664, 130 * len(self.schedules) + 212, large + self.rows(k, 230))

    def _take(self, file: Tensor | None) -> None:
        """Put a reader's picture behind those that ship; before there is one, grey."""
        shape = self.shipped.shape[1:]
        own = torch.zeros(1, 1, *shape) if file is None else interpolate(file, shape)
        self.pictures = torch.cat([self.shipped, own[0].double()])


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
    state = {"view": view, "picture": 0, "schedule": schedule, "t": int(t)}
    return NoiseExplorer(given_pictures(x_0), settings, check_seed(seed), state)
