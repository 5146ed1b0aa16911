"""An interactive figure of classifier guidance in the plane, where score and classifier are exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...base.times import check_t
from ...base.validate import check_choice, check_number
from ...chain.convert import score_from_eps
from ...chain.exact import Mixture, classifier, mixture
from ...chain.schedule import linear_schedule
from ...sampling.guidance import classifier_gradient, classifier_guidance
from ..plane import Centres, frame_of, given_centres
from ..still import figure, text
from ..widget import Widget, check_up_to, chosen, fixed, number, tenths, vector

SCALES = (0, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
SHOWS = ("guided", "score", "gradient")
MOST_CENTRES, MOST_T = 50, 2000
EDGE = 3.0  # the probe moves within -EDGE..EDGE, in steps of 0.1

# Three classes: two of the first one's clouds lie apart, one of them in the crowd of the others.
MEANS = ((-1.5, -0.5), (0.6, 0.6), (1.5, 1.2), (0.2, 1.7), (1.2, -0.9))
LABELS = (0, 0, 1, 1, 2)
STD = 0.4


class GuidanceField(Widget):
    """The figure that :func:`guidance_field` makes."""

    name = "guidance_field"
    scripts = ("schedules.js", "plane.js")

    def __init__(
        self, clouds: Centres, labels: Sequence[int], T: int, state: dict[str, Any]
    ) -> None:
        self.means, self.std, self.labels, self.state = clouds.means, clouds.std, labels, state
        self.schedule = linear_schedule(T, rescale=True)
        self.classes = [str(k) for k in range(max(labels) + 1)]
        self._limit = frame_of([clouds])
        data = {
            "T": T,
            "limit": self._limit,
            "means": self.means.tolist(),
            "std": self.std,
            "labels": labels,
            "classes": self.classes,
            "scales": sorted({*SCALES, state["s"]}),
            "places": tenths(EDGE, state["x1"], state["x2"]),
            "state": state,
        }
        summary = f"guidance field, {len(labels)} clouds of {len(self.classes)} classes, T={T}"
        super().__init__(data, self._still(), summary)

    def model(self) -> Mixture:
        """The exact denoiser of all classes together, :func:`minidiff.chain.exact.mixture`."""
        return mixture(self.means, self.std, None, self.schedule)

    def field(self, x: Tensor, **controls: Any) -> dict[str, Tensor]:
        r"""The three vectors at places x, for a state of the controls.

        Args:
            x: Places, shape (B, 2).
            **controls: Any of ``y``, ``s``, ``t``.

        Returns:
            ``score`` (:math:`\nabla \log q(x_t)`), ``gradient`` (:math:`\nabla \log q(y \mid x_t)`) and
            ``guided``, the sum of the first and s times the second; each (B, 2).
        """
        state = chosen(self.state, controls)
        check_choice("y", state["y"], tuple(self.classes))
        t, y, model = state["t"], int(state["y"]), self.model()
        check_t(t, self.schedule.T)
        labelled = classifier(model, torch.tensor(self.labels))
        guided = classifier_guidance(model, labelled, y, state["s"], self.schedule)
        return {
            "score": score_from_eps(x, model(x, t), t, self.schedule),
            "gradient": classifier_gradient(labelled, x, t, y),
            "guided": score_from_eps(x, guided(x, t), t, self.schedule),
        }

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``y``, ``s``, ``t``, ``x1``, ``x2`` (the probe's place) and ``show``.

        Returns:
            Texts of ``alpha_bar_t``; of ``probability``, :math:`q(y \mid x_t)` at the probe; of
            ``score``, ``gradient`` and ``guided``, the vectors there; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        check_choice("show", state["show"], SHOWS)
        x = torch.tensor([[state["x1"], state["x2"]]], dtype=torch.float64)
        field = self.field(x, **{name: state[name] for name in ("y", "s", "t")})
        y, s = state["y"], f"{state['s']:g}"
        log_p = classifier(self.model(), torch.tensor(self.labels))(x, state["t"])
        vectors = {name: vector(value[0]) for name, value in field.items()}
        meaning = {
            0: f"s = 0: no guidance, the arrow is the score; class {y} is not asked for.",
            1: f"s = 1: Bayes’ rule, the arrow is the exact score of class {y} alone.",
        }
        sharper = f"further from the other classes than class {y} itself lies."
        between = f"between all classes (s = 0) and class {y} alone (s = 1)."
        default = f"s = {s}: the arrow aims " + (sharper if state["s"] > 1 else between)
        return {
            "alpha_bar_t": number(float(self.schedule.alpha_bar[state["t"]])),
            "probability": fixed(float(log_p[0, int(y)].exp())),
            **vectors,
            "sentence": meaning.get(state["s"], default)
            + f" At the probe: {vectors['score']} + {s} · {vectors['gradient']} = {vectors['guided']}.",
        }

    def _still(self) -> str:
        side, n, parts = 200, 13, []
        cell = 2 * self._limit / n
        middle = (torch.arange(n, dtype=torch.float64) + 0.5) * cell - self._limit
        x = torch.cartesian_prod(middle, middle)
        t = self.state["t"]
        noise = math.sqrt(1 - float(self.schedule.alpha_bar[t]))
        shrink = math.sqrt(float(self.schedule.alpha_bar[t]))
        scales = (0, 1, max(3, self.state["s"]))
        for place, s in enumerate(scales):
            left = 220 * place + 10
            arrow = noise * self.field(x, s=s)["guided"]
            long = arrow.norm(dim=1, keepdim=True)
            arrow = arrow / long.clamp(min=1e-9) * 0.9 * cell * (long / 2).clamp(max=1)
            parts.append(
                f'<rect x="{left}" y="6" width="{side}" height="{side}" fill="none" '
                f'stroke="#8c959f"/><path d="{self._lines(x, arrow, left, side)}" fill="none" '
                f'stroke="#0072b2"/>' + text(left + side / 2, side + 24, f"s = {s:g}")
            )
            for mean, label in zip(self.means.tolist(), self.labels, strict=True):
                px = left + (shrink * mean[0] / self._limit + 1) * side / 2
                py = 6 + (1 - shrink * mean[1] / self._limit) * side / 2
                parts.append(text(round(px, 1), round(py + 5, 1), str(label), size=15))
        alt = (
            f"Arrows of the guided score at t = {t} for class {self.state['y']}, at guidance scales "
            f"{', '.join(f'{s:g}' for s in scales)}: from pointing to all clouds to pointing to that "
            f"class alone."
        )
        return figure(alt, 660, 236, parts)

    def _lines(self, x: Tensor, arrow: Tensor, left: float, side: float) -> str:
        scale = side / (2 * self._limit)
        # One decimal of a pixel: far above what another machine's last bit could change.
        return "".join(
            f"M{left + (a + self._limit) * scale:.1f} {6 + (self._limit - b) * scale:.1f}"
            f"l{dx * scale + 0.0:.1f} {-dy * scale + 0.0:.1f}"
            for (a, b), (dx, dy) in zip(x.tolist(), arrow.tolist(), strict=True)
        )


def guidance_field(
    means: Tensor | None = None,
    std: float = STD,
    labels: Tensor | None = None,
    T: int = 1000,
    *,
    y: int = 0,
    s: float = 1.0,
    t: int | None = None,
) -> GuidanceField:
    r"""See classifier guidance in the plane, where score and classifier are known exactly.

    The data are a mixture of equal normal distributions, each of which belongs to a class. The figure
    draws one of three fields of arrows: the score of all data, the gradient of the exact
    classifier, or their sum, the guided score:

    .. math::
        \nabla \log q(x_t) + s\, \nabla \log q(y \mid x_t)

    The shading is the density with that score, :math:`q(x_t)\, q(y \mid x_t)^s` up to a factor. Controls
    choose the class y, the scale s, the time t and a place, the probe, where the three vectors are drawn
    and written out. All is computed in the page itself, in double precision, with the linear schedule
    rescaled to T. Arrows have the length of the guessed noise (:math:`\sqrt{1-\bar\alpha_t}` times the
    score), cut off at 2.

    Args:
        means: Centres, shape (K, 2) with K up to 50; they are rounded to five decimals. None takes
            five clouds of three classes.
        std: Standard deviation of each cloud, in (0, 10).
        labels: Class of each centre, LongTensor (K,), from 0, no more than six classes and none left out.
            Needed with ``means``.
        T: Number of steps, 25..2000.
        y: The class asked for first.
        s: The guidance scale shown first, in [0, 10].
        t: The time shown first, 1..T; None is a fifth of T.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If ``means`` holds no floating-point numbers, or ``labels`` is no LongTensor.
        IndexError: If ``t`` is outside 1..T.
        ValueError: If another argument is out of its range, or only one of ``means`` and ``labels`` is given.

    Source:
        Dhariwal and Nichol 2021, section 4; slide "Conditional generation: Classifier Guidance".
    """
    T = check_up_to("T", T, MOST_T, low=25)
    if (means is None) != (labels is None):
        raise ValueError("means and labels go together: give both, or neither")
    if means is None or labels is None:
        means, labels = torch.tensor(MEANS, dtype=torch.float64), torch.tensor(LABELS)
    clouds = given_centres(means, std, MOST_CENTRES)
    classes = _check_labels(labels, len(means))
    s = check_number("s", s, 0, 10)
    check_choice("y", str(y), tuple(map(str, range(classes))))
    t = T // 5 if t is None else t
    check_t(t, T)
    state = {"y": str(y), "s": _whole(s), "t": int(t), "x1": 0.2, "x2": -0.4, "show": "guided"}
    return GuidanceField(clouds, labels.tolist(), T, state)


def _check_labels(labels: Tensor, count: int) -> int:
    """Look at the labels of so many clouds; gives the number of classes."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        found = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(f"labels must be a LongTensor (K,), got {found}")
    if labels.shape != (count,):
        raise ValueError(
            f"labels must have shape ({count},), one a centre; got {tuple(labels.shape)}"
        )
    used = sorted(set(labels.tolist()))
    if used != list(range(len(used))) or not 2 <= len(used) <= 6:
        raise ValueError(
            f"labels must be two to six classes that count 0, 1, 2, … with none left out; got {used}"
        )
    return len(used)


def _whole(x: float) -> float:
    """The number as the page writes it: 3, not 3.0."""
    return int(x) if x == int(x) else x
