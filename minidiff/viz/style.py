"""One look for all plots, and a figure that a notebook shows exactly once."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#57606a",
    "axes.grid": True,
    "grid.color": "#e3e7eb",
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in the course's style; draw on it inside :func:`style`."""
    import matplotlib.pyplot as plt

    # Not inside style(): the first figure loads the backend, which changes settings that must stay.
    # White and of moderate resolution: a chapter's notebook must stay below 500 kB.
    return plt.figure(
        figsize=(width, height),
        dpi=100,
        facecolor="white",
        layout="constrained",
        FigureClass=_figure_class(),
    )


def style() -> Any:
    """A context in which everything drawn has the course's style."""
    import matplotlib.pyplot as plt
    from cycler import cycler

    options: Any = {**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}
    return plt.rc_context(options)


@cache
def _figure_class() -> type[Figure]:
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that may end a cell.

        Jupyter shows every open figure when a cell ends, and the value of its last line besides: a
        plain figure would be there twice.
        """

        def _ipython_display_(self) -> None:
            # Jupyter asks this both for a last line and for figures left open; once is enough.
            import IPython.display

            ipython: Any = IPython.display
            png = io.BytesIO()
            self.savefig(png, format="png", bbox_inches="tight", metadata={"Software": None})
            plt.close(self)
            shown = {
                "image/png": base64.b64encode(png.getvalue()).decode(),
                "text/plain": repr(self),
            }
            ipython.display(shown, raw=True)

    return Picture
