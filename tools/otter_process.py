"""Start otter-grader for one submission, in a process of its own.

To import it takes longer than to grade with it. So for several submissions a process is prepared that has
imported it and done nothing else, and each submission gets a fork of that one. What a student wrote runs in
neither: otter-grader starts a new Python for it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# What starts otter-grader: with these arguments, in that folder, with its words going to that file.
Start = Callable[[Sequence[str], Path, Path], psutil.Process]


def start(arguments: Sequence[str], folder: Path, words: Path) -> psutil.Process:
    """Start otter-grader in a new Python.

    Args:
        arguments: Of its command line.
        folder: Where it works.
        words: The file that takes what it prints; a pipe is waited for until all that hold it have ended.
    """
    with words.open("wb") as printed:
        return psutil.Popen(
            [sys.executable, "-m", "otter", *arguments],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def environment() -> dict[str, str]:
    """One thread each, for several are running; and what is imported from here is imported there, too."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": import_path()}


def import_path() -> str:
    """The folders that Python imports from here, absolute: the grading process has another folder."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(str(Path(part).resolve()) for part in given if part)


def stop(process: psutil.Process) -> None:
    """End a process with all that it started, also what has left its group: the notebook's kernel has."""
    with suppress(psutil.NoSuchProcess):
        started = process.children(recursive=True)
        process.kill()
        for one in started:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()


class Prepared:
    """A process that has imported otter-grader once, for all that are started here.

    It begins with the first :meth:`start` and ends with the block. Where forks of what has imported much are
    not safe, which is so on macOS, each gets a new Python.
    """

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Prepared:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            with suppress(BrokenPipeError):
                self._server.communicate()  # it ends when nothing more can come
            self._server = None

    def start(self, arguments: Sequence[str], folder: Path, words: Path) -> psutil.Process:
        """The same as :func:`start`, sooner."""
        if sys.platform != "linux":
            return start(arguments, folder, words)
        asked = {"arguments": [*arguments], "folder": str(folder), "words": str(words)}
        with self._lock:
            if self._server is None:
                self._server = subprocess.Popen(
                    [sys.executable, "-P", __file__],
                    env=environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                    text=True,
                )
            number = answer(self._server, json.dumps(asked))
        if not number:
            raise RuntimeError("otter-grader could not be started; is it installed?")
        try:
            return psutil.Process(int(number))
        except psutil.NoSuchProcess:  # over already: something has killed it
            return start(arguments, folder, words)


def answer(server: subprocess.Popen[str], line: str) -> str:
    """What it says to a line; nothing if it has ended."""
    assert server.stdin is not None
    assert server.stdout is not None
    with suppress(BrokenPipeError):
        server.stdin.write(line + "\n")
        server.stdin.flush()
    return server.stdout.readline()


def serve() -> None:
    """Fork for each line that comes, and answer with the number of the process."""
    from otter.cli import cli

    from minidiff.check.graded import otter_plugin  # noqa: F401  it is asked for by its name

    signal.signal(signal.SIGCHLD, forget)
    gc.freeze()  # what has been imported stays: no fork need look through it
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            sys.exit(cli(begin(**json.loads(line)), prog_name="otter"))
        print(number, flush=True)


def forget(*_: object) -> None:
    """Let those that have ended go: while they are waited for, their numbers count as running."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def begin(arguments: list[str], folder: str, words: str) -> list[str]:
    """In the fork: become what :func:`start` would have started, with nothing of the server's open."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(folder)
    sys.path.insert(0, folder)  # as python -m has it
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, file in ((0, nothing), (1, printed), (2, printed)):
        os.dup2(file, stream)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = open(os.devnull)  # noqa: SIM115  what the server has read ahead is not for this one
    return arguments


if __name__ == "__main__":
    serve()
