"""A training beside the notebook: its loss, what the network draws by now, and a button to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from html import escape
from typing import Any

import torch
from torch import Tensor, nn

from ...base.model import bare
from ...base.ranges import is_pictures
from ...base.validate import check_function, check_positive_int
from ...chain.schedule import NoiseSchedule
from ...losses.simple import simple_loss
from ...sampling.suited import samples
from ...training.batches import read_data
from ...training.hooks import LOOK, RECENT
from ...training.loop import train
from ...training.preview import PREVIEW_COLUMNS, can_preview, preview_conditions, preview_grid
from ...training.run import Run
from ..still import curve_panel, figure
from .faces import TwoFaces
from .shown import Shown, picture_of

MOST_POINTS = 200  # of the curve
SEE_IT = (
    "<p>In a notebook, run this cell to see its loss, what it draws, and a button to stop it.</p>"
)


class _StoppedError(Exception):
    """Raised inside a training whose reader has pressed Stop."""


class LiveTraining(TwoFaces):
    """What :func:`live_training` gives: a training that goes on in a thread of its own.

    Attributes:
        run: The :class:`~minidiff.Run` as it stood when it was looked at last; None before the first step.
    """

    # As a hook of the training: after its first step, and then every so many.
    every = 1

    def __init__(self, call: Callable[[Any], Run], task: str, draw: Callable[[Run], str]) -> None:
        self.run: Run | None = None
        self._task, self._draw = task, draw
        self._error: BaseException | None = None
        self._asked = threading.Event()  # to stop
        self._begun, self._over = threading.Event(), threading.Event()
        self._root: Any = None
        self._pictures = ""
        threading.Thread(target=self._work, args=(call,), daemon=True).start()
        self._begun.wait()
        if self.run is None and self._error is not None:
            raise self._error  # nothing has been learned: the call itself was wrong

    # ---- in the thread ----------------------------------------------------------------------------------

    def _work(self, call: Callable[[Any], Run]) -> None:
        try:
            self.run = call(self)
        except _StoppedError:
            pass
        except BaseException as error:
            self._error = error
        self._over.set()
        self._begun.set()
        self._show()

    def __call__(self, run: Run) -> None:
        """Look at a training, as its hook."""
        self.run, self.every = run, LOOK
        self._begun.set()
        self._pictures = self._draw(run) or self._pictures
        self._show()
        if self._asked.is_set() and run.done < 1:
            raise _StoppedError

    # ---- in the notebook --------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the training at its next look, some steps on; :meth:`result` then has what was learned."""
        self._asked.set()
        self._show()

    @property
    def running(self) -> bool:
        """Whether it still trains."""
        return not self._over.is_set()

    def result(self) -> Run:
        """Wait for the end, and give what the training gave; if it was stopped, the run as it then stood.

        Raises:
            Exception: What ended the training, if something did.
        """
        self._over.wait()
        if self._error is not None:
            raise self._error
        assert self.run is not None
        return self.run

    def shown(self) -> Shown:
        """The state of the training: its curve, its pictures, its numbers."""
        run = self.run
        if run is None:
            return Shown(values={"sentence": "The first step is under way."})
        latest = run.losses[-RECENT:]
        said = {
            "steps": str(run.steps),
            "loss": f"{sum(latest) / len(latest):.4f}",
            "done": f"{100 * run.done:.0f} %",
            "sentence": self._sentence(run),
        }
        return Shown(_curve(run.losses) + self._pictures, said)

    def _sentence(self, run: Run) -> str:
        if self._error is not None:
            return f"{type(self._error).__name__}: {self._error}"
        if self.running:
            return (
                "Stopping."
                if self._asked.is_set()
                else "Training. Other cells can be run meanwhile."
            )
        if run.done < 1:
            return f"Stopped after {run.steps} steps. .result() has what was learned."
        return "Finished. .result() has the run."

    @property
    def widget(self) -> Any:
        """The live face, a box of ipywidgets with what :meth:`shown` says, and the button."""
        if self._root is None:
            import ipywidgets

            button = ipywidgets.Button(description="Stop")
            button.on_click(lambda _: self.stop())
            self._root = ipywidgets.VBox([button, ipywidgets.HTML()])
            self._show()
        return self._root

    def _show(self) -> None:
        if self._root is not None:
            button, output = self._root.children
            button.disabled = not self.running or self._asked.is_set()
            output.value = self.shown().html()

    def _repr_html_(self) -> str:
        return f'<div class="mdw-live"><p>Here {escape(self._task)} is watched.</p>{SEE_IT}</div>'

    def __repr__(self) -> str:
        return f"<minidiff live training: {self._task}>"


