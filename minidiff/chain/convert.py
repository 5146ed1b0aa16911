r"""What a network predicts, and how to turn one prediction into another.

Noisy data, clean data and noise are tied by the Nice™ property,
:math:`x_t = a\,x_0 + b\,\epsilon` with :math:`a = \sqrt{\bar\alpha_t}` and
:math:`b = \sqrt{1 - \bar\alpha_t}`. Given :math:`x_t`, any one of these four therefore gives the others:

========== =============================================== ============================
name       meaning                                         source
========== =============================================== ============================
``eps``    the noise :math:`\epsilon`                      Ho et al. 2020, equation 14
``x0``     the clean data :math:`x_0`                      Ho et al. 2020, section 3.2
``v``      :math:`v = a\,\epsilon - b\,x_0`                Salimans and Ho 2022, section 4
``score``  :math:`\nabla_{x_t} \log q(x_t \mid x_0)`       Song et al. 2021, equation 7
========== =============================================== ============================

The score is :math:`-\epsilon / b`. The table :data:`EQUATIONS` holds all twelve equations.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..base.validate import check_choice, check_floats, check_same_shape, check_schedule, check_t
from .schedule import NoiseSchedule, signal_and_noise

Weight = float | Tensor

KINDS = ("eps", "x0", "v", "score")

#: The equation of each (from, to), in x = x_t, p = the prediction, a = sqrt(ᾱ_t), b = sqrt(1 - ᾱ_t)
EQUATIONS: dict[tuple[str, str], Callable[[Tensor, Tensor, Weight, Weight], Tensor]] = {
    ("eps", "x0"): lambda x, p, a, b: (x - b * p) / a,
    ("eps", "v"): lambda x, p, a, b: (p - b * x) / a,
    ("eps", "score"): lambda x, p, a, b: -p / b,
    ("x0", "eps"): lambda x, p, a, b: (x - a * p) / b,
    ("x0", "v"): lambda x, p, a, b: (a * x - p) / b,
    ("x0", "score"): lambda x, p, a, b: (a * p - x) / b**2,
    ("v", "eps"): lambda x, p, a, b: b * x + a * p,
    ("v", "x0"): lambda x, p, a, b: a * x - b * p,
    ("v", "score"): lambda x, p, a, b: -x - a / b * p,
    ("score", "eps"): lambda x, p, a, b: -b * p,
    ("score", "x0"): lambda x, p, a, b: (x + b**2 * p) / a,
    ("score", "v"): lambda x, p, a, b: -b / a * (x + p),
}


def convert(
    prediction: Tensor,
    x_t: Tensor,
    t: int | Tensor,
    schedule: NoiseSchedule,
    *,
    source: str,
    target: str,
) -> Tensor:
    r"""Turn one kind of prediction at :math:`x_t` into another, by :data:`EQUATIONS`.

    Args:
        prediction: What is known, shape (B, ...).
        x_t: The noisy data that it belongs to, same shape.
        t: 1..T: an int, or a LongTensor (B,).
        schedule: The noise schedule.
        source: What ``prediction`` is: ``"eps"``, ``"x0"``, ``"v"`` or ``"score"``.
        target: What is wanted, out of the same four.

    Returns:
        The wanted prediction, same shape.

    Raises:
        IndexError: If t is outside 1..T.
        TypeError: If a tensor does not hold floating-point numbers.
        ValueError: If shapes differ, a kind is unknown, a tensor is empty or not finite, or if
            :math:`\bar\alpha_t = 0` and the equation divides by it: noise alone does not tell x_0.
    """
    check_choice("source", source, KINDS)
    check_choice("target", target, KINDS)
    check_schedule(schedule)
    check_floats("x_t", x_t)
    # x0_from_eps and its kin call the prediction by its own name, and so does the message.
    name = f"prediction ({'x_0' if source == 'x0' else source})"
    check_floats(name, prediction)
    check_same_shape(name, prediction, "x_t", x_t)
    check_t(t, schedule.T, len(x_t))
    if source in ("eps", "score") and target in ("x0", "v"):
        check_signal_left(t, schedule, source)
    return converted(prediction, x_t, t, schedule, source, target)


def converted(
    prediction: Tensor,
    x_t: Tensor,
    t: float | Tensor,
    schedule: NoiseSchedule,
    source: str,
    target: str,
) -> Tensor:
    """The equation of :func:`convert` alone: no checks, real t as well, for inner loops."""
    if source == target:
        return prediction
    a, b = signal_and_noise(t, schedule, x_t)
    return EQUATIONS[source, target](x_t, prediction, a, b)


def check_signal_left(t: int | Tensor, schedule: NoiseSchedule, source: str) -> None:
    """Refuse to look for x_0 in pure noise: where ᾱ_t = 0, eps says nothing about it."""
    last = int(t.max()) if isinstance(t, Tensor) else int(t)
    if float(schedule.alpha_bar[last]) == 0:
        raise ValueError(
            f"alpha_bar = 0 at t = {last} (zero terminal SNR), so a prediction of {source!r} there "
            f"does not tell x_0; predict 'v' or 'x0' with this schedule"
        )


def x0_from_eps(x_t: Tensor, eps: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`x_0 = (x_t - \sqrt{1-\bar\alpha_t}\,\epsilon) / \sqrt{\bar\alpha_t}`. See :func:`convert`."""
    return convert(eps, x_t, t, schedule, source="eps", target="x0")


