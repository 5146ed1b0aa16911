"""A function of one's own with controls: moved in a notebook, a still picture on a page."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...base.validate import shown as in_words
from ..widget import MOVE_IT
from .box import LiveBox
from .controls import Control, Slider, control_of
from .shown import Shown, answer_of


def live(function: Callable[..., Any], /, **controls: Any) -> LiveBox:
    """Move the arguments of a function, and see what it gives: its figure, its pictures, its numbers.

    >>> def noisy(t, schedule="linear"):  # doctest: +SKIP
    ...     x_t = md.q_sample(x_0, t, schedules[schedule], generator=torch.Generator().manual_seed(0))
    ...     return x_t, {"mean": x_t.mean(), "std": x_t.std()}
    >>> md.viz.live(noisy, t=(0, 1000), schedule=["linear", "cosine"])  # doctest: +SKIP

    Each move calls the function in the kernel, and nothing is left to print: what it gives back is shown, or
    the figures that it has drawn. On a page, and in a notebook that was not run, a still picture of the first
    values stands there. An argument starts at its default, else in the middle of its slider or at the first
    entry of its menu.

    Args:
        function: Gives a figure of matplotlib, or pictures as a tensor (N, C, H, W) in [-1, 1], or numbers
            and strings, by name in a dict where there are several; or a tuple of these.
        **controls: For each argument how it is moved: ``(low, high)`` or ``(low, high, step)`` is a slider,
            over whole numbers where all are, and ``high`` may be the name of another argument, whose value
            is then the end; a list of values, or a dict of values by their words, is a menu; True or False
            is a box to tick; a string is a line of text; :func:`~minidiff.viz.picture_upload` takes a file.

    Returns:
        An object that a notebook shows as controls of ipywidgets where a kernel runs, else as the still
        picture.

    Raises:
        TypeError: If ``function`` is none, does not take a named argument, or has another one without a
            default; if a control is none of the above; if the answer cannot be shown.
        ValueError: If a slider's ends are the wrong way round, a menu is empty, or a default is out of it.
        Exception: What the function raises for the first values. Later errors are shown in the box.
    """
    defaults = _defaults(function, controls)
    chosen: dict[str, Control] = {}
    state: dict[str, Any] = {}
    for name, wish in controls.items():
        chosen[name] = control = control_of(name, wish, defaults.get(name))
        if isinstance(control, Slider):
            _check_end(name, control, state)
        state[name] = control.start(state)
    called = getattr(function, "__name__", type(function).__name__)

    def answer(**state: Any) -> Shown:
        values = ", ".join(
            f"{n} = {v!r}" for n, v in state.items() if isinstance(v, (int, float, str))
        )
        return answer_of(
            lambda: function(**state), f"What {called} shows for {values or 'a file'}."
        )

    return LiveBox(answer, chosen, twin=_twin, summary=f"{called}({', '.join(controls)})")


def _twin(shown: Shown) -> str:
    # Another machine's last bits differ, so nothing of it is compared when the notebook is run again.
    return f'<div class="mdw-live"><!--computed-->{shown.html()}<!--/computed-->{MOVE_IT}</div>'


def _defaults(function: Callable[..., Any], controls: dict[str, Any]) -> dict[str, Any]:
    """The arguments' defaults, once it is clear that function and controls go together."""
    if not callable(function):
        raise TypeError(f"function must be a function, got {in_words(function)}")
    takes = inspect.signature(function).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    by_name = {
        n: p for n, p in takes.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    for name in controls:
        if name not in by_name and not anything:
            have = ", ".join(by_name) or "no arguments"
            raise TypeError(f"there is a control {name!r}, but the function takes {have}")
    for name, parameter in by_name.items():
        if parameter.default is parameter.empty and name not in controls:
            raise TypeError(
                f"the function needs {name}: give it a control, such as {name}=(0, 10), or a default"
            )
    return {n: p.default for n, p in by_name.items() if p.default is not p.empty}


def _check_end(name: str, slider: Slider, state: dict[str, Any]) -> None:
    """A slider may end at the value of a control before it, which has to be a number."""
    high = slider.high
    if isinstance(high, str) and high not in state:
        raise ValueError(f"{name} ends at {high!r}, which is no control before it")
    if isinstance(high, str) and not isinstance(state[high], (int, float)):
        raise TypeError(f"{name} ends at {high}, whose value is no number: {in_words(state[high])}")
    if slider.start(state) > slider.end(state):
        raise ValueError(
            f"{name} is {slider.start(state)} at first, which is above its end, {slider.end(state)}"
        )
