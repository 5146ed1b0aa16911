"""One object with two faces: controls and an answer where a kernel runs, HTML where none does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from ..widget import Widget
from .controls import Control, Slider
from .faces import TwoFaces
from .shown import Shown


class LiveBox(TwoFaces):
    """A function, moved by controls.

    Where a kernel runs, a notebook shows controls of ipywidgets, and below them what the function answers;
    each move calls the function in the kernel. A page, and a notebook that nobody has run, show the HTML.

    Args:
        answer: Called with the controls' values by name.
        controls: By name, in the order in which they are shown.
        twin: What a page shows, made of the answer to the values at first.
        summary: One line for ``repr``.
        labels: What stands beside a control where its name is not what a reader should see.

    Attributes:
        state: The controls' values.
        shown: The answer to them.
    """

    def __init__(
        self,
        answer: Callable[..., Shown],
        controls: Mapping[str, Control],
        *,
        twin: Callable[[Shown], str],
        summary: str,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._answer, self.controls, self._summary = answer, dict(controls), summary
        self._labels = {**{name: name for name in controls}, **(labels or {})}
        self.state: dict[str, Any] = {}
        for name, control in self.controls.items():
            self.state[name] = control.start(self.state)
        self.shown = answer(**self.state)  # what is wrong with the function is said at once
        self._html = twin(self.shown)
        self._widgets: dict[str, Any] = {}
        self._root: Any = None
        self._output: Any = None
        self._following = False

    def __repr__(self) -> str:
        return f"<minidiff live box: {self._summary}>"

    def _repr_html_(self) -> str:
        return self._html

    @property
    def widget(self) -> Any:
        """The live face, a box of ipywidgets; made when it is asked for first."""
        if self._root is None:
            self._root = self._build()
        return self._root

    def move(self, **values: Any) -> Shown:
        """Move controls, as a reader would.

        Returns:
            The answer.

        Raises:
            TypeError: If there is no such control.
            Exception: What the function raises.
        """
        for name, value in values.items():
            if name not in self.controls:
                have = ", ".join(self.controls)
                raise TypeError(f"there is no control {name!r}; there are {have}")
            self._take(name, value)
        self.shown = self._answer(**self.state)
        if self._root is not None:
            self._following = True
            for name, widget in self._widgets.items():
                self._show_value(name, widget)
            self._following = False
            self._output.value = self.shown.html()
        return self.shown

    def _build(self) -> Any:
        import ipywidgets

        for name, control in self.controls.items():
            widget = control.widget(self._labels[name], self.state)
            widget.style.description_width = "initial"
            self._widgets[name] = widget
            self._show_value(name, widget)
            widget.observe(lambda change, name=name: self._moved(name), names="value")
        self._output = ipywidgets.HTML(self.shown.html())
        row = ipywidgets.Layout(flex_flow="row wrap")
        return ipywidgets.VBox(
            [ipywidgets.HBox(list(self._widgets.values()), layout=row), self._output]
        )

    def _show_value(self, name: str, widget: Any) -> None:
        """Put a widget where the state says it is, its end first."""
        control = self.controls[name]
        if isinstance(control, Slider):
            widget.max = control.end(self.state)
        control.put(widget, self.state[name])

    def _moved(self, name: str) -> None:
        """A reader has moved a control."""
        if self._following:
            return
        try:
            self.move(**{name: self.controls[name].value(self._widgets[name])})
        except Exception as error:
            # The cell has long ended: what went wrong is to be read where the reader looks.
            words = escape(f"{type(error).__name__}: {error}")
            self._output.value = f'<pre role="alert" style="white-space:pre-wrap">{words}</pre>'

    def _take(self, name: str, value: Any) -> None:
        """Note a value; sliders that end at it keep their share of the way."""
        before, self.state = self.state, {**self.state, name: value}
        for other, control in self.controls.items():
            if isinstance(control, Slider) and control.high == name:
                ends = control.end(before), control.end(self.state)
                self._take(other, control.at_same_share(before[other], *ends))
        for other, moved in getattr(self.controls[name], "also", {}).items():
            self._take(other, moved)


def explorer_box(
    page: Widget,
    answer: Callable[..., Shown],
    controls: Mapping[str, Control],
    labels: Mapping[str, str] | None = None,
) -> LiveBox:
    """The live face of an interactive figure, whose HTML is its twin.

    Args:
        page: The figure as pages show it.
        answer: What the kernel shows for a state of the controls.
        controls: By name.
        labels: See :class:`LiveBox`.
    """
    summary = f"{repr(page)[1:-1]}, in a kernel"
    html = page._repr_html_
    return LiveBox(answer, controls, twin=lambda shown: html(), summary=summary, labels=labels)


def answers_of(figure: Any) -> Callable[..., Shown]:
    """The answer of a figure that draws ``still`` and writes ``readout`` for a state of its controls."""

    def answer(**state: Any) -> Shown:
        return Shown(figure.still(**state), figure.readout(**state))

    return answer
