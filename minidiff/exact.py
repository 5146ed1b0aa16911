r"""Denoisers known in closed form: no network, no training, the best possible prediction.

If the data follow a Gaussian, a mixture of Gaussians or a finite list, the best guess
:math:`\epsilon^\star(x_t, t) = \mathbb E[\epsilon \mid x_t]` can be written down. Samplers can then be
tested, and understood, without the errors of a network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .schedule import NoiseSchedule, gathered
from .validate import check_floats, check_schedule, check_t, shown

ExactModel = Callable[[Tensor, int | Tensor], Tensor]


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
        ``eps_model(x_t, t)``, working in x_t's dtype on x_t's device.

    Raises:
        TypeError: If one of the two is not made of numbers.
        ValueError: If ``std`` is negative, or one of the two is not finite. The model that is
            returned raises it where a tensor m or s has not the shape of one example.

    Source:
        Conditional expectation of jointly Gaussian variables (see Bishop 2006, equation 2.81).
    """
    return Gaussian(mean, std, schedule)


class Gaussian:
    """What :func:`gaussian` returns: an eps-model that also knows how wrong it is on average."""

    def __init__(self, mean: float | Tensor, std: float | Tensor, schedule: NoiseSchedule) -> None:
        check_schedule(schedule)
        self.mean, self.std, self.schedule = _numbers("mean", mean), _std(std), schedule

    def __call__(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """Return ε*(x_t, t), the equation of :func:`gaussian`."""
        m, s = self._of_example("x_t", x_t)
        check_t(t, self.schedule.T, len(x_t))
        alpha_bar = gathered(self.schedule.alpha_bar, t, x_t)
        noise_variance = gathered(1 - self.schedule.alpha_bar, t, x_t)
        variance = alpha_bar * s**2 + noise_variance  # of x_t, entry by entry
        return noise_variance.sqrt() / variance * (x_t - alpha_bar.sqrt() * m)

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

        Raises:
            IndexError, TypeError, ValueError: As the model itself.
        """
        m, s = self._of_example("x_0", x_0)
        check_t(t, self.schedule.T, len(x_0))
        alpha_bar = gathered(self.schedule.alpha_bar, t, x_0)
        noise_variance = gathered(1 - self.schedule.alpha_bar, t, x_0)
        k = alpha_bar.sqrt() * s**2 / (alpha_bar * s**2 + noise_variance)
        return ((1 - k * alpha_bar.sqrt()) * (x_0 - m)) ** 2 + k**2 * noise_variance

    def _of_example(self, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and std in x's dtype and place, after a look at their shapes."""
        check_floats(name, x, look_inside=False)
        for own, value in (("mean", self.mean), ("std", self.std)):
            if value.dim() > 0 and value.shape != x.shape[1:]:
                raise ValueError(
                    f"{own} has shape {tuple(value.shape)}, but one example of {name} has "
                    f"{tuple(x.shape[1:])}; they must be equal, or {own} one number"
                )
        return self.mean.to(x), self.std.to(x)


def mixture(
    means: Tensor,
    std: float | Tensor,
    weights: Tensor | None,
    schedule: NoiseSchedule,
) -> ExactModel:
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

    Raises:
        TypeError: If ``means`` does not hold floating-point numbers, or std or weights no numbers.
        ValueError: If shapes do not fit, a std is negative or a weight not positive.

    Source:
        Score of a Gaussian mixture, times :math:`-\sqrt{1-\bar\alpha_t}`.
    """
    check_schedule(schedule)
    return _points("means", means, std, weights, schedule)


def _points(
    name: str,
    means: Tensor,
    std: float | Tensor,
    weights: Tensor | None,
    schedule: NoiseSchedule,
) -> ExactModel:
    """:func:`mixture`, with ``means`` under the name by which the caller knows them."""
    check_floats(name, means)
    if means.dim() < 2:
        raise ValueError(
            f"{name} must be a batch of examples, shape (K, ...); got {tuple(means.shape)}"
        )
    count, example = len(means), means.shape[1:]
    s = _std(std)
    if s.shape not in ((), (count,)):
        raise ValueError(
            f"std must be one number or have shape ({count},), one a component; "
            f"got {tuple(s.shape)}"
        )
    s = s.expand(count)
    w = torch.ones(count) if weights is None else _numbers("weights", weights)
    if w.shape != (count,) or (w <= 0).any():
        raise ValueError(
            f"weights must be {count} positive numbers, one a component; got {weights!r}"
        )
    log_w = w.double().log()

    def eps_model(x_t: Tensor, t: int | Tensor) -> Tensor:
        check_floats("x_t", x_t, look_inside=False)
        if x_t.shape[1:] != example:
            raise ValueError(
                f"x_t must have shape (B, {', '.join(map(str, example))}); got {tuple(x_t.shape)}"
            )
        check_t(t, schedule.T, len(x_t))
        x = x_t.flatten(1).to(_widest(x_t))  # (B, D)
        m = means.flatten(1).to(x)  # (K, D)
        alpha_bar = gathered(schedule.alpha_bar, t, x)  # a number, or (B, 1)
        noise_variance = gathered(1 - schedule.alpha_bar, t, x)
        variance = alpha_bar * s.to(x) ** 2 + noise_variance  # (K,) or (B, K): V_k
        center = alpha_bar.sqrt()
        distance_2 = (  # (B, K): |x - sqrt(ᾱ) m_k|²
            x.square().sum(1, keepdim=True) - 2 * center * x @ m.T + center**2 * m.square().sum(1)
        )
        log_share = log_w.to(x) - distance_2 / (2 * variance) - x.shape[1] / 2 * variance.log()
        pull = log_share.softmax(dim=1) / variance  # (B, K): r_k / V_k
        eps = noise_variance.sqrt() * (x * pull.sum(1, keepdim=True) - center * (pull @ m))
        return eps.to(x_t.dtype).reshape(x_t.shape)

    return eps_model


def ideal(data: Tensor, schedule: NoiseSchedule) -> ExactModel:
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

    Raises:
        TypeError: If ``data`` does not hold floating-point numbers.
        ValueError: If ``data`` is empty or not finite.

    Source:
        Karras et al. 2022, appendix B.3 (the ideal denoiser).
    """
    check_schedule(schedule)
    return _points("data", data, 0.0, None, schedule)


def _numbers(name: str, value: float | Tensor) -> Tensor:
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number or a tensor, got {shown(value)}") from error
    if not torch.isfinite(numbers).all():
        raise ValueError(f"{name} must be finite, got {value!r}")
    return numbers


def _std(value: float | Tensor) -> Tensor:
    std = _numbers("std", value)
    if (std < 0).any():
        raise ValueError(f"std must be at least 0, got {value!r}")
    return std


def _widest(x: Tensor) -> torch.dtype:
    # Squared distances are divided by 1 - ᾱ_1 = 1e-4: float32 would blur the shares.
    return x.dtype if x.device.type == "mps" else torch.float64
