"""An interactive figure of DDIM in the reader's page: two digits that start a little apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...base.times import check_t
from ...sampling.walk import State, sampling_times
from ..hash_noise import check_seed
from ..kernel.controls import Control, among
from ..live_figure import LiveFigure, a_few, check_label, check_network, check_offered, still_rows
from ..walks import Drawer, distance, drawer, start, twelve_digits
from ..widget import chosen

ETAS = (0.0, 0.25, 0.5, 1.0)
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
NOISES = (1, 2, 3, 4, 5, 6, 7, 8)


class LiveDdim(LiveFigure):
    """The figure that :func:`live_ddim` makes."""

    name = "live_ddim"
    steps = (5, 10, 20, 50)

    def __init__(
        self, drawers: Sequence[Drawer], state: dict[str, Any], *, label: int, **options: Any
    ) -> None:
        self.label = label
        super().__init__(drawers, state, label=label, **options)

    def walk(self, wish: Mapping[str, Any], seed: int) -> list[State]:
        """Both walks, from the page's noises."""
        (who,) = self.drawers
        seed = seed + wish["noise"] - 1
        first, other = start(seed, self.T, 2, who.size)
        angle = wish["share"] * math.pi / 2
        # Both are standard normal, for cos² + sin² = 1.
        both = torch.stack([first, math.cos(angle) * first + math.sin(angle) * other])
        steps, eta = wish["steps"], wish["eta"]
        return who.walk(both, label=self.label, steps=steps, w=0.0, eta=eta, seed=seed)

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``steps``, ``eta``, ``noise`` (1 is that of the seed), ``share`` and ``frame``,
                how many steps have been taken.

        Returns:
            Texts of ``t``; of ``calls``, how often the network has been asked for each digit; of ``apart``,
            how far the two noisy pictures are apart, and of ``guesses``, how far the two :math:`\hat x_0`
            are (both as the root of the mean squared difference of pixels); and of ``sentence``.
        """
        state = chosen(self.state, controls)
        n, frame = state["steps"], state["frame"]
        _check(n, state["eta"], state["noise"], state["share"])
        check_t(frame, n, low=0, name="frame")
        distances = self.distances(**controls)
        t, (apart, guesses) = sampling_times(self.T, n)[frame], distances[frame]
        return {
            "t": str(t),
            "calls": str(frame),
            "apart": f"{apart:.2f}",
            "guesses": f"{guesses:.2f}" if frame else "–",
            "sentence": f"t = {t}: {_sentence(state, t, distances[0][0], apart)}",
        }

    def distances(self, **controls: Any) -> list[tuple[float, float]]:
        """How far the noisy pictures are apart in each frame, and the guesses (0 before the first)."""
        return [
            (distance(*state.x), 0.0 if state.x0_hat is None else distance(*state.x0_hat))
            for state in self.states(**controls)
        ]

    def _kept(self) -> dict[str, Any]:
        """Frames, and their distances, which grey levels would not say well."""
        numbers = [[twelve_digits(v) for v in both] for both in self.distances()]
        return {**super()._kept(), "numbers": numbers}

    def offers(self) -> dict[str, Control]:
        """The share, η and steps."""
        share, eta = among(SHARES, self.state["share"]), among(ETAS, self.state["eta"])
        return {"share": share, "eta": eta, **self.common("steps")}

    def still(self, **controls: Any) -> str:
        """Six states of each digit's walk."""
        state = chosen(self.state, controls)
        shown = a_few(self.states(**controls))
        way = f"t = {shown[0].t} to {shown[-1].t}"
        names = (
            f"first noise, {way}",
            f"second noise, {state['share']:g} of the way to another",
        )
        rows = {name: torch.stack([s.x[place] for s in shown]) for place, name in enumerate(names)}
        alt = (
            f"Two digits {self.label} that a network draws from two noises, one below the other: each in six "
            f"pictures from noise to the digit."
        )
        return still_rows(rows, alt)


def _sentence(state: dict[str, Any], t: int, start: float, apart: float) -> str:
    if state["frame"] == 0:
        noises = (
            f"the two noises are {start:.2f} apart, any two noises about 1.41 (the root of the mean squared "
            f"difference)."
            if state["share"]
            else "both start from the same noise."
        )
        return f"{noises} Press Play: {state['steps']} steps with η = {state['eta']:g}."
    if t == 0:
        decided = (
            "Fresh noise, to each digit its own, decided too."
            if state["eta"]
            else "No step added noise: only the starts decided."
        )
        return f"they started {start:.2f} apart and end {apart:.2f} apart. {decided}"
    added = (
        "each step adds fresh noise, to each digit its own"
        if state["eta"]
        else "no step adds noise"
    )
    return f"{added}. The two pictures are {apart:.2f} apart."


def _check(steps: int, eta: float, noise: int, share: float) -> None:
    check_offered(
        steps=(steps, LiveDdim.steps), eta=(eta, ETAS), noise=(noise, NOISES), share=(share, SHARES)
    )


def live_ddim(
    network: str = "digits16",
    *,
    label: int = 3,
    steps: int = 20,
    eta: float = 0.0,
    noise: int = 1,
    share: float = 0.2,
    seed: int = 1,
    embed: bool = False,
) -> LiveDdim:
    r"""Two digits from two noises that are a share of the way apart, drawn side by side in the reader's page.

    The second walk starts at :math:`\cos(a)\,x_T + \sin(a)\,x'_T`, with other noise :math:`x'_T` and
    :math:`a = \text{share} \cdot \pi / 2`, which is as normal as :math:`x_T`. Each step is
    :func:`minidiff.sample_step` with this η and :math:`\hat x_0` kept within [-1, 1]; its fresh noise is each
    digit's own. Nothing is guided (w = 0). All noise is that of :func:`chain_noise`, so Python draws the same
    digits. The figure opens half-way, with frames that were drawn when it was made; the weights, in 16 bits,
    lie beside the book's pages, which fetch them when Play is pressed.

    Args:
        network: ``"digits16"`` or ``"digits28"``.
        label: The digit that is drawn.
        steps: The number of steps that is chosen first, 5, 10, 20 or 50. The larger pictures of 50 are too
            many to be kept; the figure then opens with the noise.
        eta: η that is chosen first, 0, 0.25, 0.5 or 1.
        noise: Which noise is chosen first, 1..8.
        share: Of the way to the other noise, chosen first: 0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75 or 1.
        seed: Of noise 1, 0..2³²-1; the others take the next ones.
        embed: Put the weights into the figure, about 2 MB: for a page that has none beside it, as a notebook.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        IndexError: If the label is no digit.
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no such network, or a number is none of those on offer.

    Source:
        Song et al. 2020 (DDIM), equations 12 and 16; slide "Faster sampling: DDIMs".
    """
    check_network(network)
    check_seed(seed)
    check_label(label)
    _check(steps, eta, noise, share)
    state = {
        "share": float(share),
        "eta": float(eta),
        "steps": steps,
        "noise": noise,
        "frame": steps // 2,
    }
    summary = f"live DDIM, two digits {share:g} of the way apart, eta = {eta:g}, drawn by {network}"
    options = {"seed": seed, "embed": embed, "summary": summary}
    offers = {"etas": ETAS, "shares": SHARES, "noises": NOISES}
    return LiveDdim([drawer(network)], state, label=label, **options, **offers)
