r"""The guess :math:`\hat x_0` that the bound asks of a model, however the model puts its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.contracts import unchecked
from ..base.model import EpsModel, pair
from ..base.rng import Generator, noise_like
from ..base.validate import check_same_shape
from ..chain.convert import convert
from ..chain.forward import q_sample
from ..chain.posterior import apart
from ..chain.schedule import NoiseSchedule


@dataclass
class Guesser:
    r"""A model, and how its answer becomes a guess of :math:`x_0`.

    Attributes:
        eps_model: Called ``eps_model(x_t, t)`` with t a LongTensor (B,).
        schedule: The noise schedule.
        variance: ``"small"``, ``"large"``, or ``"learned"`` where the model says (prediction, v); None until
            the first answer tells, which one of ``"learned"`` and ``"small"`` it is.
        kind: What the model predicts.
        clip: Limit the guess to [-1, 1].
    """

    eps_model: EpsModel
    schedule: NoiseSchedule
    variance: str | None
    kind: str
    clip: bool

    @property
    def expected_error(self) -> Callable[[Tensor, int], Tensor] | None:
        """The guess's mean squared error in closed form, if the model knows it."""
        if self.clip or self.variance == "learned":
            return None
        return getattr(self.eps_model, "expected_error", None)

    def __call__(
        self, x_0: Tensor, t: Tensor, noise: Tensor | None, generator: Generator | None
    ) -> tuple[Tensor, Tensor]:
        r""":math:`\hat x_0(x_t, t)` for a draw of x_t, and the variance's mixing weight, both in double."""
        noise = noise_like(x_0, noise, generator)
        with torch.no_grad():
            x_t = unchecked(q_sample)(x_0, t, self.schedule, noise)
            answer = self.eps_model(x_t, t.to(x_0.device))
        prediction, v = apart(answer, x_t)
        if self.variance is None:
            self.variance = "small" if v is None else "learned"
        if self.variance != "learned":
            v = torch.full_like(x_t, float(self.variance == "large"))
        _, v = pair(answer if v is None else (prediction, v))
        check_same_shape("what eps_model returned", prediction, "x_t", x_t)
        check_same_shape("v, which eps_model returned,", v, "x_t", x_t)
        x0_hat = unchecked(convert)(
            prediction.double(), x_t.double(), t, self.schedule, source=self.kind, target="x0"
        )
        return x0_hat.clamp(-1, 1) if self.clip else x0_hat, v.double()
