"""An interactive figure of classifier-free guidance: its weight against fidelity and diversity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...base.validate import (
    check_choice,
    check_floats,
    check_labels,
    check_number,
    check_positive_int,
    shown,
)
from ...metrics import Classifier, Estimate, accuracy, diversity, fidelity
from ..packed import packed
from ..pictures import from_bytes, to_bytes
from ..still import curve_panel, figure, text
from ..widget import Widget, chosen, png

SHOWS = ("all", "one")
MOST_WEIGHTS, MOST_SHOWN, LARGEST_SIDE = 12, 60, 28

# Between these marks stands what a network computed. Another processor draws other last bits, so
# tests/nbval_sanitize.cfg leaves it out when a notebook is compared with its stored outputs; what
# stands behind the name "computed" is left out too, which is why it comes last in the data.
BEGIN, END = "<!--computed-->", "<!--/computed-->"


class GuidanceExplorer(Widget):
    """The figure that :func:`guidance_explorer` makes."""

    name = "guidance_explorer"
    scripts = ("pictures.js", "packed.js")

    def __init__(
        self,
        pixels: npt.NDArray[np.uint8],
        rows: dict[str, list[int]],
        labels: list[int],
        *,
        weights: list[float],
        figures: dict[str, list[Any]],
        count: int,
        state: dict[str, Any],
    ) -> None:
        self.state = state
        self.weights = weights
        self.count = count
        self.figures = figures
        data = {
            "state": state,
            "weights": weights,
            "count": count,
            "height": pixels.shape[2],
            "width": pixels.shape[3],
            "labels": labels,
            "rows": rows,
            "computed": {**figures, "pixels": packed(_changes(pixels))},
        }
        columns = len({labels[i] for i in rows["all"]})
        sheets = [_sheet(pixels[i, rows["all"]], columns) for i in (0, -1)]
        still = BEGIN + self._still(sheets) + END
        span = f"w from {weights[0]:g} to {weights[-1]:g}"
        super().__init__(data, still, f"guidance explorer, {count} samples each, {span}")

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``w``, one of the weights, and ``show``, ``"all"`` or ``"one"``.

        Returns:
            Texts of ``scale``, the same strength in the other convention, s = 1 + w; of ``fidelity``,
            ``diversity`` and ``read`` (the share that is read as asked for); and of ``sentence``.

        Raises:
            ValueError: If there are no samples of that weight, or ``show`` is another word.
        """
        state = chosen(self.state, controls)
        check_choice("show", state["show"], SHOWS)
        if state["w"] not in self.weights:
            raise ValueError(f"w must be one of {self.weights}, got {state['w']!r}")
        i = self.weights.index(state["w"])
        sure, wide, read = (self.figures[name] for name in ("fidelity", "diversity", "read"))
        texts = {
            "scale": f"{1 + state['w']:g}",
            "fidelity": _with_error(sure[i], 4),
            "diversity": _with_error(wide[i], 1),
            "read": f"{100 * read[i]:.1f} %",
        }
        said = f"The classifier reads {texts['read']} of {self.count} samples as asked for."
        if state["w"] == 0:
            said = f"w = 0: no guidance, the conditional model as it is. {said}"
        else:
            said = f"w = {state['w']:g}: {said}"
        if i > 0:
            ratio = wide[i][0] / wide[0][0] if wide[0][0] else 1.0
            said += (
                f" Their diversity is {ratio:.2f} times that at w = {self.weights[0]:g}; they started "
                f"from the same noise."
            )
        return {**texts, "sentence": said}

    def _still(self, sheets: list[npt.NDArray[np.uint8]]) -> str:
        parts = []
        for place, (sheet, w) in enumerate(
            zip(sheets, (self.weights[0], self.weights[-1]), strict=True)
        ):
            x, tall = 330 * place + 10, 310 * sheet.shape[0] / sheet.shape[1]
            parts.append(
                f'<image x="{x}" y="24" width="310" height="{tall:g}" href="{png(sheet)}" '
                f'style="image-rendering:pixelated"/>' + text(x + 155, 16, f"w = {w:g}")
            )
        curves = [
            curve_panel(place, name, self.weights, [v for v, _ in self.figures[name]], name="w")
            for place, name in enumerate(("fidelity", "diversity"))
        ]
        parts.append(f'<g transform="translate(60 {tall + 20:g})">{"".join(curves)}</g>')
        alt = (
            f"Samples at the smallest and at the largest weight of guidance, and two curves over the "
            f"weight w: fidelity runs from {self.figures['fidelity'][0][0]:.3f} to "
            f"{self.figures['fidelity'][-1][0]:.3f}, diversity from "
            f"{self.figures['diversity'][0][0]:.0f} to {self.figures['diversity'][-1][0]:.0f}."
        )
        return figure(alt, 664, round(tall) + 220, parts)


