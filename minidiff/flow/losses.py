r"""What a network is trained to make small, so that its answer is the velocity of a flow."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ..base.conditions import ask, drop_conditions
from ..base.model import Net, teaches
from ..base.rng import Generator, rand, randn
from ..base.validate import check_choice, check_floats, check_number, check_same_shape, shown
from .coupling import ot_coupling
from .paths import Path, check_flow_time, checked_path, placed


@teaches("velocity")
def matching_loss(
    net: Net,
    data: Tensor,
    schedule: None = None,
    y: Tensor | None = None,
    *,
    path: Path | None = None,
    coupling: str | None = None,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    label_dropout: float = 0.1,
    generator: Generator | None = None,
) -> Tensor:
    r"""Conditional flow matching: how well does the network guess the velocity?

    .. math::
        L = \mathbb E_{t,\,\text{noise},\,\text{data}} \left[ \left\|
            v_\theta(x_t, t) - u_t \right\|^2 \right], \qquad
        t \sim \mathrm{Uniform}[0, 1]

    with :math:`x_t` and :math:`u_t` from :func:`~minidiff.flow.on_path`; on the straight path
    :math:`u_t = \text{data} - \text{noise}`. The best answer is the mean of :math:`u_t` over all pairs
    whose path runs through :math:`x_t`, and that is the velocity of a flow from the noise's
    distribution to the data's. The square is averaged over the batch and the entries.

    Train with it as with any loss; there is no noise schedule:

    >>> loss = md.flow.matching_loss  # doctest: +SKIP
    >>> run = md.train(net, data, loss, schedule=None)  # doctest: +SKIP

    Options are set by ``functools.partial(md.flow.matching_loss, coupling="ot")``. Build the network with
    ``time_scale=1000``, for its sinusoids are made for times up to 1000.

    Args:
        net: The network :math:`v_\theta`, called ``net(x_t, t)``, or ``net(x_t, t, y)`` with labels.
        data: Shape (B, ...); images are (B, C, H, W) in [-1, 1].
        schedule: Nothing but None: this place is the one where :func:`~minidiff.train` puts it.
        y: Labels, LongTensor (B,), for a network with classes.
        path: The path; None means the straight one, :func:`~minidiff.flow.ot_path`.
        coupling: ``"ot"`` pairs noise and data of the batch by :func:`~minidiff.flow.ot_coupling`,
            label by label where there are labels; None leaves them paired at random. Where several
            processes train, each couples its own rows.
        t: Times, floats (B,) in [0, ``path.end``]; drawn uniformly when not given.
        noise: Same shape as the data; drawn when not given.
        label_dropout: Probability with which a label gives way to the null label.
        generator: Where to draw from.

    Returns:
        The loss, one number with a gradient.

    Raises:
        ImportError: If ``coupling="ot"`` and scipy is not installed.
        IndexError: If a label is out of range.
        TypeError: If data or noise hold no floats, or an argument is of the wrong kind.
        ValueError: If shapes differ, data are empty or hold NaN, t is out of range, the network's
            answer has another shape than its input, or a schedule is given.

    Source:
        Lipman et al. 2023, equation 9 (and 23 for the straight path); slide "Flux".
    """
    path = checked_path(path)
    _check_no_schedule(schedule)
    if coupling is not None:
        check_choice("coupling", coupling, ("ot",))
    # On a GPU, looking for NaN would make every training step wait; the loss itself shows it there.
    here = not isinstance(data, Tensor) or data.device.type == "cpu"
    check_floats("data", data, look_inside=here)
    check_number("label_dropout", label_dropout, 0, 1)
    t = _times(t, data, path, generator)
    if noise is None:
        noise = randn(data.shape, generator, data.device, data.dtype)
    else:
        check_floats("noise", noise, look_inside=here)
        check_same_shape("noise", noise, "data", data)
    if coupling == "ot":
        noise = noise[ot_coupling(noise, data, y)]
    return _compare(net, noise, data, t, path, y, label_dropout, generator)


@teaches("velocity")
def pair_loss(
    net: Net,
    pairs: Tensor,
    schedule: None = None,
    y: Tensor | None = None,
    *,
    path: Path | None = None,
    t: Tensor | None = None,
    label_dropout: float = 0.1,
    generator: Generator | None = None,
) -> Tensor:
    r"""The loss of :func:`matching_loss` on pairs that are fixed: reflow.

    A pair travels through :func:`~minidiff.train` as one example of twice the size, noise first:

    >>> pairs = torch.stack(md.flow.reflow_pairs(velocity, noise), dim=1)  # doctest: +SKIP
    >>> md.train(net, pairs, md.flow.pair_loss, schedule=None, steps=2000)  # doctest: +SKIP

    Args:
        net: The network, see :func:`matching_loss`.
        pairs: Noise ``pairs[:, 0]`` and data ``pairs[:, 1]``, shape (B, 2, ...).
        schedule: Nothing but None.
        y: Labels, LongTensor (B,), with which the pairs were made.
        path: The path; None means the straight one.
        t: Times, floats (B,); drawn uniformly when not given.
        label_dropout: Probability with which a label gives way to the null label.
        generator: Where to draw from.

    Returns:
        The loss, one number with a gradient.

    Raises:
        IndexError, TypeError, ValueError: As :func:`matching_loss`.

    Source:
        Liu et al. 2022, "Flow Straight and Fast", equation 1 and algorithm 1.
    """
    path = checked_path(path)
    _check_no_schedule(schedule)
    here = not isinstance(pairs, Tensor) or pairs.device.type == "cpu"
    check_floats("pairs", pairs, look_inside=here)
    if pairs.dim() < 3 or pairs.shape[1] != 2:
        raise ValueError(
            f"pairs must have shape (B, 2, ...), noise and data side by side; got "
            f"{tuple(pairs.shape)}; make them by torch.stack((noise, data), dim=1)"
        )
    check_number("label_dropout", label_dropout, 0, 1)
    noise, data = pairs.unbind(1)
    t = _times(t, data, path, generator)
    return _compare(net, noise, data, t, path, y, label_dropout, generator)


def _times(t: Tensor | None, data: Tensor, path: Path, generator: Generator | None) -> Tensor:
    """One time for each example: those given, or drawn."""
    if t is None:
        drawn = rand((len(data),), generator, data.device)
        return path.end * drawn.to(time_dtype(data))
    if not isinstance(t, Tensor):
        raise TypeError(f"t must be floats (B,), one time for each example, got {shown(t)}")
    check_flow_time(t, len(data), path.end, look_inside=t.device.type == "cpu")
    return t


def time_dtype(x: Tensor) -> torch.dtype:
    """The type of times beside x: a 16-bit float could not tell neighbouring times apart."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _compare(
    net: Net,
    noise: Tensor,
    data: Tensor,
    t: Tensor,
    path: Path,
    y: Tensor | None,
    label_dropout: float,
    generator: Generator | None,
) -> Tensor:
    """Ask the network for the velocity on the path, and measure how far off it is."""
    x_t, target = placed(noise, data, t, path)
    velocity = ask(net, x_t, t, drop_conditions(net, {"y": y}, label_dropout, generator, len(data)))
    check_same_shape("the network's prediction", velocity, "data", data)
    return mse_loss(velocity, target)


def _check_no_schedule(schedule: object) -> None:
    if schedule is not None:
        raise ValueError(
            f"flow matching has no noise schedule, its path says how noise and data are mixed: pass "
            f"schedule=None (and path=, if you like); got {shown(schedule)}"
        )
