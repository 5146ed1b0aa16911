"""An interactive figure in which a network of the library draws, in the reader's page."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ... import weights
from ...base.times import check_t
from ...base.validate import check_choice, check_number
from ...chain.schedule import NoiseSchedule
from ...sampling.guidance import classifier_free_guidance
from ...sampling.loop import sampling_steps
from ...sampling.walk import State, sampling_times
from ..engine import halved, page_network, script_of
from ..frames import frame_png, grey_levels
from ..hash_noise import check_seed, normals
from ..still import figure, image, text
from ..widget import Widget, chosen, script

STEPS = (10, 20, 50)
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
DRAWN_FIRST = 6  # states in the still picture
NETWORKS = ("digits16", "digits28")


class LiveDigits(Widget):
    """The figure that :func:`live_digits` makes."""

    name = "live_digits"
    scripts = ("hash_noise.js", "pictures.js", "player.js", "live.js")

    def __init__(
        self,
        network: str,
        net: Any,
        schedule: NoiseSchedule,
        state: dict[str, Any],
        *,
        seed: int,
        embed: bool,
    ) -> None:
        self.net, self.schedule, self.state, self.seed = halved(net), schedule, state, seed
        self.size = weights.example_shape(network)[-1]
        walks = {n: sampling_times(schedule.T, n) for n in STEPS}
        data = {
            "network": network,
            "size": self.size,
            "labels": list(range(net.classes)),
            "none": net.null_label,
            "weights": WEIGHTS,
            "walks": {
                n: {
                    "times": times,
                    # Twelve digits: the last ones differ between machines.
                    "alphaBar": {t: float(f"{float(schedule.alpha_bar[t]):.11e}") for t in times},
                }
                for n, times in walks.items()
            },
            "seed": seed,
            "state": state,
            "worker": script("hash_noise.js", "engine.js", "walks.js", "worker.js"),
        }
        self._network = script_of(network, page_network(network)) if embed else ""
        super().__init__(data, self._still(), f"live digits, drawn by {network}")

    def _repr_html_(self) -> str:
        embedded = f"<script>{self._network}</script>" if self._network else ""
        return super()._repr_html_() + embedded

    def states(self, *, label: int, w: float, steps: int, seed: int) -> list[State]:
        """What the page computes: every state of the walk, the noise first."""
        x_T = normals(seed, self.schedule.T, 1, 1, self.size, self.size).float()
        guided = classifier_free_guidance(self.net, y=label, w=w)
        with torch.no_grad():
            return list(
                sampling_steps(guided, self.schedule, x_T=x_T, steps=steps, eta=0.0, clip=True)
            )

    def readout(self, **controls: Any) -> dict[str, str]:
        """What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``label``, ``steps``, ``w`` and ``frame``, how many steps have been taken.

        Returns:
            Texts of ``t``; of ``calls``, how often the network has been asked; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        check_wish(state["label"], state["w"], state["steps"], self.net.classes)
        n, frame = state["steps"], state["frame"]
        check_t(frame, n, low=0, name="frame")
        t = sampling_times(self.schedule.T, n)[frame]
        if frame == 0:
            sentence = (
                f"nothing but noise. Press Play, and it becomes a {state['label']}, in {n} steps "
                f"with w = {state['w']:g}."
            )
        elif t == 0:
            sentence = "a digit that nobody has written."
        else:
            sentence = "the network guesses the digit, and a step goes a little towards it."
        calls = 2 * frame if state["w"] else frame
        return {"t": str(t), "calls": str(calls), "sentence": f"t = {t}: {sentence}"}

    def _still(self) -> str:
        first = {name: self.state[name] for name in ("label", "w", "steps")}
        walk = self.states(**first, seed=self.seed)
        parts = []
        for place in range(DRAWN_FIRST):
            one = walk[round(place / (DRAWN_FIRST - 1) * (len(walk) - 1))]
            left = 106 * place + 44
            parts.append(image(left, 8, 84, _address(one.x), f"t = {one.t}"))
            if one.x0_hat is not None:
                parts.append(image(left, 124, 84, _address(one.x0_hat), "guess"))
        parts += [text(22, 54, "x_t"), text(22, 170, "x̂_0")]
        alt = (
            f"A network draws the digit {self.state['label']}: from noise to the digit in {DRAWN_FIRST} "
            f"pictures, and below, its guesses of the digit on the way."
        )
        return figure(alt, 690, 236, parts)


def check_wish(label: int, w: float, steps: int, classes: int) -> None:
    """Refuse what the controls do not offer."""
    check_t(label, classes - 1, low=0, name="label")
    for name, value, offered in (("steps", steps, STEPS), ("w", w, WEIGHTS)):
        if check_number(name, value, -math.inf, math.inf) not in offered:
            words = ", ".join(f"{n:g}" for n in offered)
            raise ValueError(f"{name} must be one of {words}, got {value}")


def _address(x: Tensor) -> str:
    return frame_png(grey_levels(x)[0, 0])


def live_digits(
    network: str = "digits16",
    *,
    label: int = 3,
    w: float = 1.0,
    steps: int = 20,
    seed: int = 1,
    embed: bool = False,
) -> LiveDigits:
    r"""A network draws digits in the reader's page: press Play, and noise becomes a digit.

    The page asks the network as :func:`minidiff.ddim_sample` does, guided by
    :func:`minidiff.classifier_free_guidance`; from the same noise it draws the same digit. Its weights, in
    16 bits, lie beside the book's pages, which fetch them when Play is pressed.

    Args:
        network: ``"digits16"`` or ``"digits28"``.
        label: The digit that is chosen first.
        w: The weight of guidance that is chosen first, one of those on offer.
        steps: The number of steps that is chosen first, 10, 20 or 50.
        seed: Of the first noise, 0..2³²-1; "New noise" takes the next ones.
        embed: Put the weights into the figure, about 2 MB: for a page that has none beside it, as a notebook.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no such network, or a number is none of those on offer.
    """
    check_choice("network", network, NETWORKS)
    check_seed(seed)
    net, schedule = weights.load(network)
    assert schedule is not None
    check_wish(label, w, steps, net.classes)
    state = {"label": label, "w": float(w), "steps": steps, "frame": 0}
    return LiveDigits(network, net, schedule, state, seed=seed, embed=embed)
