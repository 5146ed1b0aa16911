"""The live faces in JupyterLab: a control that is moved by keyboard changes what the kernel computes.

Each notebook is run twice, by two kernels: the environment's own, and one whose ipywidgets, ipykernel and
IPython are Colab's (`make setup` puts them beside the environment). The front end is the same.
"""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import nbformat
import notebook_file
import pytest
import torch
from PIL import Image
from playwright.sync_api import TimeoutError

import minidiff as md
from minidiff.viz.kernel.faces import VIEW
from minidiff.viz.widget import number

COLAB = Path(sys.prefix) / "colab-kernel"
KERNELS = {"own": "", "colab": str(COLAB)}
VERSIONS = "import ipywidgets, IPython\nprint(ipywidgets.__version__, IPython.__version__)"

FACES = """
def quadratic(T):
    return torch.linspace(0.02, 0.5, T) ** 2
md.viz.beta_explorer(T=100).live(mine=quadratic)
---
md.viz.schedule_explorer(T=100).live(mine=quadratic)
---
md.viz.noise_explorer(T=100).live(mine=quadratic)
---
md.viz.live_ddim(steps=5).live()
---
md.viz.live_guidance().live()
---
md.viz.live_flow(steps=2).live()
---
def noisy(t, name="linear", loud=False, word="a"):
    x = md.q_sample(torch.zeros(2, 1, 8, 8), t, md.cosine_schedule(100), generator=md.seeded(0))
    if word == "bad":
        raise ValueError("no such word")
    return x, {"std": x.std(), "name": name, "loud": loud, "word": word}
md.viz.live(noisy, t=(1, 100), name=["linear", "cosine"], loud=False, word="a")
---
net = md.nn.MLP(2, width=16)
points = torch.randn(64, 2, generator=md.seeded(0))
how = {"schedule": md.linear_schedule(50, rescale=True), "batch": 8, "compile": False}
watched = md.viz.live_training(net, points, steps=10**7, precision="fp32", **how)
watched
""".strip().split("\n---\n")
BETA, SCHEDULES, NOISE, DDIM, GUIDANCE, FLOW, FUNCTION, TRAINING = range(len(FACES))


# All cells are in the page, whether or not they are in sight; and no question lies over them.
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def kernelspec(folder: Path, name: str, path: str) -> None:
    """A kernel of this environment, with other packages before its own."""
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "env": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    }
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec))


def notebook(kernel: str) -> nbformat.NotebookNode:
    """A notebook with a cell for each face."""
    cells = [f"import torch\nimport minidiff as md\n{VERSIONS}", *FACES]
    new = nbformat.v4
    named = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    return new.new_notebook(cells=[new.new_code_cell(c) for c in cells], metadata=named)


@pytest.fixture(scope="module", params=KERNELS)
def lab(request, tmp_path_factory):
    """A running JupyterLab, with nobody's settings: its address, its folder, and the kernel's name."""
    assert COLAB.is_dir(), "Colab's kernel is not there: run `make setup`"
    name, path = request.param, KERNELS[request.param]
    home = tmp_path_factory.mktemp("lab")
    work = home / "work"
    work.mkdir()
    kernelspec(home / "data", name, path)
    nbformat.write(notebook(name), work / f"{name}.ipynb")
    for what, settings in SETTINGS.items():
        file = home / "settings" / f"{what}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    front_end = (
        [str(COLAB / "share" / "jupyter")] if path else []
    )  # what shows widgets of version 7
    places = {
        "JUPYTER_PATH": os.pathsep.join([*front_end, str(home / "data")]),
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
    }
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--port-retries=0"]
    options += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    log = (home / "log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, str(work)],
        env={**os.environ, **{name: str(place) for name, place in places.items()}},
        stdout=log,
        stderr=log,
    )
    try:
        yield address(home, server), work, name
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def address(home: Path, server: subprocess.Popen) -> str:
    """Where it listens, once it does."""
    for _ in range(600):
        for file in (home / "runtime").glob("jpserver-*.json"):
            with suppress(json.JSONDecodeError):  # it may not be written to its end
                return json.loads(file.read_text())["url"]
        assert server.poll() is None, (home / "log").read_text()
        time.sleep(0.2)
    raise AssertionError((home / "log").read_text())


