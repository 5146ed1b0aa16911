r"""Guidance: wrappers that turn a network into an eps-model that leans towards a label."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .sample import EpsModel, model_device
from .validate import check_labels, check_number


def classifier_free_guidance(net: Any, y: int | Tensor, w: float) -> EpsModel:
    r"""An eps-model that moves away from "anything" and towards the label y.

    .. math::
        \tilde\epsilon_\theta(x_t, t, y) = (1 + w)\,\epsilon_\theta(x_t, t, y)
            - w\,\epsilon_\theta(x_t, t, \varnothing)

    w = 0 is the plain conditional model, w > 0 is guidance. Beware of the other convention: many
    libraries write :math:`\epsilon_\varnothing + s\,(\epsilon_y - \epsilon_\varnothing)` and call s the
    guidance scale. It is the same thing with **s = 1 + w**, so a "scale of 7.5" is w = 6.5 here.

    Both predictions come from one call of the network on a doubled batch; with w = 0 the second
    half is left out.

    Args:
        net: A network with classes, called ``net(x_t, t, y)``; its ``null_label`` stands for ∅.
        y: The label of all examples (int), or one for each: LongTensor (B,).
        w: Guidance strength, at least -1 (-1 leaves the unconditional model).

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddpm_sample` and its kin.

    Raises:
        IndexError: If a label is out of range.
        TypeError: If ``y`` is neither an int nor a LongTensor, or ``w`` is no number.
        ValueError: If the network has no classes, or the batch differs from ``y``'s.

    Source:
        Ho and Salimans 2022, equation 6; slide "Conditional generation: Classifier-Free Guidance".
    """
    if getattr(net, "null_label", None) is None:
        raise ValueError(
            "classifier-free guidance needs a network with classes (a null_label); "
            "build and train it with classes=..."
        )
    check_labels(y, net.null_label)
    check_number("w", w, -1, float("inf"))

    def eps_model(x_t: Tensor, t: int | Tensor) -> Tensor:
        labels = _labels(y, x_t)
        if w == 0:
            return net(x_t, t, labels)  # type: ignore[no-any-return]
        null = torch.full_like(labels, net.null_label)
        times = torch.cat([t, t]) if isinstance(t, Tensor) else t
        both = net(torch.cat([x_t, x_t]), times, torch.cat([labels, null]))
        conditional, unconditional = both.chunk(2)
        return (1 + w) * conditional - w * unconditional  # type: ignore[no-any-return]

    # A sampler that is not told where to compute asks the model.
    eps_model.device = model_device(net)  # type: ignore[attr-defined]
    return eps_model


def _labels(y: int | Tensor, x_t: Tensor) -> Tensor:
    """One label for each example, where the examples are."""
    if not isinstance(y, Tensor):
        return torch.full((len(x_t),), y, device=x_t.device)
    if len(y) != len(x_t):
        raise ValueError(f"y has {len(y)} labels, but the batch has {len(x_t)} examples")
    return y.to(x_t.device)
