"""What a classifier says of images: what it recognises, how surely, and its features of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ..base.contracts import contract, unchecked


class Classifier(Protocol):
    """What the metrics want of a classifier: its scores, and the layer before them."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return logits (N, classes) for images (N, C, H, W)."""

    def features(self, images: Tensor, /) -> Tensor:
        """Return features (N, D) for images (N, C, H, W)."""


class Estimate(NamedTuple):
    """A figure and its standard error."""

    value: float
    standard_error: float


@contract("images: floats, batch: count")
def features(classifier: Classifier, images: Tensor, batch: int = 500) -> Tensor:
    """Return the classifier's features of many images, a batch at a time.

    Args:
        classifier: Has a method ``features``; a module is run in evaluation mode, on its own device.
        images: (N, C, H, W), float in [-1, 1].
        batch: How many images to give it at once.

    Returns:
        The features, float32 (N, D), on the CPU.
    """
    return _in_batches(classifier.features, classifier, images, batch)


@contract("images: floats, labels: label of each of images, batch: count")
def accuracy(classifier: Classifier, images: Tensor, labels: Tensor, batch: int = 500) -> Estimate:
    r"""Share of images that the classifier gives the label they should have.

    For class-conditional samples the labels are those that the sampler was given. With N images and a
    share p, the standard error is the binomial one, :math:`\sqrt{p(1-p)/N}` (it is 0 at p = 0 and at
    p = 1, which does not mean that there is no doubt left).

    Args:
        classifier: Returns logits (N, classes).
        images: (N, C, H, W), float in [-1, 1].
        labels: int64 (N,).
        batch: How many images to give it at once.

    Returns:
        ``Estimate(value, standard_error)``, both within 0..1.

    Raises:
        IndexError: If a label is no class of the classifier.
    """
    logits = _in_batches(classifier, classifier, images, batch)
    _check_known(labels, logits.shape[1])
    share = float((logits.argmax(dim=1) == labels.cpu()).double().mean())
    return Estimate(share, math.sqrt(share * (1 - share) / len(images)))


def two_images(images: Tensor) -> None:
    """ValueError: If there is one image only."""
    if len(images) < 2:
        raise ValueError("images holds 1 image; a standard error takes at least 2")


@contract("images: floats, labels: label of each of images, batch: count", two_images)
def fidelity(classifier: Classifier, images: Tensor, labels: Tensor, batch: int = 500) -> Estimate:
    r"""Mean log-probability that the classifier gives to the label that each image should have.

    .. math:: \frac1N \sum_i \log p(y_i \mid x_i) \le 0

    It goes on telling images apart where :func:`accuracy` is 1. One image that is read as something else
    can cost more than all others together, so the standard error is large where there are a few of them.

    Args:
        classifier: Returns logits (N, classes).
        images: (N, C, H, W), float in [-1, 1].
        labels: int64 (N,), at least two.
        batch: How many images to give it at once.

    Returns:
        ``Estimate(value, standard_error)``, in nats; 0 is the best.

    Raises:
        IndexError: If a label is no class of the classifier.

    Source:
        The axis of fidelity of Dhariwal and Nichol 2021, section 4.3, there by precision.
    """
    logits = _in_batches(classifier, classifier, images, batch)
    _check_known(labels, logits.shape[1])
    rows = torch.arange(len(images))
    log_p = logits.double().log_softmax(dim=1)[rows, labels.cpu()]
    return Estimate(float(log_p.mean()), float(log_p.std()) / math.sqrt(len(images)))


def three_of_each(labels: Tensor) -> None:
    """ValueError: If a class is there only once or twice."""
    classes, counts = torch.unique(labels.cpu(), return_counts=True)
    if int(counts.min()) < 3:
        raise ValueError(
            f"labels holds class {int(classes[counts.argmin()])} {int(counts.min())} time(s); a variance "
            f"within a class, and its error, take at least 3 images of it"
        )


@contract("images: floats, labels: label of each of images, batch: count", three_of_each)
def diversity(classifier: Classifier, images: Tensor, labels: Tensor, batch: int = 500) -> Estimate:
    r"""Variance of the classifier's features within a class, averaged over the classes.

    With the features :math:`f_i`, and :math:`n_k` images of class k whose mean feature is :math:`m_k`,

    .. math::
        \frac1K \sum_k v_k, \qquad
        v_k = \frac{1}{n_k - 1} \sum_{i \,:\, y_i = k} \lVert f_i - m_k \rVert^2

    It is 0 where all images of a class are one image. The standard error takes the terms of each
    :math:`v_k` for independent draws.

    Args:
        classifier: Has a method ``features`` and returns logits (N, classes).
        images: (N, C, H, W), float in [-1, 1].
        labels: int64 (N,), each class that is there at least three times; others may be missing.
        batch: How many images to give it at once.

    Returns:
        ``Estimate(value, standard_error)``, in squared units of the features.

    Source:
        The trace of the within-class covariance of Fisher's discriminant (Bishop 2006, section 4.1.4).
    """
    found = unchecked(features)(classifier, images, batch).double()
    classes, counts = torch.unique(labels.cpu(), return_counts=True)
    values, errors_2 = [], []
    for k, n in zip(classes.tolist(), counts.tolist(), strict=True):
        group = found[labels.cpu() == k]
        terms = (group - group.mean(0)).square().sum(1) * (n / (n - 1))  # their mean is v_k
        values.append(float(terms.mean()))
        errors_2.append(float(terms.var()) / n)
    return Estimate(sum(values) / len(values), math.sqrt(sum(errors_2)) / len(values))


def _in_batches(
    function: Callable[[Tensor], Tensor], classifier: object, images: Tensor, batch: int
) -> Tensor:
    """Rows (N, D) that the classifier's function gives for all images, on the CPU."""
    module = classifier if isinstance(classifier, nn.Module) else nn.Identity()
    device = next(module.parameters(), images).device
    with torch.no_grad(), _evaluating(module):
        parts = [function(part.to(device)) for part in torch.split(images, batch)]
    return torch.cat(parts).float().cpu()


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Switch dropout and the like off for a while."""
    before = [(part, part.training) for part in module.modules()]  # a part may be frozen by itself
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def _check_known(labels: Tensor, classes: int) -> None:
    if int(labels.max()) >= classes:
        raise IndexError(
            f"labels holds {int(labels.max())}, but the classifier knows only 0..{classes - 1}"
        )