def live_training(
    net: nn.Module,
    data: Any,
    loss: Callable[..., Tensor] = simple_loss,
    *,
    schedule: NoiseSchedule | None,
    sample_every: int = 200,
    sample: Callable[..., Tensor] | None = None,
    **options: Any,
) -> LiveTraining:
    """Train as :func:`~minidiff.train` does, and watch: the loss, what the network draws, a Stop button.

    The cell ends at once and the training goes on beside it: other cells can be run meanwhile, and share the
    processor with it. What the network draws starts from the same noise each time. Stopping loses nothing:
    ``.result()`` then gives the run as it stands, and with ``out=`` the same call goes on from the last
    checkpoint. On a page, a sentence stands in the box's place.

    >>> watched = md.viz.live_training(net, data, schedule=schedule, minutes=5)  # doctest: +SKIP
    >>> watched  # its box  # doctest: +SKIP
    >>> run = watched.result()  # doctest: +SKIP

    Args:
        net: The network, trained in place.
        data: As for :func:`~minidiff.train`.
        loss: As for :func:`~minidiff.train`.
        schedule: As for :func:`~minidiff.train`.
        sample_every: Steps between two looks at what the network draws.
        sample: What draws, as for :func:`~minidiff.train`; None takes the usual sampler, for pictures.
        **options: All others of :func:`~minidiff.train`.

    Returns:
        What a notebook shows as the box; ``.stop()`` and ``.result()`` are there for code.

    Raises:
        Exception: What :func:`~minidiff.train` raises: at once where the arguments or the first step are
            wrong, later from ``.result()``.
    """
    check_positive_int("sample_every", sample_every)
    if sample is not None:
        check_function("sample", sample)
    hooks = list(options.pop("hooks", ()))
    silent = {"progress": False, **options}

    def call(watch: Any) -> Run:
        how = {"schedule": schedule, "sample": sample, **silent}
        return train(net, data, loss, hooks=[*hooks, watch], **how)

    length = (
        f"{options['minutes']:g} minutes"
        if "minutes" in options
        else f"{options.get('steps')} steps"
    )
    return LiveTraining(
        call, f"a training of {length}", _Pictures(net, data, schedule, sample_every, sample)
    )


class _Pictures:
    """What a network draws by now, as HTML, every so many steps; nothing where it draws no pictures."""

    def __init__(
        self,
        net: nn.Module,
        data: Any,
        schedule: NoiseSchedule | None,
        every: int,
        sample: Callable[..., Tensor] | None,
    ) -> None:
        self.net, self.data, self.schedule, self.every = net, data, schedule, every
        self.sample, self.last = sample, 0

    @cached_property
    def told(self) -> tuple[tuple[int, ...], dict[str, Tensor]]:
        """The shape of what is drawn, and its conditions."""
        with torch.random.fork_rng(devices=[]):
            source = read_data(self.data, bare(self.net))
            return source.shape, preview_conditions(self.net, source)

    def __call__(self, run: Run) -> str:
        if run.steps - self.last < self.every and run.done < 1:
            return ""
        self.last, (shape, conditions) = run.steps, self.told
        if self.sample is None and not can_preview(run.net, self.schedule, shape):
            return ""
        drawn = preview_grid(self.sample or samples, run.net, self.schedule, shape, conditions)
        if not is_pictures(drawn):
            return ""
        return picture_of(
            drawn, f"What the network draws after {run.steps} steps.", PREVIEW_COLUMNS
        )


def _curve(losses: list[float]) -> str:
    """The mean of the latest losses over the steps, as a still picture."""
    window = min(RECENT, len(losses))
    stride = max(1, len(losses) // MOST_POINTS)
    steps = [*range(window, len(losses) + 1, stride)]
    means = [sum(losses[n - window : n]) / window for n in steps]
    panel = curve_panel(0, f"loss, mean of {window} steps", steps, means, name="step")
    drawn = figure(f"The loss of a training over {len(losses)} steps.", 220, 200, [panel])
    return drawn.replace("<svg ", '<svg style="width:330px;max-width:100%" ', 1)
