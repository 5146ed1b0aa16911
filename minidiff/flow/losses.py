r"""What a network is trained to make small, so that its answer is the velocity of a flow."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import mse_loss

from ..base.conditions import ask, drop_conditions
from ..base.contracts import contract, unchecked
from ..base.model import Net, teaches
from ..base.rng import Generator, noise_like, rand
from ..base.validate import check_same_shape
from .coupling import ot_coupling
from .paths import Path, on_path, ot_path
from .velocity import time_dtype

COUPLINGS = ("ot",)
# What both losses ask of the rest: a part of the contract of each
TEACHING = """schedule: no schedule, path: path, t: flow time of each,
    label_dropout: number in [0, 1]"""


@teaches("velocity")
@contract(f"data: batch, noise: like data, coupling: one of {COUPLINGS}, {TEACHING}")
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
    **conditions: Tensor | None,
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
        net: The network :math:`v_\theta`, called ``net(x_t, t)``, or with conditions.
        data: Shape (B, ...); images are (B, C, H, W) in [-1, 1].
        schedule: Nothing but None: this place is the one where :func:`~minidiff.train` puts it.
        y: Labels, LongTensor (B,), for a network with classes.
        path: The path; None means the straight one, :func:`~minidiff.flow.ot_path`.
        coupling: ``"ot"`` pairs noise and data of the batch by :func:`~minidiff.flow.ot_coupling`,
            label by label where there are labels; None leaves them paired at random. Where several
            processes train, each couples its own rows.
        t: Times, floats (B,) in [0, ``path.end``]; drawn uniformly when not given.
        noise: Same shape as the data; drawn when not given.
        label_dropout: Probability with which an example's conditions give way to none, so that the same
            network also learns to work without them.
        generator: Where to draw from.
        **conditions: Further conditions by name, tensors (B, ...), for a network that takes them.

    Returns:
        The loss, one number with a gradient.

    Raises:
        ImportError: If ``coupling="ot"`` and scipy is not installed.
        IndexError: If a label is out of range.
        TypeError: If a condition is no tensor.
        ValueError: If the network's answer has another shape than its input, or it takes no such condition.

    Source:
        Lipman et al. 2023, equation 9 (and 23 for the straight path); slide "Flux".
    """
    path = path or ot_path()
    if t is None:
        t = path.end * rand((len(data),), generator, data.device).to(time_dtype(data))
    noise = noise_like(data, noise, generator)
    if coupling == "ot":
        noise = noise[ot_coupling(noise, data, y)]
    x_t, target = unchecked(on_path)(noise, data, t, path)
    told = drop_conditions(net, {"y": y, **conditions}, label_dropout, generator, len(data))
    velocity = ask(net, x_t, t, told)
    check_same_shape("the network's prediction", velocity, "data", data)
    return mse_loss(velocity, target)


@teaches("velocity")
@contract(f"pairs: pairs, {TEACHING}")
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
    **conditions: Tensor | None,
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
        label_dropout: As in :func:`matching_loss`.
        generator: Where to draw from.
        **conditions: As in :func:`matching_loss`, with which the pairs were made.

    Returns:
        The loss, one number with a gradient.

    Raises:
        IndexError: If a label is out of range.
        TypeError: If a condition is no tensor.
        ValueError: If the network's answer has another shape than its input, or it takes no such condition.

    Source:
        Liu et al. 2022, "Flow Straight and Fast", equation 1 and algorithm 1.
    """
    noise, data = pairs.unbind(1)
    options: dict[str, Any] = {"path": path, "t": t, "label_dropout": label_dropout, **conditions}
    return unchecked(matching_loss)(net, data, None, y, noise=noise, generator=generator, **options)
