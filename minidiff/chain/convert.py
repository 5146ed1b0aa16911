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

The score is :math:`-\epsilon / b`. The table :data:`EQUATIONS` holds the twelve functions below.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..base.contracts import contract, unchecked
from ..base.model import KINDS
from ..base.rules.tells import eps_tells, score_tells, source_tells
from .schedule import NoiseSchedule, signal_and_noise


@contract("x_t: floats, eps: like x_t, t: time of schedule", eps_tells)
def x0_from_eps(x_t: Tensor, eps: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`x_0 = (x_t - \sqrt{1-\bar\alpha_t}\,\epsilon) / \sqrt{\bar\alpha_t}`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return (x_t - b * eps) / a


@contract("x_t: floats, eps: like x_t, t: time of schedule", eps_tells)
def v_from_eps(x_t: Tensor, eps: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`v = (\epsilon - \sqrt{1-\bar\alpha_t}\,x_t) / \sqrt{\bar\alpha_t}`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return (eps - b * x_t) / a


@contract("x_t: floats, eps: like x_t, t: time of schedule")
def score_from_eps(x_t: Tensor, eps: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\nabla\log q = -\epsilon / \sqrt{1-\bar\alpha_t}`. See :func:`convert`."""
    _, b = signal_and_noise(t, schedule, x_t)
    return -eps / b


@contract("x_t: floats, x_0: like x_t, t: time of schedule")
def eps_from_x0(x_t: Tensor, x_0: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\epsilon = (x_t - \sqrt{\bar\alpha_t}\,x_0) / \sqrt{1-\bar\alpha_t}`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return (x_t - a * x_0) / b


@contract("x_t: floats, x_0: like x_t, t: time of schedule")
def v_from_x0(x_t: Tensor, x_0: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`v = (\sqrt{\bar\alpha_t}\,x_t - x_0) / \sqrt{1-\bar\alpha_t}`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return (a * x_t - x_0) / b


@contract("x_t: floats, x_0: like x_t, t: time of schedule")
def score_from_x0(x_t: Tensor, x_0: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\nabla\log q = (\sqrt{\bar\alpha_t}\,x_0 - x_t) / (1-\bar\alpha_t)`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return (a * x_0 - x_t) / b**2


@contract("x_t: floats, v: like x_t, t: time of schedule")
def eps_from_v(x_t: Tensor, v: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\epsilon = \sqrt{1-\bar\alpha_t}\,x_t + \sqrt{\bar\alpha_t}\,v`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return b * x_t + a * v


@contract("x_t: floats, v: like x_t, t: time of schedule")
def x0_from_v(x_t: Tensor, v: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`x_0 = \sqrt{\bar\alpha_t}\,x_t - \sqrt{1-\bar\alpha_t}\,v`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return a * x_t - b * v


@contract("x_t: floats, v: like x_t, t: time of schedule")
def score_from_v(x_t: Tensor, v: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`\nabla\log q = -x_t - \sqrt{\bar\alpha_t/(1-\bar\alpha_t)}\,v`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return -x_t - a / b * v


@contract("x_t: floats, score: like x_t, t: time of schedule")
def eps_from_score(
    x_t: Tensor, score: Tensor, t: float | Tensor, schedule: NoiseSchedule
) -> Tensor:
    r""":math:`\epsilon = -\sqrt{1-\bar\alpha_t}\,\nabla\log q`. See :func:`convert`."""
    _, b = signal_and_noise(t, schedule, x_t)
    return -b * score


@contract("x_t: floats, score: like x_t, t: time of schedule", score_tells)
def x0_from_score(x_t: Tensor, score: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`x_0 = (x_t + (1-\bar\alpha_t)\nabla\log q) / \sqrt{\bar\alpha_t}`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return (x_t + b**2 * score) / a


@contract("x_t: floats, score: like x_t, t: time of schedule", score_tells)
def v_from_score(x_t: Tensor, score: Tensor, t: float | Tensor, schedule: NoiseSchedule) -> Tensor:
    r""":math:`v = -\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}\,(x_t + \nabla\log q)`. See :func:`convert`."""
    a, b = signal_and_noise(t, schedule, x_t)
    return -b / a * (x_t + score)


#: The equation of each (source, target), unchecked; called ``(x_t, prediction, t, schedule)``, t real or not
EQUATIONS: dict[
    tuple[str, str], Callable[[Tensor, Tensor, float | Tensor, NoiseSchedule], Tensor]
] = {
    ("eps", "x0"): unchecked(x0_from_eps),
    ("eps", "v"): unchecked(v_from_eps),
    ("eps", "score"): unchecked(score_from_eps),
    ("x0", "eps"): unchecked(eps_from_x0),
    ("x0", "v"): unchecked(v_from_x0),
    ("x0", "score"): unchecked(score_from_x0),
    ("v", "eps"): unchecked(eps_from_v),
    ("v", "x0"): unchecked(x0_from_v),
    ("v", "score"): unchecked(score_from_v),
    ("score", "eps"): unchecked(eps_from_score),
    ("score", "x0"): unchecked(x0_from_score),
    ("score", "v"): unchecked(v_from_score),
}


@contract(
    f"source and target: one of {KINDS}, x_t: floats, prediction: like x_t, t: time of schedule",
    source_tells,
)
def convert(
    prediction: Tensor,
    x_t: Tensor,
    t: float | Tensor,
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
    """
    if source == target:
        return prediction
    return EQUATIONS[source, target](x_t, prediction, t, schedule)


def truth(x_0: Tensor, noise: Tensor, t: Tensor, schedule: NoiseSchedule, kind: str) -> Tensor:
    r"""What a network that predicts ``kind`` should say at the x_t made of x_0 and the noise."""
    a, b = signal_and_noise(t, schedule, x_0)
    return {"eps": noise, "x0": x_0, "v": a * noise - b * x_0, "score": -noise / b}[kind]
