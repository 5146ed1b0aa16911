"""What a live box is moved by: one control for each argument of the function behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...base.validate import shown

STEPS = 100  # of a slider over real numbers, where nobody says how fine it is


@dataclass(frozen=True)
class Control(ABC):
    """What all controls have."""

    @abstractmethod
    def start(self, state: Mapping[str, Any]) -> Any:
        """The value at first, given those of the controls before it."""

    @abstractmethod
    def widget(self, label: str, state: Mapping[str, Any]) -> Any:
        """The control itself, of ipywidgets, at the value that a state gives it under its name."""

    def value(self, widget: Any) -> Any:
        """What the function gets."""
        return widget.value

    def put(self, widget: Any, value: Any) -> None:
        """Move the widget to a value."""
        widget.value = value


@dataclass(frozen=True)
class Slider(Control):
    """A number between two ends.

    Attributes:
        low: The least.
        high: The largest; or the name of another control, whose value it then is at any time.
        step: From one number to the next; None is 1 between whole numbers, else a hundredth of the way.
        first: The value at first; None is the middle.
    """

    low: float
    high: float | str
    step: float | None = None
    first: float | None = None

    def end(self, state: Mapping[str, Any]) -> float:
        """The largest number, for a state of the controls."""
        high = state[self.high] if isinstance(self.high, str) else self.high
        return max(float(high), self.low) if self.by is float else max(int(high), int(self.low))

    @property
    def by(self) -> type:
        """``int`` where it counts, else ``float``."""
        ends = (self.low, self.high, self.step, self.first)
        return int if all(x is None or isinstance(x, (int, str)) for x in ends) else float

    def start(self, state: Mapping[str, Any]) -> float:
        """The value at first."""
        end = self.end(state)
        middle = (self.low + end) / 2 if self.by is float else (int(self.low) + int(end)) // 2
        return middle if self.first is None else self.first

    def at_same_share(self, value: float, before: float, after: float) -> float:
        """Where a value goes when the end moves: it keeps its share of the way."""
        share = (value - self.low) / ((before - self.low) or 1)
        moved = self.low + share * (after - self.low)
        return int(moved + 0.5) if self.by is int else moved

    def widget(self, label: str, state: Mapping[str, Any]) -> Any:
        """A slider."""
        import ipywidgets

        kind = ipywidgets.IntSlider if self.by is int else ipywidgets.FloatSlider
        end, step = self.end(state), self.step
        if step is None:
            step = 1 if self.by is int else (end - self.low) / STEPS
        return kind(min=self.low, max=end, step=step, description=label)


@dataclass(frozen=True)
class Choice(Control):
    """One of several things.

    Attributes:
        options: What the function gets, by the words that are shown.
        slides: Show a slider in place of a menu: for numbers that rise.
        first: The value at first; None is the first one.
    """

    options: Mapping[str, Any]
    slides: bool = False
    first: Any = None

    def start(self, state: Mapping[str, Any]) -> Any:
        """The value at first."""
        return next(iter(self.options.values())) if self.first is None else self.first

    # ipywidgets compares values, which tensors do not let themselves; so it is told their places.

    def widget(self, label: str, state: Mapping[str, Any]) -> Any:
        """A menu, or a slider."""
        import ipywidgets

        kind = ipywidgets.SelectionSlider if self.slides else ipywidgets.Dropdown
        options = [(words, place) for place, words in enumerate(self.options)]
        return kind(options=options, description=label)

    def value(self, widget: Any) -> Any:
        """The value at its place."""
        return list(self.options.values())[widget.value]

    def put(self, widget: Any, value: Any) -> None:
        """Go to the place of a value."""
        values = list(self.options.values())
        same = [place for place, one in enumerate(values) if one is value]
        widget.value = same[0] if same else values.index(value)


@dataclass(frozen=True)
class Switch(Control):
    """Yes or no."""

    first: bool = False

    def start(self, state: Mapping[str, Any]) -> bool:
        """The value at first."""
        return self.first

    def widget(self, label: str, state: Mapping[str, Any]) -> Any:
        """A box to tick."""
        import ipywidgets

        return ipywidgets.Checkbox(description=label, indent=False)


@dataclass(frozen=True)
class Words(Control):
    """A line of text; the function is called when Enter is pressed."""

    first: str = ""

    def start(self, state: Mapping[str, Any]) -> str:
        """The value at first."""
        return self.first

    def widget(self, label: str, state: Mapping[str, Any]) -> Any:
        """A line to type in."""
        import ipywidgets

        return ipywidgets.Text(description=label, continuous_update=False)


def among(values: Sequence[Any], first: Any = None, *, slides: bool = True) -> Choice:
    """A choice of values that are shown as they are written."""
    options = {f"{v:g}" if isinstance(v, float) else str(v): v for v in values}
    return Choice(options, slides, first)


def control_of(name: str, wish: Any, default: Any = None) -> Control:
    """The control that a short word asks for.

    Args:
        name: Of the argument.
        wish: ``(low, high)`` or ``(low, high, step)`` for a slider, where ``high`` may be the name of another
            control; a list, or a dict of values by their words, for a menu; a bool for a box to tick; a
            string for a line of text; or a control.
        default: The value at first, where the function has one.

    Raises:
        TypeError: If it is none of these.
        ValueError: If a slider's ends are the wrong way round, a menu is empty, or the default is none of the
            values.
    """
    if isinstance(wish, Control):
        return wish
    if isinstance(wish, bool):
        return Switch(wish if default is None else bool(default))
    if isinstance(wish, str):
        return Words(wish)
    if isinstance(wish, (list, dict)):
        menu = Choice(dict(wish)) if isinstance(wish, dict) else among(wish, slides=False)
        if not menu.options:
            raise ValueError(f"{name} is an empty menu: give at least one value")
        if default is None:
            return menu
        if default not in menu.options.values():
            raise ValueError(f"{name} is {default!r} at first, which is not in its menu")
        return Choice(menu.options, first=default)
    if isinstance(wish, tuple) and len(wish) in (2, 3) and _is_range(*wish):
        return _slider(name, wish, default)
    raise TypeError(
        f"{name} must say how it is moved: (low, high) or (low, high, step) for a slider, a list or a dict "
        f"for a menu, True or False for a box to tick, a string for a line of text; got {shown(wish)}"
    )


def _is_range(low: Any, high: Any, step: Any = 1) -> bool:
    def number(x: Any) -> bool:
        return isinstance(x, (int, float)) and not isinstance(x, bool)

    return number(low) and (number(high) or isinstance(high, str)) and number(step)


def _slider(name: str, wish: tuple[Any, ...], default: Any) -> Slider:
    low, high, *step = wish
    if not isinstance(high, str) and not low < high:
        raise ValueError(f"{name} must run from a lower number to a higher one, got {wish}")
    if step and not step[0] > 0:
        raise ValueError(f"{name} must have a step above 0, got {wish}")
    if default is None:
        return Slider(low, high, *step)
    if default < low or (not isinstance(high, str) and default > high):
        raise ValueError(f"{name} is {default!r} at first, which is outside {low}..{high}")
    return Slider(low, high, step[0] if step else None, default)
