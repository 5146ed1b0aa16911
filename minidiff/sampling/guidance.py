r"""Guidance: wrappers that turn a network into an eps-model that leans towards a label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..base.conditions import ask, for_batch, nones
from ..base.contracts import contract, unchecked
from ..base.gradients import gradients, usable, variable
from ..base.model import EpsModel, stands_for
from ..base.rules.labels import check_logits, something_to_guide_by
from ..base.shapes import beside
from ..chain.convert import convert
from ..chain.posterior import apart
from ..chain.schedule import NoiseSchedule, signal_and_noise
from ..flow.convert import for_diffusion

Weight = float | Callable[[int | Tensor], float | Tensor]
"""A guidance strength, one number or a function of t (an int, or the LongTensor (B,) of a sampler)"""


@contract("y: labels of net, w: weight from -1, rescale: number in [0, 1]", something_to_guide_by)
def classifier_free_guidance(
    net: Any,
    y: int | Tensor | None = None,
    w: Weight = 1.0,
    *,
    rescale: float = 0.0,
    **conditions: Tensor,
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
        net: A network with conditions, called ``net(x_t, t, y)``; its ``null_label`` stands for ∅. One that
            also predicts its variance (twice the channels) gives an eps-model that returns
            the pair (guided prediction, v of the conditional one).
        y: The label of all examples (int), or one for each: LongTensor (B,).
        w: Guidance strength, at least -1 (-1 leaves the unconditional model); or a function of t
            that gives one, such as :func:`interval`.
        rescale: φ, in [0, 1].
        **conditions: Other conditions by name, tensors (B, ...). ∅ is a network without any of them.

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddpm_sample` and its kin; it predicts what the network
        does (``eps_model.predicts``).

    Raises:
        ValueError: If the batch differs from that of a condition.

    Source:
        Ho and Salimans 2022, equation 6; slide "Conditional generation: Classifier-Free Guidance". For
        the rescaling, Lin et al. 2024, section 3.4.
    """

    def eps_model(x_t: Tensor, t: int | Tensor) -> Tensor | tuple[Tensor, Tensor]:
        strength = strength_at(t, w, x_t)
        conditional, unconditional, v = both(net, x_t, t, {"y": y, **conditions}, strength)
        guided = (1 + strength) * conditional - strength * unconditional
        guided = rescaled(guided, conditional, rescale)
        return guided if v is None else (guided, v)

    return stands_for(eps_model, net)


def both(
    net: Any, x_t: Tensor, t: int | Tensor, conditions: dict[str, Any], strength: float | Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The prediction with conditions and without any, from one call; and v, where the network has it.

    Without guidance (strength 0) nobody asks what comes without conditions; the first is given twice.
    """
    told = for_batch(conditions, x_t)
    if not isinstance(strength, Tensor) and strength == 0:
        conditional, v = apart(ask(net, x_t, t, told), x_t)
        return conditional, conditional, v
    none = nones(net, told)
    twice = {name: torch.cat([value, none[name]]) for name, value in told.items()}
    times = torch.cat([t, t]) if isinstance(t, Tensor) else t
    answer, v = apart(ask(net, torch.cat([x_t, x_t]), times, twice), x_t)
    conditional, unconditional = answer.chunk(2)
    return conditional, unconditional, None if v is None else v.chunk(2)[0]


def strength_at(t: int | Tensor, w: Weight, x: Tensor) -> float | Tensor:
    """The guidance strength at t: a number, or one for each example of x, (B, 1, ..., 1)."""
    strength = w(t) if callable(w) else w
    return beside(strength.to(x), x) if isinstance(strength, Tensor) else strength


def rescaled(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """The guided prediction, a part φ of the way shrunk to the size of the conditional one."""
    if phi == 0:
        return guided
    return guided * (phi * _spread(conditional) / _spread(guided) + 1 - phi)


@contract("w: number in [-1, inf], low: count, high: count from low")
def interval(w: float, low: int, high: int) -> Weight:
    """Guide at the times low..high only: w there, 0 elsewhere.

    At the largest t guidance makes all examples alike, at the smallest it changes nothing any more.

    Args:
        w: Guidance strength, at least -1.
        low: First time with guidance, at least 1.
        high: Last time with guidance, at least ``low``.

    Returns:
        A function of t for :func:`classifier_free_guidance`.

    Source:
        Kynkäänniemi et al. 2024, "Applying guidance in a limited interval".
    """

    def weight(t: int | Tensor) -> float | Tensor:
        if isinstance(t, Tensor):
            return torch.where((t >= low) & (t <= high), float(w), 0.0)
        return float(w) if low <= t <= high else 0.0

    return weight


@contract("y: labels, scale: number in [0, inf]")
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
        eps_model: Called ``eps_model(x_t, t)``; usually one that knows no label. Where it predicts something
            else than the noise (``eps_model.predicts``), the noise is worked out from that. Of one that also
            predicts its variance (a pair, or twice the channels) only the noise is guided.
        classifier: Called ``classifier(x_t, t)``, gives logits (B, classes). It must have been trained
            on noisy data: a classifier of clean pictures says nothing of use about noise.
        y: The label of all examples (int), or one for each: LongTensor (B,).
        scale: s, at least 0.
        schedule: The noise schedule.

    Returns:
        ``eps_model(x_t, t)`` for :func:`~minidiff.ddim_sample` and its kin; it returns the pair (noise, v)
        where ``eps_model`` says v.

    Raises:
        ValueError: If the classifier gives no logits (B, classes).

    Source:
        Dhariwal and Nichol 2021, equation 14 and algorithm 2; slide "Conditional generation:
        Classifier Guidance".
    """
    model, kind = for_diffusion(eps_model, schedule)

    def guided(x_t: Tensor, t: int | Tensor) -> Tensor | tuple[Tensor, Tensor]:
        gradient = classifier_gradient(classifier, x_t, t, y)
        said, v = apart(model(x_t, t), x_t)  # type: ignore[arg-type]
        eps = unchecked(convert)(said, x_t, t, schedule, source=kind, target="eps")
        _, noise = signal_and_noise(t, schedule, x_t)
        guided_eps = eps - noise * scale * gradient
        return guided_eps if v is None else (guided_eps, v)

    return stands_for(guided, eps_model, "eps")


@contract("x_t: tensor, y: labels")
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
        IndexError: If the classifier does not know a label.
        ValueError: If it gives no logits (B, classes).

    Source:
        Dhariwal and Nichol 2021, section 4.1.
    """
    with gradients():
        labels = usable(for_batch({"y": y}, x_t)["y"])
        x, t = variable(x_t), usable(t) if isinstance(t, Tensor) else t
        logits = classifier(x, t)  # type: ignore[arg-type]
        check_logits(logits, labels)
        log_p = logits.log_softmax(dim=1)[torch.arange(len(x)), labels]
        (gradient,) = torch.autograd.grad(log_p.sum(), x)
    return gradient


@contract("mean: floats, gradient: like mean, scale: number in [0, inf]")
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

    Source:
        Dhariwal and Nichol 2021, algorithm 1.
    """
    return mean + scale * variance * gradient


def _spread(x: Tensor) -> Tensor:
    """Standard deviation over the entries of each example, shape (B, 1, ...)."""
    return x.std(dim=tuple(range(1, x.dim())), keepdim=True)