def run_all(page):
    """Have all cells run; a notebook that has only just come may not listen yet."""
    begun = page.locator(".jp-InputArea-prompt", has_text=re.compile(r"\[(\*|1)\]")).first
    for _ in range(20):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        with suppress(TimeoutError):
            begun.wait_for(timeout=4000)
            return
    raise AssertionError("the notebook did not run")


@pytest.fixture(scope="module")
def page(lab, browser):
    """The notebook in a browser, all cells run."""
    url, _, name = lab
    context = browser.new_context(viewport={"width": 1280, "height": 2400}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(f"{url}doc/tree/{name}.ipynb", wait_until="load")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text(f"{name} | Idle").wait_for()
    run_all(page)
    page.kernel = name
    yield page
    context.close()


def cell(page, face):
    """The output of a face's cell."""
    output = page.locator(".jp-Notebook .jp-Cell").nth(face + 1).locator(".jp-OutputArea")
    output.locator("[data-readout]").first.wait_for()
    return output


def control(output, words):
    """The control with these words beside it."""
    label = output.page.locator(".widget-label", has_text=re.compile(f"^{re.escape(words)}$"))
    return output.locator(".widget-inline-hbox", has=label)


def read(output):
    """All that is written in a box, by name."""
    script = "found => Object.fromEntries(found.map((x) => [x.dataset.readout, x.textContent]))"
    return output.locator("[data-readout]").evaluate_all(script)


def comes_to(output, wanted):
    """Wait until the box writes this."""
    for _ in range(300):
        if (seen := read(output)) == wanted:
            return
        output.page.wait_for_timeout(100)
    assert seen == wanted


def press(output, words, key):
    """Move a slider by keyboard; ipywidgets 8 has another kind of slider than 7."""
    control(output, words).locator(".noUi-handle, .ui-slider-handle").press(key)


def quadratic(T):
    return torch.linspace(0.02, 0.5, T) ** 2


# cell, the figure that Python makes here, and moves: words beside the slider, key, the control's new value
MOVES = {
    "schedule": (
        BETA,
        lambda: md.viz.beta_explorer(T=100).live(mine=quadratic),
        [("t", "ArrowRight", {"t": 51}), ("T", "ArrowRight", {"T": 120}), ("t", "Home", {"t": 0})],
    ),
    "two schedules": (
        SCHEDULES,
        lambda: md.viz.schedule_explorer(T=100).live(mine=quadratic),
        [("t", "ArrowLeft", {"t": 49}), ("T", "ArrowRight", {"T": 120})],
    ),
    "noising": (
        NOISE,
        lambda: md.viz.noise_explorer(T=100).live(mine=quadratic),
        [("t", "ArrowRight", {"t": 26}), ("t", "End", {"t": 100})],
    ),
    "DDIM": (
        DDIM,
        lambda: md.viz.live_ddim(steps=5).live(),
        [("share", "ArrowRight", {"share": 0.3}), ("noise", "ArrowRight", {"noise": 2})],
    ),
    "guidance": (
        GUIDANCE,
        lambda: md.viz.live_guidance().live(),
        [("w", "ArrowRight", {"w": 3.0}), ("label", "ArrowRight", {"label": 4})],
    ),
    "flow": (
        FLOW,
        lambda: md.viz.live_flow(steps=2).live(),
        [("steps", "ArrowRight", {"steps": 4}), ("steps", "Home", {"steps": 1})],
    ),
}


@cache  # for both kernels
def told(face):
    """What Python writes here: at first, and after each move."""
    _, make, moves = MOVES[face]
    box = make()
    return [dict(box.shown.values), *(dict(box.move(**moved).values) for *_, moved in moves)]


def test_the_kernel_has_the_versions_that_it_should(page):
    first = page.locator(".jp-Notebook .jp-Cell").first.locator(".jp-OutputArea-output")
    first.wait_for()
    widgets, ipython = first.inner_text().split()
    if page.kernel == "colab":
        assert (widgets, ipython) == ("7.7.1", "7.34.0")
    else:
        assert int(widgets.split(".")[0]) >= 8


@pytest.mark.parametrize("face", MOVES)
def test_a_slider_moved_by_keyboard_changes_what_python_computes(page, face):
    place, _, moves = MOVES[face]
    output = cell(page, place)
    first, *others = told(face)
    comes_to(output, first)
    for (words, key, _), wanted in zip(moves, others, strict=True):
        before = read(output)
        press(output, words, key)
        comes_to(output, wanted)
        assert before != wanted, (words, key)


def test_a_picture_from_a_file_is_noised(page, tmp_path):
    file = tmp_path / "white.png"
    Image.new("L", (50, 40), 255).save(file)
    output = cell(page, NOISE)
    press(output, "t", "End")
    with page.expect_file_chooser() as chosen:
        output.locator(".widget-upload").click()
    chosen.value.set_files(file)
    box = MOVES["noising"][1]()
    box.move(t=100)
    wanted = box.move(file=torch.ones(1, 1, 28, 28)).values
    comes_to(output, dict(wanted))


def test_a_menu_a_tick_and_a_line(page):
    output = cell(page, FUNCTION)
    said = read(output)
    assert (said["name"], said["loud"], said["word"]) == ("linear", "False", "a")
    x = md.q_sample(torch.zeros(2, 1, 8, 8), 100, md.cosine_schedule(100), generator=md.seeded(0))
    said["std"] = number(float(x.std()))
    press(output, "t", "End")
    comes_to(output, said)
    # By mouse: in a cell that is not being edited, JupyterLab takes the arrows for its own.
    control(output, "name").locator("select").select_option("cosine")
    said["name"] = "cosine"
    comes_to(output, said)
    output.get_by_role("checkbox").press("Space")
    said["loud"] = "True"
    comes_to(output, said)
    assert output.locator("img").get_attribute("alt") == (
        "What noisy shows for t = 100, name = 'cosine', loud = True, word = 'a'."
    )


def test_an_error_is_read_where_the_answer_was(page):
    output = cell(page, FUNCTION)
    said = read(output)
    line = control(output, "word").locator("input")
    line.fill("bad")
    line.press("Enter")
    alert = output.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "ValueError: no such word"
    line.fill("good")
    line.press("Enter")
    comes_to(output, {**said, "word": "good"})


def test_a_training_is_watched_and_stopped(page):
    output = cell(page, TRAINING)
    output.locator("[data-readout=steps]").first.wait_for()
    first = int(read(output)["steps"])
    output.page.wait_for_function(
        "([box, first]) => +box.querySelector('[data-readout=steps]').textContent > first",
        arg=[output.element_handle(), first],
    )
    output.get_by_role("button", name="Stop").press("Enter")
    for _ in range(300):
        said = read(output)
        if said["sentence"].startswith("Stopped"):
            break
        output.page.wait_for_timeout(100)
    assert (
        said["sentence"] == f"Stopped after {said['steps']} steps. .result() has what was learned."
    )
    assert output.get_by_role("button", name="Stop").is_disabled()


def test_nothing_went_wrong_in_any_cell(page):
    assert page.locator(".jp-Notebook [data-mime-type*=error]").count() == 0
    assert page.locator(".jp-Notebook .jupyter-widgets").count() > 20


def test_no_widget_state_lands_in_the_notebook(page, lab):
    _, work, _ = lab
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    file = work / f"{page.kernel}.ipynb"
    for _ in range(100):
        with suppress(nbformat.reader.NotJSONError):  # the server empties the file before it writes
            saved = nbformat.read(file, as_version=4)
            if all(c.outputs for c in saved.cells):
                break
        page.wait_for_timeout(200)
    assert all(c.outputs for c in saved.cells)
    assert "widgets" not in saved.metadata
    cleaned = file.with_name("cleaned.ipynb")
    notebook_file.write(cleaned, saved)
    assert VIEW not in cleaned.read_text(encoding="utf-8")
    for stored in notebook_file.read(cleaned).cells[1:]:
        assert "mdw" in stored.outputs[0].data["text/html"]
