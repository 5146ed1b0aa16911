r"""What a network is trained to make small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..base.model import Net, drop_labels
from ..base.rng import Generator, randint, randn
from ..base.validate import (
    check_choice,
    check_floats,
    check_labels,
    check_number,
    check_same_shape,
    check_schedule,
    check_t,
)
from ..chain.convert import KINDS, check_signal_left
from ..chain.forward import noised
from ..chain.posterior import model_variance, posterior_weights
from ..chain.schedule import NoiseSchedule, signal_and_noise


def simple_loss(
    net: Net,
    x_0: Tensor,
    schedule: NoiseSchedule,
    y: Tensor | None = None,
    *,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    kind: str = "eps",
    label_dropout: float = 0.1,
    generator: Generator | None = None,
) -> Tensor:
    r"""Algorithm 1, lines 3 to 5: how well does the network guess the noise?

    .. math::
        L_\text{simple} = \mathbb E_{t, x_0, \epsilon}
        \left[ \left\| \epsilon - \epsilon_\theta\!\left(
            \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon,\; t \right) \right\|^2 \right]

    The square is averaged over the batch and over the entries of x_0, so a network that always
    answers 0 has a loss of 1, whatever the size of the picture.

    With another ``kind`` the network predicts :math:`x_0`, v or the score instead, and is held against
    that. The score's error is weighed by :math:`1 - \bar\alpha_t`, without which the smallest t would
    drown all others: it is then the error of :math:`\epsilon` again (denoising score matching).

    Args:
        net: The network :math:`\epsilon_\theta`, called ``net(x_t, t)``, or ``net(x_t, t, y)`` with labels.
        x_0: Clean data, shape (B, ...); images are (B, C, H, W) in [-1, 1].
        schedule: The noise schedule.
        y: Labels, LongTensor (B,), for a network with classes.
        t: Times, LongTensor (B,) in 1..T; drawn uniformly when not given.
        noise: :math:`\epsilon`, same shape as x_0; drawn when not given.
        kind: What the network predicts, ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        label_dropout: Probability with which a label gives way to the null label, so that the same
            network also learns to work without one (Ho and Salimans 2022, algorithm 1).
        generator: Where to draw from.

    Returns:
        The loss, one number with a gradient.

    Raises:
        IndexError: If t or y is out of range.
        TypeError: If x_0 or the noise does not hold floating-point numbers.
        ValueError: If shapes differ, x_0 is empty or holds NaN, or the network's answer has another
            shape than its input.

    Source:
        Ho et al. 2020, equation 14 and algorithm 1; slides "Loss function" and "Algorithm 1". For v,
        Salimans and Ho 2022, section 4; for the score, Song and Ermon 2019, equation 5.
    """
    check_choice("kind", kind, KINDS)
    x_t, t, noise = noisy_batch(x_0, schedule, t, noise, generator)
    prediction = predicted(net, x_t, t, y, label_dropout, generator)
    check_same_shape("the network's prediction", prediction, "x_0", x_0)
    a, b = signal_and_noise(t, schedule, x_0)
    if kind == "score":
        kind, prediction = "eps", -b * prediction
    target = {"eps": noise, "x0": x_0, "v": a * noise - b * x_0}[kind]
    return torch.nn.functional.mse_loss(prediction, target)


def noisy_batch(
    x_0: Tensor,
    schedule: NoiseSchedule,
    t: Tensor | None,
    noise: Tensor | None,
    generator: Generator | None,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Algorithm 1, lines 3 and 4, and the jump: :math:`x_t`, t and :math:`\epsilon`, drawn unless given.

    Raises:
        IndexError, TypeError, ValueError: As :func:`simple_loss` for these arguments.
    """
    check_schedule(schedule)
    # On a GPU, looking for NaN would make every training step wait; the loss itself shows it there.
    check_floats("x_0", x_0, look_inside=x_0.device.type == "cpu" if _is_tensor(x_0) else True)
    if t is None:
        t = randint(1, schedule.T, (len(x_0),), generator, x_0.device)
    else:
        check_t(t, schedule.T, len(x_0))
    if noise is None:
        noise = randn(x_0.shape, generator, x_0.device, x_0.dtype)
    else:
        check_floats("noise", noise)
        check_same_shape("noise", noise, "x_0", x_0)
    return noised(x_0, t, schedule, noise), t, noise


