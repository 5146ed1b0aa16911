"""Digits of 16 and 28 pixels: the course's own networks, each a recipe."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import data, metrics, weights
from ..base.rng import Generator, seeded
from ..chain.forward import q_sample
from ..chain.schedule import NoiseSchedule, linear_schedule
from ..data.augment import warp
from ..data.images import CLASSES
from ..flow.losses import matching_loss
from ..losses.learned_variance import hybrid_loss
from ..losses.simple import noisy_classifier_loss, simple_loss
from ..metrics.judge import Judge, Sampler, draw_digits
from ..nn import DigitClassifier, NoisyClassifier, TinyUNet
from ..sampling.suited import samples
from .recipe import Recipe

SIZE = 16
SAMPLES = 1000  # images that a network is scored with
WEIGHTS = (0.0, 1.0)  # guidance
LOOKS = (1, 250, 500, 750)  # times at which the noisy classifier is scored


def classifier_loss(
    net: nn.Module,
    x_0: Tensor,
    schedule: None = None,
    y: Tensor | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    r"""Cross entropy :math:`-\log p(y \mid x_0)`, averaged over the batch.

    Args:
        net: A classifier, images to logits.
        x_0: Images, shape (B, C, H, W).
        schedule: Not used: a classifier of clean images knows no noise.
        y: Labels, LongTensor (B,).
        generator: Not used.
    """
    if y is None:
        raise ValueError("y is missing: a classifier learns from labels, give data=(x_0, y)")
    return F.cross_entropy(net(x_0), y)


def unet(channels: int = 1, **options: Any) -> TinyUNet:
    """A class-conditional U-Net for small images of ten classes; ``options`` override what all share."""
    shared: dict[str, Any] = {"width": 16, "multipliers": (1, 2, 4), "blocks": 1, "dropout": 0.1}
    return TinyUNet(channels, CLASSES, **{**shared, **options})


def drawing(net: Any, schedule: NoiseSchedule | None, w: float, steps: int = 50) -> Sampler:
    """The sampler that suits a network of digits, guided with weight w."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return samples(net, schedule, noise, steps=steps, w=w, generator=generator, y=labels)

    return sampler


def score_samples(
    net: Any, schedule: NoiseSchedule | None, *, size: int = SIZE
) -> dict[str, float]:
    """Scores of the samples for each guidance weight, and of real digits beside them."""
    judge = Judge(weights.load("digit_classifier16")[0])
    scores = {"Fréchet distance, real": judge.real(SAMPLES).frechet}
    for w in WEIGHTS:
        got = judge.score(*draw_digits(drawing(net, schedule, w), SAMPLES, size=size))
        scores[f"accuracy, w = {w:g}"] = got.accuracy
        scores[f"Fréchet distance, w = {w:g}"] = got.frechet
    return scores


def score_classifier(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    """Share of the digits that it reads rightly, seen in training and held out."""
    return {
        f"accuracy, {split}": metrics.accuracy(net, *data.digits(split)).value
        for split in data.SPLITS
    }


def score_noisy_classifier(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    """Share of held-out digits that it reads rightly, at several times."""
    assert schedule is not None
    images, labels = data.digits("heldout")
    scores = {}
    for t in LOOKS:
        x_t = q_sample(images, t, schedule, generator=seeded(0))
        with torch.no_grad():
            read = net(x_t, t).argmax(dim=1)
        scores[f"accuracy, held-out, t = {t}"] = float((read == labels).double().mean())
    return scores


def of_set(name: str, size: int) -> Recipe:
    """The U-Net and the training of ``digits16`` for another set of images, such as cifar10."""
    channels = data.load(name, "heldout", size=size)[0].shape[1]
    return Recipe(
        name=name,
        about=f"draws {size}×{size} images of {name}",
        net=partial(unet, channels),
        data=partial(data.load, name, "train", size=size),
        loss=simple_loss,
        schedule=linear_schedule,
        training=TRAINING,
        sample=samples,
    )


TRAINING: dict[str, Any] = {"steps": 3000, "batch": 128, "lr": 2e-3, "ema": 0.998}
# From as many pictures, many small steps take the network further than few large ones (benchmarks.search);
# with so few in a step 16 bits would save no time.
SMALL_STEPS: dict[str, Any] = {**TRAINING, "steps": 20_000, "batch": 32, "precision": "fp32"}
DRAWN: dict[str, Any] = {
    "data": partial(data.digits, "train"),
    "training": SMALL_STEPS,
    "sample": samples,
    "score": score_samples,
}
READ: dict[str, Any] = {"data": partial(data.digits, "train")}
BENT = {
    "augment": warp
}  # the digits are few; seen bent and turned a little they are as good as many more

#: The recipes of this file.
RECIPES = (
    Recipe(
        name="digit_classifier16",
        about="reads 16×16 digits; its 64 features serve the metrics",
        net=DigitClassifier,
        loss=classifier_loss,
        training={"steps": 2500, **BENT},
        score=score_classifier,
        half=False,
        **READ,
    ),
    Recipe(
        name="noisy_classifier16",
        about="reads noisy 16×16 digits at any t, for classifier guidance",
        net=NoisyClassifier,
        loss=noisy_classifier_loss,
        schedule=linear_schedule,
        training={"steps": 6000, **BENT},
        score=score_noisy_classifier,
        **READ,
    ),
    Recipe(
        name="digits16",
        about="draws 16×16 digits, class-conditional",
        net=unet,
        loss=simple_loss,
        schedule=linear_schedule,
        half=False,
        **DRAWN,
    ),
    Recipe(
        name="digits16_hybrid",
        about="draws 16×16 digits and says how sure it is (learned variance)",
        # All but the loss and the second head as in digits16, so that the two can be compared.
        net=partial(unet, out_channels=2),
        loss=hybrid_loss,
        schedule=linear_schedule,
        **DRAWN,
    ),
    Recipe(
        name="digits16_flow",
        about="draws 16×16 digits by flow matching",
        net=partial(unet, time_scale=1000.0),
        loss=matching_loss,
        **DRAWN,
    ),
    Recipe(
        name="digits28",
        about="draws 28×28 digits, class-conditional",
        # 14 × 14 places already make attention dear; 7 × 7 are as many as the 8 × 8 of digits16.
        net=partial(unet, attention=(False, False, True)),
        # It is there to be looked at, and no chapter counts its bits: small t may count less.
        loss=partial(simple_loss, gamma=5.0),
        schedule=linear_schedule,
        **{
            **DRAWN,
            # Larger convolutions are quicker in 16 bits also where a step has few pictures.
            "training": {**SMALL_STEPS, "precision": "auto"},
            "data": partial(data.digits, "train", size=28),
            "score": partial(score_samples, size=28),
        },
    ),
)
