"""Rules of labels, and of what else guides: that they are there, and fit the model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..conditions import given
from ..model import bare
from ..validate import shown


def model_is_a_mixture(model: Any) -> None:
    """TypeError: If ``model`` is no mixture."""
    if not hasattr(model, "log_shares"):
        raise TypeError(f"model must come from exact.mixture or exact.ideal, got {shown(model)}")


def labels_are_whole(labels: Tensor) -> None:
    """TypeError: If ``labels`` is no LongTensor."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"labels must be a LongTensor (K,), got {shown(labels)}")


def a_label_a_component(model: Any, labels: Tensor) -> None:
    """ValueError: If there is not one label for each component, or one is negative."""
    if labels.shape != (len(model.means),) or (labels < 0).any():
        raise ValueError(
            f"labels must be {len(model.means)} numbers from 0 up, one a component; got {labels!r}"
        )


def labels_are_there(y: Tensor | None) -> None:
    """ValueError: If y is missing."""
    if y is None:
        raise ValueError("y is missing: a classifier learns from labels, give data=(x_0, y)")


def something_to_guide_by(net: Any, y: Any, conditions: Any) -> None:
    """ValueError: If the network takes no condition, or none is given."""
    network = bare(net)
    if getattr(network, "null_label", None) is None and not getattr(network, "takes", ()):
        raise ValueError(
            "classifier-free guidance needs a network with classes (a null_label) or other conditions; "
            "build and train it with classes=..."
        )
    if not given({"y": y, **conditions}):
        raise ValueError("guidance needs something to guide by: give y=..., or another condition")


def check_logits(logits: Tensor, labels: Tensor) -> None:
    """Refuse a classifier's answer that is not (B, classes), or in which a label has no place.

    Raises:
        IndexError, ValueError: As :func:`minidiff.classifier_gradient`.
    """
    if logits.dim() != 2 or len(logits) != len(labels):
        raise ValueError(
            f"classifier(x_t, t) must give logits of shape ({len(labels)}, classes), got "
            f"{tuple(logits.shape)}"
        )
    if int(labels.max()) >= logits.shape[1]:
        raise IndexError(
            f"y = {int(labels.max())} is outside 0..{logits.shape[1] - 1}, the classifier's classes"
        )
