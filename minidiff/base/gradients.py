"""Gradients for those who need them, whatever their caller has switched off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def gradients() -> Iterator[None]:
    """Inside, gradients are recorded, also within a caller's ``torch.no_grad`` or ``torch.inference_mode``.

    Who draws samples writes one of those around all of it, and is right to: what he calls may still need a
    gradient of its own, as a classifier's guidance does, and what he gets has none.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield


def variable(x: Tensor) -> Tensor:
    """X as a tensor to which gradients lead, inside :func:`gradients`."""
    return usable(x).detach().requires_grad_()


def usable(x: Tensor) -> Tensor:
    """X itself, or a copy where it was made in inference mode: torch keeps none of those for a gradient."""
    return x.clone() if x.is_inference() else x