def v_from_eps(x_t: Tensor, eps: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`v = (\epsilon - \sqrt{1-\bar\alpha_t}\,x_t) / \sqrt{\bar\alpha_t}`. See :func:`convert`."""
    return convert(eps, x_t, t, schedule, source="eps", target="v")


def score_from_eps(x_t: Tensor, eps: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\nabla\log q = -\epsilon / \sqrt{1-\bar\alpha_t}`. See :func:`convert`."""
    return convert(eps, x_t, t, schedule, source="eps", target="score")


def eps_from_x0(x_t: Tensor, x_0: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\epsilon = (x_t - \sqrt{\bar\alpha_t}\,x_0) / \sqrt{1-\bar\alpha_t}`. See :func:`convert`."""
    return convert(x_0, x_t, t, schedule, source="x0", target="eps")


def v_from_x0(x_t: Tensor, x_0: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`v = (\sqrt{\bar\alpha_t}\,x_t - x_0) / \sqrt{1-\bar\alpha_t}`. See :func:`convert`."""
    return convert(x_0, x_t, t, schedule, source="x0", target="v")


def score_from_x0(x_t: Tensor, x_0: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\nabla\log q = (\sqrt{\bar\alpha_t}\,x_0 - x_t) / (1-\bar\alpha_t)`. See :func:`convert`."""
    return convert(x_0, x_t, t, schedule, source="x0", target="score")


def eps_from_v(x_t: Tensor, v: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\epsilon = \sqrt{1-\bar\alpha_t}\,x_t + \sqrt{\bar\alpha_t}\,v`. See :func:`convert`."""
    return convert(v, x_t, t, schedule, source="v", target="eps")


def x0_from_v(x_t: Tensor, v: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`x_0 = \sqrt{\bar\alpha_t}\,x_t - \sqrt{1-\bar\alpha_t}\,v`. See :func:`convert`."""
    return convert(v, x_t, t, schedule, source="v", target="x0")


def score_from_v(x_t: Tensor, v: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\nabla\log q = -x_t - \sqrt{\bar\alpha_t/(1-\bar\alpha_t)}\,v`. See :func:`convert`."""
    return convert(v, x_t, t, schedule, source="v", target="score")


def eps_from_score(x_t: Tensor, score: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\epsilon = -\sqrt{1-\bar\alpha_t}\,\nabla\log q`. See :func:`convert`."""
    return convert(score, x_t, t, schedule, source="score", target="eps")


def x0_from_score(x_t: Tensor, score: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`x_0 = (x_t + (1-\bar\alpha_t)\nabla\log q) / \sqrt{\bar\alpha_t}`. See :func:`convert`."""
    return convert(score, x_t, t, schedule, source="score", target="x0")


def v_from_score(x_t: Tensor, score: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`v = -\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}\,(x_t + \nabla\log q)`. See :func:`convert`."""
    return convert(score, x_t, t, schedule, source="score", target="v")
