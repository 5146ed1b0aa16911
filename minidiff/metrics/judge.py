"""How good a network's digits are, in figures: accuracy, Fréchet distance, distance to copying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..base.contracts import contract
from ..data.images import CLASSES, digits, resized
from .classifier import accuracy, features
from .distances import nearest_distance
from .frechet import frechet_bootstrap, frechet_distance

BATCH = 250  # samples drawn at once
SIZE = 16  # of the images that the classifier reads

Sampler = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""Makes images of noise (B, 1, H, W) and labels (B,), with a generator for what else it draws."""


@dataclass(frozen=True)
class SampleScores:
    """Scores of a set of images against the digits that were held out of training.

    Attributes:
        frechet: Fréchet distance, in the classifier's features, to the held-out digits.
        frechet_error: Its bootstrap standard error.
        nearest: For each image the Euclidean distance to the nearest training digit, (N,).
        accuracy: Share that the classifier reads as intended.
        accuracy_error: Its standard error.
    """

    frechet: float
    frechet_error: float
    nearest: Tensor
    accuracy: float
    accuracy_error: float


@contract("n: count")
def draw_digits(
    sampler: Sampler, n: int, *, size: int = SIZE, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Draw n digits, as many of each class as can be.

    Args:
        sampler: Called with a batch of noise, labels and a generator.
        n: How many.
        size: Height and width.
        seed: Decides the noise. All samplers start from the same, whatever else they draw.

    Returns:
        The images (n, 1, size, size), and their labels (n,), which count 0, 1, ..., 9 again and again.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    noise = torch.randn(n, 1, size, size, generator=generator)
    batches = zip(torch.split(noise, BATCH), torch.split(labels, BATCH), strict=True)
    images = [sampler(*batch, generator).cpu() for batch in batches]
    return torch.cat(images), labels


def as_many_as_there_are(self: Judge, n: int) -> None:
    """ValueError: If there are not so many training digits."""
    if n > len(self.train):
        raise ValueError(f"n must be at most {len(self.train)}, as many as there are; got {n}")


class Judge:
    """Scores digits with a classifier that reads them, and the digits that were held out.

    Args:
        classifier: Such as ``md.load("digit_classifier16")[0]``; it has never seen the held-out digits.
        seed: Decides which digits stand in for n real ones, and the bootstrap's draws.
    """

    def __init__(self, classifier: Any, seed: int = 0) -> None:
        self.classifier = classifier
        self.seed = seed
        self.train, self.train_labels = digits("train")
        self.heldout, self.heldout_labels = digits("heldout")
        self.reference = features(classifier, self.heldout)

    def score(self, images: Tensor, labels: Tensor) -> SampleScores:
        """Score images (N, 1, H, W) that should show ``labels`` (N,); larger ones are shrunk to 16×16."""
        images = resized(images, SIZE)
        described = features(self.classifier, images)
        read = accuracy(self.classifier, images, labels)
        return SampleScores(
            frechet_distance(described, self.reference),
            frechet_bootstrap(
                described,
                self.reference,
                generator=self._generator(),
                groups=(labels, self.heldout_labels),
            ),
            nearest_distance(images, self.train),
            read.value,
            read.standard_error,
        )

    @contract("n: count", as_many_as_there_are)
    def real(self, n: int) -> SampleScores:
        """Score n real training digits: what samples that are as good as real would get.

        They have the classes of :func:`draw_digits`. Chance in the number of each class would
        count as distance, and make the comparison too easy.
        """
        mixed = torch.randperm(len(self.train), generator=self._generator())
        of_class = [mixed[self.train_labels[mixed] == k] for k in range(CLASSES)]
        rows = torch.stack([of_class[i % CLASSES][i // CLASSES] for i in range(n)])
        return self.score(self.train[rows], self.train_labels[rows])

    def heldout_nearest(self) -> Tensor:
        """For each held-out digit the distance to the nearest training digit: no copying there."""
        return nearest_distance(self.heldout, self.train)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)
