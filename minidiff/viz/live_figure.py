"""What the figures share in which networks of the library draw, in the reader's page."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor

from ..base.times import check_t
from ..base.validate import (
    check_choice,
    check_function,
    check_number,
    check_positive_int,
    check_schedule,
)
from ..chain.schedule import NoiseSchedule
from ..sampling.walk import State
from .engine import page_network, script_of
from .frames import frame_png, frames_text, grey_levels
from .kernel.box import LiveBox, explorer_box
from .kernel.controls import Control, Slider, among
from .kernel.shown import Shown
from .still import figure, image, text
from .walks import Drawer
from .widget import Widget, chosen, script

NETWORKS = ("digits16", "digits28")  # of diffusion, for 16 and for 28 pixels a side
CLASSES = 10
SHOWN_FIRST = 6  # states in a still picture of a walk
MOST_KEPT = 90_000  # letters of frames in a page
MOST_WALKS = 50  # that a figure remembers
MOST_NOISES = 100  # on offer in a kernel


class LiveFigure(Widget, ABC):
    """A figure of walks from noise, shown frame by frame; a network draws them in the page.

    The network's weights lie beside the book's pages, which fetch them when Play is pressed. A figure that
    does not open with the noise holds the frames of the walk that it shows first, in 16 levels of grey; one
    that would have to hold too many opens with the noise.

    A subclass says how many ``steps`` are on offer, computes a walk in :meth:`walk`, draws its still picture
    in :meth:`still`, and writes what the page writes in :meth:`~Widget.readout`.

    Args:
        drawers: The networks that may be asked.
        state: Of the controls, as shown first; ``frame`` is how many steps have been taken.
        seed: Of the first noise.
        embed: Put the weights into the figure.
        summary: One line for ``repr``.
        data: What else the script needs.
    """

    scripts = ("hash_noise.js", "pictures.js", "frames.js", "player.js", "live.js")
    #: Numbers of steps on offer.
    steps: tuple[int, ...]

    def __init__(
        self,
        drawers: Sequence[Drawer],
        state: dict[str, Any],
        *,
        seed: int,
        embed: bool,
        summary: str,
        **data: Any,
    ) -> None:
        self.drawers, self.state, self.seed = drawers, state, seed
        self._walks: dict[tuple[Any, ...], list[State]] = {}
        schedule = drawers[0].schedule
        assert schedule is not None
        self.schedule, self.T = schedule, schedule.T  # of the times that noise is counted by
        kept = self._kept() if state["frame"] else {}
        if len(kept.get("frames", "")) > MOST_KEPT:
            kept, state["frame"] = {}, 0
        told = {
            "maker": self.name,
            "networks": [drawer.plain(self.steps) for drawer in drawers],
            "T": self.T,
            "steps": self.steps,
            "labels": list(range(CLASSES)),
            "seed": seed,
            **data,
            "state": state,
            "worker": script("hash_noise.js", "engine.js", "walks.js", "worker.js"),
        }
        if kept:
            told["computed"] = kept
        names = [drawer.name for drawer in drawers] if embed else []
        self._networks = [script_of(name, page_network(name)) for name in names]
        super().__init__(told, self.still(), summary)

    def _repr_html_(self) -> str:
        return super()._repr_html_() + "".join(
            f"<script>{code}</script>" for code in self._networks
        )

    def states(self, *, seed: int | None = None, **controls: Any) -> list[State]:
        """What the page draws for a state of its controls: every state of the walk, the noise first.

        Args:
            seed: Of the noise; None is that of the first.
            **controls: Those that differ from the state shown first; ``frame`` changes nothing.

        Returns:
            States whose x has the shape (pictures, 1, size, size).

        Raises:
            TypeError: If there is no such control.
        """
        wish = {**chosen(self.state, controls), "frame": 0}
        key = (self.seed if seed is None else seed, *wish.values())
        if key not in self._walks:
            if len(self._walks) == MOST_WALKS:
                self._walks.pop(next(iter(self._walks)))
            self._walks[key] = self.walk(wish, key[0])
        return self._walks[key]

    @abstractmethod
    def walk(self, wish: Mapping[str, Any], seed: int) -> list[State]:
        """Compute the walk that controls wish for."""

    @abstractmethod
    def still(self, **controls: Any) -> str:
        """The still picture of a walk, for readers without JavaScript and for a kernel's box."""

    @abstractmethod
    def offers(self) -> dict[str, Control]:
        """What a kernel's controls offer, by name."""

    def live(
        self, eps_model: Callable[..., Tensor] | None = None, schedule: NoiseSchedule | None = None
    ) -> LiveBox:
        r"""The same in a kernel, drawn by a network of one's own, from as many noises as one likes.

        >>> run = md.train(md.nn.TinyUNet(classes=10), data, schedule=schedule, minutes=5)  # doctest: +SKIP
        >>> md.viz.live_ddim().live(run.net, schedule)  # doctest: +SKIP

        Args:
            eps_model: ``eps_model(x_t, t)`` for pictures of the figure's size; one with ``null_label`` is
                told the label, ``eps_model(x_t, t, y)``. It predicts the noise, or what its ``predicts``
                says. None is the figure's own network.
            schedule: Its schedule; None is the figure's.

        Returns:
            Controls of ipywidgets where a kernel runs; elsewhere the figure without them.

        Raises:
            TypeError: If ``eps_model`` is no function, or ``schedule`` is none.
            ValueError: If the schedule has fewer steps than a walk takes.
        """
        drawers = self.drawers
        if eps_model is not None or schedule is not None:
            drawers = [self._own(d, eps_model, schedule) for d in self.drawers]
        return self.box_of(self.drawn_by(*drawers))

    def _own(self, drawer: Drawer, net: Any, schedule: NoiseSchedule | None) -> Drawer:
        """A drawer with a reader's network and schedule in the place of its own."""
        if net is not None:
            check_function("eps_model", net)
        if schedule is not None:
            check_schedule(schedule)
            if max(self.steps) > schedule.T:
                raise ValueError(
                    f"schedule has T = {schedule.T}, but the figure's walks take up to {max(self.steps)} "
                    f"steps"
                )
        # Not "or": a network that is a list of layers may count as false.
        asked = drawer.net if net is None else net
        return replace(
            drawer, net=asked, schedule=drawer.schedule if schedule is None else schedule
        )

    def box_of(self, drawn: Self) -> LiveBox:
        """The live face of this figure, as another draws it."""

        def answer(*, noise: int, **state: Any) -> Shown:
            drawn.seed = (self.seed + noise - 1) % 2**32
            said = drawn.readout(**state, frame=drawn.length({**drawn.state, **state}))
            return Shown(drawn.still(**state), said)

        controls = {**drawn.offers(), "noise": Slider(1, MOST_NOISES, first=1)}
        return explorer_box(self, answer, controls)

    def length(self, state: Mapping[str, Any]) -> int:
        """How many steps the walk of a state takes."""
        return int(state["steps"])

    def common(self, *names: str) -> dict[str, Control]:
        """Controls that several figures have."""
        offered = {"steps": self.steps, "label": range(CLASSES)}
        return {name: among(offered[name], self.state[name]) for name in names}

    def drawn_by(self, *drawers: Drawer) -> Self:
        """The same figure with other networks, for a kernel: no page holds them."""
        other = copy(self)
        other.drawers, other._walks = drawers, {}
        assert drawers[0].schedule is not None
        other.schedule, other.T = drawers[0].schedule, drawers[0].schedule.T
        return other

    def _kept(self) -> dict[str, Any]:
        """What a page shows before its own network draws: x and the guess of each frame after the noise."""
        states = self.states()[1:]
        both = [torch.stack([s.x, s.x0_hat], 1) for s in states if s.x0_hat is not None]
        return {"frames": frames_text(grey_levels(torch.stack(both)))}


