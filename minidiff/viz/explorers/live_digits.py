"""An interactive figure in which a network of the library draws, in the reader's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...base.times import check_t
from ...sampling.walk import State, sampling_times
from ..hash_noise import check_seed
from ..kernel.controls import Control, among
from ..live_figure import LiveFigure, a_digit, check_label, check_network, check_offered, still_walk
from ..walks import drawer, start
from ..widget import chosen

WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


class LiveDigits(LiveFigure):
    """The figure that :func:`live_digits` makes."""

    name = "live_digits"
    steps = (10, 20, 50)

    def walk(self, wish: Mapping[str, Any], seed: int) -> list[State]:
        """The walk of DDIM, from the page's noise."""
        (who,) = self.drawers
        x_T = start(seed, self.T, 1, who.size)
        return who.walk(x_T, label=wish["label"], steps=wish["steps"], w=wish["w"])

    def readout(self, **controls: Any) -> dict[str, str]:
        """What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``label``, ``steps``, ``w`` and ``frame``, how many steps have been taken.

        Returns:
            Texts of ``t``; of ``calls``, how often the network has been asked; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        _check(state["label"], state["steps"], state["w"])
        n, frame, w = state["steps"], state["frame"], state["w"]
        check_t(frame, n, low=0, name="frame")
        t = sampling_times(self.T, n)[frame]
        if frame == 0:
            sentence = (
                f"nothing but noise. Press Play, and it becomes {a_digit(state['label'])}, in {n} steps "
                f"with w = {w:g}."
            )
        elif t == 0:
            sentence = "a digit that nobody has written."
        else:
            sentence = "the network guesses the digit, and a step goes a little towards it."
        calls = 2 * frame if w else frame
        return {"t": str(t), "calls": str(calls), "sentence": f"t = {t}: {sentence}"}

    def offers(self) -> dict[str, Control]:
        """Label, steps and guidance."""
        return {**self.common("label", "steps"), "w": among(WEIGHTS, self.state["w"])}

    def still(self, **controls: Any) -> str:
        """Six states of the walk."""
        label = chosen(self.state, controls)["label"]
        alt = (
            f"A network draws the digit {label}: from noise to the digit in six pictures, and "
            f"below, its guesses of the digit on the way."
        )
        return still_walk(self.states(**controls), alt)


def _check(label: int, steps: int, w: float) -> None:
    check_label(label)
    check_offered(steps=(steps, LiveDigits.steps), w=(w, WEIGHTS))


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
        IndexError: If the label is no digit.
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no such network, or a number is none of those on offer.
    """
    check_network(network)
    check_seed(seed)
    _check(label, steps, w)
    state = {"label": label, "w": float(w), "steps": steps, "frame": 0}
    summary = f"live digits, drawn by {network}"
    return LiveDigits(
        [drawer(network)], state, seed=seed, embed=embed, summary=summary, weights=WEIGHTS
    )
