r"""What a network is trained to make small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from ..base.conditions import ask, drop_conditions
from ..base.contracts import contract, unchecked
from ..base.model import KINDS, Net, prediction_of
from ..base.rng import Generator, noise_like, randint
from ..base.rules.labels import labels_are_there
from ..base.rules.tells import kind_of_chain, noise_tells
from ..base.validate import check_labels, check_same_shape
from ..chain.convert import truth
from ..chain.forward import q_sample
from ..chain.posterior import FIXED_VARIANCES, model_variance, posterior_weights
from ..chain.schedule import NoiseSchedule, gathered, signal_and_noise

# What every loss of the chain is taught with, a part of the contract of each
TAUGHT = "x_0: batch, t: time of schedule, noise: like x_0"

WEIGHED = ("eps", "x0")


@contract(
    f"{TAUGHT}, kind: one of {KINDS}, gamma: number in (0, inf), label_dropout: number in [0, 1]",
    kind_of_chain,
)
def simple_loss(
    net: Net,
    x_0: Tensor,
    schedule: NoiseSchedule,
    y: Tensor | None = None,
    *,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    kind: str | None = None,
    gamma: float | None = None,
    label_dropout: float = 0.1,
    generator: Generator | None = None,
    **conditions: Tensor | None,
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

    With ``gamma`` the error at each t has a weight besides, :func:`min_snr_weights`: small t, at which a
    wrong guess of the noise can hardly be seen in the picture, count less.

    Args:
        net: The network :math:`\epsilon_\theta`, called ``net(x_t, t)``, or with conditions.
        x_0: Clean data, shape (B, ...); images are (B, C, H, W) in [-1, 1].
        schedule: The noise schedule.
        y: Labels, LongTensor (B,), for a network with classes.
        t: Times, LongTensor (B,) in 1..T; drawn uniformly when not given.
        noise: :math:`\epsilon`, same shape as x_0; drawn when not given.
        kind: What the network predicts, ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``; None takes what the
            network says itself (``net.predicts``), or else the noise.
        gamma: :math:`\gamma` of the min-SNR weights, such as 5; None weighs all t alike.
        label_dropout: Probability with which an example's conditions give way to none, so that the same
            network also learns to work without them (Ho and Salimans 2022, algorithm 1).
        generator: Where to draw from.
        **conditions: Further conditions by name, tensors (B, ...), for a network that takes them.

    Returns:
        The loss, one number with a gradient.

    Raises:
        ValueError: If the network's answer has another shape than its input, or it takes no such condition.

    Source:
        Ho et al. 2020, equation 14 and algorithm 1; slides "Loss function" and "Algorithm 1". For v,
        Salimans and Ho 2022, section 4; for the score, Song and Ermon 2019, equation 5; for the weights,
        Hang et al. 2023, section 3.4.
    """
    t, noise = drawn(x_0, schedule, t, noise, generator)
    x_t = unchecked(q_sample)(x_0, t, schedule, noise)
    told = drop_conditions(net, {"y": y, **conditions}, label_dropout, generator, len(x_0))
    prediction = ask(net, x_t, t, told)
    check_same_shape("the network's prediction", prediction, "x_0", x_0)
    kind = prediction_of(net, kind)
    guess, target = held_against(prediction, x_0, noise, t, schedule, kind=kind)
    return weighed_error(guess, target, t, schedule, gamma=gamma, kind=kind)


def drawn(
    x_0: Tensor,
    schedule: NoiseSchedule,
    t: Tensor | None,
    noise: Tensor | None,
    generator: Generator | None,
) -> tuple[Tensor, Tensor]:
    r"""Algorithm 1, lines 3 and 4: t and :math:`\epsilon`, drawn unless given."""
    if t is None:
        t = randint(1, schedule.T, (len(x_0),), generator, x_0.device)
    return t, noise_like(x_0, noise, generator)