def check_network(network: str) -> None:
    """Refuse what is no network of a diffusion that draws digits."""
    check_choice("network", network, NETWORKS)


def check_label(label: int) -> None:
    """Refuse what is no digit."""
    check_t(label, CLASSES - 1, low=0, name="label")


def check_offered(**wishes: tuple[float, Sequence[float]]) -> None:
    """Refuse numbers that the controls do not offer; each is given with those on offer."""
    for name, (value, offered) in wishes.items():
        if check_number(name, value, -math.inf, math.inf) not in offered:
            words = ", ".join(f"{n:g}" for n in offered)
            raise ValueError(f"{name} must be one of {words}, got {value}")
        if isinstance(offered[0], int):
            check_positive_int(name, value)


def a_digit(label: int) -> str:
    """The digit with its article."""
    return f"an {label}" if label == 8 else f"a {label}"


# ---- still pictures ----------------------------------------------------------------------------------


def address(x: Tensor) -> str:
    """A picture (1, H, W) for a page."""
    return frame_png(grey_levels(x)[0])


def a_few(walk: Sequence[State]) -> list[State]:
    """Six states of a walk, evenly spread, the first and the last among them."""
    last, parts = len(walk) - 1, SHOWN_FIRST - 1
    return [walk[round(place / parts * last)] for place in range(SHOWN_FIRST)]


def still_walk(walk: Sequence[State], alt: str) -> str:
    """A few states of one picture's walk side by side, and the guesses below."""
    parts = [text(22, 54, "x_t"), text(22, 170, "x̂_0")]
    for place, state in enumerate(a_few(walk)):
        left = 106 * place + 44
        parts.append(image(left, 8, 84, address(state.x[0]), f"t = {state.t}"))
        if state.x0_hat is not None:
            parts.append(image(left, 124, 84, address(state.x0_hat[0]), "guess"))
    return figure(alt, 690, 236, parts)


def still_rows(rows: Mapping[str, Tensor], alt: str) -> str:
    """Rows of pictures, shape (B, 1, H, W), each row under its name."""
    parts, top = [], 8
    for name, pictures in rows.items():
        parts.append(text(8, top + 12, name, anchor="start", size=13))
        parts += [image(8 + 104 * j, top + 22, 96, address(x), "") for j, x in enumerate(pictures)]
        top += 130
    return figure(alt, 690, top, parts)
