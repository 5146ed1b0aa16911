"""Grading: a question runs in a process of its own, and nothing that it does reaches another."""

import atexit
import importlib.util
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

import minidiff as md
from minidiff.check.bank import load
from minidiff.check.graded import grading

ROOT = Path(__file__).parents[4]
QUESTION = ROOT / "assignments" / "01_forward_process" / "questions" / "q_sample.py"
HEUN = ROOT / "assignments" / "06_flow_matching" / "questions" / "heun_step.py"


def right(x_0, t, schedule, noise):
    a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    return a.sqrt() * x_0 + (1 - a).sqrt() * noise


def loops(x_0, t, schedule, noise):
    while True:
        pass


def huge(x_0, t, schedule, noise):
    return torch.zeros(10**10)


def leaves(x_0, t, schedule, noise):
    sys.exit(3)


def borrowed(x_0, t, schedule, noise):
    return md.q_sample(x_0, t, schedule, noise=noise)


def slip(x_0, t, schedule, noise):
    a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    return a.sqrt() * x_0 + (1 - a) * noise


def noisy_but_right(x_0, t, schedule, noise):
    print("here I am")
    a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    return a.sqrt() * x_0 + (1 - a).sqrt() * noise


def memorised(x_0, t, schedule, noise):
    """Right on what students can see, and on nothing else."""
    for seed in (0, 1):
        for case in load(QUESTION).inputs(seed):
            if case.args[0].shape == x_0.shape and torch.equal(case.args[0], x_0):
                return noisy_but_right(x_0, t, schedule, noise)
    return x_0


def undone(x_0, t, schedule, noise): ...


def ends_well(x_0, t, schedule, noise):
    os._exit(0)


def hides_the_refusal(x_0, t, schedule, noise):
    try:
        return md.q_sample(x_0, t, schedule, noise=noise)
    except Exception:
        return x_0


def recurses(x_0, t, schedule, noise):
    return recurses(x_0, t, schedule, noise)


def generates(x_0, t, schedule, noise):
    yield x_0


async def waits(x_0, t, schedule, noise):
    return x_0


def goes_silent(x_0, t, schedule, noise):
    """Closes all that it can: nothing will come, and its process goes on."""
    os.closerange(0, 100)
    signal.alarm(0)
    while True:
        pass


def writes_for_ever(x_0, t, schedule, noise):
    while True:
        os.write(1, b"x" * 10**6)


def fills_the_disk(x_0, t, schedule, noise):
    with open("big", "wb") as file:
        for _ in range(30):
            file.write(b"x" * 10**5)


def opens_the_question(x_0, t, schedule, noise):
    space = {"__name__": "copied"}
    exec(compile(QUESTION.read_text(encoding="utf-8"), "copied", "exec"), space)
    return space["q_sample"](x_0, t, schedule, noise)


def opens_it_by_its_other_name(x_0, t, schedule, noise):
    os.symlink(QUESTION, "link.py")
    return open("link.py").read()


def loads_the_question(x_0, t, schedule, noise):
    return load(QUESTION).solution(x_0, t, schedule, noise)


def looks_at_its_callers(x_0, t, schedule, noise):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            solution = getattr(value, "solution", None)
            if solution is not None:
                return solution(x_0, t, schedule, noise)
        frame = frame.f_back
    return x_0


def looks_beside_the_inputs(x_0, t, schedule, noise):
    return load(QUESTION).make_cases.__globals__["q_sample"](x_0, t, schedule, noise)


def judges_itself(x_0, t, schedule, noise):
    from minidiff.check import ladder, outcome

    torch.isclose = lambda a, *_, **__: torch.ones_like(a, dtype=torch.bool)
    ladder.same = outcome.same = outcome.equal = lambda *_: True
    ladder.judged = lambda *_: None
    return x_0


