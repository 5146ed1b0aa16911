"""An interactive figure that compares two noise schedules: a picture turns into noise under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
from torch import Tensor

from ...base.times import check_t
from ...base.validate import check_choice, check_number
from ...chain.forward import q_sample
from ...chain.makers import (
    rescale_zero_terminal_snr,
    scaled_linear_schedule,
    sigmoid_beta_schedule,
    sigmoid_schedule,
)
from ...chain.schedule import NoiseSchedule, cosine_schedule, linear_schedule
from ..hash_noise import check_seed, normals
from ..kernel.box import LiveBox, answers_of, explorer_box
from ..kernel.controls import Choice, Control, Slider, among
from ..kernel.own import Own, check_own, own_schedule
from ..pictures import Pictures, from_bytes, given_pictures, to_bytes
from ..schedules import LITTLE
from ..still import figure, image, text
from ..widget import Widget, check_up_to, chosen, nice_values, number, png

#: What the menus offer: the words for it, and the schedule for T and s
MENU: dict[str, tuple[str, Callable[[int, float], NoiseSchedule]]] = {
    "linear": ("linear", lambda T, s: linear_schedule(T, rescale=True)),
    "cosine": ("cosine", cosine_schedule),
    "scaled_linear": ("scaled linear", lambda T, s: scaled_linear_schedule(T, rescale=True)),
    "sigmoid_beta": ("sigmoid of β", lambda T, s: sigmoid_beta_schedule(T, rescale=True)),
    "sigmoid": ("sigmoid of ᾱ", lambda T, s: sigmoid_schedule(T)),
    "zero_snr": (
        "linear, zero terminal SNR",
        lambda T, s: rescale_zero_terminal_snr(linear_schedule(T, rescale=True)),
    ),
}
ROWS = ("top", "bottom")
FRAMES = 8
LEAST_T, MOST_T = 25, 2000  # below 25, the rescaled linear schedule comes too near to beta = 1


class ScheduleExplorer(Widget):
    """The figure that :func:`schedule_explorer` makes."""

    name = "schedule_explorer"
    scripts = ("schedules.js", "hash_noise.js", "pictures.js", "packed.js")

    def __init__(self, pictures: Pictures, seed: int, state: dict[str, Any]) -> None:
        self.state = state
        self.seed = seed
        self.labels, self.pictures = pictures.labels, from_bytes(pictures.pixels)
        self.menu = MENU
        self.values: dict[str, Sequence[float]] = {
            "T": [int(v) for v in nice_values(LEAST_T, MOST_T, state["T"])],
            "s": nice_values(1e-3, 0.2, state["s"]),
        }
        data = {
            "menu": [[name, words] for name, (words, _) in MENU.items()],
            "values": self.values,
            "frames": FRAMES,
            "little": LITTLE,
            "seed": seed,
            **pictures.plain(),
            "state": state,
        }
        summary = f"schedule explorer, {state['top']} above {state['bottom']}, T={state['T']}"
        super().__init__(data, self.still(), summary)

    def schedule(self, row: str, **controls: Any) -> NoiseSchedule:
        """The schedule of a row, ``"top"`` or ``"bottom"``, for a state of the controls.

        Raises:
            TypeError: If there is no control of a given name.
            ValueError: If there is no such row, or no such schedule in the menu.
        """
        check_choice("row", row, ROWS)
        state = chosen(self.state, controls)
        check_choice(row, state[row], tuple(self.menu))
        return self.menu[state[row]][1](state["T"], state["s"])

    def state_at(self, row: str, t: int, **controls: Any) -> Tensor:
        r"""The picture :math:`x_t` that a row shows, shape (H, W), float64.

        Args:
            row: ``"top"`` or ``"bottom"``.
            t: The time, 0..T.
            **controls: Any of ``picture``, ``top``, ``bottom``, ``T``, ``s``.

        Raises:
            IndexError: If ``picture`` or ``t`` is out of range.
            TypeError: If there is no control of a given name.
            ValueError: If there is no such row or schedule.
        """
        schedule, k = self.schedule(row, **controls), chosen(self.state, controls)["picture"]
        check_t(k, len(self.pictures) - 1, low=0, name="picture")
        check_t(t, schedule.T, low=0)
        x_0 = self.pictures[k]
        if t == 0:
            return x_0
        # One noise for all frames of both rows, so that they differ in its amount alone.
        noise = normals(self.seed, 0, 1, *x_0.shape)
        return q_sample(x_0[None], t, schedule, noise=noise)[0]

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``picture``, ``top``, ``bottom``, ``T``, ``s``, ``t``. As in the figure,
                another T keeps t at the same share of the way unless t is given too.

        Returns:
            For each row, with ``_top`` or ``_bottom`` behind the name: ``alpha_bar_t``, ``log_snr_t``
            (the natural logarithm), and ``like``, the first time at which the *other* row has as
            much noise; and ``sentence``.
        """
        state = chosen(self.state, controls)
        tables = {row: self.schedule(row, **controls) for row in ROWS}
        words = {row: self.menu[state[row]][0] for row in ROWS}
        t, T, out = state["t"], state["T"], {}
        check_t(t, T, low=0)
        likes = {}
        for row, other in zip(ROWS, ROWS[::-1], strict=True):
            left = float(tables[row].alpha_bar[t])
            as_noisy = (tables[other].alpha_bar <= left).nonzero()
            likes[row] = f"t = {int(as_noisy[0])}" if len(as_noisy) else "never"
            out[f"alpha_bar_t_{row}"] = number(left)
            out[f"log_snr_t_{row}"] = number(float(tables[row].snr[t].log()))
            out[f"like_{row}"] = likes[row]
        where = f"is as noisy as the lower one is at {likes['top']}."
        if likes["top"] == "never":
            where = "is noisier than the lower one ever gets."
        wasted = [f"{words[row]} {int((tables[row].alpha_bar[1:] < LITTLE).sum())}" for row in ROWS]
        out["sentence"] = (
            f"At t = {t} the upper row {where} "
            f"Of {T} steps, so many leave below 1 % of the picture’s variance: {', '.join(wasted)}."
        )
        return out

    def live(self, **schedules: Own) -> LiveBox:
        r"""The same in a kernel, with schedules of one's own in both menus.

        Args:
            **schedules: Functions of T by name; each gives :math:`\beta_1, \dots, \beta_T`, shape (T,), or a
                :class:`~minidiff.NoiseSchedule`. The first one is shown first, in the lower row.

        Returns:
            Controls of ipywidgets where a kernel runs; elsewhere the figure without them.

        Raises:
            TypeError: If one is no function, or gives no numbers.
            ValueError: If its name is taken, or the first one gives no T values in (0, 1).
        """
        check_own(schedules, MENU)
        own = copy(self)
        own.menu = {**MENU, **{name: (name, _of_T(name, make)) for name, make in schedules.items()}}
        names = {words: name for name, (words, _) in own.menu.items()}
        first = {**self.state, "bottom": next(iter(schedules), self.state["bottom"])}
        controls: dict[str, Control] = {
            "picture": Choice({name: k for k, name in enumerate(self.labels)}),
            **{row: Choice(names, first=first[row]) for row in ROWS},
            **{name: among(values, first[name]) for name, values in self.values.items()},
            "t": Slider(0, "T", first=first["t"]),
        }
        return explorer_box(self, answers_of(own), controls, {row: f"{row} row" for row in ROWS})

    def still(self, **controls: Any) -> str:
        """Both rows for a state of its controls, as a still picture."""
        state, parts = chosen(self.state, controls), []
        T, of_all = state["T"], {name: x for name, x in state.items() if name != "t"}
        times = np.linspace(0, T, 6).round().astype(int).tolist()
        for place, row in enumerate(ROWS):
            words = self.menu[state[row]][0]
            parts.append(text(4, 136 * place + 16, words, anchor="start", size=13))
            for column, t in enumerate(times):
                address = png(to_bytes(self.state_at(row, t, **of_all)))
                parts.append(image(98 * column + 4, 136 * place + 22, 90, address, f"t = {t}"))
        alt = (
            f"A picture at six times of the forward process, in two rows: under the schedule "
            f"{self.menu[state['top']][0]} and under the schedule {self.menu[state['bottom']][0]}."
        )
        return figure(alt, 590, 272, parts)


