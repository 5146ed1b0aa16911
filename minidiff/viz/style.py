"""One look for all plots, and a figure that a notebook shows exactly once."""

from __future__ import annotations

import base64
import io
import struct
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Words, axes and black lines: a grey with a contrast of 4.5 to white and 4.1 to black paper. No picture is
# of just this colour, so that the book can find it and draw it lighter on its dark pages.
INK = "#717780"

# Okabe and Ito's colours, told apart by colour-blind readers too; ink in the place of their black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", INK)

DPI = 75  # pixels of a page in an inch of a figure
SHARP = 2  # pixels of a figure for one of a page's

STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.dpi": DPI,
    "image.cmap": "gray",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def use_style() -> None:
    """Draw all plots from here on in the course's look.

    They get a clear ground, ink that can be read on a light page and on a dark one, colours that colour-blind
    readers can tell apart (``"C6"`` is the ink), and in a notebook twice the page's resolution. Undone by
    ``matplotlib.rcdefaults()``.
    """
    import matplotlib.pyplot as plt

    plt.rcParams.update(_options())
    if "ipykernel" in sys.modules:
        import matplotlib_inline.backend_inline

        inline: Any = matplotlib_inline.backend_inline
        inline.set_matplotlib_formats("retina")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in the course's style; draw on it inside :func:`style`."""
    import matplotlib.pyplot as plt

    # Not inside style(): the first figure loads the backend, which changes settings that must stay.
    return plt.figure(
        figsize=(width, height),
        dpi=DPI,
        facecolor="none",
        layout="constrained",
        FigureClass=_figure_class(),
    )


def style() -> Any:
    """A context in which everything drawn has the course's style."""
    import matplotlib.pyplot as plt

    return plt.rc_context(_options())


def _options() -> Any:
    from cycler import cycler

    return {**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}


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
            how: dict[str, Any] = {"bbox_inches": "tight", "metadata": {"Software": None}}
            self.savefig(png, format="png", dpi=SHARP * DPI, facecolor="none", **how)
            plt.close(self)
            shown = {
                "image/png": base64.b64encode(png.getvalue()).decode(),
                "text/plain": repr(self),
            }
            wide, high = struct.unpack(">II", png.getvalue()[16:24])  # of a PNG's header
            size = {"width": wide // SHARP, "height": high // SHARP}
            ipython.display(shown, metadata={"image/png": size}, raw=True)

    return Picture
