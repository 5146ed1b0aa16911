"""The process that has imported otter-grader: each fork is alone, is stopped whole, and leaves nothing."""

import json
import subprocess
import sys
import time

import otter_process
import psutil
import pytest

# In place of otter-grader: what is given on the command line is run. Of the library nothing is needed then.
INSTALLED = {
    "otter/__init__.py": "",
    "otter/cli.py": "import json, os, signal, subprocess, sys, threading, time\n"
    "def cli(told, prog_name): exec(told[0])\n",
    "minidiff/__init__.py": "",
    "minidiff/check/graded/otter_plugin.py": "",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("elsewhere nothing is forked")
    there = tmp_path_factory.mktemp("site")
    for file, code in INSTALLED.items():
        (there / file).parent.mkdir(parents=True, exist_ok=True)
        (there / file).write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, otter_process.Prepared() as process:
        patch.setenv("PYTHONPATH", str(there))
        process.start(["pass"], there, there / "words").wait(60)
        yield process


@pytest.fixture
def run(prepared, folder):
    def started(code):
        return prepared.start([code], folder, folder / "words")

    return started


def told(folder):
    return json.loads((folder / "words").read_text(encoding="utf-8"))


FACTS = """
print(json.dumps({"pid": os.getpid(), "session": os.getsid(0), "cwd": os.getcwd(), "first": sys.path[0],
  "files": len(os.listdir("/proc/self/fd")), "threads": threading.active_count(), "read": sys.stdin.read(),
  "child": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL, "mark": getattr(json, "mark", None)}))
json.mark = "I was here"
"""


def test_each_is_alone(run, folder):
    for _ in range(2):
        process = run(FACTS)
        process.wait(60)
        # Its own three streams; one for the list itself, and one that says that there is nothing to read.
        assert told(folder) == {
            "pid": process.pid,
            "session": process.pid,
            "cwd": str(folder),
            "first": str(folder),
            "files": 5,
            "threads": 1,
            "read": "",
            "child": True,
            "mark": None,
        }


def test_an_error_is_told_in_its_words(run, folder):
    run("raise ValueError('no such zip')").wait(60)
    words = (folder / "words").read_text(encoding="utf-8")
    assert words.strip().splitlines()[-1] == "ValueError: no such zip"


SLEEPS = "[sys.executable, '-c', 'import time; time.sleep(1000)']"
LEAVES = f"print(subprocess.Popen({SLEEPS}, start_new_session=True).pid, flush=True)"


def test_one_that_does_not_end_is_stopped_with_all_that_it_started(run, folder):
    process = run(f"{LEAVES}; time.sleep(1000)")
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(1)
    while not (folder / "words").read_text(encoding="utf-8").endswith("\n"):
        time.sleep(0.05)
    started = psutil.Process(told(folder))
    otter_process.stop(process)
    assert not process.is_running()
    psutil.wait_procs([started], timeout=30)
    assert not started.is_running() or started.status() == psutil.STATUS_ZOMBIE


def test_one_that_ended_is_not_waited_for_because_of_what_it_left(run, folder):
    run(LEAVES).wait(60)
    psutil.Process(told(folder)).kill()


def test_without_otter_grader_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/true")  # a Python that ends at once
    with otter_process.Prepared() as process, pytest.raises(RuntimeError, match="is it installed"):
        process.start(["run"], tmp_path, tmp_path / "words")


def test_elsewhere_each_gets_a_new_python(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    asked = []
    monkeypatch.setattr(otter_process, "start", lambda *given: asked.append(given))
    monkeypatch.setattr(subprocess, "Popen", None)
    with otter_process.Prepared() as process:
        process.start(["run"], tmp_path, tmp_path / "words")
    assert asked == [(["run"], tmp_path, tmp_path / "words")]