def _of_T(name: str, make: Own) -> Callable[[int, float], NoiseSchedule]:
    return lambda T, s: own_schedule(name, make, T)


def schedule_explorer(
    x_0: Tensor | None = None,
    T: int = 1000,
    *,
    s: float = 0.008,
    top: str = "linear",
    bottom: str = "cosine",
    t: int | None = None,
    seed: int = 0,
) -> ScheduleExplorer:
    r"""Two rows of one picture on its way to noise, each under a schedule of one's choice.

    A row shows :math:`x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon` at equally
    spaced t, with one and the same noise everywhere. Below are both rows at a t of choice, with
    :math:`\bar\alpha_t`, the logarithm of the signal-to-noise ratio, and the time at which the other
    row has as much noise; and the curves of both. Menus offer the schedules ``"linear"``,
    ``"cosine"``, ``"scaled_linear"``, ``"sigmoid_beta"``, ``"sigmoid"`` and ``"zero_snr"``
    (:func:`~minidiff.rescale_zero_terminal_snr` of linear); those whose β are made for 1000 steps are
    rescaled to T. All is computed in the page itself, in double precision.

    Args:
        x_0: Up to twelve grey pictures (B, 1, H, W) in [-1, 1], each side at most 64; they are
            rounded to 8 bits. None takes one of each of the bundled digits.
        T: Number of steps at first, 25..2000.
        s: Offset of the cosine schedule at first, in (0, 1).
        top: The schedule of the upper row at first.
        bottom: The schedule of the lower row at first.
        t: The time shown first, 0..T; None is T/2.
        seed: Which noise, 0..2³²-1.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If ``x_0`` is not a tensor of floating-point numbers.
        IndexError: If ``t`` is outside 0..T.
        ValueError: If another argument is out of its range.

    Source:
        Slide "Variance/noise schedulers" (its figure and its demo); Nichol and Dhariwal 2021,
        figure 3.
    """
    check_choice("top", top, tuple(MENU))
    check_choice("bottom", bottom, tuple(MENU))
    T = check_up_to("T", T, MOST_T, low=LEAST_T)
    s = check_number("s", s, 0, 1, open_ends=True)
    t = T // 2 if t is None else t
    check_t(t, T, low=0)
    state = {"picture": 0, "top": top, "bottom": bottom, "T": T, "s": s, "t": int(t)}
    return ScheduleExplorer(given_pictures(x_0), check_seed(seed), state)