def guidance_explorer(
    samples: Mapping[float, Tensor],
    labels: Tensor,
    classifier: Classifier,
    *,
    w: float | None = None,
    each: int = 2,
    focus: int | None = None,
    real: tuple[Tensor, Tensor] | None = None,
) -> GuidanceExplorer:
    r"""Move the weight of guidance, and see what it does to samples, their fidelity and their diversity.

    The samples come ready: for each weight a batch, all drawn from the same noise with the same labels,

    .. code-block:: python

        x_T = torch.randn(200, 1, 16, 16)
        y = torch.arange(200) % 10
        samples = {}
        for w in (0.0, 1.0, 4.0):
            guided = md.classifier_free_guidance(net, y, w)
            samples[w] = md.ddim_sample(guided, schedule, x_T=x_T, clip=True)
        md.viz.guidance_explorer(samples, y, classifier)

    The figure shows some of the samples at one weight (a few of each class, or many of one), marks
    those that the classifier reads as something else, and plots :func:`minidiff.metrics.fidelity` and
    :func:`minidiff.metrics.diversity` of all of them over the weights, and against each other.

    Args:
        samples: By weight, at most 12 of them, grey pictures (N, 1, H, W) in about [-1, 1], each side at
            most 28. They are rounded to 8 bits, for the measurement too.
        labels: What was asked for, LongTensor (N,); each class at least three times.
        classifier: Reads the pictures; has a method ``features``.
        w: The weight shown first; None is the smallest.
        each: How many pictures of each class are shown beside each other, at least 1.
        focus: The class of which more can be shown (up to 20); None is the smallest.
        real: Pictures (M, 1, H, W) and their labels (M,), whose two figures are drawn as a level.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If ``samples`` is no mapping, a batch does not hold floating-point numbers, or the labels
            are no LongTensor.
        IndexError: If a label is out of range.
        ValueError: If there is no weight or there are too many, shapes differ or are too large, a class is
            there only once or twice, or one of the choices is not among what was given.

    Source:
        Slide "Conditional generation: Classifier-Free Guidance" (its three pictures); Ho and Salimans
        2022, figure 4.
    """
    weights = _check_samples(samples)
    count = len(samples[weights[0]])
    check_labels(labels, 2**62, count, name="labels")
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels must be a LongTensor ({count},), got {shown(labels)}")
    labels = labels.cpu()
    classes, counts = torch.unique(labels, return_counts=True)
    w = weights[0] if w is None else w
    focus = int(classes[0]) if focus is None else focus
    for name, value, offered in (("w", w, weights), ("focus", focus, classes.tolist())):
        if value not in offered:
            raise ValueError(f"{name} must be one of {offered}, got {value!r}")
    most = min(int(counts.min()), MOST_SHOWN // len(classes))
    if check_positive_int("each", each) > most:
        raise ValueError(f"each must be at most {most} with these labels, got {each}")
    of_class = [(labels == k).nonzero()[:, 0].tolist() for k in classes.tolist()]
    rows = {
        "all": [numbers[i] for i in range(each) for numbers in of_class],
        "one": of_class[classes.tolist().index(focus)][:20],
    }
    pixels = {key: to_bytes(x[:, 0]) for key, x in samples.items()}
    figures: dict[str, list[Any]] = {"fidelity": [], "diversity": [], "read": [], "wrong": []}
    seen = sorted({*rows["all"], *rows["one"]})
    for key in weights:
        images = from_bytes(pixels[key]).float()[:, None]
        figures["fidelity"].append(_plain(fidelity(classifier, images, labels)))
        figures["diversity"].append(_plain(diversity(classifier, images, labels)))
        figures["read"].append(accuracy(classifier, images, labels).value)
        figures["wrong"].append(
            [i for i, k in enumerate(seen) if not _read(classifier, images[k], labels[k])]
        )
    if real is not None:
        figures["real"] = [_plain(measure(classifier, *real)) for measure in (fidelity, diversity)]
    place = {k: i for i, k in enumerate(seen)}
    return GuidanceExplorer(
        np.stack([pixels[key][seen] for key in weights]),
        {name: [place[k] for k in numbers] for name, numbers in rows.items()},
        labels[seen].tolist(),
        weights=weights,
        figures=figures,
        count=count,
        state={"w": float(w), "show": "all"},
    )


def _check_samples(samples: Any) -> list[float]:
    """The weights in order, after a look at the pictures of each."""
    if not isinstance(samples, Mapping):
        raise TypeError(
            f"samples must give pictures by weight, such as {{0.0: x, 1.0: x_1}}, got {shown(samples)}"
        )
    if not 1 <= len(samples) <= MOST_WEIGHTS:
        raise ValueError(f"samples must have 1 to {MOST_WEIGHTS} weights, got {len(samples)}")
    first = next(iter(samples.values()))
    for key, x in samples.items():
        check_number("the weights of samples", key, -1, float("inf"))
        name = f"samples[{key!r}]"
        check_floats(name, x)
        if x.dim() != 4 or x.shape[1] != 1 or max(x.shape[2:]) > LARGEST_SIDE:
            raise ValueError(
                f"{name} must be grey pictures (N, 1, H, W) of at most {LARGEST_SIDE} pixels a side, "
                f"got {tuple(x.shape)}"
            )
        if x.shape != first.shape:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, another batch {tuple(first.shape)}; they must be "
                f"equal, drawn from the same noise"
            )
    return sorted(samples)


