"""Plots of the chapters: images in rows, schedules, points in the plane, losses.

Each draws one figure and gives it back; matplotlib is imported when the first one is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..base.pictures import contact_sheet
from ..base.validate import check_floats, check_positive_int
from ..chain.schedule import NoiseSchedule
from .style import COLOURS, new_figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLATEAU = "A plateau is normal: what is left is noise that no network can guess. Look at samples."


def show_grid(
    images: Tensor,
    ncol: int | None = None,
    *,
    titles: Sequence[str] | None = None,
    title: str | None = None,
    size: float = 0.75,
) -> Figure:
    """Draw images in a grid, row by row.

    Args:
        images: (N, C, H, W) with one or three channels, values in [-1, 1]; what lies outside is cut.
        ncol: Images in a row; None makes the grid about square.
        titles: One for each image, written above it.
        title: One for the whole figure.
        size: Width of an image in inches.

    Raises:
        TypeError: If ``images`` does not hold floating-point numbers.
        ValueError: If ``images`` has another shape, or there is not one title for each image.
    """
    _check_images("images", images)
    n = len(images)
    ncol = math.ceil(math.sqrt(n)) if ncol is None else min(check_positive_int("ncol", ncol), n)
    _check_count("titles", titles, n)
    starts = range(0, n, ncol)
    rows = [images[i : i + ncol] for i in starts]
    above = None if titles is None else [list(titles[i : i + ncol]) for i in starts]
    return _draw_rows(rows, above, None, title, size)


def filmstrip(
    images: Tensor | Sequence[Tensor],
    labels: Sequence[str] | None = None,
    *,
    rows: Sequence[str] | None = None,
    title: str | None = None,
    size: float = 0.95,
) -> Figure:
    """Draw images in one row, such as x_t at several t; or several such rows below one another.

    Args:
        images: One row, (N, C, H, W) in [-1, 1]; or a list of rows of equal length.
        labels: One for each image of a row, such as ``"t = 500"``, written above the first row.
        rows: One name for each row, written to its left.
        title: One for the whole figure.
        size: Width of an image in inches.

    Raises:
        TypeError: If a row does not hold floating-point numbers.
        ValueError: If rows differ in shape, or the number of labels or names is wrong.
    """
    strips = [images] if isinstance(images, Tensor) else list(images)
    if not strips:
        raise ValueError("images is an empty list; give at least one row of images")
    for i, strip in enumerate(strips):
        _check_images("images" if isinstance(images, Tensor) else f"images[{i}]", strip)
        if strip.shape[0] != strips[0].shape[0] or strip.shape[2:] != strips[0].shape[2:]:
            raise ValueError(
                f"rows must have equally many images of one size: images[0] has shape "
                f"{tuple(strips[0].shape)}, images[{i}] has {tuple(strip.shape)}"
            )
    _check_count("labels", labels, len(strips[0]))
    _check_count("rows", rows, len(strips))
    above = None if labels is None else [list(labels)] + [[] for _ in strips[1:]]
    return _draw_rows(strips, above, rows, title, size)


def plot_schedules(schedules: Mapping[str, NoiseSchedule] | NoiseSchedule) -> Figure:
    r"""Draw :math:`\beta_t`, :math:`\bar\alpha_t` and the signal-to-noise ratio of schedules.

    The x-axis is t, or t / T if the schedules have different T.

    Args:
        schedules: Schedules by the name that the legend gives them, or a single one.

    Raises:
        TypeError: If there is something else than a schedule.
        ValueError: If there is none.
    """
    if isinstance(schedules, NoiseSchedule):
        schedules = {schedules.name: schedules}
    if not schedules:
        raise ValueError("schedules is empty; give for example {'linear': linear_schedule()}")
    for name, schedule in schedules.items():
        if not isinstance(schedule, NoiseSchedule):
            raise TypeError(
                f"schedules[{name!r}] must be a NoiseSchedule, got {type(schedule).__name__}"
            )
    alike = len({schedule.T for schedule in schedules.values()}) == 1
    figure = new_figure(9, 2.8)
    with style():
        axes = figure.subplots(1, 3)
        for name, s in schedules.items():
            t = np.arange(s.T + 1) / (1 if alike else s.T)
            axes[0].plot(t[1:], s.beta[1:], label=name)  # no noise is added at t = 0
            axes[1].plot(t, s.alpha_bar, label=name)
            axes[2].semilogy(t[1:], s.snr[1:], label=name)
        names = (r"$\beta_t$", r"$\bar\alpha_t$", r"$\bar\alpha_t\,/\,(1-\bar\alpha_t)$")
        titles = ("noise added in step t", "what is left after t steps", "signal-to-noise ratio")
        for ax, name, title in zip(axes, names, titles, strict=True):
            ax.set(xlabel="$t$" if alike else "$t / T$", ylabel=name, title=title)
        axes[1].legend()
    return figure


def plot_points(
    points: Tensor | Mapping[str, Tensor], *, ncol: int | None = None, limit: float | None = None
) -> Figure:
    """Draw sets of points in the plane, each in a panel of its own, all on the same scale.

    Args:
        points: (N, 2), or several such sets by the title of their panel.
        ncol: Panels in a row; None puts up to five.
        limit: Both axes run from -limit to limit; None takes the largest coordinate.

    Raises:
        TypeError: If a set does not hold floating-point numbers.
        ValueError: If a set is not (N, 2), there is none, or ``limit`` is not positive.
    """
    sets = {"": points} if isinstance(points, Tensor) else dict(points)
    if not sets:
        raise ValueError("points is empty; give a tensor (N, 2), or several by name")
    for name, x in sets.items():
        label = f"points[{name!r}]" if name else "points"
        check_floats(label, x)
        if x.dim() != 2 or x.shape[1] != 2:
            raise ValueError(f"{label} must have shape (N, 2), got {tuple(x.shape)}")
    columns = min(len(sets), 5 if ncol is None else check_positive_int("ncol", ncol))
    nrow = math.ceil(len(sets) / columns)
    if limit is not None and not limit > 0:
        raise ValueError(f"limit must be positive, got {limit}")
    edge = limit or 1.05 * max(float(x.abs().max()) for x in sets.values()) or 1.0
    figure = new_figure(2.3 * columns, 2.5 * nrow)
    with style():
        axes = figure.subplots(nrow, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(sets) :]:
            ax.set_visible(False)
        for ax, (name, x) in zip(axes.flat, sets.items(), strict=False):
            xy = x.detach().cpu().float().numpy()
            ax.scatter(*xy.T, s=4, alpha=0.5, color=COLOURS[0], linewidths=0)
            ax.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", title=name)
        figure.supxlabel("first coordinate", fontsize=10)
        figure.supylabel("second coordinate", fontsize=10)
    return figure


def plot_losses(losses: Sequence[float] | Tensor, *, window: int | None = None) -> Figure:
    """Draw the losses of a training, with their running mean, on a logarithmic scale.

    Args:
        losses: One for each step, positive.
        window: Steps that the running mean looks back; None takes a fiftieth of all.

    Raises:
        ValueError: If there is none, or one is not finite and positive.
    """
    values = torch.as_tensor(losses, dtype=torch.float64).detach().cpu()
    if values.dim() != 1 or len(values) == 0:
        raise ValueError(f"losses must be one number a step, got shape {tuple(values.shape)}")
    wrong = (~(torch.isfinite(values) & (values > 0))).nonzero().flatten()
    if len(wrong):
        step = int(wrong[0])
        raise ValueError(
            f"losses[{step}] = {float(values[step]):g} is not positive and finite; if the training "
            f"broke down there, try a smaller learning rate"
        )
    n = len(values)
    window = max(1, n // 50) if window is None else min(check_positive_int("window", window), n)
    total = torch.cat([torch.zeros(1, dtype=torch.float64), values.cumsum(0)])
    mean = (total[window:] - total[:-window]) / window
    figure = new_figure(6.5, 3)
    with style():
        ax = figure.subplots()
        ax.semilogy(np.arange(1, n + 1), values, color=COLOURS[4], lw=0.6, alpha=0.6, label="loss")
        ax.semilogy(
            np.arange(window, n + 1), mean, color=COLOURS[0], label=f"mean of {window} steps"
        )
        ax.set(xlabel="training step", ylabel="loss")
        ax.legend(loc="upper right")
        figure.supxlabel(PLATEAU, fontsize=9)
    return figure


def _draw_rows(
    rows: Sequence[Tensor],
    above: Sequence[Sequence[str]] | None,
    names: Sequence[str] | None,
    title: str | None,
    size: float,
) -> Figure:
    """Rows of images in one pair of axes, whose unit is the width of an image."""
    gap, ncol = 0.04, len(rows[0])
    tall = rows[0].shape[2] / rows[0].shape[3]
    y, tops = 0.0, []
    for i in range(len(rows)):
        y += 0.3 if above is not None and above[i] else gap
        tops.append(y)
        y += tall
    left = 0.0 if names is None else 0.14 * max(map(len, names)) * 0.75 / size
    width, head = ncol * (1 + gap) + left, 0.3 if title else 0.0
    figure = new_figure(size * width + 0.1, size * y + 0.1 + head)
    with style():
        ax = figure.subplots()
        for i, (row, top) in enumerate(zip(rows, tops, strict=True)):
            for j, image in enumerate(row):
                x = j * (1 + gap)
                pixels = contact_sheet(image[None], gap=0)
                ax.imshow(pixels, extent=(x, x + 1, top + tall, top), interpolation="nearest")
                if above is not None and above[i]:
                    ax.text(x + 0.5, top - 0.07, above[i][j], ha="center", fontsize=9)
            if names is not None:
                ax.text(-0.1, top + tall / 2, names[i], ha="right", va="center", fontsize=9)
        ax.set(xlim=(-left, ncol * (1 + gap)), ylim=(y + 0.01, 0), aspect="equal")
        ax.axis("off")
        if title:
            ax.set_title(title)
    return figure


def _check_images(name: str, images: Tensor) -> None:
    check_floats(name, images)
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"{name} must be (N, C, H, W) with C = 1 or 3, got {tuple(images.shape)}; a single "
            f"image x of shape (C, H, W) becomes one of these as x[None]"
        )


def _check_count(name: str, words: Sequence[str] | None, n: int) -> None:
    if words is not None and len(words) != n:
        raise ValueError(f"{name} must hold {n} strings, got {len(words)}")