class Agreeing(torch.Tensor):
    """Says that it is close to all."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if "isclose" in str(function):
            return torch.ones(args[1].shape, dtype=torch.bool)
        return super().__torch_function__(function, types, args, kwargs or {})


def agrees(x_0, t, schedule, noise):
    return torch.zeros_like(x_0).as_subclass(Agreeing)


def leaves_a_thread(x_0, t, schedule, noise):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return right(x_0, t, schedule, noise)


def leaves_a_process(x_0, t, schedule, noise):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    return right(x_0, t, schedule, noise)


def asks_a_process(x_0, t, schedule, noise):
    subprocess.run(["true"], check=True)
    return right(x_0, t, schedule, noise)


def closes_its_output(x_0, t, schedule, noise):
    sys.stdout.close()
    return right(x_0, t, schedule, noise)


def says_goodbye(x_0, t, schedule, noise):
    atexit.register(time.sleep, 1000)
    return right(x_0, t, schedule, noise)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (loops, "had not ended after 1 s"),
        (huge, "allocate"),
        (leaves, "exit code 3"),
        (borrowed, "library's own version"),
        (slip, "You scaled the noise by 1 - ᾱ_t."),
        (undone, "not attempted"),
        (None, "not attempted"),
        (ends_well, r"ended the whole program \(exit code 0\)"),
        (hides_the_refusal, "numbers are not right|exactly|You"),
        (recurses, "RecursionError"),
        (generates, "a generator where numbers are expected"),
        (waits, "a coroutine where numbers are expected"),
        (goes_silent, "ended the whole program"),
        (writes_for_ever, "had not ended after 1 s"),
        (fills_the_disk, "File too large"),
        (opens_the_question, "files of the questions are closed"),
        (opens_it_by_its_other_name, "files of the questions are closed"),
        (loads_the_question, "'NoneType' object is not callable"),
        (looks_at_its_callers, "numbers are not right|You"),
        (looks_beside_the_inputs, "KeyError: 'q_sample'"),
        (judges_itself, "numbers are not right|You"),
        (agrees, "numbers are not right|You"),
    ],
)
def test_wrong_work_fails_with_words(function, words, monkeypatch):
    monkeypatch.setattr(grading, "FILE_BYTES", 10**6)
    seconds = 1.0 if function in (loops, goes_silent, writes_for_ever) else 15.0
    start = time.monotonic()
    for kind in (grading.visible, grading.hidden):
        with pytest.raises(AssertionError, match=words):
            kind(function, QUESTION, seconds=seconds)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    "function",
    [leaves_a_thread, leaves_a_process, asks_a_process, closes_its_output, says_goodbye],
)
def test_right_work_with_odd_habits_passes_and_leaves_nothing_behind(function):
    start = time.monotonic()
    assert grading.in_child(function, QUESTION, (0,), seconds=60).passed
    assert time.monotonic() - start < 30


def looped(x_0, t, schedule, noise):
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    Path(os.environ["TEST_NOTE"]).write_text(str(started.pid), encoding="ascii")
    while True:
        pass


def test_what_a_question_started_is_stopped_with_it(tmp_path, monkeypatch):
    note = tmp_path / "pid"
    monkeypatch.setenv("TEST_NOTE", str(note))
    assert grading.in_child(looped, QUESTION, (0,), seconds=1).rung == grading.ENDS
    pid = int(note.read_text(encoding="ascii"))
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    raise AssertionError("its process is still running")


def sleeper(nap):
    """A right function that takes its time."""

    def q_sample(x_0, t, schedule, noise):
        time.sleep(nap)
        return right(x_0, t, schedule, noise)

    return q_sample


def test_what_did_not_end_is_not_run_again(monkeypatch):
    slow = sleeper(1000)
    with pytest.raises(AssertionError, match="had not ended after 1 s") as first:
        grading.visible(slow, QUESTION, seconds=1)
    monkeypatch.setattr(grading, "in_child", None)  # nothing runs from here on
    with pytest.raises(AssertionError) as second:
        grading.hidden(slow, QUESTION, seconds=1)
    assert str(second.value) == str(first.value)


def test_another_function_is_run_after_one_that_did_not_end():
    with pytest.raises(AssertionError):
        grading.visible(loops, QUESTION, seconds=1)
    grading.hidden(right, QUESTION)


def test_hidden_inputs_have_the_time_that_the_visible_ones_left():
    slow = sleeper(0.05)
    grading.visible(slow, QUESTION)
    seen = grading._seen[str(QUESTION)]
    assert seen.seconds > 0.05
    grading._seen[str(QUESTION)] = replace(seen, seconds=9.9)
    with pytest.raises(AssertionError, match="had not ended after 10 s"):
        grading.hidden(slow, QUESTION, seconds=10)
    grading.hidden(slow, QUESTION, seconds=20)


def test_all_questions_and_definitions_end_within_two_minutes():
    asked = max(
        len(list(folder.glob("questions/[!_]*.py"))) for folder in ROOT.glob("assignments/*")
    )
    start_up = 20
    assert asked * grading.SECONDS + grading.ALL_DEFINITIONS + start_up < 120


QUESTIONS = sorted(ROOT.glob("assignments/*/questions/[!_]*.py"))


@pytest.mark.parametrize("file", QUESTIONS, ids=lambda file: file.stem)
def test_every_solution_passes_where_the_answers_are_hidden(file):
    assert grading.in_child(load(file).solution, file, (0,)).passed


def test_the_solvers_own_step_is_refused_for_heun():
    def heun_step(velocity, x, t, s):
        return list(md.flow.flow_steps(velocity, x, times=[t, s], solver="heun"))[-1].x

    with pytest.raises(AssertionError, match="library's own version"):
        grading.visible(heun_step, HEUN)


def test_windows_is_told_that_it_cannot_grade(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    spec = importlib.util.spec_from_file_location("minidiff.check.graded.there", grading.__file__)
    there = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, there)  # dataclasses look for it
    spec.loader.exec_module(there)
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(NotImplementedError, match="grading needs Linux or macOS"):
        there.visible(right, QUESTION)


# ---- the time of definitions -----------------------------------------------------------------


@pytest.fixture
def little_time(monkeypatch):
    monkeypatch.setattr(grading, "ALL_DEFINITIONS", 1.5)
    monkeypatch.setattr(grading, "_deadline", [])
    before = signal.getsignal(signal.SIGALRM)
    yield
    grading.limit(False)
    signal.signal(signal.SIGALRM, before)


def test_definitions_share_one_limit(little_time):
    taken = []
    for _ in range(2):
        start = time.monotonic()
        grading.limit(True)
        with pytest.raises(grading.OutOfTime, match=r"together have 1\.5 s"):
            time.sleep(1000)
        grading.limit(False)
        taken.append(time.monotonic() - start)
    assert taken[1] < taken[0]  # half a second, and not 1.5 again
    grading.limit(True)  # the others still have a moment
    time.sleep(0.1)
    grading.limit(False)
    time.sleep(0.6)


def test_no_library_takes_it_for_an_error_of_its_own(little_time):
    """As train does with what fails while it tries to compile, and a loop that tries once more."""
    grading.limit(True)
    with pytest.raises(grading.OutOfTime), suppress(Exception):
        time.sleep(10)
    grading.limit(False)


def test_limit_inside_a_notebook_leaves_nothing_behind(little_time):
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(grading.OutOfTime), grading.limited(time.monotonic() + 0.1):
        time.sleep(1000)
    with grading.limited(time.monotonic() + 0.1):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_other_threads_are_not_limited(little_time):
    done = []

    def work():
        with grading.limited(time.monotonic()):
            time.sleep(0.7)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_right_work_passes_and_prints_nothing(capfd):
    grading.visible(noisy_but_right, QUESTION)
    grading.hidden(noisy_but_right, QUESTION)
    assert "here I am" not in capfd.readouterr().out


def test_hidden_inputs_are_others_and_their_numbers_stay_hidden():
    grading.visible(memorised, QUESTION)
    with pytest.raises(AssertionError) as caught:
        grading.hidden(memorised, QUESTION)
    assert "expected" not in str(caught.value)
    assert "are not right" in str(caught.value)


def test_library_is_back_after_grading():
    schedule, x = md.linear_schedule(), torch.zeros(1, 1, 2, 2)
    with pytest.raises(AssertionError):
        grading.visible(borrowed, QUESTION)
    assert md.q_sample(x, 1, schedule, noise=x).shape == x.shape


def test_fault_of_the_exercise_is_no_fault_of_the_student(tmp_path):
    file = tmp_path / "q_sample.py"
    text = QUESTION.read_text(encoding="utf-8")
    file.write_text(text.replace("return x_t.to(x_0.dtype)", "return nothing"), encoding="utf-8")
    with pytest.raises(ValueError, match="the reference of q_sample fails"):
        grading.visible(slip, file)