def _changes(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The pictures of the first weight, then what each weight adds, modulo 256: mostly little."""
    return np.diff(pixels, axis=0, prepend=np.zeros_like(pixels[:1]))


def _plain(estimate: Estimate) -> list[float]:
    # Six decimals, so that the page and Python round the same number to what they write.
    return [round(v, 6) + 0.0 for v in estimate]


def _read(classifier: Classifier, image: Tensor, label: Tensor) -> bool:
    return accuracy(classifier, image[None], label[None]).value == 1


def _with_error(estimate: list[float], decimals: int) -> str:
    value, error = (f"{v:.{decimals}f}" for v in estimate)
    if float(value) == float(error) == 0 > estimate[0]:  # nought with no error would say too much
        return f"> −{10**-decimals:.{decimals}f}"
    if float(value) == 0:
        value = value.lstrip("-")  # -0.00001 is written 0.0000
    return f"{value.replace('-', '−')} ± {error}"


def _sheet(pixels: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """Pictures (N, H, W) as one, so many in a row, with a white line around each."""
    _, height, width = pixels.shape
    padded = np.pad(pixels, ((0, 0), (0, 1), (0, 1)), constant_values=255)
    grid = padded.reshape(-1, columns, height + 1, width + 1).transpose(0, 2, 1, 3)
    return grid.reshape(-1, columns * (width + 1))
