r"""Denoisers known in closed form: no network, no training, the best possible prediction.

If the data follow a Gaussian, a mixture of Gaussians or a finite list, the best guess
:math:`\epsilon^\star(x_t, t) = \mathbb E[\epsilon \mid x_t]` can be written down. Samplers can then be
tested, and understood, without the errors of a network. Like a network, each of them is called
``eps_model(x_t, t)``, and takes real times as well.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.rules.labels import a_label_a_component, labels_are_whole, model_is_a_mixture
from ..base.rules.shapes import (
    a_std_a_component,
    a_weight_a_component,
    one_example_as_the_means,
    x_0_fits,
    x_t_fits,
)
from ..base.times import is_real
from .schedule import NoiseSchedule, gathered, signal_and_noise


@contract("mean: numbers, std: numbers from 0")
def gaussian(mean: float | Tensor, std: float | Tensor, schedule: NoiseSchedule) -> Gaussian:
    r"""The best noise prediction for data :math:`x_0 \sim \mathcal N(m, s^2 I)`.

    .. math::
        \epsilon^\star(x_t, t) =
        \frac{\sqrt{1-\bar\alpha_t}}{\bar\alpha_t s^2 + 1 - \bar\alpha_t}
        \left( x_t - \sqrt{\bar\alpha_t}\, m \right)

    Args:
        mean: m, a number or a tensor of the shape of one example.
        std: s ≥ 0, likewise, entry by entry.
        schedule: The noise schedule.

    Returns:
        ``eps_model(x_t, t)``, working in x_t's dtype on x_t's device. It raises ``ValueError`` where a
        tensor m or s has not the shape of one example.

    Source:
        Conditional expectation of jointly Gaussian variables (see Bishop 2006, equation 2.81).
    """
    return Gaussian(float64(mean), float64(std), schedule)


class Gaussian:
    """What :func:`gaussian` returns: an eps-model that also knows how wrong it is on average."""

    def __init__(self, mean: Tensor, std: Tensor, schedule: NoiseSchedule) -> None:
        self.mean, self.std, self.schedule = mean, std, schedule

    @contract("x_t: tensor, t: any time of self", x_t_fits)
    def __call__(self, x_t: Tensor, t: float | Tensor) -> Tensor:
        """Return ε*(x_t, t), the equation of :func:`gaussian`."""
        m, s = self.mean.to(x_t), self.std.to(x_t)
        alpha_bar, noise_variance = _shares_of_variance(t, self.schedule, x_t)
        variance = alpha_bar * s**2 + noise_variance  # of x_t, entry by entry
        return noise_variance.sqrt() / variance * (x_t - alpha_bar.sqrt() * m)

    @contract("x_0: tensor, t: time of self", x_0_fits)
    def expected_error(self, x_0: Tensor, t: int | Tensor) -> Tensor:
        r"""Mean squared error of the guess of x_0, over all x_t that this x_0 may lead to.

        The guess is :math:`\hat x_0 = m + k\,(x_t - \sqrt{\bar\alpha_t}\, m)` with
        :math:`k = \sqrt{\bar\alpha_t}\, s^2 / (\bar\alpha_t s^2 + 1 - \bar\alpha_t)`, and therefore

        .. math::
            \mathbb E\big[ (x_0 - \hat x_0)^2 \mid x_0 \big]
            = (1 - k \sqrt{\bar\alpha_t})^2 (x_0 - m)^2 + k^2 (1 - \bar\alpha_t)

        Args:
            x_0: Clean data, shape (B, ...).
            t: 1..T: an int, or a LongTensor (B,).

        Returns:
            The error of each entry, same shape as x_0.
        """
        m, s = self.mean.to(x_0), self.std.to(x_0)
        alpha_bar = gathered(self.schedule.alpha_bar, t, x_0)
        noise_variance = gathered(1 - self.schedule.alpha_bar, t, x_0)
        k = alpha_bar.sqrt() * s**2 / (alpha_bar * s**2 + noise_variance)
        return ((1 - k * alpha_bar.sqrt()) * (x_0 - m)) ** 2 + k**2 * noise_variance


@contract(
    "means: examples (K, ...), std: numbers from 0, weights: numbers or None",
    a_std_a_component,
    a_weight_a_component,
)
def mixture(
    means: Tensor,
    std: float | Tensor,
    weights: Tensor | None,
    schedule: NoiseSchedule,
) -> Mixture:
    r"""The best noise prediction for a mixture :math:`x_0 \sim \sum_k w_k\,\mathcal N(m_k, s_k^2 I)`.

    With :math:`V_k = \bar\alpha_t s_k^2 + 1 - \bar\alpha_t` and the share
    :math:`r_k(x_t) \propto w_k\,\mathcal N(x_t; \sqrt{\bar\alpha_t} m_k, V_k I)` of component k,

    .. math::
        \epsilon^\star(x_t, t) = \sqrt{1-\bar\alpha_t}\, \sum_k r_k(x_t)\,
        \frac{x_t - \sqrt{\bar\alpha_t}\, m_k}{V_k}

    Args:
        means: :math:`m_k`, shape (K, ...) with the shape of one example behind K.
        std: :math:`s_k \ge 0`, one number or shape (K,); 0 makes each component a point.
        weights: :math:`w_k > 0`, shape (K,), scaled to sum to 1; None means all alike.
        schedule: The noise schedule.

    Returns:
        ``eps_model(x_t, t)`` for x_t of shape (B, ...); it needs memory for B × K numbers.

    Source:
        Score of a Gaussian mixture, times :math:`-\sqrt{1-\bar\alpha_t}`.
    """
    w = torch.ones(len(means)) if weights is None else weights
    return Mixture(means, float64(std), float64(w), schedule)


class Mixture:
    """What :func:`mixture` and :func:`ideal` return: an eps-model that knows its components."""

    def __init__(
        self, means: Tensor, std: Tensor, weights: Tensor, schedule: NoiseSchedule
    ) -> None:
        self.means, self.std, self.schedule = means, std.expand(len(means)), schedule
        self.log_weights = weights.log()

    @contract("x_t: tensor, t: any time of self", one_example_as_the_means)
    def __call__(self, x_t: Tensor, t: float | Tensor) -> Tensor:
        """Return ε*(x_t, t), the equation of :func:`mixture`."""
        x, m = self._flat(x_t)
        alpha_bar, noise_variance = _shares_of_variance(t, self.schedule, x)
        log_share, variance = self._log_shares(x, m, alpha_bar, noise_variance)
        pull = log_share.softmax(dim=1) / variance  # (B, K): r_k / V_k
        towards = x * pull.sum(1, keepdim=True) - alpha_bar.sqrt() * (pull @ m)
        return (noise_variance.sqrt() * towards).to(x_t.dtype).reshape(x_t.shape)

    @contract("x_t: tensor, t: any time of self", one_example_as_the_means)
    def log_shares(self, x_t: Tensor, t: float | Tensor) -> Tensor:
        r"""Logarithm of each component's share in x_t, :math:`\log r_k(x_t)`.

        Args:
            x_t: Noisy data, shape (B, ...).
            t: 1..T, an int or a LongTensor (B,), or real within (0, T].

        Returns:
            Shape (B, K), in double precision; the shares sum to 1.
        """
        x, m = self._flat(x_t)
        shares = _shares_of_variance(t, self.schedule, x)
        return self._log_shares(x, m, *shares)[0].log_softmax(dim=1)

    def _log_shares(
        self, x: Tensor, m: Tensor, alpha_bar: Tensor, noise_variance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logarithms of the shares up to a common number, (B, K), and V_k, (K,) or (B, K).

        ᾱ and 1 - ᾱ are a number each, or (B, 1).
        """
        variance = alpha_bar * self.std.to(x) ** 2 + noise_variance  # V_k
        center = alpha_bar.sqrt()
        distance_2 = (  # (B, K): |x - sqrt(ᾱ) m_k|²
            x.square().sum(1, keepdim=True) - 2 * center * x @ m.T + center**2 * m.square().sum(1)
        )
        log_w = self.log_weights.to(x)
        return log_w - distance_2 / (2 * variance) - x.shape[1] / 2 * variance.log(), variance

    def _flat(self, x_t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t as (B, D) and the means as (K, D), in the widest type that there is."""
        x = x_t.flatten(1).to(widest(x_t))
        return x, self.means.flatten(1).to(x)


@contract("", model_is_a_mixture, labels_are_whole, a_label_a_component)
def classifier(model: Mixture, labels: Tensor) -> Callable[[Tensor, float | Tensor], Tensor]:
    r"""The best classifier of noisy data from a mixture whose components have labels.

    .. math:: p(y \mid x_t) = \sum_{k \,:\, \text{label}_k = y} r_k(x_t)

    Its gradient turns the score of everything into the score of one label, which makes classifier
    guidance exact (:func:`~minidiff.classifier_guidance` with a scale of 1).

    Args:
        model: What :func:`mixture` or :func:`ideal` gave.
        labels: The label of each component, LongTensor (K,), from 0.

    Returns:
        ``classifier(x_t, t)``, which gives log p(y | x_t), shape (B, classes), with a gradient.

    Source:
        Bayes' rule; slide "Conditional generation: Classifier Guidance".
    """
    mask = torch.zeros(len(labels), int(labels.max()) + 1, dtype=torch.bool)
    mask[torch.arange(len(labels)), labels] = True

    def log_probabilities(x_t: Tensor, t: float | Tensor) -> Tensor:
        shares = model.log_shares(x_t, t)[:, :, None]  # (B, K, 1)
        hidden = shares.masked_fill(~mask.to(x_t.device), -torch.inf)
        return hidden.logsumexp(dim=1).to(x_t.dtype)

    return log_probabilities


@contract("data: examples (K, ...)")
def ideal(data: Tensor, schedule: NoiseSchedule) -> Mixture:
    r"""The best noise prediction if nothing but the given examples exists.

    .. math::
        \mathbb E[x_0 \mid x_t] = \sum_i r_i(x_t)\, x^{(i)}, \qquad
        r_i \propto \exp\!\left( -\frac{\| x_t - \sqrt{\bar\alpha_t}\, x^{(i)} \|^2}
                                      {2 (1 - \bar\alpha_t)} \right)

    It is the minimiser of :func:`~minidiff.simple_loss` over all functions, and it can only ever give
    back examples of ``data``. That a network makes new ones is owed to what it *cannot* learn.

    Args:
        data: The examples, shape (N, ...).
        schedule: The noise schedule.

    Returns:
        ``eps_model(x_t, t)``, see :func:`mixture` (N components without spread).

    Source:
        Karras et al. 2022, appendix B.3 (the ideal denoiser).
    """
    return unchecked(mixture)(data, 0.0, None, schedule)


def _shares_of_variance(
    t: float | Tensor, schedule: NoiseSchedule, x: Tensor
) -> tuple[Tensor, Tensor]:
    """ᾱ and 1 - ᾱ at t, made to multiply x: a number each, or (B, 1, ..., 1)."""
    if is_real(t):
        signal, noise = signal_and_noise(t, schedule, x)
        return torch.as_tensor(signal).to(x) ** 2, torch.as_tensor(noise).to(x) ** 2
    whole: int | Tensor = t if isinstance(t, Tensor) else int(t)
    return gathered(schedule.alpha_bar, whole, x), gathered(1 - schedule.alpha_bar, whole, x)


def float64(value: float | Tensor) -> Tensor:
    """A number or a tensor in double precision."""
    return torch.as_tensor(value, dtype=torch.float64)


def widest(x: Tensor) -> torch.dtype:
    """The type in which to take squared distances, on the device of x."""
    # Squared distances are divided by 1 - ᾱ_1 = 1e-4: float32 would blur the shares.
    return x.dtype if x.device.type == "mps" else torch.float64
