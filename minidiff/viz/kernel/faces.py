"""Two faces of one object: a box of ipywidgets where a kernel runs, HTML where none does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"


class TwoFaces(ABC):
    """What a notebook shows by whichever face it can show."""

    @property
    @abstractmethod
    def widget(self) -> Any:
        """The live face, a box of ipywidgets."""

    @abstractmethod
    def _repr_html_(self) -> str:
        """The face without a kernel."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), VIEW: view}
