"""The folder of a run: its checkpoint, compared before it is used, and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..base.files import CHECKPOINT, DamagedFileError, load_checkpoint, save_checkpoint
from .settings import EXTENDABLE, Change, changed


class RunFolder:
    """The folder of one training: its checkpoint, and the pictures drawn on the way.

    Args:
        path: The folder; made when it is first written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoint = self.path / CHECKPOINT
        self.pictures = self.path / "samples"

    def open(self, settings: Mapping[str, Any], fresh: bool, extend: bool) -> dict[str, Any] | None:
        """Give what to go on from, or None where there is nothing yet.

        Args:
            settings: What decides the result of this training, by name.
            fresh: Look at nothing that an earlier training left. It is thrown away by :meth:`clear`, once
                the new one is known to work.
            extend: Go on with other settings, of those that allow it.

        Returns:
            The checkpoint; its ``history`` holds what changes now, ``extended`` says whether anything does.

        Raises:
            DamagedFileError: If the checkpoint is not whole.
            ValueError: If it belongs to a training with other settings; names each difference. If there is
                nothing to extend, or less is asked for than has been done.
        """
        if fresh or not self.checkpoint.exists():
            if extend:
                raise ValueError(
                    f"out={str(self.path)!r} holds no training that could be extended: leave out "
                    "extend=True to start one"
                )
            return None
        saved = load_checkpoint(self.checkpoint)
        there = saved.get("settings")
        if not isinstance(there, Mapping):
            raise DamagedFileError(
                f"{self.checkpoint} was not written by minidiff.train; delete it"
            )
        unsaid = {name: settings[name] for name in ("predicts", "compile")}
        there = {**unsaid, **there}  # an older run does not say them
        others = changed(there, settings)
        if others and not (extend and {*others} <= {*EXTENDABLE}):
            raise ValueError(self._refusal(others, there, settings, extend))
        if others:
            _check_length(saved["state"], settings)
        step = saved["state"]["step"]
        now = [asdict(Change(step, name, there.get(name), settings[name])) for name in others]
        return {**saved, "history": [*saved.get("history", []), *now], "extended": bool(others)}

    def _refusal(
        self, names: list[str], there: Mapping[str, Any], now: Mapping[str, Any], extend: bool
    ) -> str:
        lines = [
            f"  {name}: {there.get(name, 'not there')} in the folder, {now.get(name)} now"
            for name in names
        ]
        advice = f"extend=True to go on with other {', '.join(EXTENDABLE[:-1])} or {EXTENDABLE[-1]}"
        if extend:
            advice = f"extend=True changes {', '.join(EXTENDABLE)} only"
        return (
            f"out={str(self.path)!r} holds a training with other settings:\n"
            + "\n".join(lines)
            + "\nGive the same settings to go on with it, another out=, or fresh=True to start over; "
            + advice
        )

    def tell_finished(self, steps: int) -> None:
        """Print that there is nothing left to train."""
        print(
            f"{self.path} is finished ({steps} steps): nothing is trained. fresh=True starts over, "
            "extend=True with more steps= goes on."
        )

    def save(self, content: Mapping[str, Any]) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.checkpoint, content)

    def clear(self) -> None:
        """Delete the checkpoint and the pictures, and nothing else that may lie there."""
        self.checkpoint.unlink(missing_ok=True)
        for picture in self.pictures.glob("step_*.png"):
            picture.unlink()


def _check_length(state: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse a new length that lies behind the run already: both count from its start."""
    done = {"steps": state["step"], "minutes": state["seconds"] / 60}
    for name, so_far in done.items():
        asked = settings[name]
        if asked is not None and asked <= so_far:
            raise ValueError(
                f"{name}={asked} counts from the start of the run, which has had {so_far:.6g} already: "
                "give more"
            )
