"""What each training whose weights ship needs: its network, its data, its loss, and its scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import data, flow, metrics, weights
from ..base.rng import Generator
from ..chain.forward import q_sample
from ..chain.schedule import NoiseSchedule, linear_schedule
from ..data.augment import warp
from ..losses.learned_variance import hybrid_loss
from ..losses.simple import noisy_classifier_loss
from ..nn import DigitClassifier, NoisyClassifier, TinyUNet
from ..sampling.guidance import classifier_free_guidance
from ..sampling.loop import ddpm_sample
from .quality import SAMPLER_STEPS, WEIGHTS, Judge, Sampler, by_ddim, draw

SIZE = 16
CLASSES = 10
SAMPLES = 1000  # images that a network is scored with
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


@dataclass(frozen=True)
class Plan:
    """All that a training needs, made anew each time.

    Attributes:
        net: A new network.
        schedule: Its noise schedule; None for a classifier of clean images, and for a flow.
        data: Images and labels to train with.
        steps: Gradient steps, unless told otherwise.
        settings: Further arguments of :func:`~minidiff.train`.
    """

    net: Any
    schedule: NoiseSchedule | None
    data: tuple[Tensor, Tensor]
    steps: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A training whose weights ship.

    Attributes:
        about: What it makes, in one line.
        plan: Makes what the training needs.
        score: Gives the scores of the trained network.
        half: Whether the weights are kept in 16 bits, which halves the file; they are scored as kept.
    """

    about: str
    plan: Callable[[], Plan]
    score: Callable[[Any, NoiseSchedule | None], dict[str, float]]
    half: bool = True


def unet_plan(images: tuple[Tensor, Tensor], loss: Any = None, **options: Any) -> Plan:
    """A class-conditional U-Net for small images of ten classes.

    Args:
        images: Images and labels.
        loss: What to make small; None takes :func:`~minidiff.simple_loss`.
        options: Of the network, beside those that all share.
    """
    shared: dict[str, Any] = {"width": 16, "multipliers": (1, 2, 4), "blocks": 1, "dropout": 0.1}
    net = TinyUNet(images[0].shape[1], CLASSES, **shared, **options)
    settings = {"lr": 2e-3, "ema": 0.998} | ({} if loss is None else {"loss": loss})
    return Plan(net, linear_schedule(), images, steps=3000, settings=settings)


def _digits16() -> Plan:
    return unet_plan(data.digits("train"))


def _digits16_hybrid() -> Plan:
    # All but the loss and the second head as in digits16, so that the two can be compared.
    return unet_plan(data.digits("train"), hybrid_loss, out_channels=2)


def _digits16_flow() -> Plan:
    plan = unet_plan(data.digits("train"), flow.matching_loss, time_scale=1000.0)
    return Plan(plan.net, None, plan.data, plan.steps, plan.settings)


def _digits28() -> Plan:
    # 14 × 14 places already make attention dear; 7 × 7 are as many as the 8 × 8 of digits16.
    return unet_plan(data.digits("train", size=28), attention=(False, False, True))


def _digit_classifier16() -> Plan:
    # The digits are few; seen bent and turned a little they are as good as many more.
    settings = {"loss": classifier_loss, "augment": warp}
    return Plan(DigitClassifier(), None, data.digits("train"), steps=2500, settings=settings)


def _noisy_classifier16() -> Plan:
    settings = {"loss": noisy_classifier_loss, "augment": warp}
    images = data.digits("train")
    return Plan(NoisyClassifier(), linear_schedule(), images, steps=6000, settings=settings)


def _score_samples(make: Callable[[float], Sampler], size: int = SIZE) -> dict[str, float]:
    """Scores of the samples of ``make(w)``, for each guidance weight, and of real digits beside them."""
    judge = Judge(weights.load("digit_classifier16")[0])
    scores = {"Fréchet distance, real": judge.real(SAMPLES).frechet}
    for w in WEIGHTS:
        got = judge.score(*draw(make(w), SAMPLES, size=size))
        scores[f"accuracy, w = {w:g}"] = got.accuracy
        scores[f"Fréchet distance, w = {w:g}"] = got.frechet
    return scores


def by_learned_variance(net: Any, schedule: NoiseSchedule, w: float) -> Sampler:
    """50 steps of ancestral sampling, whose noise has the variance that the network says."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return ddpm_sample(
            classifier_free_guidance(net, labels, w),
            schedule,
            steps=SAMPLER_STEPS,
            variance="learned",
            clip=True,
            x_T=noise,
            generator=generator,
        )

    return sampler


def by_flow(net: Any, w: float) -> Sampler:
    """50 Euler steps of the flow."""

    def sampler(noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        guided = classifier_free_guidance(net, labels, w)
        return flow.sample(guided, noise=noise, steps=SAMPLER_STEPS).clamp(-1, 1)

    return sampler


def _score_diffusion(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    assert schedule is not None
    return _score_samples(lambda w: by_ddim(net, schedule, w))


def _score_hybrid(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    assert schedule is not None
    return _score_samples(lambda w: by_learned_variance(net, schedule, w))


def _score_flow(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    return _score_samples(lambda w: by_flow(net, w))


def _score_digits28(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    assert schedule is not None
    return _score_samples(lambda w: by_ddim(net, schedule, w), size=28)


def _score_classifier(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    return {
        f"accuracy, {split}": metrics.accuracy(net, *data.digits(split)).value
        for split in data.SPLITS
    }


def _score_noisy_classifier(net: Any, schedule: NoiseSchedule | None) -> dict[str, float]:
    assert schedule is not None
    images, labels = data.digits("heldout")
    scores = {}
    for t in LOOKS:
        x_t = q_sample(images, t, schedule, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            read = net(x_t, t).argmax(dim=1)
        scores[f"accuracy, held-out, t = {t}"] = float((read == labels).double().mean())
    return scores


#: The trainings whose weights ship, by name.
RECIPES = {
    "digit_classifier16": Recipe(
        "reads 16×16 digits; its 64 features serve the metrics",
        _digit_classifier16,
        _score_classifier,
        half=False,
    ),
    "noisy_classifier16": Recipe(
        "reads noisy 16×16 digits at any t, for classifier guidance",
        _noisy_classifier16,
        _score_noisy_classifier,
    ),
    "digits16": Recipe(
        "draws 16×16 digits, class-conditional", _digits16, _score_diffusion, half=False
    ),
    "digits16_hybrid": Recipe(
        "draws 16×16 digits and says how sure it is (learned variance)",
        _digits16_hybrid,
        _score_hybrid,
    ),
    "digits16_flow": Recipe("draws 16×16 digits by flow matching", _digits16_flow, _score_flow),
    "digits28": Recipe("draws 28×28 digits, class-conditional", _digits28, _score_digits28),
}
