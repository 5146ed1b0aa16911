r"""What a prediction tells of the data: noise and score say nothing where :math:`\bar\alpha_t = 0`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..model import BLIND, KINDS, prediction_of


def check_signal_left(t: int | Tensor, schedule: Any, source: str) -> None:
    """Refuse to look for x_0 in pure noise: where ᾱ_t = 0, eps says nothing about it."""
    last = int(t.max()) if isinstance(t, Tensor) else int(t)
    if last > schedule.last_signal:
        raise ValueError(
            f"alpha_bar = 0 at t = {last} (zero terminal SNR), so a prediction of {source!r} there "
            f"does not tell x_0; predict 'v' or 'x0' with this schedule"
        )


def eps_tells(t: int | Tensor, schedule: Any) -> None:
    r"""ValueError: If :math:`\bar\alpha_t = 0`, and the equation divides by it: noise does not tell x_0."""
    check_signal_left(t, schedule, "eps")


def score_tells(t: int | Tensor, schedule: Any) -> None:
    r"""ValueError: If :math:`\bar\alpha_t = 0`, and the equation divides by it: noise does not tell x_0."""
    check_signal_left(t, schedule, "score")


def source_tells(t: int | Tensor, schedule: Any, source: str, target: str) -> None:
    r"""ValueError: If :math:`\bar\alpha_t = 0`, and the equation divides by it: noise does not tell x_0."""
    if source in BLIND and target not in BLIND:
        check_signal_left(t, schedule, source)


def kind_tells(t: int, schedule: Any, kind: str) -> None:
    r"""ValueError: If :math:`\bar\alpha_t = 0` and the prediction is of the noise, or the score."""
    if kind in BLIND:
        check_signal_left(t, schedule, kind)


def noise_tells(schedule: Any, kind: str) -> None:
    """ValueError: If ``kind="eps"`` meets a zero terminal SNR: there the noise says nothing of the data."""
    if kind == "eps":
        check_signal_left(schedule.T, schedule, "eps")


def kind_of_chain(net: Any, kind: str | None) -> None:
    """ValueError: If the network predicts a velocity, which :func:`minidiff.flow.matching_loss` teaches."""
    if prediction_of(net, kind) not in KINDS:
        raise ValueError(
            "net predicts 'velocity', which this loss does not teach: train it with "
            "loss=md.flow.matching_loss, or say kind='eps'"
        )


def model_tells_x_0(eps_model: Any, schedule: Any, kind: str | None) -> None:
    r"""ValueError: If the model predicts a velocity, or noise or score where :math:`\bar\alpha_T = 0`."""
    said = prediction_of(eps_model, kind)
    if said not in KINDS:
        raise ValueError(
            f"eps_model predicts {said!r}, and the bound is one of the chain: give a model of noise, x_0, v "
            f"or score, or minidiff.flow.log_likelihood for this one"
        )
    if said in BLIND:
        check_signal_left(schedule.T, schedule, said)


def check_tells(model: Any, schedule: Any, kind: str | None, t: float) -> None:
    """Refuse a model of the noise, or of the score, at a time where that says nothing of the data."""
    if (said := prediction_of(model, kind)) in BLIND:
        check_signal_left(int(t), schedule, said)


def noise_tells_at_the_end(eps_model: Any, schedule: Any, kind: str | None) -> None:
    r"""ValueError: If :math:`\bar\alpha_T = 0`, and the noise or the score is predicted."""
    check_tells(eps_model, schedule, kind, schedule.T)


def first_time_tells(
    eps_model: Any,
    schedule: Any,
    kind: str | None,
    times: Sequence[int] | Tensor | None,
) -> None:
    r"""ValueError: If :math:`\bar\alpha = 0` at the first time, and the noise or the score is predicted."""
    check_tells(eps_model, schedule, kind, schedule.T if times is None else int(times[0]))


def first_of_times_tells(
    eps_model: Any, schedule: Any, kind: str | None, times: Sequence[float] | Tensor
) -> None:
    r"""ValueError: If :math:`\bar\alpha = 0` at the first time, and the noise or the score is predicted."""
    check_tells(eps_model, schedule, kind, float(times[0]))
