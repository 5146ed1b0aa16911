r"""Guidance: wrappers that turn a network into an eps-model that leans towards a label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..base.model import EpsModel, model_device
from ..base.validate import (
    check_floats,
    check_labels,
    check_number,
    check_positive_int,
    check_same_shape,
    check_schedule,
)
from ..chain.posterior import split_variance
from ..chain.schedule import NoiseSchedule, signal_and_noise

Weight = float | Callable[[int | Tensor], float | Tensor]
"""A guidance strength, one number or a function of t (an int, or the LongTensor (B,) of a sampler)"""


def classifier_free_guidance(
    net: Any, y: int | Tensor, w: Weight, *, rescale: float = 0.0
) -> EpsModel:
    r"""An eps-model that moves away from "anything" and towards the label y.

    .. math::
        \tilde\epsilon_\theta(x_t, t, y) = (1 + w)\,\epsilon_\theta(x_t, t, y)
            - w\,\epsilon_\theta(x_t, t, \varnothing)

    w = 0 is the plain conditional model, w > 0 is guidance. Beware of the other convention: many
    libraries write :math:`\epsilon_\varnothing + s\,(\epsilon_y - \epsilon_\varnothing)` and call s the
    guidance scale. It is the same thing with **s = 1 + w**, so a "scale of 7.5" is w = 6.5 here.

    Both predictions come from one call of the network on a doubled batch; with w = 0 the second
    half is left out.

    A large w makes the prediction too large, and pictures too glaring. ``rescale`` shrinks it
    towards the size that the conditional one has, example by example:

    .. math::
        \tilde\epsilon \leftarrow \left( \varphi\,
        \frac{\operatorname{std}(\epsilon_\theta(x_t, t, y))}{\operatorname{std}(\tilde\epsilon)}
        + 1 - \varphi \right) \tilde\epsilon

    Args:
        net: A network with classes, called ``net(x_t, t, y)``; its ``null_label`` stands for ∅. One that
            also predicts its variance (twice the channels) gives an eps-model that returns
            the pair (guided prediction, v of the conditional one).
        y: The label of all examples (int), or one for each: LongTensor (B,).
        w: Guidance strength, at least -1 (-1 leaves the unconditional model); or a function of t
            that gives one, such as :func:`interval`.
        rescale: φ, in [0, 1].

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddpm_sample` and its kin.

    Raises:
        IndexError: If a label is out of range.
        TypeError: If ``y`` is neither an int nor a LongTensor, or ``w`` is no number.
        ValueError: If the network has no classes, the batch differs from ``y``'s, or ``rescale`` is
            outside [0, 1].

    Source:
        Ho and Salimans 2022, equation 6; slide "Conditional generation: Classifier-Free Guidance". For
        the rescaling, Lin et al. 2024, section 3.4.
    """
    if getattr(net, "null_label", None) is None:
        raise ValueError(
            "classifier-free guidance needs a network with classes (a null_label); "
            "build and train it with classes=..."
        )
    check_labels(y, net.null_label)
    if not callable(w):
        check_number("w", w, -1, float("inf"))
    check_number("rescale", rescale, 0, 1)

    def eps_model(x_t: Tensor, t: int | Tensor) -> Tensor | tuple[Tensor, Tensor]:
        labels = _labels(y, x_t)
        strength = w(t) if callable(w) else w
        if not isinstance(strength, Tensor) and strength == 0:
            conditional, v = _split(net(x_t, t, labels), x_t)
            return conditional if v is None else (conditional, v)
        null = torch.full_like(labels, net.null_label)
        times = torch.cat([t, t]) if isinstance(t, Tensor) else t
        both, v = _split(net(torch.cat([x_t, x_t]), times, torch.cat([labels, null])), x_t)
        conditional, unconditional = both.chunk(2)
        strength = _per_example(strength, x_t)
        guided = (1 + strength) * conditional - strength * unconditional
        if rescale > 0:
            guided = guided * (rescale * _spread(conditional) / _spread(guided) + 1 - rescale)
        return guided if v is None else (guided, v.chunk(2)[0])

    # A sampler that is not told where to compute asks the model.
    eps_model.device = model_device(net)  # type: ignore[attr-defined]
    return eps_model


def interval(w: float, low: int, high: int) -> Weight:
    """Guide at the times low..high only: w there, 0 elsewhere.

    At the largest t guidance makes all examples alike, at the smallest it changes nothing any more.

    Args:
        w: Guidance strength, at least -1.
        low: First time with guidance, at least 1.
        high: Last time with guidance, at least ``low``.

    Returns:
        A function of t for :func:`classifier_free_guidance`.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If one is out of range.

    Source:
        Kynkäänniemi et al. 2024, "Applying guidance in a limited interval".
    """
    check_number("w", w, -1, float("inf"))
    check_positive_int("low", low)
    check_positive_int("high", high, low=low)

    def weight(t: int | Tensor) -> float | Tensor:
        if isinstance(t, Tensor):
            return torch.where((t >= low) & (t <= high), float(w), 0.0)
        return float(w) if low <= t <= high else 0.0

    return weight


def classifier_guidance(
    eps_model: EpsModel,
    classifier: Callable[[Tensor, Tensor], Tensor],
    y: int | Tensor,
    scale: float,
    schedule: NoiseSchedule,
) -> EpsModel:
    r"""An eps-model that is pushed to where a classifier of noisy data sees the label y.

    .. math::
        \hat\epsilon(x_t, t) = \epsilon_\theta(x_t, t)
            - \sqrt{1 - \bar\alpha_t}\; s\, \nabla_{x_t} \log p_\phi(y \mid x_t, t)

    With s = 1 and the true classifier it is Bayes' rule: the score of :math:`q(x_t \mid y)`.

    Args:
        eps_model: Called ``eps_model(x_t, t)``; usually one that knows no label.
        classifier: Called ``classifier(x_t, t)``, gives logits (B, classes). It must have been trained
            on noisy data: a classifier of clean pictures says nothing of use about noise.
        y: The label of all examples (int), or one for each: LongTensor (B,).
        scale: s, at least 0.
        schedule: The noise schedule.

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddim_sample` and its kin.

    Raises:
        IndexError: If a label is out of range.
        TypeError: If ``y`` is neither an int nor a LongTensor, or ``scale`` is no number.
        ValueError: If ``scale`` is negative, or the classifier gives no logits (B, classes).

    Source:
        Dhariwal and Nichol 2021, equation 14 and algorithm 2; slide "Conditional generation:
        Classifier Guidance".
    """
    check_schedule(schedule)
    check_number("scale", scale, 0, float("inf"))
    _check_label_kind(y)  # how many classes there are, only the classifier's answer tells

    def guided(x_t: Tensor, t: int | Tensor) -> Tensor:
        gradient = classifier_gradient(classifier, x_t, t, y)
        _, noise = signal_and_noise(t, schedule, x_t)
        return eps_model(x_t, t) - noise * scale * gradient  # type: ignore[no-any-return,arg-type]

    guided.device = model_device(eps_model)  # type: ignore[attr-defined]
    return guided


def classifier_gradient(
    classifier: Callable[[Tensor, Tensor], Tensor], x_t: Tensor, t: int | Tensor, y: int | Tensor
) -> Tensor:
    r"""The direction in which the label becomes more likely, :math:`\nabla_{x_t} \log p_\phi(y \mid x_t, t)`.

    Each example's own gradient: the logarithms are summed over the batch, not averaged, for an average
    would make guidance weaker in a larger batch.

    Args:
        classifier: Called ``classifier(x_t, t)``, gives logits (B, classes).
        x_t: Noisy data, shape (B, ...).
        t: 1..T: an int, or a LongTensor (B,).
        y: The label of all examples (int), or one for each: LongTensor (B,).

    Returns:
        The gradient, same shape as x_t.

    Raises:
        IndexError: If a label is out of range.
        ValueError: If the classifier gives no logits (B, classes).

    Source:
        Dhariwal and Nichol 2021, section 4.1.
    """
    check_floats("x_t", x_t, look_inside=False)
    _check_label_kind(y)
    labels = _labels(y, x_t)
    with torch.enable_grad():
        x = x_t.detach().requires_grad_()
        logits = classifier(x, t)  # type: ignore[arg-type]
        if logits.dim() != 2 or len(logits) != len(x_t):
            raise ValueError(
                f"classifier(x_t, t) must give logits of shape ({len(x_t)}, classes), got "
                f"{tuple(logits.shape)}"
            )
        if int(labels.max()) >= logits.shape[1]:
            raise IndexError(
                f"y = {int(labels.max())} is outside 0..{logits.shape[1] - 1}, the classifier's classes"
            )
        log_p = logits.log_softmax(dim=1)[torch.arange(len(x)), labels]
        (gradient,) = torch.autograd.grad(log_p.sum(), x)
    return gradient


def shifted_mean(mean: Tensor, variance: float | Tensor, gradient: Tensor, scale: float) -> Tensor:
    r"""Classifier guidance as the paper puts it first: the mean of a DDPM step moves.

    .. math:: \hat\mu = \mu_\theta(x_t, t) + s\, \Sigma\, \nabla_{x_t} \log p_\phi(y \mid x_t, t)

    The slides' form, :func:`classifier_guidance`, changes :math:`\epsilon` instead. For a DDPM step with the
    large variance the two agree to first order in :math:`\beta_t`; only the slides' form also suits DDIM.

    Args:
        mean: :math:`\mu_\theta`, shape (B, ...).
        variance: Σ, of the step, a number or a tensor that fits.
        gradient: See :func:`classifier_gradient`, same shape as ``mean``.
        scale: s, at least 0.

    Returns:
        The shifted mean, same shape.

    Raises:
        TypeError: If a tensor does not hold floating-point numbers.
        ValueError: If shapes differ or ``scale`` is negative.

    Source:
        Dhariwal and Nichol 2021, algorithm 1.
    """
    check_floats("mean", mean)
    check_floats("gradient", gradient)
    check_same_shape("gradient", gradient, "mean", mean)
    check_number("scale", scale, 0, float("inf"))
    return mean + scale * variance * gradient


def _split(output: Tensor, x_t: Tensor) -> tuple[Tensor, Tensor | None]:
    """The prediction, and v where the network has twice the channels."""
    if x_t.dim() > 1 and output.dim() == x_t.dim() and output.shape[1] == 2 * x_t.shape[1]:
        return split_variance(output)
    return output, None


def _check_label_kind(y: int | Tensor) -> None:
    smallest = int(y.min()) if isinstance(y, Tensor) and y.numel() else y
    if isinstance(smallest, int) and smallest < 0:
        raise IndexError(f"y = {smallest} is negative; labels count from 0")
    check_labels(y, 2**62)


def _per_example(strength: float | Tensor, x: Tensor) -> float | Tensor:
    if not isinstance(strength, Tensor):
        return strength
    return strength.to(x).reshape(-1, *[1] * (x.dim() - 1))


def _spread(x: Tensor) -> Tensor:
    """Standard deviation over the entries of each example, shape (B, 1, ...)."""
    return x.std(dim=tuple(range(1, x.dim())), keepdim=True)


def _labels(y: int | Tensor, x_t: Tensor) -> Tensor:
    """One label for each example, where the examples are."""
    if not isinstance(y, Tensor):
        return torch.full((len(x_t),), y, device=x_t.device)
    if len(y) != len(x_t):
        raise ValueError(f"y has {len(y)} labels, but the batch has {len(x_t)} examples")
    return y.to(x_t.device)
