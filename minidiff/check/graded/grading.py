"""Grading: a question's checks run in a process of their own, with limits on time and memory.

An endless loop or a huge table then costs the points of its own question and nothing else.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ..answers import SEEDS, answers
from ..bank import load
from ..calls import called
from ..exercise import Case, Exercise
from ..feedback import WRONG, Feedback
from ..ladder import Tried, judged, refused_unseen
from ..outcome import Outcome

HIDDEN_SEEDS = (2, 3, 4)  # made from the exercise's file, which students do not have
# Five questions and the definitions stay below two minutes, whatever a submission does.
SECONDS = 15.0  # that a question has, for its visible and its hidden inputs together
ALL_DEFINITIONS = 15.0  # that all statements of a submission have together
MEGABYTES = 2000.0
FILE_BYTES = 100 * 2**20
ENDS = "ends"  # the rung below all others: the function comes to an end, and leaves its process running


@dataclass(frozen=True)
class _Seen:
    """What the visible inputs showed: of which function, in how many seconds."""

    function: Any
    feedback: Feedback
    seconds: float


# By the question's file. otter-grader runs the visible and the hidden checks of a question one after the
# other, in one process, on the same function object: one that does not end need not be waited for twice,
# and one that is slow has no second helping of time.
_seen: dict[str, _Seen] = {}


def visible(
    function: Any, file: str | Path, *, seconds: float = SECONDS, megabytes: float = MEGABYTES
) -> None:
    """The checks that students have, too.

    Args:
        function: What the student wrote, or None.
        file: The exercise, with its reference.
        seconds: How long it may take.
        megabytes: How much memory it may take.

    Raises:
        AssertionError: If the function is not right; its words are the feedback.
    """
    start = time.monotonic()
    feedback = in_child(function, file, SEEDS, seconds=seconds, megabytes=megabytes)
    _seen[str(file)] = _Seen(function, feedback, time.monotonic() - start)
    if not feedback.passed:
        raise AssertionError(str(feedback))


def hidden(
    function: Any, file: str | Path, *, seconds: float = SECONDS, megabytes: float = MEGABYTES
) -> None:
    """The same on inputs that students do not have; the feedback says nothing of the numbers.

    Args:
        function: What the student wrote, or None.
        file: The exercise, with its reference.
        seconds: How long it may take; what :func:`visible` took of the same function counts.
        megabytes: How much memory it may take.

    Raises:
        AssertionError: If the function is not right.
    """
    before, used = _seen.get(str(file)), 0.0
    if before is not None and before.function is function:
        if before.feedback.rung == ENDS:
            raise AssertionError(str(before.feedback))
        used = before.seconds
    feedback = in_child(
        function, file, HIDDEN_SEEDS, seconds=seconds, megabytes=megabytes, used=used
    )
    if not feedback.passed:
        raise AssertionError(str(replace(feedback, details=())))


def in_child(
    function: Any,
    file: str | Path,
    seeds: Sequence[int],
    *,
    seconds: float = SECONDS,
    megabytes: float = MEGABYTES,
    used: float = 0.0,
) -> Feedback:
    """Check a function in a child process.

    Args:
        function: What the student wrote, or None.
        file: The exercise, with its reference or its answer sheet.
        seeds: Of the inputs.
        seconds: After so many seconds the child is stopped.
        megabytes: How much memory it may take, beyond what this process has now.
        used: How many of the seconds are gone already.

    Returns:
        The feedback. A child that was stopped, or ended by itself, gives one that says so.

    Raises:
        NotImplementedError: On systems that cannot fork a process.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        raise NotImplementedError(
            "grading needs Linux or macOS: each question runs in a forked process. On Windows use WSL"
        )
    exercise = load(Path(file))
    refusal = refused_unseen(exercise, function)
    if refusal is not None:
        return refusal
    cases = [case for seed in seeds for case in exercise.inputs(seed)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        limits: dict[str, Any] = {"seconds": max(seconds - used, 0.1), "megabytes": megabytes}
        came = _in_fork(exercise, function, cases, **limits, empty=empty)
    if came is None:
        came = f"it had not ended after {seconds:g} s. Is there a loop without an end?"
    if isinstance(came, str):
        return Feedback(exercise.name, WRONG, ENDS, came, see=exercise.see)
    # Only now, and only here, are answers made: where the function ran there were none.
    known = [answer for seed in seeds for answer in answers(exercise, seed)]
    return judged(exercise, [Tried(a, *two) for a, two in zip(known, came, strict=True)])


def _in_fork(
    exercise: Exercise,
    function: Any,
    cases: list[Case],
    *,
    seconds: float,
    megabytes: float,
    empty: str,
) -> list[tuple[Outcome, Outcome]] | str | None:
    """What the calls gave, or why they gave nothing; None if the time was not enough."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(
        target=_work,
        args=(sending, exercise, function, cases),
        kwargs={"seconds": seconds, "megabytes": megabytes, "empty": empty},
        daemon=True,
    )
    child.start()
    sending.close()
    try:
        return _received(receiving, child, seconds)
    finally:
        if child.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what it started belongs to its group
        child.kill()
        child.join()


def _received(
    receiving: Connection, child: Any, seconds: float
) -> list[tuple[Outcome, Outcome]] | str | None:
    if not receiving.poll(seconds):
        return None
    try:
        pairs = torch.load(BytesIO(receiving.recv_bytes()), weights_only=True)
        return [(Outcome(**got), Outcome(**again)) for got, again in pairs]
    except EOFError:
        # join(timeout) would wait for ever for one that has closed its files and goes on.
        for _ in range(100):
            if child.exitcode is not None:
                break
            time.sleep(0.01)
        return (
            f"it ended the whole program (exit code {child.exitcode}). Leave exit() out; if there is "
            f"none, it took more memory than there is"
        )
    except Exception:  # torch.load takes tensors, numbers and text, nothing that runs
        return "what it gave back cannot be read. Return tensors or numbers"


def _work(
    sending: Connection,
    exercise: Exercise,
    function: Any,
    cases: list[Case],
    *,
    seconds: float,
    megabytes: float,
    empty: str,
) -> None:
    import resource  # here: Windows has no such module, and is told so when it grades

    os.setpgid(0, 0)  # so that what it starts can be stopped with it
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends it even where nobody is left to do so
    signal.alarm(math.ceil(seconds) + 1)
    # A forked process must not use the threads that its parent had started.
    torch.set_num_threads(1)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  it lives as long as the process
    for stream in (1, 2):  # and what is written below Python: a flood would hold up the grader
        os.dup2(sys.stdout.fileno(), stream)
    limit = _address_space() + int(megabytes) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    os.chdir(empty)  # the questions, with their solutions, lie elsewhere
    _hide_answers(exercise)
    pairs = called(exercise, function, cases)
    packed = BytesIO()
    torch.save([(vars(got), vars(again)) for got, again in pairs], packed)
    sending.send_bytes(packed.getvalue())
    sending.close()


def _hide_answers(exercise: Exercise) -> None:
    """Take the answers out of this process: a function can look at its callers, and open files."""
    given = [exercise.solution, *exercise.variants, *(m.function for m in exercise.mistakes)]
    space = getattr(exercise.make_cases, "__globals__", {})  # of the question's file
    for name, value in list(space.items()):
        if any(value is one for one in given):
            del space[name]
    exercise.solution = None
    exercise.variants.clear()
    exercise.mistakes.clear()
    exercise.slips = []
    if exercise.path is None:
        return
    folder = os.path.realpath(exercise.path.parent) + os.sep

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(args[0], (str, bytes)):
            return
        if os.path.realpath(os.fsdecode(args[0])).startswith(folder):
            raise PermissionError("the files of the questions are closed while work is graded")

    sys.addaudithook(refuse)  # Python has no way to take one away again


def _address_space() -> int:
    """Bytes of address space that this process has taken, by Linux's count; 0 where there is none."""
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


# ---- definitions, which run in the process itself --------------------------------------------


class OutOfTime(BaseException):
    """The definitions of a submission have had their time.

    No :class:`Exception`: what goes on inside (a library that takes another way where one fails, a loop
    that tries again) would take it for an error of its own, and go on.
    """


_deadline: list[float] = []  # of this process, once its first definition has begun


def limit(on: bool) -> None:
    """Begin or end a stretch of definitions: all of a process have ALL_DEFINITIONS seconds together."""
    if not on:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return
    if not _deadline:
        _deadline.append(time.monotonic() + ALL_DEFINITIONS)
    _wake_at(_deadline[0])


@contextmanager
def limited(deadline: float) -> Iterator[None]:
    """Raise an error in what goes on inside once it is too late.

    Without effect where nothing can interrupt it: on Windows, and outside the main thread.

    Args:
        deadline: When that is, by ``time.monotonic``.

    Raises:
        OutOfTime: Inside.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.getsignal(signal.SIGALRM)
    _wake_at(deadline)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _wake_at(deadline: float) -> None:
    signal.signal(signal.SIGALRM, _too_slow)
    # What comes after the deadline has a moment, too: one slow statement must not cost the others.
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.5))


def _too_slow(*_: object) -> None:
    raise OutOfTime(
        f"all definitions of a notebook together have {ALL_DEFINITIONS:g} s. Train inside an 'if' or a "
        f"function, which are not run for grading"
    )
