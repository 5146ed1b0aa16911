"""What the Python that grades can read: it may be older than the one that a student has.

Nothing but Python's own library is imported, so that any Python can try it.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
import warnings
from pathlib import Path

Version = tuple[int, int]

NOTE = "grading.json"  # beside the questions, with the version of the Python that grades
# Before this version, an f-string was one text from its first quote to the next of that kind.
OTHER_TEXTS = (3, 12)
ONE_TEXT = ["STRING", "NEWLINE", "ENDMARKER"]


class TooNewError(SyntaxError):
    """Python, but for the version that grades.

    Attributes:
        python: That version.
    """

    def __init__(self, why: str, python: Version) -> None:
        super().__init__(why)
        self.python = python


def parse(text: str, python: Version | None = None) -> ast.Module:
    """Read text as Python.

    Of an older version's grammar, what :func:`ast.parse` knows is looked at, and how f-strings are written.

    Args:
        text: The text.
        python: A version that has to be able to read it, too, if it is older than this one.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: If it cannot be read here.
        TooNewError: If that version cannot read it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\d" its author is warned where it runs
        tree = ast.parse(text)
        if python is None or python >= sys.version_info[:2]:
            return tree
        try:
            ast.parse(text, feature_version=python)
        except SyntaxError as error:
            raise TooNewError(error.msg, python) from None
    why = _newer_text(text) if python < OTHER_TEXTS <= sys.version_info[:2] else ""
    if why:
        raise TooNewError(f"{why} an f-string need Python 3.12", python)
    return tree


def _newer_text(text: str) -> str:
    """What stands in an f-string that only newer Pythons allow there."""
    lines = io.StringIO(text).readlines()
    begun: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            begun.append(token)
        elif kind == "FSTRING_END":
            start = begun.pop()
            if not _is_one_text(_between(lines, start.start, token.end), start.string):
                return "its own quotes inside"
        elif begun and kind == "COMMENT":
            return "comments inside"
        elif begun and "\\" in token.string and (kind != "FSTRING_MIDDLE" or len(begun) > 1):
            return "backslashes in the braces of"
    return ""


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    part = lines[start[0] - 1 : end[0]]
    part[-1] = part[-1][: end[1]]
    part[0] = part[0][start[1] :]
    return "".join(part)


def _is_one_text(written: str, start: str) -> bool:
    """Whether an f-string, read as a text without an f, ends where it should; it begins with its quotes."""
    plain = re.sub("[fF]", "", start) + written.removeprefix(start)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(plain).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    return [tokenize.tok_name[token.type] for token in tokens] == ONE_TEXT


def named(python: Version) -> str:
    """The version in words."""
    return f"Python {python[0]}.{python[1]}"


def note(python: Version) -> str:
    """What stands in the note beside an assignment's questions."""
    return json.dumps({"python": f"{python[0]}.{python[1]}"}) + "\n"


def noted(text: str) -> Version:
    """The version in such a note.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        major, minor = json.loads(text)["python"].split(".")
        return int(major), int(minor)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{NOTE} is damaged ({error}); unpack the assignment again") from error


def of_grader(questions: Path) -> Version | None:
    """The version of the Python that grades; None if the assignment does not say.

    Args:
        questions: The folder that came with the assignment.

    Raises:
        ValueError: If the note is damaged.
    """
    path = questions / NOTE
    return noted(path.read_text(encoding="utf-8")) if path.is_file() else None
