"""An interactive figure of a flow beside a diffusion: both draw in few steps, in the reader's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...base.times import check_t
from ...base.validate import check_function
from ...flow.walk import times_of_flow
from ...sampling.walk import State, sampling_times
from ..hash_noise import check_seed
from ..kernel.box import LiveBox
from ..kernel.controls import Control
from ..live_figure import LiveFigure, check_label, check_offered, still_rows
from ..walks import drawer, side_by_side, start
from ..widget import chosen

NETWORKS = ("digits16", "digits16_flow")
COUNT = 4


class LiveFlow(LiveFigure):
    """The figure that :func:`live_flow` makes."""

    name = "live_flow"
    steps = (1, 2, 4, 8, 16)

    def walk(self, wish: Mapping[str, Any], seed: int) -> list[State]:
        """Four walks of DDIM and behind them four of the flow, from the page's noises."""
        noise = start(seed, self.T, COUNT, self.drawers[0].size)
        ways = [
            who.walk(noise, label=wish["label"], steps=wish["steps"], w=0.0) for who in self.drawers
        ]
        return side_by_side(*ways)

    def readout(self, **controls: Any) -> dict[str, str]:
        """What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``steps``, ``label`` and ``frame``, how many steps have been taken.

        Returns:
            Texts of ``t``, of diffusion; of ``flow_t``, of the flow; of ``calls``, how often each network has
            been asked for each digit; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        n, label, frame = state["steps"], state["label"], state["frame"]
        _check(n, label)
        check_t(frame, n, low=0, name="frame")
        steps, digits = "one step" if n == 1 else f"{n} steps", f"four {label}s"
        make = "makes" if n == 1 else "make"
        if frame == 0:
            sentence = (
                f"The same four noises for both. Press Play, and {steps} {make} {digits} of them."
            )
        elif frame < n:
            sentence = (
                f"After {frame} of {n} steps: diffusion has gone back to less noise, the flow has gone on "
                f"towards data."
            )
        elif n == 1:
            sentence = (
                "After one step, one guess each: the flow's is near the average digit. Diffusion's is "
                "coarse, for it divides the network's error by √ᾱ, which is 0.006 there."
            )
        else:
            sentence = (
                f"After {steps}, each network has been asked {n} times for each digit. Compare the rows, "
                f"then try fewer steps, and more."
            )
        return {
            "t": str(sampling_times(self.T, n)[frame]),
            "flow_t": f"{times_of_flow(n, None, 'euler')[frame]:g}",
            "calls": str(frame),
            "sentence": sentence,
        }

    def offers(self) -> dict[str, Control]:
        """Steps and label."""
        return self.common("steps", "label")

    def live(  # type: ignore[override]  # a flow has no noise schedule
        self, velocity_model: Callable[..., Tensor] | None = None
    ) -> LiveBox:
        r"""The same in a kernel: a flow of one's own beside the diffusion, from as many noises as one likes.

        Args:
            velocity_model: ``velocity_model(x_t, t)`` for pictures (B, 1, 16, 16), t in [0, 1] from noise to
                data; one with ``null_label`` is told the label, ``velocity_model(x_t, t, y)``. None is the
                figure's own network.

        Returns:
            Controls of ipywidgets where a kernel runs; elsewhere the figure without them.

        Raises:
            TypeError: If ``velocity_model`` is no function.
        """
        diffusion, flow = self.drawers
        if velocity_model is not None:
            check_function("velocity_model", velocity_model)
            flow = replace(flow, net=velocity_model)
        return self.box_of(self.drawn_by(diffusion, flow))

    def still(self, **controls: Any) -> str:
        """The digits of both networks."""
        state = chosen(self.state, controls)
        n, both = state["steps"], self.states(**controls)[-1].x
        steps = "one step" if n == 1 else f"{n} steps"
        rows = {f"diffusion, {steps}": both[:COUNT], f"flow matching, {steps}": both[COUNT:]}
        alt = (
            f"Four digits {state['label']} that a diffusion's network drew from noise in {steps}, and "
            f"below, four that a flow's network drew from the same noises in as many."
        )
        return still_rows(rows, alt)


def _check(steps: int, label: int) -> None:
    check_offered(steps=(steps, LiveFlow.steps))
    check_label(label)


def live_flow(*, label: int = 3, steps: int = 2, seed: int = 1, embed: bool = False) -> LiveFlow:
    r"""A flow's network beside a diffusion's: from the same noises, in as few steps, in the reader's page.

    The flow, ``"digits16_flow"``, is walked along by Euler's steps as in :func:`minidiff.flow.sample`,

    .. math::
        x_{t+h} = x_t + h\, v(x_t, t)

    and the diffusion, ``"digits16"``, by :func:`minidiff.ddim_sample`, with :math:`\hat x_0` kept within
    [-1, 1]. Both are asked once a step for each digit; nothing is guided (w = 0). The noise is that of
    :func:`chain_noise`, so Python draws the same digits. The weights, in 16 bits, lie beside the book's
    pages, which fetch them when Play is pressed.

    Args:
        label: The digit that is chosen first.
        steps: The number of steps that is chosen first, 1, 2, 4, 8 or 16.
        seed: Of the first noise, 0..2³²-1; "New noise" takes the next ones.
        embed: Put the weights into the figure, about 4 MB: for a page that has none beside it, as a notebook.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        IndexError: If the label is no digit.
        TypeError: If an argument is of the wrong type.
        ValueError: If a number is none of those on offer.

    Source:
        Lipman et al. 2023, section 2; Song et al. 2020 (DDIM), equation 12; slides "Flux" and "Faster
        sampling: DDIMs".
    """
    check_seed(seed)
    _check(steps, label)
    state = {"steps": steps, "label": label, "frame": steps}
    summary = f"live flow, beside diffusion, {steps} {'step' if steps == 1 else 'steps'}"
    drawers = [drawer(name) for name in NETWORKS]
    return LiveFlow(drawers, state, seed=seed, embed=embed, summary=summary)
