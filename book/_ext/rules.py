"""Rules of contracts have no entry of their own: functions say in "Raises" what they refuse."""

from __future__ import annotations

from sphinx.application import Sphinx

from minidiff.base.contracts import CONTRACTS


def skip(
    app: Sphinx, what: str, name: str, member: object, skipped: bool, options: object
) -> bool | None:
    """Leave out a function that some contract takes for a rule; None lets others decide."""
    rules = {rule for agreed in CONTRACTS.values() for rule, _ in agreed.rules}
    return True if callable(member) and member in rules else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Ask for each member of a module."""
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