def held_against(
    prediction: Tensor, x_0: Tensor, noise: Tensor, t: Tensor, schedule: NoiseSchedule, *, kind: str
) -> tuple[Tensor, Tensor]:
    """A prediction and the truth; of a score both are weighed, and so it is the noise again."""
    if kind == "score":
        _, b = signal_and_noise(t, schedule, x_0)
        return -b * prediction, noise
    return prediction, truth(x_0, noise, t, schedule, kind)


def weighed_error(
    guess: Tensor,
    target: Tensor,
    t: Tensor,
    schedule: NoiseSchedule,
    *,
    gamma: float | None,
    kind: str,
) -> Tensor:
    """The mean of squared errors, all alike or with the min-SNR weights."""
    if gamma is None:
        return mse_loss(guess, target)
    weights = unchecked(min_snr_weights)(schedule, gamma, kind)
    return (gathered(weights, t, guess) * (guess - target).square()).mean()


@contract(f"variance: one of {FIXED_VARIANCES}, kind: one of {WEIGHED}", noise_tells)
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

    Source:
        Ho et al. 2020, equation 12; slide "Loss function", appendix D.
    """
    sigma_2 = unchecked(model_variance)(schedule, variance)
    weight_0, _ = posterior_weights(schedule)
    weights = torch.zeros_like(weight_0)
    weights[1:] = weight_0[1:].square() / (2 * sigma_2[1:])
    if kind == "eps":
        # x_0 - x̂_0 is sqrt((1 - ᾱ) / ᾱ) times ε_θ - ε.
        weights[1:] /= schedule.snr[1:]
    return weights


@contract(f"gamma: number in (0, inf), kind: one of {KINDS}")
def min_snr_weights(schedule: NoiseSchedule, gamma: float = 5.0, kind: str = "eps") -> Tensor:
    r"""What min-SNR training multiplies the squared error at each t by.

    .. math::
        \min\!\left( 1, \frac{\gamma}{\mathrm{SNR}_t} \right) \text{ for } \epsilon, \qquad
        \min(\mathrm{SNR}_t, \gamma) \text{ for } x_0, \qquad
        \frac{\min(\mathrm{SNR}_t, \gamma)}{\mathrm{SNR}_t + 1} \text{ for } v

    All three say the same of the picture that the network means: where the signal-to-noise ratio
    :math:`\mathrm{SNR}_t = \bar\alpha_t / (1 - \bar\alpha_t)` is above :math:`\gamma`, an error in
    :math:`\hat x_0` counts no more than it does there. The score is weighed as the noise is: so it is held
    against the truth (:func:`simple_loss`).

    Args:
        schedule: The noise schedule.
        gamma: :math:`\gamma`. Without bound (a very large one) the noise's errors all count alike.
        kind: What the error is in, ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.

    Returns:
        Float64, shape (T+1,), indexed by t. Entry 0 is the limit for vanishing noise.

    Source:
        Hang et al. 2023, section 3.4.
    """
    signal, noise = schedule.alpha_bar, 1 - schedule.alpha_bar  # the ratio of these is the SNR
    if kind == "x0":
        return (signal / noise).clamp(max=gamma)
    if kind == "v":  # 1 / (SNR + 1) is 1 - ᾱ, and SNR times that is ᾱ
        return torch.minimum(signal, gamma * noise)
    return (gamma * noise / signal).clamp(max=1)


@contract(TAUGHT, labels_are_there)
def noisy_classifier_loss(
    classifier: Callable[..., Tensor],
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
        IndexError: If the classifier does not know a label.

    Source:
        Dhariwal and Nichol 2021, section 4 and appendix C; slide "Conditional generation: Classifier
        Guidance".
    """
    assert y is not None
    t, noise = drawn(x_0, schedule, t, noise, generator)
    logits = classifier(unchecked(q_sample)(x_0, t, schedule, noise), t)
    check_labels(y, logits.shape[-1], len(x_0), look_inside=y.device.type == "cpu")
    return cross_entropy(logits, y)
