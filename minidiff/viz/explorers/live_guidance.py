"""An interactive figure of guidance: four digits at once, drawn in the reader's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...base.times import check_t
from ...sampling.walk import State, sampling_times
from ..hash_noise import check_seed
from ..kernel.controls import Control, among
from ..live_figure import (
    NETWORKS,
    LiveFigure,
    check_label,
    check_network,
    check_offered,
    still_rows,
)
from ..walks import drawer, start
from ..widget import chosen

WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
STEPS, COUNT = 20, 4


class LiveGuidance(LiveFigure):
    """The figure that :func:`live_guidance` makes."""

    name = "live_guidance"
    steps = (STEPS,)

    def walk(self, wish: Mapping[str, Any], seed: int) -> list[State]:
        """Four walks of DDIM, from the page's noises."""
        who = self.drawers[NETWORKS.index(wish["network"])]
        x_T = start(seed, self.T, COUNT, who.size)
        return who.walk(x_T, label=wish["label"], steps=STEPS, w=wish["w"])

    def readout(self, **controls: Any) -> dict[str, str]:
        """What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``w``, ``label``, ``network`` and ``frame``, how many steps have been taken.

        Returns:
            Texts of ``t``; of ``calls``, how often the network has been asked for each digit; of ``scale``,
            s = 1 + w; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        w, label, frame = state["w"], state["label"], state["frame"]
        _check(w, label, state["network"])
        check_t(frame, STEPS, low=0, name="frame")
        t, digits = sampling_times(self.T, STEPS)[frame], f"four {label}s"
        if frame == 0:
            sentence = f"nothing but noise. Press Play, and it becomes {digits}, with w = {w:g}."
        elif t == 0 and w:
            sentence = (
                f"{digits}, pulled towards their label. Are they clearer than with w = 0? Are they more "
                f"alike?"
            )
        elif t == 0:
            sentence = f"{digits} without guidance. Move w: the same noises are drawn with it."
        elif w:
            sentence = (
                f"the network answers twice a step, with the label and without. The first answer is pushed "
                f"on by {w:g} times the difference."
            )
        else:
            sentence = "the network is asked once a step, with the label."
        return {
            "t": str(t),
            "calls": str(2 * frame if w else frame),
            "scale": f"{1 + w:g}",
            "sentence": f"t = {t}: {sentence}",
        }

    def offers(self) -> dict[str, Control]:
        """Guidance, label and network."""
        controls = {"w": among(WEIGHTS, self.state["w"]), **self.common("label")}
        small, large = self.drawers
        if small.net is not large.net:  # not both a reader's own
            controls["network"] = among(NETWORKS, self.state["network"], slides=False)
        return controls

    def length(self, state: Mapping[str, Any]) -> int:
        """Always the same number of steps."""
        return STEPS

    def still(self, **controls: Any) -> str:
        """The four digits without guidance and with it, from the same noises."""
        state = chosen(self.state, controls)
        w, label = state["w"], state["label"]
        alt = f"Four digits {label} that a network drew from noise"
        rows = {f"w = {w:g}": self.states(**state)[-1].x}
        if w:
            rows = {"w = 0": self.states(**{**state, "w": 0.0})[-1].x, **rows}
            alt += f", with w = 0, and below from the same noises with w = {w:g}"
        return still_rows(rows, f"{alt}.")


def _check(w: float, label: int, network: str) -> None:
    check_offered(w=(w, WEIGHTS))
    check_label(label)
    check_network(network)


def live_guidance(
    network: str = "digits16",
    *,
    label: int = 3,
    w: float = 2.0,
    seed: int = 1,
    embed: bool = False,
) -> LiveGuidance:
    r"""Four digits at once, from four noises and with as much guidance as one likes, in the reader's page.

    Each walk is :func:`minidiff.ddim_sample` in 20 steps, with :math:`\hat x_0` kept within [-1, 1], guided
    by :func:`minidiff.classifier_free_guidance`:

    .. math::
        \tilde\epsilon_\theta = (1 + w)\,\epsilon_\theta(x_t, t, y) - w\,\epsilon_\theta(x_t, t, \varnothing)

    The noise is that of :func:`chain_noise`, so Python draws the same digits. Of the two networks, for
    16 × 16 and for 28 × 28 pixels, the page fetches the one that is asked, when Play is pressed.

    Args:
        network: ``"digits16"`` or ``"digits28"``, chosen first.
        label: The digit that is chosen first.
        w: The weight of guidance that is chosen first: 0, 0.5, 1, 1.5, 2, 3, 4, 6 or 8.
        seed: Of the first noise, 0..2³²-1; "New noise" takes the next ones.
        embed: Put the weights into the figure, about 4 MB: for a page that has none beside it, as a notebook.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        IndexError: If the label is no digit.
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no such network, or w is none of those on offer.

    Source:
        Ho and Salimans 2022, equation 6; slide "Conditional generation: Classifier-Free Guidance".
    """
    check_seed(seed)
    _check(w, label, network)
    state = {"w": float(w), "label": label, "network": network, "frame": 14}
    summary = f"live guidance, four digits with w = {w:g}, drawn by {network}"
    return LiveGuidance(
        [drawer(name) for name in NETWORKS],
        state,
        seed=seed,
        embed=embed,
        summary=summary,
        weights=WEIGHTS,
    )
