"""An interactive figure in which a digit is drawn step by step, by DDPM or DDIM, in the reader's page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...base.times import check_t
from ...base.validate import check_choice
from ...chain.posterior import step_variances
from ...sampling.walk import State, sampling_times
from ..hash_noise import check_seed
from ..kernel.controls import Control, among
from ..live_figure import LiveFigure, a_digit, check_label, check_network, check_offered, still_walk
from ..walks import drawer, start
from ..widget import chosen, fixed

WAYS = {"DDPM": 1, "DDIM": 0}
"""What each way takes for η, the share of fresh noise in its steps."""


class LiveWalk(LiveFigure):
    """The figure that :func:`live_walk` makes."""

    name = "live_walk"
    steps = (10, 20, 50, 100)

    def walk(self, wish: Mapping[str, Any], seed: int) -> list[State]:
        """One digit's walk, from the page's noise."""
        (who,) = self.drawers
        x_T, eta = start(seed, self.T, 1, who.size), WAYS[wish["way"]]
        return who.walk(x_T, label=wish["label"], steps=wish["steps"], w=0.0, eta=eta, seed=seed)

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``way``, ``steps``, ``label`` and ``frame``, how many steps have been taken.

        Returns:
            Texts of ``t``; of ``calls``, how often the network has been asked; of ``sigma``, the standard
            deviation :math:`\sigma` of the fresh noise in the step that led here; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        way, n, label, frame = (state[name] for name in ("way", "steps", "label", "frame"))
        _check(way, n, label)
        check_t(frame, n, low=0, name="frame")
        t, sigma, eta = (
            sampling_times(self.T, n)[frame],
            self._sigma(n, frame, WAYS[way]),
            WAYS[way],
        )
        if frame == 0:
            sentence = f"nothing but noise. Press Play, and {n} steps of {way} make {a_digit(label)} of it."
        elif t == 0:
            sentence = "the digit is finished. " + (
                "The last step adds no noise."
                if eta
                else "No step added noise: the start decided all."
            )
        else:
            sentence = "the step went a little towards the guess, and added " + (
                f"fresh noise of standard deviation {sigma}." if eta else "no noise."
            )
        return {
            "t": str(t),
            "calls": str(frame),
            "sigma": sigma,
            "sentence": f"t = {t}: {sentence}",
        }

    def _sigma(self, steps: int, frame: int, eta: float) -> str:
        if frame == 0:
            return "–"
        t, s = sampling_times(self.T, steps)[frame - 1 : frame + 1]
        sigma = eta * math.sqrt(step_variances(t, s, self.schedule)[1])
        return fixed(sigma) if sigma else "0"

    def offers(self) -> dict[str, Control]:
        """The way, steps and label."""
        way = among([*WAYS], self.state["way"], slides=False)
        return {"way": way, **self.common("steps", "label")}

    def still(self, **controls: Any) -> str:
        """Six states of the walk."""
        state = chosen(self.state, controls)
        alt = (
            f"{state['way']} draws the digit {state['label']}: from noise to the digit in six "
            f"pictures, and below, the network's guesses of the digit on the way."
        )
        return still_walk(self.states(**controls), alt)


def _check(way: str, steps: int, label: int) -> None:
    check_choice("way", way, tuple(WAYS))
    check_offered(steps=(steps, LiveWalk.steps))
    check_label(label)


def live_walk(
    network: str = "digits16",
    *,
    label: int = 3,
    way: str = "DDPM",
    steps: int = 50,
    seed: int = 1,
    embed: bool = False,
) -> LiveWalk:
    r"""Watch one digit come out of noise, step by step: what the network sees, and what it guesses.

    Each step is :func:`minidiff.sample_step` in the reader's page, with :math:`\hat x_0` kept within [-1, 1]:

    .. math::
        x_s = \sqrt{\bar\alpha_s}\,\hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\,\hat\epsilon + \sigma z

    DDPM takes :math:`\sigma^2 = \tilde\beta_{t\to s}` (η = 1) and DDIM 0 (η = 0), from the same noise and
    over the same times; nothing is guided (w = 0). All noise is that of :func:`chain_noise`, z too, so Python
    draws the same digits. The figure opens on its way, with frames that were drawn when it was made; the
    weights, in 16 bits, lie beside the book's pages, which fetch them when Play is pressed.

    Args:
        network: ``"digits16"`` or ``"digits28"``.
        label: The digit that is chosen first.
        way: ``"DDPM"`` or ``"DDIM"``, chosen first.
        steps: The number of steps that is chosen first, 10, 20, 50 or 100. The larger pictures of 100 are too
            many to be kept; the figure then opens with the noise.
        seed: Of the first noise, 0..2³²-1; "New noise" takes the next ones.
        embed: Put the weights into the figure, about 2 MB: for a page that has none beside it, as a notebook.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        IndexError: If the label is no digit.
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no such network or way, or a number is none of those on offer.

    Source:
        Ho et al. 2020, algorithm 2; Song et al. 2020 (DDIM), equations 12 and 16; slide "Sampling algorithm".
    """
    check_network(network)
    check_seed(seed)
    _check(way, steps, label)
    # Where both are worth a look: the digit is in the noisy picture, and its guess is sharp.
    state = {"way": way, "steps": steps, "label": label, "frame": round(0.7 * steps)}
    summary = f"live walk, one digit by {way} in {steps} steps, drawn by {network}"
    return LiveWalk(
        [drawer(network)], state, seed=seed, embed=embed, summary=summary, ways=[*WAYS.items()]
    )