def predicted(
    net: Net,
    x_t: Tensor,
    t: Tensor,
    y: Tensor | None,
    label_dropout: float,
    generator: Generator | None,
) -> Tensor:
    """What the network says at x_t, with labels some of which are dropped.

    Raises:
        IndexError, TypeError, ValueError: As :func:`simple_loss` for these arguments.
    """
    check_number("label_dropout", label_dropout, 0, 1)
    if y is None:
        return net(x_t, t)
    return net(x_t, t, drop_labels(net, y, label_dropout, generator, len(x_t)))


def loss_weights(schedule: NoiseSchedule, variance: str = "small", kind: str = "eps") -> Tensor:
    r"""What :math:`L_{t-1}` multiplies the squared error by, and :math:`L_\text{simple}` leaves out.

    .. math::
        L_{t-1} - C_t = \lambda_t\, \mathbb E \| \epsilon - \epsilon_\theta(x_t, t) \|^2, \qquad
        \lambda_t = \frac{\beta_t^2}{2 \sigma_t^2\, \alpha_t (1 - \bar\alpha_t)}

    With ``kind="x0"`` it is the weight of :math:`\|x_0 - \hat x_0\|^2` instead,
    :math:`\big(w^{(0)}_t\big)^2 / 2\sigma_t^2` (:func:`~minidiff.chain.posterior.posterior_weights`).

    Args:
        schedule: The noise schedule.
        variance: :math:`\sigma_t^2`, see :func:`~minidiff.model_variance`.
        kind: ``"eps"`` or ``"x0"``.

    Returns:
        Float64, shape (T+1,), indexed by t; entry 0 is 0. Entry 1 is the weight in a continuous L_0.

    Raises:
        ValueError: If an option is unknown, or ``kind="eps"`` meets a zero terminal SNR: there the noise
            says nothing of the data.

    Source:
        Ho et al. 2020, equation 12; slide "Loss function", appendix D.
    """
    sigma_2 = model_variance(schedule, variance)
    check_choice("kind", kind, ("eps", "x0"))
    weight_0, _ = posterior_weights(schedule)
    weights = torch.zeros_like(weight_0)
    weights[1:] = weight_0[1:].square() / (2 * sigma_2[1:])
    if kind == "eps":
        check_signal_left(schedule.T, schedule, "eps")
        # x_0 - x̂_0 is sqrt((1 - ᾱ) / ᾱ) times ε_θ - ε.
        weights[1:] /= schedule.snr[1:]
    return weights


def noisy_classifier_loss(
    classifier: Callable[[Tensor, Tensor], Tensor],
    x_0: Tensor,
    schedule: NoiseSchedule,
    y: Tensor | None = None,
    *,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    r"""Teach a classifier to read noisy data, at all times.

    .. math:: \mathbb E_{t, x_0, \epsilon} \big[ -\log p_\phi(y \mid x_t, t) \big]

    Args:
        classifier: Called ``classifier(x_t, t)``, gives logits (B, classes).
        x_0: Clean data, shape (B, ...).
        schedule: The noise schedule.
        y: Labels, LongTensor (B,).
        t: Times, LongTensor (B,) in 1..T; drawn uniformly when not given.
        noise: :math:`\epsilon`, same shape as x_0; drawn when not given.
        generator: Where to draw from.

    Returns:
        The mean cross entropy in nats, one number with a gradient. At the largest t nothing can be
        read, and the best that is possible is the logarithm of the number of classes.

    Raises:
        IndexError: If t is out of range.
        TypeError: If x_0 or the noise does not hold floating-point numbers.
        ValueError: If y is missing, shapes differ, or x_0 is empty or holds NaN.

    Source:
        Dhariwal and Nichol 2021, section 4 and appendix C; slide "Conditional generation: Classifier
        Guidance".
    """
    if y is None:
        raise ValueError("y is missing: a classifier learns from labels, give data=(x_0, y)")
    x_t, t, _ = noisy_batch(x_0, schedule, t, noise, generator)
    logits = classifier(x_t, t)
    check_labels(y, logits.shape[-1], len(x_0), look_inside=y.device.type == "cpu")
    return torch.nn.functional.cross_entropy(logits, y)


def _is_tensor(x: object) -> bool:
    return isinstance(x, Tensor)
