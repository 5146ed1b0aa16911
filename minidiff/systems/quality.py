"""How good a network's digits are, in figures: accuracy, Fréchet distance, distance to copying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import data, metrics
from ..base.validate import check_positive_int
from ..chain.schedule import NoiseSchedule
from ..data.images import resized
from ..sampling.guidance import classifier_free_guidance
from ..sampling.loop import ddim_sample

CLASSES = 10
BATCH = 250  # samples drawn at once
SAMPLER_STEPS = 50  # of DDIM
WEIGHTS = (0.0, 1.0)  # guidance
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


def draw(sampler: Sampler, n: int, *, size: int = SIZE, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw n digits, as many of each class as can be.

    Args:
        sampler: Called with a batch of noise, labels and a generator.
        n: How many.
        size: Height and width.
        seed: Decides the noise. All samplers start from the same, whatever else they draw.

    Returns:
        The images (n, 1, size, size), and their labels (n,), which count 0, 1, ..., 9 again and again.
    """
    check_positive_int("n", n)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    noise = torch.randn(n, 1, size, size, generator=generator)
    batches = zip(torch.split(noise, BATCH), torch.split(labels, BATCH), strict=True)
    images = [sampler(*batch, generator).cpu() for batch in batches]
    return torch.cat(images), labels


def by_ddim(net: nn.Module, schedule: NoiseSchedule, w: float) -> Sampler:
    """Give the sampler that most scores use: DDIM-50 with clipping, guided with weight w."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        guided = classifier_free_guidance(net, labels, w)
        return ddim_sample(guided, schedule, steps=SAMPLER_STEPS, clip=True, x_T=noise)

    return sampler


def draw_digits(
    net: nn.Module, schedule: NoiseSchedule, n: int, w: float, *, size: int = SIZE, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Draw n digits by DDIM-50 with clipping: :func:`draw` with :func:`by_ddim`.

    Args:
        net: A class-conditional network for ten digits.
        schedule: Its noise schedule.
        n: How many.
        w: Guidance strength.
        size: Height and width.
        seed: Decides the starting noise; every w starts from the same.

    Returns:
        The images (n, 1, size, size), and their labels (n,).
    """
    return draw(by_ddim(net, schedule, w), n, size=size, seed=seed)


class Judge:
    """Scores digits with a classifier that reads them, and the digits that were held out.

    Args:
        classifier: Such as ``md.load("digit_classifier16")[0]``; it has never seen the held-out digits.
        seed: Decides which digits stand in for n real ones, and the bootstrap's draws.
    """

    def __init__(self, classifier: Any, seed: int = 0) -> None:
        self.classifier = classifier
        self.seed = seed
        self.train, self.train_labels = data.digits("train")
        self.heldout, self.heldout_labels = data.digits("heldout")
        self.reference = metrics.features(classifier, self.heldout)

    def score(self, images: Tensor, labels: Tensor) -> SampleScores:
        """Score images (N, 1, H, W) that should show ``labels`` (N,); larger ones are shrunk to 16×16."""
        images = resized(images, SIZE)
        features = metrics.features(self.classifier, images)
        accuracy = metrics.accuracy(self.classifier, images, labels)
        return SampleScores(
            metrics.frechet_distance(features, self.reference),
            metrics.frechet_bootstrap(
                features,
                self.reference,
                generator=self._generator(),
                groups=(labels, self.heldout_labels),
            ),
            metrics.nearest_distance(images, self.train),
            accuracy.value,
            accuracy.standard_error,
        )

    def real(self, n: int) -> SampleScores:
        """Score n real training digits: what samples that are as good as real would get.

        They have the classes of :func:`draw_digits`. Chance in the number of each class would
        count as distance, and make the comparison too easy.
        """
        if n > len(self.train):
            raise ValueError(f"n must be at most {len(self.train)}, as many as there are; got {n}")
        mixed = torch.randperm(len(self.train), generator=self._generator())
        of_class = [mixed[self.train_labels[mixed] == k] for k in range(CLASSES)]
        rows = torch.stack([of_class[i % CLASSES][i // CLASSES] for i in range(n)])
        return self.score(self.train[rows], self.train_labels[rows])

    def heldout_nearest(self) -> Tensor:
        """For each held-out digit the distance to the nearest training digit: no copying there."""
        return metrics.nearest_distance(self.heldout, self.train)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)
