"""Still pictures for pages without JavaScript, written as SVG by hand.

The output of a notebook must be the same bytes wherever it runs; no plotting library promises that.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_TEXT = 'font-family="sans-serif" fill="#57606a"'


def figure(alt: str, width: int, height: int, parts: Sequence[str]) -> str:
    """An SVG element on a white sheet, with its description for readers who do not see it."""
    label = escape(f"{alt} The interactive figure needs JavaScript.")
    return (
        f'<svg class="mdw-static" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def text(x: float, y: float, words: str, *, anchor: str = "middle", size: int = 11) -> str:
    """Words at a place."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" {_TEXT}>'
        f"{escape(words)}</text>"
    )


def image(x: float, y: float, size: float, address: str, label: str) -> str:
    """A picture with words below it."""
    return (
        f'<image x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" '
        f'style="image-rendering:pixelated" href="{address}"/>'
        f"{text(x + size / 2, y + size + 16, label)}"
    )


def cloud_panel(
    place: int,
    label: str,
    points: Sequence[Sequence[float]],
    limit: float,
    ways: Sequence[Sequence[Sequence[float]]] = (),
) -> str:
    """Points in the square of [-limit, limit]² as dots, over the ways by which they came.

    ``place`` counts panels from the left; what lies outside the square is left out.
    """
    side, left = 100, 110 * place + 6

    def path(some: Sequence[Sequence[float]], joint: str, end: str) -> str:
        seen = [(x, y) for x, y in some if abs(x) <= limit and abs(y) <= limit]
        # One decimal of a pixel: far above what another machine's last bit could change.
        places = [
            f"{left + (x / limit + 1) * side / 2:.1f} {6 + (1 - y / limit) * side / 2:.1f}"
            for x, y in seen
        ]
        return f"M{(end + joint).join(places)}{end}" if places else ""

    lines = "".join(path(way, "L", "") for way in ways)
    behind = f'<path d="{lines}" fill="none" stroke="#8c959f" stroke-width="0.6"/>' if lines else ""
    return (
        f'<rect x="{left}" y="6" width="{side}" height="{side}" fill="none" stroke="#8c959f"/>'
        f"{behind}"
        f'<path d="{path(points, "M", "h0")}" fill="none" stroke="#0072b2" stroke-width="2.5" '
        f'stroke-linecap="round"/>{text(left + side / 2, side + 22, label)}'
    )


def curve_panel(
    place: int,
    title: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    low: float | None = None,
    high: float | None = None,
    name: str = "t",
) -> str:
    """One small plot of y over x; ``place`` counts panels from the left, ``name`` is that of x."""
    low, high = min(y) if low is None else low, max(y) if high is None else high
    left, right, top, bottom = 220 * place + 44, 220 * place + 208, 32, 160
    stride = max(1, len(x) // 80)
    chosen = sorted({*range(0, len(x), stride), len(x) - 1})

    def px(v: float) -> float:
        return left + (right - left) * (v - x[0]) / ((x[-1] - x[0]) or 1)

    def py(v: float) -> float:
        return bottom - (bottom - top) * (v - low) / ((high - low) or 1)

    # One decimal of a pixel: far above what another machine's last bit could change.
    path = "L".join(f"{px(x[i]):.1f} {py(y[i]):.1f}" for i in chosen)
    return (
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#8c959f"/>'
        f'<path d="M{path}" fill="none" stroke="#0072b2" stroke-width="2"/>'
        + text((left + right) / 2, 18, title)
        + text(left - 5, bottom + 4, f"{low:.3g}", anchor="end")
        + text(left - 5, top + 4, f"{high:.3g}", anchor="end")
        + text(left, bottom + 16, f"{x[0]:g}")
        + text(right, bottom + 16, f"{x[-1]:g}")
        + text((left + right) / 2, bottom + 30, name)
    )
