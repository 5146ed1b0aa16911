"""What a student is told: a small coloured panel in a notebook, plain text elsewhere."""

from __future__ import annotations

import functools
import html
import json
from dataclasses import dataclass
from pathlib import Path

from .links import anchor

PASSED, TODO, WRONG = "passed", "not attempted", "wrong"

_COLOURS = {PASSED: "#2e7d32", TODO: "#6b6b6b", WRONG: "#b3541e"}
# Jupyter gives a <pre> a ground of its own.
_PRE = "margin:.4em 0 0;padding:0;background:transparent;color:inherit;white-space:pre-wrap"
_SIGNS = {PASSED: "✓", TODO: "○", WRONG: "✗"}


@functools.cache
def places() -> dict[str, str]:
    """Where each labelled equation and exercise stands (``tools/places.py`` writes the list)."""
    text = (Path(__file__).parent / "places.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)
    return found


@dataclass(frozen=True)
class Feedback:
    """The answer of a check.

    Attributes:
        exercise: Its name.
        status: ``"passed"``, ``"not attempted"`` or ``"wrong"``.
        rung: How far up the ladder the function came: the rung that it failed at, or "" if at none.
        message: What is the matter, in a sentence or two.
        why: Why it is wrong and what belongs there, for a known mistake.
        details: Further lines: what was got and expected, which inputs pass.
        see: Where the book explains it: the label of an equation or an exercise.
        mistake: The name of the known mistake, or None.
    """

    exercise: str
    status: str
    rung: str
    message: str
    why: str = ""
    details: tuple[str, ...] = ()
    see: str = ""
    mistake: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the visible checks passed."""
        return self.status == PASSED

    @property
    def where(self) -> str:
        """The place in the book in words; the label itself if this version of the book has no such."""
        return places().get(self.see, self.see)

    def __str__(self) -> str:
        lines = [f"{_SIGNS[self.status]} {self.exercise}: {self.message}"]
        lines += [f"  {line}" for line in (self.why, *self.details) if line]
        if self.see:
            lines.append(f"  In the book: {self.where}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = _COLOURS[self.status]
        parts = [
            f"<div><strong>{_SIGNS[self.status]} {html.escape(self.exercise)}</strong>: "
            f"{html.escape(self.message)}</div>"
        ]
        if self.why:
            parts.append(f"<div>{html.escape(self.why)}</div>")
        if self.details:
            lines = "\n".join(html.escape(line) for line in self.details)
            parts.append(f'<pre style="{_PRE}">{lines}</pre>')
        if self.see:
            parts.append(f"<div><small>In the book: {anchor(self.where)}</small></div>")
        # The page's own text colour on a tint of the edge: it can be read in light and in dark.
        style = (
            f"border-left:.35em solid {colour};background:{colour}1f;padding:.6em .9em;"
            "border-radius:.25em;overflow-wrap:anywhere"
        )
        return f'<div class="minidiff-check" role="status" style="{style}">{"".join(parts)}</div>'


@dataclass(frozen=True)
class Hint:
    """A hint, or a solution.

    Attributes:
        exercise: Its name.
        text: What it says.
        after: What one can do next.
        code: Whether the text is Python.
    """

    exercise: str
    text: str
    after: str
    code: bool = False

    def __str__(self) -> str:
        return f"{self.exercise}: {'' if not self.code else chr(10)}{self.text}\n  {self.after}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        text = html.escape(self.text)
        shown = f'<pre style="{_PRE}">{text}</pre>' if self.code else f"<div>{text}</div>"
        return (
            f'<div class="minidiff-check" style="border-left:.35em solid #3465a4;'
            f'background:#3465a41f;padding:.6em .9em;border-radius:.25em">'
            f"<strong>{html.escape(self.exercise)}</strong>{shown}"
            f"<small>{html.escape(self.after)}</small></div>"
        )
